/* SPDX-License-Identifier: MIT */
#include "python_codes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"
#include "python_lines.h"
#include "python_text.h"

#define HEAD_MAX 256	       /* a code object, as far as any offset in it reaches */
#define LINES_MAX (256u << 10) /* bytes of a line table; a longer one is taken for none */
#define MAX_BYTES (64u << 20)  /* beyond, all is forgotten */

/* By what an object is known to be the one of before: a new one at its address has others. */
struct identity {
	uint64_t file, name, lines;
	uint32_t first_line, as;
	uint64_t code;
};

struct code {
	struct identity is;
	struct code *less; /* another one whose key has the same hash */
	uint8_t *lines;
	uint32_t nlines;
	char *name, *file;
};

struct python_codes {
	struct map by_hash; /* of address space and address → struct code */
	struct process_memory_trouble *trouble;
	size_t bytes;
};

/* One address space at work. */
struct memory {
	struct python_codes *c;
	const struct gt_wire_python *how;
	uint32_t as;
	pid_t pid;
};

struct python_codes *python_codes_new(struct process_memory_trouble *t)
{
	struct python_codes *c = calloc(1, sizeof(*c));

	if (c)
		c->trouble = t;
	return c;
}

static void code_free(struct code *code)
{
	if (!code)
		return;
	free(code->lines);
	free(code->name);
	free(code->file);
	free(code);
}

static void forget(struct python_codes *c)
{
	uint64_t key, value;
	size_t pos = 0;

	while (map_next(&c->by_hash, &pos, &key, &value)) {
		struct code *code = (void *)(uintptr_t)value, *less;

		for (; code; code = less) {
			less = code->less;
			code_free(code);
		}
	}
	map_free(&c->by_hash);
	c->bytes = 0;
}

void python_codes_free(struct python_codes *c)
{
	if (!c)
		return;
	forget(c);
	free(c);
}

static bool read_memory(const struct memory *m, uint64_t from, void *to, size_t len)
{
	return process_memory_read(m->c->trouble, m->as, m->pid, from, to, len);
}

static uint64_t u64_at(const uint8_t *bytes, size_t offset)
{
	uint64_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static uint32_t u32_at(const uint8_t *bytes, size_t offset)
{
	uint32_t value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

/* Objects begin alike: a count, the type, and those of variable size how long they are. */
enum { OBJECT_TYPE = 8, OBJECT_LENGTH = 16, OBJECT_HEAD = 40 };
enum { STR_STATE = 32, BYTES_TEXT = 32 };

/* A str's text in UTF-8, NULL: it is none. */
static char *read_str(const struct memory *m, uint64_t addr)
{
	uint8_t head[OBJECT_HEAD], text[4 * PYTHON_TEXT_MAX];
	struct python_text t;
	size_t offset;

	if (!read_memory(m, addr, head, sizeof(head)) ||
	    u64_at(head, OBJECT_TYPE) != m->how->str_type ||
	    !python_text_head(u64_at(head, OBJECT_LENGTH), u32_at(head, STR_STATE), &t))
		return NULL;
	offset = t.ascii ? m->how->str_ascii : m->how->str_compact;
	if (!read_memory(m, addr + offset, text, t.chars * t.width))
		return NULL;
	return python_text_utf8(&t, text);
}

static void read_lines(const struct memory *m, uint64_t addr, struct code *code)
{
	uint8_t head[OBJECT_HEAD];
	uint64_t len;

	if (!read_memory(m, addr, head, sizeof(head)) ||
	    u64_at(head, OBJECT_TYPE) != m->how->bytes_type)
		return;
	len = u64_at(head, OBJECT_LENGTH);
	if (!len || len > LINES_MAX)
		return;
	code->lines = malloc(len);
	if (code->lines && read_memory(m, addr + BYTES_TEXT, code->lines, len))
		code->nlines = (uint32_t)len;
}

/* Is there a code object, and which? False: no. */
static bool identify(const struct memory *m, uint64_t addr, struct identity *out, uint64_t *name)
{
	const struct gt_wire_python *how = m->how;
	uint8_t head[HEAD_MAX + 8] = { 0 };

	/* It ends with its bytecode, which may be less than what is read here of others. */
	if (!read_memory(m, addr, head, how->co_lines + 8) ||
	    u64_at(head, OBJECT_TYPE) != how->code_type)
		return false;
	*name = u64_at(head, how->co_qualname ? how->co_qualname : how->co_name);
	*out = (struct identity){ .file = u64_at(head, how->co_file),
				  .name = *name,
				  .lines = u64_at(head, how->co_lines),
				  .first_line = u32_at(head, how->co_first_line),
				  .as = m->as,
				  .code = addr };
	return true;
}

static struct code *read_code(const struct memory *m, const struct identity *is)
{
	struct code *code = calloc(1, sizeof(*code));

	if (!code)
		return NULL;
	code->is = *is;
	code->name = read_str(m, is->name);
	if (!code->name || !*code->name) {
		code_free(code);
		return NULL;
	}
	code->file = read_str(m, is->file);
	read_lines(m, is->lines, code);
	return code;
}

/* NULL: there was no memory for it. */
static struct code *keep(struct python_codes *c, struct code *code, uint64_t hash)
{
	code->less = map_get_ptr(&c->by_hash, hash);
	if (map_put_ptr(&c->by_hash, hash, code)) {
		code_free(code);
		return NULL;
	}
	c->bytes += sizeof(*code) + code->nlines + strlen(code->name) +
		    (code->file ? strlen(code->file) : 0);
	return code;
}

static bool same(const struct identity *a, const struct identity *b)
{
	return a->file == b->file && a->name == b->name && a->lines == b->lines &&
	       a->first_line == b->first_line;
}

/* Is it what the kernel side saw? */
static bool seen(const struct identity *is, const struct gt_wire_python_frame *f)
{
	return is->lines == f->lines && (is->first_line & 0xffffff) == f->first_line;
}

static struct code *find_code(const struct memory *m, const struct gt_wire_python_frame *f)
{
	uint64_t addr = f->code, hash = gt_stack_fold(gt_stack_fold(0, m->as), addr), name;
	struct identity is;
	struct code *code;
	bool there = identify(m, addr, &is, &name) && seen(&is, f);

	/* The latest first: which it was when it can't be asked. */
	for (code = map_get_ptr(&m->c->by_hash, hash); code; code = code->less)
		if (code->is.as == m->as && code->is.code == addr &&
		    (there ? same(&code->is, &is) : seen(&code->is, f)))
			return code;
	if (!there)
		return NULL;
	if (m->c->bytes > MAX_BYTES)
		forget(m->c);
	code = read_code(m, &is);
	return code ? keep(m->c, code, hash) : NULL;
}

bool python_codes_find(struct python_codes *c, uint32_t as, pid_t pid,
		       const struct gt_wire_python *how, const struct gt_wire_python_frame *f,
		       struct python_function *out)
{
	struct memory m = { .c = c, .how = how, .as = as, .pid = pid };
	const struct code *code = find_code(&m, f);
	int64_t at = (int32_t)f->at;

	if (!code)
		return false;
	if (how->minor == 10)
		at *= 2; /* counted in instructions */
	if (how->at_pointer)
		at -= how->co_code;
	out->name = code->name;
	out->file = code->file ? code->file : "";
	out->line = python_line(how->minor, code->lines, code->nlines, code->is.first_line, at);
	return true;
}
