/* SPDX-License-Identifier: MIT */
/*
 * What a program interprets with, and where its locks can be probed. Found by looking into the
 * files it has mapped, which may be hostile, on slow filesystems or gone: this happens in the
 * helper process (symbols.h asks, naming.h's neighbours answer), never in the collector.
 */
#ifndef USER_INSPECT_H
#define USER_INSPECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/trace.h>
#include <giltrace/wire.h>

#define INSPECT_NAME_MAX 160
#define INSPECT_NOTE_MAX 256
#define INSPECT_PLACES_MAX 256 /* of one image */

/* What to look for: bits. */
enum inspect_want {
	INSPECT_USDT = 1 << 0, /* static probes of provider "gil": request, acquired, released,
				  forced_switch */
	INSPECT_LOCKS =
		1 << 1, /* the functions that take and let go of an interpreter's global lock */
	INSPECT_DEBUG = 1 << 2, /* whether all frames in it can be named: a note, where not */
};

/* One place to probe, in a file. */
struct inspect_place {
	uint64_t offset;	       /* in the file */
	uint64_t semaphore;	       /* of a USDT probe, offset in the file; 0: none */
	struct gt_wire_lock_site site; /* what the kernel side is told */
	uint32_t flags;		       /* enum gt_lock_site_flag */
	char name[INSPECT_NAME_MAX];   /* "take_gil.lto_priv.0", "gil:request" */
};

/* One image in which something was found. */
struct inspect_image {
	uint32_t as;  /* as asked; 0 for a file asked about by its path */
	uint32_t dev; /* kernel encoding, major << 20 | minor */
	uint64_t ino;
	enum gt_interpreter interpreter; /* NONE: only static probes of the program's own */
	uint32_t version;		 /* as in GT_INTERPRETER */
	uint32_t flags; /* enum gt_interpreter_flag; PROBED: `places` has all there are */
	/*
	 * CPython: how it keeps its frames. Of an address space; of a file alone the addresses are
	 * the file's own, and `text` is what leads from offsets in the file to those.
	 */
	struct gt_wire_python python;
	uint64_t text;
	char name[INSPECT_NAME_MAX]; /* "CPython 3.11.2" */
	char path[PATH_MAX];
	/* What could not be found and what to do, for people; "" when all is well. */
	char note[INSPECT_NOTE_MAX];
	/*
	 * The file itself, open for reading (O_PATH will not do): probes are put on
	 * /proc/self/fd/N, so that it is this file whatever its name now leads to. The receiver
	 * closes it. -1: not to be had.
	 */
	int fd;
	uint32_t nplaces;
	struct inspect_place *places; /* the callback's to read, not to keep */
};

/* Free what symbols_inspect_file() filled in and close its descriptor; accepts zeroed structs with
 * fd -1. */
void inspect_image_release(struct inspect_image *img);

/* ---- in the helper process ---- */

struct inspect; /* what was found so far, by the file's identity; bounded */
struct space;
struct symbols_exec;

#define INSPECT_LOST_MAX 32

/*
 * Which file is looked into, and which have cost a worker its life: those are left alone. Zero at
 * first; shared by the supervisor, which moves `now` to `lost`, and its workers.
 */
struct inspect_fate {
	struct inspect_file_id {
		uint32_t dev;
		uint64_t ino; /* 0: none */
	} now, lost[INSPECT_LOST_MAX];
	uint32_t nlost;
};

void inspect_fate_lost(struct inspect_fate *fate); /* a worker is gone: remember over what */

/* `fate` may be NULL. NULL: out of memory. */
struct inspect *inspect_new(struct inspect_fate *fate);

/* What was found, one call an image in which there is something to tell. False: tell no more. */
typedef bool (*inspect_tell)(void *ctx, const struct inspect_image *img);

/*
 * Look into every program and library that address space `s` has mapped to execute; when its maps
 * were never seen, into the program that `exec` (may be NULL) names. False when `tell` said so.
 */
bool inspect_space(struct inspect *in, const struct space *s, const struct symbols_exec *exec,
		   unsigned int want, inspect_tell tell, void *ctx);

/* Look into the regular file open at `fd`, the caller's, known as `path`. */
bool inspect_file(struct inspect *in, int fd, const char *path, unsigned int want,
		  inspect_tell tell, void *ctx);

void inspect_free(struct inspect *in); /* NULL ok */

#endif
