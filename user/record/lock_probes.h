/* SPDX-License-Identifier: MIT */
/*
 * Probes on the places where locks are asked for, taken and let go of: numbers them, tells the
 * kernel side about each, attaches, and says in the trace what was done and what could not be. A
 * file gets its probes once, however many processes map it, and they are hit by all of them.
 */
#ifndef USER_LOCK_PROBES_H
#define USER_LOCK_PROBES_H

#include <giltrace/trace.h>

struct bpf_map;
struct bpf_program;
struct inspect_image;
struct lock_probes;

/*
 * `program` goes on every place and is loaded if there will be any; `sites` is the kernel side's
 * table of them. NULL: out of memory.
 */
struct lock_probes *lock_probes_new(const struct bpf_program *program, const struct bpf_map *sites);

/* Where GT_LOCK_SITE, GT_INTERPRETER and GT_NOTE records go, valid during the call. 0 or -errno. */
typedef int (*lock_probes_emit)(void *ctx, const struct gt_event *ev);

/*
 * Put probes on `image`'s places, unless they are there. Closes its descriptor. What cannot be done
 * becomes a note; the error is `emit`'s.
 */
int lock_probes_image(struct lock_probes *l, const struct inspect_image *image,
		      lock_probes_emit emit, void *ctx);

/* Lets go of every place, which takes the kernel a while: see uprobes_free(). NULL ok. */
void lock_probes_free(struct lock_probes *l);

#endif
