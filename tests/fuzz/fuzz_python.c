/* SPDX-License-Identifier: MIT */
/*
 * CPython's objects in hostile memory: this process's own, where the input lies at a fixed address,
 * so that its bytes can point into it. And the line tables and texts alone, and the merge.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <user/python/python_codes.h>
#include <user/python/python_lines.h>
#include <user/python/python_merge.h>
#include <user/python/python_text.h>

#include "fuzz.h"

#define MEMORY 0x10000000ull
#define ROOM 65536

static uint8_t *memory(void)
{
	static uint8_t *at;

	if (!at)
		at = mmap((void *)MEMORY, ROOM, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	FUZZ_CHECK(at == (uint8_t *)MEMORY);
	return at;
}

/* Offsets as any version has them; the types are the input's. */
static void look(struct fuzz_input in)
{
	struct process_memory_trouble trouble = { 0 };
	struct python_codes *codes = python_codes_new(&trouble);
	struct gt_wire_python how;
	struct gt_wire_python_frame f;
	struct python_function out;

	FUZZ_CHECK(codes);
	fuzz_take_bytes(&in, &how, sizeof(how));
	memset(memory(), 0, ROOM);
	memcpy(memory(), in.data, in.size < ROOM ? in.size : ROOM);
	for (int i = 0; i < 4 && in.size; i++) {
		fuzz_take_bytes(&in, &f, sizeof(f));
		if (!python_codes_find(codes, 1, getpid(), &how, &f, &out))
			continue;
		FUZZ_CHECK(*out.name && fuzz_printable(out.name, 0, false, false));
		/* Once read it is known, also when its process has ended. */
		FUZZ_CHECK(python_codes_find(codes, 1, 0, &how, &f, &out) && *out.name);
	}
	FUZZ_CHECK(!trouble.reading);
	python_codes_free(codes);
}

static void lines(struct fuzz_input in)
{
	unsigned int minor = (unsigned int)fuzz_take(&in, 1) % 16;
	uint32_t first = (uint32_t)fuzz_take(&in, 4);
	int32_t at = (int32_t)fuzz_take(&in, 4);

	python_line(minor, in.data, in.size, first, at);
	python_line(minor, in.data, in.size, first, at & 0xff);
}

static void text(struct fuzz_input in)
{
	uint64_t length = fuzz_take(&in, 2);
	uint32_t state = (uint32_t)fuzz_take(&in, 4);
	struct python_text t;
	uint8_t *bytes;
	char *name;

	if (!python_text_head(length, state, &t))
		return;
	FUZZ_CHECK(t.chars <= PYTHON_TEXT_MAX && t.width && t.width <= 4);
	bytes = malloc(t.chars * t.width + !t.chars);
	FUZZ_CHECK(bytes);
	fuzz_take_bytes(&in, bytes, t.chars * t.width);
	name = python_text_utf8(&t, bytes);
	FUZZ_CHECK(name && strlen(name) <= 4 * t.chars);
	free(name);
	free(bytes);
}

static void merge(struct fuzz_input in)
{
	enum python_native natives[16];
	struct gt_wire_python_frame frames[16];
	struct python_item out[64];
	struct python_merge m = { .natives = natives, .frames = frames };
	uint32_t native = 0, python = 0;
	size_t n, room = fuzz_take(&in, 1) % 65;

	m.nnatives = fuzz_take(&in, 1) % 17;
	m.nframes = fuzz_take(&in, 1) % 17;
	m.minor = (unsigned int)fuzz_take(&in, 1) % 16;
	m.complete = fuzz_take(&in, 1) & 1;
	m.cut = fuzz_take(&in, 1) & 1;
	for (size_t i = 0; i < m.nnatives; i++)
		natives[i] = (enum python_native)(fuzz_take(&in, 1) % 3);
	for (size_t i = 0; i < m.nframes; i++)
		frames[i] = (struct gt_wire_python_frame){ .mark = (uint8_t)fuzz_take(&in, 1) };
	n = python_merge(&m, out, room);
	FUZZ_CHECK(n <= room);
	/* Each at most once, in order. */
	for (size_t i = 0; i < n; i++) {
		if (out[i].kind == PYTHON_ITEM_NATIVE) {
			FUZZ_CHECK(out[i].index >= native && out[i].index < m.nnatives);
			native = out[i].index + 1;
		} else if (out[i].kind == PYTHON_ITEM_PYTHON) {
			FUZZ_CHECK(out[i].index >= python && out[i].index < m.nframes);
			python = out[i].index + 1;
		}
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct fuzz_input) = { look, lines, text, merge };
	struct fuzz_input in = { data, size };
	size_t part = fuzz_take(&in, 1) % 4;

	parts[part](in);
}
