/* SPDX-License-Identifier: MIT */
/* Names on terminals, in lines, in JSON and in markup. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <analysis/render/json_value.h>
#include <analysis/render/markup.h>
#include <lib/escape.h>

#include "fuzz.h"

static int hex(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Was nothing cut, the name comes out of it again. */
static void check_whole(const char *escaped, const char *name)
{
	for (; *escaped; name++) {
		char c = *escaped++;

		if (c == '\\') {
			FUZZ_CHECK(escaped[0] == 'x' && strspn(escaped + 1, "0123456789abcdef") >= 2);
			c = (char)(hex(escaped[1]) << 4 | hex(escaped[2]));
			escaped += 3;
		}
		FUZZ_CHECK(c == *name);
	}
	FUZZ_CHECK(!*name);
}

static void check_escape(const char *name, size_t len, size_t room)
{
	char *out = malloc(room), *whole = malloc(4 * len + 4);
	size_t n;

	FUZZ_CHECK(out && whole);
	n = escape_to(out, room, name, len);
	FUZZ_CHECK(n < room && strlen(out) == n && fuzz_printable(out, n, false, false));
	n = escape_to(whole, 4 * len + 4, name, len);
	FUZZ_CHECK(fuzz_printable(whole, n, false, false));
	check_whole(whole, name);
	FUZZ_CHECK(n >= room || !strcmp(whole, out));
	free(out);
	free(whole);
}

static void check_markup(const char *name, size_t cut)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out);
	fputs("<a b=\"", out);
	markup_text(out, name);
	fputs("\" c='", out);
	markup_cut(out, name, cut);
	fputs("'>", out);
	markup_text(out, name);
	fputs("</a>", out);
	FUZZ_CHECK(!fclose(out));
	FUZZ_CHECK(fuzz_well_formed(text, len) && fuzz_printable(text, len, false, false));
	free(text);
}

static void check_json(const char *name)
{
	json_t *value = json_value_text(name), *again;
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	FUZZ_CHECK(text);
	again = json_loads(text, JSON_DECODE_ANY, NULL);
	FUZZ_CHECK(again && json_equal(value, again));
	json_decref(again);
	json_decref(value);
	free(text);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t room = 4 + fuzz_take(&in, 1) * 4, len;
	char *name = fuzz_take_text(&in, &len);

	len = strlen(name);
	check_escape(name, len, room);
	check_markup(name, room < MARKUP_NAME_MAX ? room : MARKUP_NAME_MAX);
	check_json(name);
	free(name);
}
