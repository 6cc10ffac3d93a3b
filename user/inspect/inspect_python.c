/* SPDX-License-Identifier: MIT */
#include "inspect_python.h"

#include <string.h>

/*
 * Offsets as debuggers show them. `key` is one in _PyRuntime; the kernel side checks what it finds
 * there by PyThreadState.thread_id, so that a release that lies otherwise has no Python frames
 * rather than wrong ones.
 */
static const struct gt_wire_python layouts[] = {
	{ .minor = 8,
	  .key = 1392,
	  .thread_id = 176,
	  .top = 24,
	  .size = 112,
	  .back = 24,
	  .code = 32,
	  .at = 104,
	  .co_first_line = 40,
	  .co_file = 104,
	  .co_name = 112,
	  .co_lines = 120,
	  .str_ascii = 48,
	  .str_compact = 72 },
	{ .minor = 9,
	  .key = 584,
	  .thread_id = 176,
	  .top = 24,
	  .size = 112,
	  .back = 24,
	  .code = 32,
	  .at = 104,
	  .co_first_line = 40,
	  .co_file = 104,
	  .co_name = 112,
	  .co_lines = 120,
	  .str_ascii = 48,
	  .str_compact = 72 },
	{ .minor = 10,
	  .key = 584,
	  .thread_id = 176,
	  .top = 24,
	  .size = 112,
	  .back = 24,
	  .code = 32,
	  .at = 96,
	  .co_first_line = 40,
	  .co_file = 104,
	  .co_name = 112,
	  .co_lines = 120,
	  .str_ascii = 48,
	  .str_compact = 72 },
	{ .minor = 11,
	  .key = 592,
	  .thread_id = 152,
	  .top = 56,
	  .indirect = 1,
	  .top_in = 8,
	  .size = 72,
	  .back = 48,
	  .code = 32,
	  .at = 56,
	  .mark = 68,
	  .at_pointer = 1,
	  .co_first_line = 72,
	  .co_file = 112,
	  .co_name = 120,
	  .co_qualname = 128,
	  .co_lines = 136,
	  .co_code = 184,
	  .str_ascii = 48,
	  .str_compact = 72 },
	{ .minor = 12,
	  .key = 1544,
	  .thread_id = 136,
	  .top = 56,
	  .indirect = 1,
	  .top_in = 0,
	  .size = 72,
	  .back = 8,
	  .code = 0,
	  .at = 56,
	  .mark = 70,
	  .at_pointer = 1,
	  .co_first_line = 68,
	  .co_file = 112,
	  .co_name = 120,
	  .co_qualname = 128,
	  .co_lines = 136,
	  .co_code = 192,
	  .str_ascii = 40,
	  .str_compact = 56 },
	{ .minor = 13,
	  .key = 2160,
	  .thread_id = 152,
	  .top = 72,
	  .size = 72,
	  .back = 8,
	  .code = 0,
	  .at = 56,
	  .mark = 70,
	  .at_pointer = 1,
	  .co_first_line = 68,
	  .co_file = 112,
	  .co_name = 120,
	  .co_qualname = 128,
	  .co_lines = 136,
	  .co_code = 200,
	  .str_ascii = 40,
	  .str_compact = 56 },
};

/* From 3.13 on _PyRuntime begins with its own offsets, in these 8-byte words of it. */
enum {
	WORD_COOKIE = 0,
	WORD_FREE_THREADED = 2,
	WORD_STATE_FRAME = 23,
	WORD_STATE_THREAD_ID = 24,
	WORD_FRAME_PREVIOUS = 29,
	WORD_FRAME_EXECUTABLE = 30,
	WORD_FRAME_INSTR_PTR = 31,
	WORD_FRAME_OWNER = 33,
	WORD_CODE_FILENAME = 35,
	WORD_CODE_NAME = 36,
	WORD_CODE_QUALNAME = 37,
	WORD_CODE_LINETABLE = 38,
	WORD_CODE_FIRSTLINENO = 39,
	WORD_CODE_ADAPTIVE = 43,
	WORD_ASCII_SIZE = 70,
	WORDS = 71
};

#define FRAME_MAX 72 /* no more of a frame can be relied on to be there */

static bool take_offset(uint64_t word, uint64_t below, uint8_t *to)
{
	*to = (uint8_t)word;
	return word < below;
}

static bool own_offsets(const uint64_t *w, struct gt_wire_python *p)
{
	if (memcmp(&w[WORD_COOKIE], INSPECT_PYTHON_COOKIE, 8) || w[WORD_FREE_THREADED])
		return false;
	p->top = (uint16_t)w[WORD_STATE_FRAME];
	p->thread_id = (uint16_t)w[WORD_STATE_THREAD_ID];
	return w[WORD_STATE_FRAME] <= UINT16_MAX && w[WORD_STATE_THREAD_ID] <= UINT16_MAX &&
	       take_offset(w[WORD_FRAME_PREVIOUS], FRAME_MAX - 7, &p->back) &&
	       take_offset(w[WORD_FRAME_EXECUTABLE], FRAME_MAX - 7, &p->code) &&
	       take_offset(w[WORD_FRAME_INSTR_PTR], FRAME_MAX - 7, &p->at) &&
	       take_offset(w[WORD_FRAME_OWNER], FRAME_MAX, &p->mark) &&
	       take_offset(w[WORD_CODE_FILENAME], UINT8_MAX, &p->co_file) &&
	       take_offset(w[WORD_CODE_NAME], UINT8_MAX, &p->co_name) &&
	       take_offset(w[WORD_CODE_QUALNAME], UINT8_MAX, &p->co_qualname) &&
	       take_offset(w[WORD_CODE_LINETABLE], UINT8_MAX, &p->co_lines) &&
	       take_offset(w[WORD_CODE_FIRSTLINENO], UINT8_MAX, &p->co_first_line) &&
	       take_offset(w[WORD_CODE_ADAPTIVE], UINT8_MAX, &p->co_code) &&
	       take_offset(w[WORD_ASCII_SIZE], UINT8_MAX, &p->str_ascii);
}

static uint64_t address(const struct inspect_symbols *s, const char *name)
{
	const struct inspect_symbol *symbol = inspect_symbols_find(s, name);

	return symbol ? symbol->vaddr : 0;
}

static bool find_text(const struct inspect_elf *e, uint64_t *text)
{
	for (size_t i = 0; i < e->nsegments; i++) {
		if (e->segments[i].exec) {
			*text = e->segments[i].vaddr - e->segments[i].offset;
			return true;
		}
	}
	return false;
}

static const struct gt_wire_python *layout_of(uint32_t version)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (version >> 8 == (3u << 8 | layouts[i].minor))
			return &layouts[i];
	}
	return NULL;
}

void inspect_python(const struct inspect_elf *e, const struct inspect_symbols *s,
		    struct inspect_image *img)
{
	const struct gt_wire_python *layout = layout_of(img->version);
	uint64_t runtime = address(s, "_PyRuntime"), words[WORDS];
	struct gt_wire_python p;

	if (!layout || !runtime || !find_text(e, &img->text))
		return;
	p = *layout;
	if (p.minor >= 13 &&
	    (!inspect_elf_read(e, runtime, words, sizeof(words)) || !own_offsets(words, &p)))
		return;
	p.key += runtime;
	p.code_type = address(s, "PyCode_Type");
	p.str_type = address(s, "PyUnicode_Type");
	p.bytes_type = address(s, "PyBytes_Type");
	if (p.code_type && p.str_type && p.bytes_type)
		img->python = p;
}

void inspect_python_move(struct gt_wire_python *p, uint64_t by)
{
	p->key += by;
	p->code_type += by;
	p->str_type += by;
	p->bytes_type += by;
}
