/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is a file fuzz_NAME.c with fuzz_one(); libFuzzer or
 * replay.c calls it. It must do the same for the same bytes, keep nothing from one call to the
 * next, and stop by fuzz_fail() where an answer is wrong, not only where the program would crash.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The target. */
void fuzz_one(const uint8_t *data, size_t size);

/* For libFuzzer and replay.c. Messages of giltrace itself are thrown away. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what is wrong and ends the program in a way that fuzzers take for a crash. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);
#define FUZZ_CHECK(condition)                                                                      \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

/* ---- input, taken from the front; what is missing is 0 ---- */

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

uint64_t fuzz_take(struct fuzz_input *in, size_t bytes); /* a number of up to 8 bytes */
size_t fuzz_take_bytes(struct fuzz_input *in, void *to, size_t n); /* how many there were */
/* Up to a NUL or `room` - 1 bytes, terminated. */
char *fuzz_take_string(struct fuzz_input *in, char *to, size_t room);
/* All that is left, terminated and in memory of its own, to be freed. */
char *fuzz_take_text(struct fuzz_input *in, size_t *len);

/* ---- files ---- */

/* A file in memory that holds these bytes; the caller's to close. */
int fuzz_file(const void *data, size_t size);
void fuzz_file_path(int fd, char path[32]); /* by which it can be opened again */

/* ---- what is to hold of printed things ---- */

/* Nothing that moves a cursor or breaks a line, and valid UTF-8 (or ASCII alone). */
bool fuzz_printable(const char *text, size_t len, bool newlines, bool ascii);
/* Every tag that opens closes, attributes are quoted, and & begins an entity of XML's own. */
bool fuzz_well_formed(const char *xml, size_t len);

#endif
