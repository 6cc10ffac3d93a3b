/* SPDX-License-Identifier: MIT */
/*
 * From copied stacks to named frames: the other end of GT_WIRE_STACK. Unwinding reads other
 * programs' files and maps, so it happens in a helper process like naming (symbols.h): nothing here
 * blocks the collector, and a helper that dies or falls behind costs frames, not the trace.
 */
#ifndef USER_STACKS_H
#define USER_STACKS_H

#include <stdint.h>
#include <sys/types.h>

#include <giltrace/trace.h>
#include <giltrace/wire.h>

#include "symbols.h"

struct stacks;

/* Fork the helper. Call before threads, gates or traces are opened. 0 or -errno. */
int stacks_start(struct stacks **out);

pid_t stacks_pid(const struct stacks *s);

/*
 * Have a stack unwound. `bytes` is what follows the struct on the wire, `kernel` the kernel's part
 * or NULL, `python` its Python frames or NULL, `tgid` a process that has the address space now, `exec` as in symbols_ask() or NULL.
 * Never blocks: -EAGAIN when the helper is too far behind (the caller counts it as skipped), -EPIPE
 * when it is gone.
 */
int stacks_ask(struct stacks *s, const struct gt_wire_stack *stack, const void *bytes,
	       const struct gt_wire_kernel_stack *kernel, const struct gt_wire_python_stack *python,
	       pid_t tgid, const struct symbols_exec *exec);

/* What comes back. */
struct stacks_sink {
	/* GT_FRAME and GT_STACK records, frames first; strings are valid during the call. 0 or
	 * -errno. */
	int (*event)(void *ctx, const struct gt_event *ev);
	/* How to know the stack again (key->way is 0), long before its frames; not given for stacks
	 * that are not complete. */
	void (*shape)(void *ctx, const struct gt_wire_stack_key *key,
		      const struct gt_wire_stack_shape *shape);
};

/* Hand over what is ready. Never blocks. 0, the sink's error, or -EPIPE when the helper is gone. */
int stacks_collect(struct stacks *s, const struct stacks_sink *sink, void *ctx);

/*
 * Wait for what is outstanding, hand it over, end the helper and reap it. It waits while an answer
 * comes at least every `ms`, STACKS_STOP_MAX times that at most; lines are done without from half
 * of `ms` on. Stacks still outstanding then get no GT_STACK: the caller tells how many by
 * stacks_outstanding().
 */
#define STACKS_STOP_MAX 5
int stacks_stop(struct stacks *s, int ms, const struct stacks_sink *sink, void *ctx);

uint64_t stacks_outstanding(const struct stacks *s);

void stacks_free(struct stacks *s); /* ends the helper if need be; NULL ok */

#endif
