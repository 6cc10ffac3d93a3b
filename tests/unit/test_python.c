/* SPDX-License-Identifier: MIT */
/* Python frames: lines, texts, code objects in memory that may be anything, and where they go among
 * native frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/python/python_codes.h"
#include "user/python/python_lines.h"
#include "user/python/python_merge.h"
#include "user/python/python_text.h"

/* ---- lines ---- */

#define TABLE(s) (const uint8_t *)(s), sizeof(s) - 1

/* One function, whose calls and list lie over several lines, as 3.9, 3.10, 3.11 and 3.13 compiled
 * it; what dis and co_lines() said of it. */
static const struct {
	unsigned int minor;
	const uint8_t *table;
	size_t len;
	struct {
		int32_t at;
		uint32_t line;
	} is[14];
} functions[] = {
	{ 9,
	  TABLE("\x00\x01\x08\x02\x02\x01\x02\xff\x08\x02\x04\x01\x02\xff\x06\x03\x02\xff"),
	  { { -1, 10 },
	    { 0, 11 },
	    { 6, 11 },
	    { 8, 13 },
	    { 10, 14 },
	    { 12, 13 },
	    { 18, 13 },
	    { 20, 15 },
	    { 24, 16 },
	    { 26, 15 },
	    { 32, 18 },
	    { 34, 17 },
	    { 36, 17 } } },
	{ 10,
	  TABLE("\x08\x01\x02\x02\x02\x01\x08\xff\x04\x02\x02\x01\x06\xff\x02\x03\x04\xff"),
	  { { -2, 10 },
	    { 0, 11 },
	    { 6, 11 },
	    { 8, 13 },
	    { 10, 14 },
	    { 12, 13 },
	    { 18, 13 },
	    { 20, 15 },
	    { 24, 16 },
	    { 26, 15 },
	    { 32, 18 },
	    { 34, 17 },
	    { 36, 17 },
	    { 38, 0 } } },
	{ 11,
	  TABLE("\x80\x00\xd8\x08\x09\x88\x41\x89\x05\x80\x41\xe5\x0d\x12\xd8\x0c\x0d\xf1\x03\x01\x0e\x0f\xf4\x00\x01"
		"\x0e\x0f\xf0\x00\x03\x05\x0d\xf0\x00\x03\x05\x0d\x88\x01\xe5\x08\x09\x88\x21\xd8\x0a\x0b\xf1\x03\x01"
		"\x09\x0d\xf4\x00\x01\x09\x0d\xf0\x00\x01\x09\x0d\xf0\x00\x01\x09\x0d\xf0\x06\x00\x09\x0a\xf0\x03\x01"
		"\x0c\x0b\xf0\x00\x01\x05\x0b"),
	  { { -2, 10 },
	    { 0, 10 },
	    { 2, 11 },
	    { 10, 11 },
	    { 12, 13 },
	    { 24, 14 },
	    { 26, 13 },
	    { 44, 13 },
	    { 46, 15 },
	    { 60, 16 },
	    { 78, 15 },
	    { 80, 18 },
	    { 84, 17 },
	    { 86, 0 } } },
	{ 13,
	  TABLE("\x80\x00\xd8\x08\x09\x88\x41\x89\x05\x80\x41\xe4\x0d\x12\xd8\x0c\x0d\xf6\x03\x01\x0e\x0f\x88\x01\xe4"
		"\x08\x09\x88\x21\xd8\x0a\x0b\xf6\x03\x01\x09\x0d\xf1\x05\x01\x0e\x0f\xf0\x0a\x00\x09\x0a\xf0\x03\x01"
		"\x0c\x0b\xf0\x00\x01\x05\x0b"),
	  { { -2, 10 },
	    { 0, 10 },
	    { 2, 11 },
	    { 12, 13 },
	    { 22, 14 },
	    { 24, 13 },
	    { 40, 15 },
	    { 52, 16 },
	    { 54, 15 },
	    { 68, 13 },
	    { 72, 18 },
	    { 74, 17 },
	    { 76, 17 },
	    { 78, 0 } } },
};

static void lines_as_compiled(void **state)
{
	for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++)
		for (size_t i = 0; i < 14 && (functions[f].is[i].at || functions[f].is[i].line);
		     i++)
			assert_int_equal(python_line(functions[f].minor, functions[f].table,
						     functions[f].len, 10, functions[f].is[i].at),
					 functions[f].is[i].line);
}

static void code_without_a_line(void **state)
{
	/* 3.10: -128; 3.11: kind 15. */
	assert_int_equal(python_line(10, TABLE("\x04\x80\x02\x01"), 5, 2), 0);
	assert_int_equal(python_line(10, TABLE("\x04\x80\x02\x01"), 5, 4), 6);
	assert_int_equal(python_line(11, TABLE("\xf9\xd8\x00\x00"), 5, 0), 0);
	assert_int_equal(python_line(11, TABLE("\xf9\xd8\x00\x00"), 5, 4), 6);
}

static void lines_from_any_bytes(void **state)
{
	uint32_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint8_t table[33];
		size_t len = (size_t)(i % 34);

		for (size_t k = 0; k < sizeof(table); k++)
			table[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		for (unsigned int minor = 8; minor <= 13; minor++)
			assert_true(python_line(minor, table, len, seed, (int32_t)(seed >> 20)) <
				    1 << 30);
	}
	/* A number without an end. */
	assert_true(python_line(12, TABLE("\xf0\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f"), 1, 0) <
		    1 << 30);
}

/* ---- texts ---- */

static uint32_t str_state(uint32_t kind, bool ascii)
{
	return 1 | kind << 2 | 1 << 5 | (uint32_t)ascii << 6;
}

static void check_text(uint32_t kind, bool ascii, const void *chars, size_t n, const char *expected)
{
	struct python_text t;
	char *utf8;

	assert_true(python_text_head(n, str_state(kind, ascii), &t));
	utf8 = python_text_utf8(&t, chars);
	assert_string_equal(utf8, expected);
	free(utf8);
}

static void texts_of_every_width(void **state)
{
	static const uint16_t two[] = { 0x3b1, 'x', 0xd800, 0x20ac };
	static const uint32_t four[] = { 0x1f600, 'y', 0x110000, 0 };

	check_text(1, true, "caf", 3, "caf");
	check_text(1, false, "caf\xe9", 4, "caf\xc3\xa9");
	check_text(2, false, two, 4, "\xce\xb1x\xef\xbf\xbd\xe2\x82\xac");
	check_text(4, false, four, 4, "\xf0\x9f\x98\x80y\xef\xbf\xbd\xef\xbf\xbd");
	check_text(1, true, "", 0, "");
}

static void what_is_no_text(void **state)
{
	struct python_text t;

	assert_false(python_text_head(3, str_state(0, true), &t));
	assert_false(python_text_head(3, str_state(3, false), &t));
	assert_false(python_text_head(3, str_state(2, true), &t));
	assert_false(python_text_head(3, str_state(1, true) & ~(1u << 5), &t));
	assert_false(python_text_head(UINT64_MAX, str_state(1, true), &t));
	assert_true(python_text_head(INT64_MAX, str_state(4, false), &t));
	assert_int_equal(t.chars, PYTHON_TEXT_MAX);
}

/* ---- code objects ---- */

/* As those of 3.11 lie, in this very process. */
struct object {
	uint64_t count, type, length;
	uint64_t hash;
	uint32_t state, pad;
	uint64_t wstr;
	char text[40];
};
struct bytes {
	uint64_t count, type, length, hash;
	uint8_t text[32];
};
struct memory {
	uint8_t code[256];
	struct object name, file;
	struct bytes lines;
	char types[3];
};

static struct memory mem;
static struct process_memory_trouble trouble;
static struct gt_wire_python how;
static struct gt_wire_python_frame frame;

static void put(size_t offset, uint64_t value, size_t size)
{
	memcpy(mem.code + offset, &value, size);
}

static void make_str(struct object *o, const char *text)
{
	*o = (struct object){ .type = how.str_type,
			      .length = strlen(text),
			      .state = str_state(1, true) };
	snprintf(o->text, sizeof(o->text), "%s", text);
}

static int make_code(void **state)
{
	memset(&mem, 0, sizeof(mem));
	memset(&trouble, 0, sizeof(trouble));
	how = (struct gt_wire_python){ .minor = 11,
				       .at_pointer = 1,
				       .co_first_line = 72,
				       .co_file = 112,
				       .co_name = 120,
				       .co_qualname = 128,
				       .co_lines = 136,
				       .co_code = 184,
				       .str_ascii = 48,
				       .str_compact = 72,
				       .code_type = (uintptr_t)&mem.types[0],
				       .str_type = (uintptr_t)&mem.types[1],
				       .bytes_type = (uintptr_t)&mem.types[2] };
	make_str(&mem.name, "Class.method");
	make_str(&mem.file, "/a/file.py");
	mem.lines =
		(struct bytes){ .type = how.bytes_type, .length = 4, .text = { 0xd8, 0, 0, 0xd8 } };
	put(8, how.code_type, 8);
	put(72, 7, 4);
	put(112, (uintptr_t)&mem.file, 8);
	put(128, (uintptr_t)&mem.name, 8);
	put(136, (uintptr_t)&mem.lines, 8);
	frame = (struct gt_wire_python_frame){ .code = (uintptr_t)mem.code,
					       .lines = (uintptr_t)&mem.lines,
					       .at = 184,
					       .first_line = 7 };
	return 0;
}

static void codes_named(void **state)
{
	struct python_codes *c = python_codes_new(&trouble);
	struct python_function fn;

	assert_true(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	assert_string_equal(fn.name, "Class.method");
	assert_string_equal(fn.file, "/a/file.py");
	assert_int_equal(fn.line, 8);
	/* Its process has ended: what is known stays; of another address space nothing is. */
	assert_true(python_codes_find(c, 1, 0, &how, &frame, &fn));
	assert_string_equal(fn.name, "Class.method");
	assert_false(python_codes_find(c, 2, 0, &how, &frame, &fn));
	python_codes_free(c);
}

static void another_object_at_its_address(void **state)
{
	struct python_codes *c = python_codes_new(&trouble);
	struct python_function fn;
	struct object other;

	assert_true(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	make_str(&other, "other");
	put(128, (uintptr_t)&other, 8);
	assert_true(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	assert_string_equal(fn.name, "other");
	assert_true(python_codes_find(c, 1, 0, &how, &frame, &fn));
	assert_string_equal(fn.name, "other");
	/* What was seen is there no more, nor ever was looked at. */
	frame.first_line = 99;
	assert_false(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	frame.first_line = 7;
	put(136, 8, 8);
	assert_true(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	assert_string_equal(fn.name, "other");
	python_codes_free(c);
}

static void assert_unknown(void)
{
	struct python_codes *c = python_codes_new(&trouble);
	struct python_function fn;

	assert_false(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	python_codes_free(c);
}

static void codes_in_hostile_memory(void **state)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct object *at_the_end = (struct object *)(pages + 4096 - sizeof(struct object));

	assert_int_equal(munmap(pages + 4096, 4096), 0);
	frame.code = 0;
	assert_unknown();
	frame.code = UINT64_MAX - 4;
	assert_unknown();
	make_code(NULL);
	put(8, how.str_type, 8); /* no code object */
	assert_unknown();
	make_code(NULL);
	put(128, 8, 8); /* its name is nowhere, */
	assert_unknown();
	make_code(NULL);
	put(128, (uintptr_t)mem.code, 8); /* is itself, */
	assert_unknown();
	make_code(NULL);
	*at_the_end = mem.name; /* reaches past the end of memory, */
	at_the_end->length = 41;
	put(128, (uintptr_t)at_the_end, 8);
	assert_unknown();
	munmap(pages, 4096);
	make_code(NULL);
	mem.name.length = 0; /* is empty. */
	assert_unknown();
}

static void damaged_lines_and_files(void **state)
{
	struct python_codes *c = python_codes_new(&trouble);
	struct python_function fn;

	mem.lines.length = UINT64_MAX;
	put(112, 1, 8);
	assert_true(python_codes_find(c, 1, getpid(), &how, &frame, &fn));
	assert_string_equal(fn.name, "Class.method");
	assert_string_equal(fn.file, "");
	assert_int_equal(fn.line, 0);
	python_codes_free(c);
}

static void a_space_that_cost_a_worker(void **state)
{
	trouble.reading = 1;
	process_memory_note(&trouble);
	assert_unknown();
	assert_int_equal(trouble.reading, 0);
}

/* ---- among native frames ---- */

/* Frames as letters: natives L loop, g glue, anything else shown as it is. Python frames: lower
 * case, an upper-case one is the outermost of its call, '|' a frame of C's (3.12). Between them as
 * they came out; marks as '?' (no native),
 * '!' (no Python), '*' (no match). */
static void check_merge(unsigned int minor, const char *natives, const char *frames,
			const char *flags, const char *expected)
{
	enum python_native kinds[64];
	struct gt_wire_python_frame python[64] = { 0 };
	struct python_item items[128];
	struct python_merge m = { kinds,  strlen(natives), !strchr(flags, 'b'),
				  python, strlen(frames),  strchr(flags, 'c'),
				  minor };
	char out[129] = "";
	size_t n;

	for (size_t i = 0; natives[i]; i++)
		kinds[i] = natives[i] == 'L'   ? PYTHON_LOOP
			   : natives[i] == 'g' ? PYTHON_GLUE
					       : PYTHON_OTHER;
	for (size_t i = 0; frames[i]; i++) {
		if (minor == 11)
			python[i].mark = frames[i] >= 'A' && frames[i] <= 'Z';
		if (minor >= 12)
			python[i].mark = frames[i] == '|' ? 3 : 0;
	}
	n = python_merge(&m, items, 128);
	for (size_t i = 0; i < n; i++)
		out[i] = items[i].kind == PYTHON_ITEM_NATIVE ? natives[items[i].index]
			 : items[i].kind == PYTHON_ITEM_PYTHON
				 ? frames[items[i].index]
				 : "?!*"[items[i].kind - PYTHON_ITEM_NO_NATIVE];
	assert_string_equal(out, expected);
}

static void each_frame_a_call(void **state)
{
	check_merge(8, "12LgLgs34", "ab", "", "12abgs34");
	/* What is called from C stays between; glue outside of Python code too. */
	check_merge(10, "12LgsgLg3", "ab", "", "12asbg3");
	check_merge(9, "1gL2", "a", "", "1ga2");
}

static void several_frames_a_call(void **state)
{
	check_merge(11, "1LgsgL2", "abCdE", "", "1abCsdE2");
	check_merge(12, "1LgsgL2", "abc|de|", "", "1abcsde2");
	check_merge(13, "1L2", "abc|", "", "1abc2");
}

static void a_loop_that_has_just_begun(void **state)
{
	check_merge(8, "LgLg1", "a", "", "Lgag1");
	check_merge(11, "LgL1", "aB", "", "LgaB1");
	check_merge(12, "1LgL2", "|ab|", "", "1Lab2");
}

static void more_python_than_was_read(void **state)
{
	check_merge(8, "1LgLgLg2", "ab", "c", "1ab!gLg2");
	check_merge(11, "1LgLg2", "aBcd", "c", "1aBcd!g2");
}

static void native_frames_that_end_early(void **state)
{
	check_merge(8, "1LgL", "abcd", "b", "1ab?cd");
	check_merge(11, "12", "aBcD", "b", "12?aBcD");
	check_merge(11, "1L", "aBcd", "bc", "1aB?cd!");
}

static void loops_that_were_not_known(void **state)
{
	check_merge(11, "1L23L4", "aBcDeF", "", "1aBcDeF*4");
	/* No loop at all: nothing is interpreted there. */
	check_merge(11, "123", "aB", "", "123");
	check_merge(11, "1L2", "", "", "1L2");
}

static void merging_anything(void **state)
{
	uint32_t seed = 7;

	for (int i = 0; i < 50000; i++) {
		enum python_native kinds[40];
		struct gt_wire_python_frame python[GT_PYTHON_FRAMES_MAX + 8];
		struct python_item items[20];
		struct python_merge m = {
			kinds,	  seed >> 8 & 31,     seed & 1, python, seed >> 16 & 127,
			seed & 2, 8 + (seed >> 4) % 6
		};
		size_t n;

		for (size_t k = 0; k < 40; k++)
			kinds[k] = (seed = seed * 1664525 + 1013904223) >> 24 & 1 ? PYTHON_LOOP
										  : PYTHON_GLUE;
		for (size_t k = 0; k < GT_PYTHON_FRAMES_MAX + 8; k++)
			python[k].mark = (seed = seed * 1664525 + 1013904223) >> 30;
		n = python_merge(&m, items, 20);
		assert_true(n <= 20);
		for (size_t k = 0; k < n; k++)
			assert_true(items[k].index <
				    (items[k].kind == PYTHON_ITEM_NATIVE ? m.nnatives : 128));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_as_compiled),
		cmocka_unit_test(code_without_a_line),
		cmocka_unit_test(lines_from_any_bytes),
		cmocka_unit_test(texts_of_every_width),
		cmocka_unit_test(what_is_no_text),
		cmocka_unit_test_setup(codes_named, make_code),
		cmocka_unit_test_setup(another_object_at_its_address, make_code),
		cmocka_unit_test_setup(codes_in_hostile_memory, make_code),
		cmocka_unit_test_setup(damaged_lines_and_files, make_code),
		cmocka_unit_test_setup(a_space_that_cost_a_worker, make_code),
		cmocka_unit_test(each_frame_a_call),
		cmocka_unit_test(several_frames_a_call),
		cmocka_unit_test(a_loop_that_has_just_begun),
		cmocka_unit_test(more_python_than_was_read),
		cmocka_unit_test(native_frames_that_end_early),
		cmocka_unit_test(loops_that_were_not_known),
		cmocka_unit_test(merging_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
