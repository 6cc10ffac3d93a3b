/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_symbols.h"
#include "lib/buf.h"
#include "lib/map.h"
#include "stacks_helper.h"

#define MAX_CONTENTS (64u << 20) /* beyond, all are forgotten: some will be told again */
#define MAX_NAMED 262144	 /* addresses of one image */

struct frames {
	volatile uint32_t *next;
	frames_tell tell;
	void *ctx;
	struct map by_hash; /* of contents -> where in `contents` */
	struct buf contents;
	struct map kernel_named; /* address -> number */
	struct kernel_symbols *kernel;
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

void frames_free(struct frames *f)
{
	if (!f)
		return;
	map_free(&f->by_hash);
	buf_free(&f->contents);
	map_free(&f->kernel_named);
	kernel_symbols_free(f->kernel);
	free(f);
}

static void push(struct frames_list *to, uint32_t number)
{
	if (to->n == GT_STACK_FRAMES_MAX)
		to->full = true;
	else
		to->numbers[to->n++] = number;
}

static uint64_t hash(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3ull;
	return gt_stack_fold(h, len);
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
	uint64_t h = gt_stack_fold(k.kind, k.line), at;
	uint32_t number;

	h = hash(h, frame->name, k.name_len);
	h = hash(h, frame->image, k.image_len);
	h = hash(h, frame->file, k.file_len);
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

static uint32_t name_kernel(struct frames *f, uint64_t ip)
{
	struct frames_frame frame = { .kind = GT_FRAME_KERNEL, .image = "[kernel]", .file = "" };

	if (!f->kernel)
		f->kernel = kernel_symbols_read("/proc/kallsyms");
	if (f->kernel)
		frame.name = kernel_symbols_find(f->kernel, ip, &frame.image);
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

/* The frame of code in an image. */
static uint32_t name_image(struct frames *f, const struct code_place *place, uint64_t vaddr,
			   const struct unwind_frame *u)
{
	struct frames_frame frame = { .image = place->code->path, .file = "" };
	char unknown[STACKS_NAME_MAX];
	uint64_t start;

	frame.kind = place->kind == CODE_VDSO ? GT_FRAME_VDSO : GT_FRAME_NATIVE;
	frame.name = image_code_function(place->code, vaddr, &start);
	if (!frame.name && u->signal) {
		frame.name = "[signal frame]";
	} else if (!frame.name) {
		frame.kind = GT_FRAME_UNKNOWN;
		snprintf(unknown, sizeof(unknown), "[%.200s+0x%" PRIx64 "]",
			 base_name(place->code->path), start);
		frame.name = unknown;
	}
	return number_of(f, &frame);
}

static uint32_t name_other(struct frames *f, const struct code_place *place)
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
		frame.name = "[made at run time]";
		frame.image = "[anon]";
		break;
	default:
		frame.name = "[no code]";
		break;
	}
	return number_of(f, &frame);
}

void frames_add_user(struct frames *f, struct code_space *space, const struct unwind_frame *u,
		     struct frames_list *to)
{
	uint64_t pc = u->exact || u->signal ? u->pc : u->pc - 1, number, key;
	struct code_place place;

	code_space_find(space, pc, &place);
	if (!place.code) {
		push(to, name_other(f, &place));
		return;
	}
	key = place.vaddr << 1 | u->signal;
	if (!map_get(&place.code->named, key, &number)) {
		number = name_image(f, &place, place.vaddr, u);
		if (map_len(&place.code->named) >= MAX_NAMED)
			map_free(&place.code->named);
		map_put(&place.code->named, key, number);
	}
	push(to, (uint32_t)number);
}
