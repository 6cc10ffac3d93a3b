/* SPDX-License-Identifier: MIT */
/* A command line: words parted by NUL. The first byte chooses the command. */
#include <stdlib.h>
#include <string.h>

#include <user/opts.h>
#include <user/wanted.h>

#include "fuzz.h"

#define WORDS_MAX 32

static void check_values(const struct options *o)
{
	struct wanted wanted;
	const char *wrong;

	FUZZ_CHECK(!(o->ring_bytes & (o->ring_bytes - 1)));
	FUZZ_CHECK(o->min_parallelism >= 0 && o->sample_hz >= OPTS_SAMPLE_OFF);
	for (size_t i = 0; i < o->nexports; i++)
		FUZZ_CHECK(o->exports[i].renderer && o->exports[i].file[0]);
	for (size_t i = 0; i < o->npids; i++)
		FUZZ_CHECK(o->pids[i] > 0);
	for (int target = GT_TARGET_COMMAND; target <= GT_TARGET_ALL; target++) {
		wrong = wanted_stacks(o, (enum gt_target)target, &wanted);
		FUZZ_CHECK(wrong || !wanted.sample_hz == !(wanted.stacks & GT_STACKS_ONCPU));
	}
	opts_many_stacks(o);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int commands = 1u << fuzz_take(&in, 1) % 6;
	char *words[WORDS_MAX + 1] = { 0 }, error[OPTS_ERROR_MAX] = "";
	struct options o = { 0 };
	bool dashes = false;
	size_t n = 0, len;
	char *text = fuzz_take_text(&in, &len);
	int used;

	for (size_t at = 0; at < len && n < WORDS_MAX; at += strlen(text + at) + 1)
		words[n++] = text + at;
	FUZZ_CHECK(opts_skip(words) <= n);
	used = opts_parse(commands, words, &o, &dashes, error);
	if (used < 0) {
		FUZZ_CHECK(error[0] && strnlen(error, sizeof(error)) < sizeof(error));
	} else {
		FUZZ_CHECK((size_t)used <= n);
		check_values(&o);
		/* What was taken does not depend on what follows. */
		FUZZ_CHECK(dashes || (size_t)used == n || words[used][0] != '-' ||
			   !words[used][1]);
	}
	opts_free(&o);
	free(text);
}
