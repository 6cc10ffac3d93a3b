/* SPDX-License-Identifier: MIT */
/* From rings to trace: kernel records become trace records, and words waited on get names meanwhile. */
#ifndef USER_COLLECT_H
#define USER_COLLECT_H

#include <stdint.h>

#include <giltrace/trace.h>

struct collect;
struct probes;
struct symbols;

/* Neither is owned. `symbols` may be NULL: words then stay without names. NULL when out of memory. */
struct collect *collect_new(struct gt_writer *writer, struct symbols *symbols, const char *cwd);

/*
 * Move what the rings hold into the trace and take in names. Once enough time has passed since the last
 * one, close a round. 0, or -errno of the writer: the trace then holds what fitted.
 */
int collect_round(struct collect *c, struct probes *p);

/* The last of it: after probes_stop(), with the futex counts, closing the last round. */
int collect_finish(struct collect *c, struct probes *p);

void collect_free(struct collect *c); /* NULL ok */

#endif
