/* SPDX-License-Identifier: MIT */
/*
 * Names for words of memory, found while the process that owns them lives: mapping, image, symbol.
 *
 * Reading another program's ELF files and mappings may crash on hostile input or block on a slow
 * filesystem, so it happens in a helper process: nothing here ever blocks the collector, and a helper that
 * dies costs names, not the trace.
 */
#ifndef USER_SYMBOLS_H
#define USER_SYMBOLS_H

#include <stdint.h>
#include <sys/types.h>

#include <giltrace/trace.h>

#include "user/inspect/inspect.h"

struct symbols;

/* What the kernel side saw at exec: names a word of the executable even when the process has ended. */
struct symbols_exec {
	const char *path; /* as passed to execve, maybe relative to `cwd` */
	const char *cwd;  /* NULL: unknown */
	uint32_t dev;     /* kernel encoding, major << 20 | minor */
	uint64_t ino;
	uint64_t start_code;
};

/* Fork the helper. Call before threads, gates or traces are opened. 0 or -errno. */
int symbols_start(struct symbols **out);

pid_t symbols_pid(const struct symbols *s);

/*
 * Ask for the name of `addr` in address space `as`, which process `tgid` has now. Never blocks: -EAGAIN
 * when the helper is too far behind (ask again later), -EPIPE when it is gone.
 */
int symbols_ask(struct symbols *s, uint32_t as, pid_t tgid, uint64_t addr, const struct symbols_exec *exec);

/*
 * Ask what address space `as`, which process `tgid` has now, interprets with and where its locks can be
 * probed (`want`: enum inspect_want). Answered by one image() call for each image in which something was
 * found or should have been. Errors as above.
 */
int symbols_inspect(struct symbols *s, uint32_t as, pid_t tgid, unsigned int want,
		    const struct symbols_exec *exec);

/*
 * The same of one regular file, open at `fd` and known as `path`, before anything runs it; waits up to
 * `ms`. `*out` is what was found, to be released with inspect_image_release() whatever was returned; its
 * descriptor is another than `fd`. 0 (maybe nothing was found), -ETIMEDOUT, -EPIPE, -EBUSY (other
 * questions are still unanswered), -EINVAL or -ENOMEM.
 */
int symbols_inspect_file(struct symbols *s, int fd, const char *path, unsigned int want, int ms,
			 struct inspect_image *out);

/* Where answers go. Each returns 0 or -errno. */
struct symbols_sink {
	/* A GT_SYMBOL record, whose strings are valid during the call. */
	int (*symbol)(void *ctx, const struct gt_event *ev);
	/* Valid during the call, but for img->fd, which is the taker's to close. NULL: not wanted. */
	int (*image)(void *ctx, const struct inspect_image *img);
};

/*
 * Hand over the answers that are ready. Never blocks. Number of answers or -errno: what the sink returned
 * when that is not 0, -EPIPE when the helper is gone and all it said was handed over.
 */
int symbols_collect(struct symbols *s, const struct symbols_sink *sink, void *ctx);

/* Wait up to `ms` for outstanding answers, hand them over, end the helper and reap it. */
int symbols_stop(struct symbols *s, int ms, const struct symbols_sink *sink, void *ctx);

void symbols_free(struct symbols *s); /* ends the helper if need be; NULL ok */

#endif
