/* SPDX-License-Identifier: MIT */
#include "stacks_helper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "code_space.h"
#include "frames.h"
#include "lib/clock.h"
#include "user/python/python_codes.h"
#include "user/python/python_stack.h"
#include "stacks_packet.h"
#include "stacks_queue.h"
#include "symbols.h"
#include "user/unwind/unwind.h"
#include "user/unwind/unwind_epilogue.h"

#define REPLIES_ROOM (8 << 20) /* until giltrace collects them */

/* Stacks are named when none came to be unwound for this long: that is longer than giltrace lets
 * those of a young program lie. */
#define QUIET_MS 20

/*
 * And not while the traced program is young: names take some 50 ms of debug information, which of a
 * short program is much of the CPUs it is to be judged by. They are as good when it has ended.
 */
#define YOUNG_MS 1000

#define NAME_TRIES 3 /* workers that may be lost over the names of one stack */

/* Shared by the supervisor and all workers. */
struct desk {
	volatile bool busy; /* over `stack`: should the worker be lost, it is told as not unwound */
	volatile bool taken;	 /* its packet is no longer in the socket */
	volatile bool last;	 /* no more stacks will come */
	volatile bool haste;	 /* giltrace waits: no names that take long */
	volatile uint64_t began; /* the first question came; 0: none did */
	volatile uint32_t stack;
	volatile uint32_t frames; /* numbers drawn so far */
	struct image_code_trouble trouble;
	struct process_memory_trouble memory;
	struct stacks_queue queue;
};

struct worker {
	struct code_spaces *spaces;
	struct frames *frames;
	struct python_codes *codes;
	struct frames_list list;
	bool naming; /* since the last pause */
	struct stacks_packet_parts parts;
	union {
		struct stacks_question question;
		char bytes[STACKS_QUESTION_MAX];
	} packet;
};

/* What code_at() needs. */
struct unwinding {
	struct code_space *space;
	struct unwind_rule rule; /* of code made at run time */
};

/* Code made at run time has no rules, but may be seen to take its frame down. */
static enum unwind_code jit_at(struct unwinding *u, uint64_t pc, bool exact,
			       const struct unwind_rule **rule)
{
	uint64_t code;

	if (exact || !code_space_jit_code(u->space, pc, &code) ||
	    !unwind_epilogue((const uint8_t *)&code, sizeof(code), &u->rule))
		return UNWIND_JIT;
	*rule = &u->rule;
	return UNWIND_RULE;
}

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	struct unwinding *u = ctx;
	struct code_place place;

	code_space_find(u->space, exact ? pc : pc - 1, &place);
	switch (place.kind) {
	case CODE_NONE:
		return UNWIND_NO_CODE;
	case CODE_ANON:
		return jit_at(u, pc, exact, rule);
	case CODE_LOST:
		return UNWIND_NO_RULE;
	default:
		break;
	}
	*rule = image_code_rule(place.code, place.vaddr);
	if (*rule)
		return UNWIND_RULE;
	return image_code_is_first(place.code, place.vaddr) ? UNWIND_FIRST : UNWIND_NO_RULE;
}

static void add_kernel(struct worker *w, const struct stacks_packet *p)
{
	uint64_t ips[GT_STACK_KERNEL_MAX];
	size_t n = p->q->kernel_frames;

	memcpy(ips, p->kernel, n * sizeof(ips[0]));
	for (size_t i = frames_kernel_own(w->frames, ips, n); i < n; i++)
		frames_add_kernel(w->frames, ips[i], i == 0, &w->list);
}

static void fill_stack(const struct stacks_packet *p, struct unwind_stack *out)
{
	const struct gt_wire_stack *s = &p->q->stack;
	/* As DWARF numbers the registers of x86-64: rbx, rbp, rsp, r12 to r15, the return address.
	 */
	const struct {
		int reg;
		uint64_t value;
	} known[] = {
		{ 3, s->bx },	{ UNWIND_FP, s->bp }, { UNWIND_SP, s->sp }, { 12, s->r12 },
		{ 13, s->r13 }, { 14, s->r14 },	      { 15, s->r15 },	    { UNWIND_IP, s->ip },
	};

	*out = (struct unwind_stack){ .sp = s->sp, .bytes = p->bytes, .len = s->bytes };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		out->regs[known[i].reg] = known[i].value;
		out->known |= 1u << known[i].reg;
	}
}

static void add_user(struct worker *w, struct code_space *space, const struct unwind_result *r)
{
	if (w->parts.python.frames) {
		python_stack_add(w->codes, w->frames, space, r, &w->parts.python, &w->list);
		return;
	}
	for (size_t i = 0; i < r->nframes; i++)
		frames_add_user(w->frames, space, &r->frames[i], &w->list);
}

static void unwind_user(struct worker *w, const struct stacks_packet *p, struct code_space *space,
			struct unwind_result *out)
{
	struct unwinding u = { .space = space };
	struct unwind_stack stack;
	struct unwind_ops ops = { code_at };

	fill_stack(p, &stack);
	unwind(&stack, GT_STACK_FRAMES_MAX - p->q->kernel_frames, &ops, &u, out);
	/* What goes with its process is read now. */
	for (size_t i = 0; i < out->nframes; i++)
		code_space_jit_soon(space, out->frames[i].pc);
	python_stack_read(w->codes, space, &w->parts.python);
}

/* Unwind a stack, and have it named later. */
static bool answer(struct worker *w, const struct stacks_packet *p, struct stacks_queue *queue)
{
	const struct symbols_exec *exec = stacks_packet_exec(p, &w->parts);
	struct stacks_unwound *to = stacks_queue_next(queue);
	const struct gt_wire_stack *s = &p->q->stack;
	struct code_space space;

	stacks_packet_python(p, &w->parts);
	to->tries = 0;
	to->len = (uint32_t)((const char *)p->bytes - w->packet.bytes);
	memcpy(to->packet, w->packet.bytes, to->len);
	to->question.stack.bytes = 0;
	to->result.nframes = to->result.nslots = 0;
	if (!s->ip && !s->sp) {
		/* A kernel thread's. */
		to->result.flags = p->q->kernel_frames ? GT_STACK_COMPLETE : GT_STACK_SKIPPED;
	} else if (!code_space_begin(w->spaces, s->as, p->q->tgid, s->ip, exec, &space)) {
		to->result.flags = GT_STACK_SKIPPED;
	} else {
		unwind_user(w, p, &space, &to->result);
		if (!stacks_packet_tell_shape(s, &to->result))
			return false;
	}
	stacks_queue_push(queue);
	return true;
}

static bool question_waits(void)
{
	struct pollfd fd = { .fd = HELPER_SOCK, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* Name the first stack in the queue; it stays there where it was put off. */
static bool name_first(struct worker *w, struct stacks_queue *queue)
{
	struct stacks_unwound *u = stacks_queue_first(queue);
	struct stacks_stack out = { .stack = u->question.stack.stack, .flags = u->result.flags };
	struct code_space space;
	struct stacks_packet parts;

	w->list.n = 0;
	w->list.full = w->list.put_off = false;
	frames_yield(w->frames, stacks_queue_full(queue) ? NULL : question_waits);
	if (stacks_packet_cut(u->packet, u->len, &parts)) {
		const struct gt_wire_stack *s = &u->question.stack;

		add_kernel(w, &parts);
		stacks_packet_python(&parts, &w->parts);
		if (u->result.nframes &&
		    code_space_begin(w->spaces, s->as, u->question.tgid, s->ip,
				     stacks_packet_exec(&parts, &w->parts), &space))
			add_user(w, &space, &u->result);
	}
	if (w->list.put_off) {
		u->tries--;
		return true;
	}
	if (w->list.full)
		out.flags = GT_STACK_TRUNCATED;
	out.nframes = w->list.n;
	stacks_queue_pop(queue);
	return stacks_packet_tell_stack(&out, w->list.numbers);
}

static ssize_t receive(void *packet, size_t room, int flags)
{
	ssize_t len;

	do {
		len = recv(HELPER_SOCK, packet, room, flags);
	} while (len < 0 && errno == EINTR);
	return len;
}

static void take_word(struct desk *desk, char word)
{
	desk->last = true;
	desk->haste |= word == STACKS_HASTE;
}

/* Unwind the next stack, or wait for it. False: there will be no more. */
static bool serve_question(struct worker *w, struct desk *desk)
{
	struct gt_wire_stack head = { 0 };
	struct stacks_packet parts;
	bool going = true;
	ssize_t len;

	if (receive(&head, sizeof(head), MSG_PEEK) <= 0)
		return false;
	desk->stack = head.stack;
	desk->taken = false;
	desk->busy = true;
	if (!desk->began)
		desk->began = clock_monotonic();
	alarm(HELPER_ANSWER_SECONDS);
	len = receive(&w->packet, sizeof(w->packet), 0);
	desk->taken = true;
	if (len == 1)
		take_word(desk, *w->packet.bytes);
	else if (len > 0 && stacks_packet_cut(w->packet.bytes, (size_t)len, &parts))
		going = answer(w, &parts, &desk->queue);
	alarm(0);
	desk->busy = false;
	return len > 0 && going;
}

static bool serve_names(struct worker *w, struct desk *desk)
{
	bool going;

	stacks_queue_first(&desk->queue)->tries++;
	frames_hurry(w->frames, desk->haste);
	alarm(HELPER_ANSWER_SECONDS);
	going = name_first(w, &desk->queue);
	alarm(0);
	return going;
}

/* How long to look for more stacks before one is named. */
static int naming_waits_ms(const struct worker *w, const struct desk *desk)
{
	uint64_t age = (clock_monotonic() - desk->began) / 1000000;

	if (desk->last)
		return 0;
	if (age < YOUNG_MS)
		return (int)(YOUNG_MS - age);
	return w->naming ? 0 : QUIET_MS;
}

static bool serve(void *state, void *shared)
{
	struct pollfd fd = { .fd = HELPER_SOCK, .events = POLLIN };
	struct worker *w = state;
	struct desk *desk = shared;

	if (desk->queue.count &&
	    (stacks_queue_full(&desk->queue) || !poll(&fd, 1, naming_waits_ms(w, desk)))) {
		w->naming = true;
		return serve_names(w, desk);
	}
	w->naming = false;
	return serve_question(w, desk);
}

static void *begin(void *shared)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct desk *desk = shared;
	int room = REPLIES_ROOM;

	if (!w)
		return NULL;
	setsockopt(HELPER_SOCK, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	w->spaces = code_spaces_new(&desk->trouble, &desk->memory);
	w->frames = frames_new(&desk->frames, stacks_packet_tell_frame, NULL);
	w->codes = python_codes_new(&desk->memory);
	return w->spaces && w->frames && w->codes ? w : NULL;
}

/* Tell that a stack has no frames. */
static bool give_up(uint32_t stack)
{
	struct stacks_stack out = { .stack = stack, .flags = GT_STACK_SKIPPED };

	return stacks_packet_tell_stack(&out, NULL);
}

static bool lost(void *shared)
{
	struct desk *desk = shared;
	struct stacks_queue *queue = &desk->queue;
	uint32_t stack;
	char byte;

	image_code_trouble_note(&desk->trouble);
	process_memory_note(&desk->memory);
	if (desk->busy) {
		desk->busy = false;
		return (desk->taken || receive(&byte, sizeof(byte), 0) > 0) && give_up(desk->stack);
	}
	/* What it was lost over is not read again, so another may find some names. */
	if (!queue->count || stacks_queue_first(queue)->tries < NAME_TRIES)
		return true;
	stack = stacks_queue_first(queue)->question.stack.stack;
	stacks_queue_pop(queue);
	return give_up(stack);
}

const struct helper_job stacks_helper = {
	.name = "giltrace-stacks",
	.shared = sizeof(struct desk),
	.open = begin,
	.serve = serve,
	.lost = lost,
};
