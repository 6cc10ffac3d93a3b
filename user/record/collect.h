/* SPDX-License-Identifier: MIT */
/* From rings to trace: kernel records become trace records, and words waited on get names, locks get
 * probes meanwhile. */
#ifndef USER_COLLECT_H
#define USER_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include <giltrace/trace.h>

struct collect;
struct lock_probes;
struct probes;
struct stacks;
struct symbols;

/* None is owned. */
struct collect_parts {
	struct gt_writer *writer;
	struct symbols *symbols; /* NULL: words stay without names, locks without probes */
	struct stacks *stacks; /* NULL: stacks stay without frames */
	struct lock_probes *locks;
	unsigned int want; /* enum inspect_want: what to probe; interpreters are told of in any case */
	const char *cwd;   /* NULL: unknown */
};

struct collect *collect_new(const struct collect_parts *parts); /* NULL: out of memory */

/*
 * Put the probes that are wanted on the program at `path`, before it is run; what it maps then is looked
 * into by collect_round(). Waits up to `ms`. 0 or -errno: it is then probed late.
 */
int collect_inspect(struct collect *c, const char *path, int ms);

/* What the kernel side of `p` records is for this one, from now on. */
void collect_listen(struct collect *c, struct probes *p);

/*
 * Move what the rings hold into the trace and take in names. Once enough time has passed since the last
 * one, close a round. 0, or -errno of the writer: the trace then holds what fitted.
 */
int collect_round(struct collect *c, struct probes *p);

/* Is the next round better soon? A program has just begun, and may map what is to be probed. */
bool collect_soon(const struct collect *c);

/* The last of it: after probes_stop(), with the futex counts, closing the last round. */
int collect_finish(struct collect *c, struct probes *p);

/* Stacks that were copied but not unwound. */
uint64_t collect_skipped(const struct collect *c);

void collect_free(struct collect *c); /* NULL ok */

#endif
