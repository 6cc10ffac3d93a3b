/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_symbols.h"
#include "lib/buf.h"
#include "lib/hash.h"
#include "lib/map.h"
#include "stacks_helper.h"

#define MAX_CONTENTS (64u << 20) /* beyond, all are forgotten: some will be told again */
#define MAX_NAMED 262144	 /* addresses of one image */
#define MAX_OWN 5		 /* kernel frames that can be giltrace's own */

struct frames {
	volatile uint32_t *next;
	frames_tell tell;
	void *ctx;
	struct map by_hash; /* of contents -> where in `contents` */
	struct buf contents;
	struct map kernel_named; /* address -> number */
	struct buf chains;	 /* uint32_t: how many, and the numbers */
	struct kernel_symbols *kernel;
	bool hurry;
	bool (*urgent)(void);
	bool named; /* a frame, of this list */
};

/* In front of a frame's strings in `contents`. */
struct known {
	uint32_t number, kind, line;
	uint32_t name_len, image_len, file_len;
};

struct frames *frames_new(volatile uint32_t *next, frames_tell tell, void *ctx)
{
	struct frames *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->next = next;
	f->tell = tell;
	f->ctx = ctx;
	return f;
}

void frames_hurry(struct frames *f, bool hurry)
{
	f->hurry = hurry;
}

void frames_yield(struct frames *f, bool (*urgent)(void))
{
	f->urgent = urgent;
	f->named = false;
}

static void push(struct frames_list *to, uint32_t number)
{
	if (to->n == GT_STACK_FRAMES_MAX)
		to->full = true;
	else
		to->numbers[to->n++] = number;
}

static bool same(const struct frames *f, uint64_t at, const struct known *k,
		 const struct frames_frame *frame)
{
	const uint8_t *there = f->contents.data + at;
	struct known other;

	memcpy(&other, there, sizeof(other));
	there += sizeof(other);
	return other.kind == k->kind && other.line == k->line && other.name_len == k->name_len &&
	       other.image_len == k->image_len && other.file_len == k->file_len &&
	       !memcmp(there, frame->name, k->name_len) &&
	       !memcmp(there + k->name_len, frame->image, k->image_len) &&
	       !memcmp(there + k->name_len + k->image_len, frame->file, k->file_len);
}

static uint32_t tell(struct frames *f, uint64_t h, struct known *k,
		     const struct frames_frame *frame)
{
	if (f->contents.len > MAX_CONTENTS || f->contents.err) {
		buf_clear(&f->contents);
		map_free(&f->by_hash);
	}
	k->number = ++*f->next;
	/* Out of memory: the frame is told again when it is met again. */
	if (!map_put(&f->by_hash, h, f->contents.len)) {
		buf_add(&f->contents, k, sizeof(*k));
		buf_add(&f->contents, frame->name, k->name_len);
		buf_add(&f->contents, frame->image, k->image_len);
		buf_add(&f->contents, frame->file, k->file_len);
		if (f->contents.err)
			map_del(&f->by_hash, h);
	}
	f->tell(f->ctx, k->number, frame);
	return k->number;
}

static uint32_t number_of(struct frames *f, const struct frames_frame *frame)
{
	struct known k = { .kind = frame->kind,
			   .line = frame->line,
			   .name_len = (uint32_t)strnlen(frame->name, STACKS_NAME_MAX),
			   .image_len = (uint32_t)strnlen(frame->image, PATH_MAX),
			   .file_len = (uint32_t)strnlen(frame->file, PATH_MAX) };
	uint64_t h = hash_pair(k.kind, k.line), at;
	uint32_t number;

	h = hash_bytes(h, frame->name, k.name_len);
	h = hash_bytes(h, frame->image, k.image_len);
	h = hash_bytes(h, frame->file, k.file_len);
	while (map_get(&f->by_hash, h, &at)) {
		if (same(f, at, &k, frame)) {
			memcpy(&number, f->contents.data + at, sizeof(number));
			return number;
		}
		h++;
	}
	return tell(f, h, &k, frame);
}

void frames_add(struct frames *f, const struct frames_frame *frame, struct frames_list *to)
{
	push(to, number_of(f, frame));
}

static const char *kernel_name(struct frames *f, uint64_t ip, const char **image)
{
	if (!f->kernel)
		f->kernel = kernel_symbols_read("/proc/kallsyms");
	return f->kernel ? kernel_symbols_find(f->kernel, ip, image) : NULL;
}

/*
 * The kernel's way from a tracepoint to a program that takes stacks, innermost first:
 * bpf_prog_…_on_switch, bpf_trace_run4, __bpf_trace_sched_switch, __traceiter_sched_switch. Not all
 * of them are there or have names everywhere, so what is in front of one belongs to it too.
 */
size_t frames_kernel_own(struct frames *f, const uint64_t *ips, size_t n)
{
	static const char *const own[] = { "bpf_prog_", "bpf_trace_run", "bpf_trampoline_",
					   "__bpf_trace_", "__traceiter_" };
	size_t count = 0;

	for (size_t i = 0; i < n && i < MAX_OWN; i++) {
		const char *image, *name = kernel_name(f, i ? ips[i] - 1 : ips[i], &image);

		for (size_t j = 0; name && j < sizeof(own) / sizeof(own[0]); j++)
			if (!strncmp(name, own[j], strlen(own[j])))
				count = i + 1;
	}
	return count;
}

static uint32_t name_kernel(struct frames *f, uint64_t ip)
{
	struct frames_frame frame = { .kind = GT_FRAME_KERNEL, .image = "[kernel]", .file = "" };

	frame.name = kernel_name(f, ip, &frame.image);
	if (!frame.name)
		frame.name = "[kernel]";
	return number_of(f, &frame);
}

void frames_add_kernel(struct frames *f, uint64_t ip, bool exact, struct frames_list *to)
{
	uint64_t at = exact ? ip : ip - 1, number;

	if (!map_get(&f->kernel_named, at, &number)) {
		number = name_kernel(f, at);
		map_put(&f->kernel_named, at, number);
	}
	push(to, (uint32_t)number);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/*
 * The name of the function at `vaddr`, in `to`: by its symbol, else as debug information has it,
 * else where it is in its image. False: it is of this last kind.
 */
static bool name_function(struct image_code *code, uint64_t vaddr, bool signal,
			  const struct image_lines_function *fn, char to[STACKS_NAME_MAX])
{
	uint64_t start;
	const char *name = image_code_function(code, vaddr, &start);

	if (!name && fn)
		name = fn->name;
	if (!name && signal)
		name = "[signal frame]";
	if (!name)
		snprintf(to, STACKS_NAME_MAX, "[%.200s+0x%" PRIx64 "]", base_name(code->path),
			 start);
	else
		image_code_demangle(code, name, to, STACKS_NAME_MAX);
	return name != NULL;
}

/* The frame of code in an image, and those compiled into it; how many. */
static size_t name_image(struct frames *f, const struct code_place *place, bool signal,
			 uint32_t numbers[IMAGE_LINES_MAX])
{
	struct image_lines_function fns[IMAGE_LINES_MAX];
	size_t n = f->hurry ? 0 : image_code_lines(place->code, place->vaddr, fns);
	char name[STACKS_NAME_MAX];
	struct frames_frame frame = { .image = place->code->path, .file = "", .name = name };

	for (size_t i = 0; i + 1 < n; i++) {
		frame.kind = GT_FRAME_INLINED;
		frame.line = fns[i].line;
		frame.file = fns[i].file ? fns[i].file : "";
		image_code_demangle(place->code, fns[i].name ? fns[i].name : "[inlined]", name,
				    sizeof(name));
		numbers[i] = number_of(f, &frame);
	}
	frame.kind = place->kind == CODE_VDSO ? GT_FRAME_VDSO : GT_FRAME_NATIVE;
	frame.line = n ? fns[n - 1].line : 0;
	frame.file = n && fns[n - 1].file ? fns[n - 1].file : "";
	if (!name_function(place->code, place->vaddr, signal, n ? &fns[n - 1] : NULL, name))
		frame.kind = GT_FRAME_UNKNOWN;
	numbers[n ? n - 1 : 0] = number_of(f, &frame);
	return n ? n : 1;
}

static uint32_t name_other(struct frames *f, struct code_space *space, uint64_t pc,
			   const struct code_place *place)
{
	struct frames_frame frame = { .kind = GT_FRAME_UNKNOWN, .image = "", .file = "" };
	char name[STACKS_NAME_MAX];

	switch (place->kind) {
	case CODE_LOST:
		snprintf(name, sizeof(name), "[%.200s+0x%" PRIx64 ", file gone]",
			 base_name(place->path), place->offset);
		frame.name = name;
		frame.image = place->path;
		break;
	case CODE_ANON:
		frame.kind = GT_FRAME_JIT;
		frame.name = code_space_jit(space, pc);
		if (!frame.name)
			frame.name = "[made at run time]";
		frame.image = "[anon]";
		break;
	default:
		frame.name = "[no code]";
		break;
	}
	return number_of(f, &frame);
}

/*
 * What was found out about an address of an image is kept with it: the number of its frame, or, of
 * several, where in `chains` they are.
 */
#define CHAIN (1ull << 63)

static void keep(struct frames *f, struct image_code *code, uint64_t key, const uint32_t *numbers,
		 size_t n)
{
	uint64_t value = numbers[0];
	uint32_t count = (uint32_t)n;

	if (map_len(&code->named) >= MAX_NAMED)
		map_free(&code->named);
	if (n > 1) {
		if (f->chains.len > MAX_CONTENTS ||
		    !buf_reserve(&f->chains, (n + 1) * sizeof(count)))
			return;
		value = CHAIN | f->chains.len;
		buf_add(&f->chains, &count, sizeof(count));
		buf_add(&f->chains, numbers, n * sizeof(*numbers));
	}
	map_put(&code->named, key, value);
}

static void push_kept(struct frames *f, uint64_t value, struct frames_list *to)
{
	const uint8_t *at = f->chains.data + (value & ~CHAIN);
	uint32_t n, number;

	if (!(value & CHAIN)) {
		push(to, (uint32_t)value);
		return;
	}
	memcpy(&n, at, sizeof(n));
	for (uint32_t i = 1; i <= n; i++) {
		memcpy(&number, at + i * sizeof(number), sizeof(number));
		push(to, number);
	}
}

void frames_add_user(struct frames *f, struct code_space *space, const struct unwind_frame *u,
		     struct frames_list *to)
{
	uint64_t pc = u->exact || u->signal ? u->pc : u->pc - 1, value, key;
	uint32_t numbers[IMAGE_LINES_MAX];
	struct code_place place;
	size_t n;

	if (to->put_off)
		return;
	code_space_find(space, pc, &place);
	if (!place.code) {
		push(to, name_other(f, space, pc, &place));
		return;
	}
	key = place.vaddr << 1 | u->signal;
	if (map_get(&place.code->named, key, &value)) {
		push_kept(f, value, to);
		return;
	}
	/* At least one each time: so it comes to an end. */
	to->put_off = f->named && f->urgent && f->urgent();
	if (to->put_off)
		return;
	f->named = true;
	n = name_image(f, &place, u->signal, numbers);
	keep(f, place.code, key, numbers, n);
	for (size_t i = 0; i < n; i++)
		push(to, numbers[i]);
}
