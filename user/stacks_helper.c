/* SPDX-License-Identifier: MIT */
#include "stacks_helper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/uio.h>

#include "code_space.h"
#include "frames.h"
#include "python_codes.h"
#include "python_stack.h"
#include "symbols.h"
#include "unwind.h"

#define REPLIES_ROOM (8 << 20) /* until giltrace collects them */

/* Shared by the supervisor and all workers. */
struct desk {
	volatile bool busy; /* over `stack`: should the worker be lost, it is told as not unwound */
	volatile bool taken; /* its packet is no longer in the socket */
	volatile uint32_t stack;
	volatile uint32_t frames; /* numbers drawn so far */
	struct image_code_trouble trouble;
	struct python_trouble python;
};

struct worker {
	struct code_spaces *spaces;
	struct frames *frames;
	struct python_codes *codes;
	struct gt_wire_python_stack python; /* frames 0: none */
	struct unwind_result result;
	struct frames_list list;
	char path[PATH_MAX], cwd[PATH_MAX];
	struct symbols_exec exec;
	union {
		struct stacks_question question;
		char bytes[STACKS_QUESTION_MAX];
	} packet;
};

/* A packet, cut into its parts. */
struct parts {
	const struct stacks_question *q;
	const char *kernel, *python, *path, *cwd;
	const uint8_t *bytes;
};

static bool send_parts(struct iovec *parts, size_t n)
{
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	do {
		sent = sendmsg(HELPER_SOCK, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

/* A frame that cannot be told is missed by its stacks only: the other end copes. */
static void tell_frame(void *ctx, uint32_t number, const struct frames_frame *f)
{
	struct stacks_frame head = { .reply = STACKS_FRAME,
				     .frame = number,
				     .kind = f->kind,
				     .line = f->line,
				     .name_len = (uint16_t)strnlen(f->name, STACKS_NAME_MAX),
				     .image_len = (uint16_t)strnlen(f->image, PATH_MAX),
				     .file_len = (uint16_t)strnlen(f->file, PATH_MAX) };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)f->name, head.name_len },
		{ (void *)f->image, head.image_len },
		{ (void *)f->file, head.file_len },
	};

	send_parts(parts, 4);
}

static bool tell_stack(struct stacks_stack *s, const uint32_t *frames)
{
	struct iovec parts[] = {
		{ s, sizeof(*s) },
		{ (void *)frames, s->nframes * sizeof(*frames) },
	};

	s->reply = STACKS_STACK;
	return send_parts(parts, 2);
}

static enum unwind_code code_at(void *ctx, uint64_t pc, bool exact, const struct unwind_rule **rule)
{
	struct code_space *space = ctx;
	struct code_place place;

	code_space_find(space, exact ? pc : pc - 1, &place);
	switch (place.kind) {
	case CODE_NONE:
		return UNWIND_NO_CODE;
	case CODE_ANON:
		return UNWIND_JIT;
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

static void add_kernel(struct worker *w, const struct parts *p)
{
	for (uint32_t i = 0; i < p->q->kernel_frames; i++) {
		uint64_t ip;

		memcpy(&ip, p->kernel + i * sizeof(ip), sizeof(ip));
		frames_add_kernel(w->frames, ip, i == 0, &w->list);
	}
}

static void fill_stack(const struct parts *p, struct unwind_stack *out)
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

/* By what the kernel side will know the stack again. */
static void shape_of(const struct gt_wire_stack *s, const struct unwind_result *r,
		     struct stacks_stack *out)
{
	if (!(r->flags & GT_STACK_COMPLETE) || r->nslots > GT_STACK_SLOTS_MAX)
		return;
	out->has_shape = 1;
	out->key = (struct gt_wire_stack_key){
		.ip = s->ip, .sp = s->sp, .more = s->more, .as = s->as
	};
	out->shape.stack = s->stack;
	out->shape.slots = (uint32_t)r->nslots;
	for (size_t i = 0; i < r->nslots; i++) {
		out->shape.slot[i] = r->slots[i];
		out->shape.fold = gt_stack_fold(out->shape.fold, r->values[i]);
	}
}

static uint32_t unwind_user(struct worker *w, const struct parts *p, struct code_space *space)
{
	struct unwind_stack stack;
	struct unwind_ops ops = { code_at };

	fill_stack(p, &stack);
	unwind(&stack, GT_STACK_FRAMES_MAX - p->q->kernel_frames, &ops, space, &w->result);
	if (w->python.frames) {
		python_stack_add(w->codes, w->frames, space, &w->result, &w->python, &w->list);
		return w->result.flags;
	}
	for (size_t i = 0; i < w->result.nframes; i++)
		frames_add_user(w->frames, space, &w->result.frames[i], &w->list);
	return w->result.flags;
}

static bool answer(struct worker *w, const struct parts *p, const struct symbols_exec *exec)
{
	const struct gt_wire_stack *s = &p->q->stack;
	struct stacks_stack out = { .stack = s->stack };
	struct code_space space;

	w->list.n = 0;
	w->list.full = false;
	add_kernel(w, p);
	if (!s->ip && !s->sp) {
		/* A kernel thread's. */
		out.flags = w->list.n ? GT_STACK_COMPLETE : GT_STACK_SKIPPED;
	} else if (!code_space_begin(w->spaces, s->as, p->q->tgid, s->ip, exec, &space)) {
		out.flags = GT_STACK_SKIPPED;
	} else {
		out.flags = unwind_user(w, p, &space);
		shape_of(s, &w->result, &out);
	}
	if (w->list.full) {
		out.flags = GT_STACK_TRUNCATED;
		out.has_shape = 0;
	}
	out.nframes = w->list.n;
	return tell_stack(&out, w->list.numbers);
}

static bool cut(const char *packet, size_t len, struct parts *out)
{
	const struct stacks_question *q = (const struct stacks_question *)packet;
	size_t at = sizeof(*q);

	if (len < sizeof(*q) || q->kernel_frames > GT_STACK_KERNEL_MAX || q->path_len >= PATH_MAX ||
	    q->python_bytes > sizeof(struct gt_wire_python_stack) || q->cwd_len >= PATH_MAX ||
	    q->stack.bytes > GT_STACK_BYTES_MAX)
		return false;
	out->q = q;
	out->kernel = packet + at;
	out->python = out->kernel + q->kernel_frames * sizeof(uint64_t);
	out->path = out->python + q->python_bytes;
	out->cwd = out->path + q->path_len;
	out->bytes = (const uint8_t *)out->cwd + q->cwd_len;
	return (size_t)((const char *)out->bytes - packet) + q->stack.bytes == len;
}

static const struct symbols_exec *read_exec(struct worker *w, const struct parts *p)
{
	const struct stacks_question *q = p->q;

	if (!q->path_len)
		return NULL;
	memcpy(w->path, p->path, q->path_len);
	w->path[q->path_len] = '\0';
	memcpy(w->cwd, p->cwd, q->cwd_len);
	w->cwd[q->cwd_len] = '\0';
	w->exec = (struct symbols_exec){ .path = w->path,
					 .cwd = q->cwd_len ? w->cwd : NULL,
					 .dev = q->dev,
					 .ino = q->ino,
					 .start_code = q->start_code };
	return &w->exec;
}

static void read_python(struct worker *w, const struct parts *p)
{
	const size_t head = offsetof(struct gt_wire_python_stack, frame);

	w->python.frames = 0;
	memcpy(&w->python, p->python, p->q->python_bytes);
	if (p->q->python_bytes < head ||
	    w->python.frames * sizeof(w->python.frame[0]) != p->q->python_bytes - head)
		w->python.frames = 0;
}

static ssize_t receive(void *packet, size_t room, int flags)
{
	ssize_t len;

	do {
		len = recv(HELPER_SOCK, packet, room, flags);
	} while (len < 0 && errno == EINTR);
	return len;
}

/* False: there will be no more. */
static bool serve(void *state, void *shared)
{
	struct worker *w = state;
	struct desk *desk = shared;
	struct gt_wire_stack head = { 0 };
	struct parts parts;
	bool going = true;
	ssize_t len;

	if (receive(&head, sizeof(head), MSG_PEEK) <= 0)
		return false;
	desk->stack = head.stack;
	desk->taken = false;
	desk->busy = true;
	alarm(HELPER_ANSWER_SECONDS);
	len = receive(&w->packet, sizeof(w->packet), 0);
	desk->taken = true;
	if (len > 0 && cut(w->packet.bytes, (size_t)len, &parts)) {
		read_python(w, &parts);
		going = answer(w, &parts, read_exec(w, &parts));
	}
	alarm(0);
	desk->busy = false;
	return len > 0 && going;
}

static void *begin(void *shared)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct desk *desk = shared;
	int room = REPLIES_ROOM;

	if (!w)
		return NULL;
	setsockopt(HELPER_SOCK, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	w->spaces = code_spaces_new(&desk->trouble);
	w->frames = frames_new(&desk->frames, tell_frame, NULL);
	w->codes = python_codes_new(&desk->python);
	return w->spaces && w->frames && w->codes ? w : NULL;
}

static bool lost(void *shared)
{
	struct desk *desk = shared;
	struct stacks_stack out = { .stack = desk->stack, .flags = GT_STACK_SKIPPED };
	char byte;

	image_code_trouble_note(&desk->trouble);
	python_trouble_note(&desk->python);
	if (!desk->busy)
		return true;
	desk->busy = false;
	return (desk->taken || receive(&byte, sizeof(byte), 0) > 0) && tell_stack(&out, NULL);
}

const struct helper_job stacks_helper = {
	.name = "giltrace-stacks",
	.shared = sizeof(struct desk),
	.open = begin,
	.serve = serve,
	.lost = lost,
};
