/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process, as /proc/PID/maps tells them. The file's names are chosen by the
 * traced program; the parser trusts the kernel's format and nothing in the names.
 */
#ifndef USER_MAPS_H
#define USER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

enum maps_kind {
	MAPS_FILE_PRIVATE, /* a file, MAP_PRIVATE: images are mapped so */
	MAPS_FILE_SHARED,  /* a file, memfd or shared anonymous memory: other processes may map it
			      too */
	MAPS_HEAP,
	MAPS_STACK, /* the first thread's; other threads' stacks are anonymous memory */
	MAPS_ANON,
	MAPS_SPECIAL, /* [vdso] and the like */
};

enum maps_flag {
	MAPS_WRITE = 1 << 0,
	MAPS_EXEC = 1 << 1,
	MAPS_SHARED = 1 << 2,
	MAPS_DELETED = 1 << 3, /* the name ended in " (deleted)", which is cut off */
};

struct maps_entry {
	uint64_t start, end; /* [start, end) */
	uint64_t offset;     /* bytes into the file */
	uint64_t ino;	     /* 0: no file */
	uint32_t dev;	     /* kernel encoding, major << 20 | minor */
	uint32_t name;	     /* where in `names` */
	uint32_t flags;	     /* enum maps_flag */
};

/* All zero is an empty list. Entries ascend and do not overlap. */
struct maps {
	const struct maps_entry *entries; /* in `memory` */
	size_t count;
	struct buf memory;
	struct buf names; /* NUL-terminated, one behind the other; the first is "" */
};

/*
 * Add what `text` (whole lines) describes. -EBADMSG: not the kernel's format, -E2BIG: more than a
 * process of any sane size has, -ENOMEM. What was parsed before an error stays.
 */
int maps_parse(struct maps *m, const char *text, size_t len);

/* Replace `m` by the maps file open at `fd`. Errors as above, or read's; `m` is then empty. */
int maps_read(struct maps *m, int fd);

/* The mapping that holds `addr`, or NULL. */
const struct maps_entry *maps_find(const struct maps *m, uint64_t addr);

/* The mapping's name with newlines as the kernel writes them ("\012"); "" when it has none. */
const char *maps_name(const struct maps *m, const struct maps_entry *e);

enum maps_kind maps_kind(const struct maps *m, const struct maps_entry *e);

/* Bytes of memory held. */
size_t maps_size(const struct maps *m);

void maps_release(struct maps *m); /* back to all zero */

#endif
