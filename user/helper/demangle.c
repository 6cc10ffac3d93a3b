/* SPDX-License-Identifier: MIT */
#include "demangle.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SYMBOL 4096

/* Of the C++ runtime, which this program is linked with for this only: abi::__cxa_demangle(). */
char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status);

/* "::h" and 16 hexadecimal digits end every Rust name of the legacy kind, which else is C++'s. */
#define HASH_LEN 19

static bool is_rust(const char *name, size_t len)
{
	const char *hash = name + len - HASH_LEN;

	if (len <= HASH_LEN || strncmp(hash, "::h", 3))
		return false;
	for (int i = 3; i < HASH_LEN; i++) {
		if (!isxdigit((unsigned char)hash[i]) || isupper((unsigned char)hash[i]))
			return false;
	}
	return true;
}

/* What Rust writes for characters that a symbol may not have. */
static const struct {
	const char *escape, *text;
} escapes[] = {
	{ "$LT$", "<" },  { "$GT$", ">" },  { "$RF$", "&" },  { "$BP$", "*" },
	{ "$C$", "," },	  { "$LP$", "(" },  { "$RP$", ")" },  { "$u20$", " " },
	{ "$u27$", "'" }, { "$u5b$", "[" }, { "$u5d$", "]" }, { "$u7b$", "{" },
	{ "$u7d$", "}" }, { "$u7e$", "~" }, { "$SP$", "@" },  { "..", "::" },
};

/* Rewrite in place: no escape is shorter than what it stands for. */
static void clean_rust(char *name, size_t len)
{
	char *out = name, *in = name;

	name[len - HASH_LEN] = '\0';
	while (*in) {
		size_t i = 0, n = sizeof(escapes) / sizeof(escapes[0]);

		/* Rust puts "_" before an escape that would begin a part. */
		if (*in == '_' && in[1] == '$' && (in == name || in[-1] == ':'))
			in++;
		while (i < n && strncmp(in, escapes[i].escape, strlen(escapes[i].escape)))
			i++;
		if (i == n) {
			*out++ = *in++;
			continue;
		}
		in += strlen(escapes[i].escape);
		for (const char *t = escapes[i].text; *t; t++)
			*out++ = *t;
	}
	*out = '\0';
}

bool demangle(const char *symbol, char *to, size_t room)
{
	char *name;
	size_t len;
	int status;

	if (strncmp(symbol, "_Z", 2) || strnlen(symbol, MAX_SYMBOL) == MAX_SYMBOL)
		return false;
	name = __cxa_demangle(symbol, NULL, NULL, &status);
	if (!name)
		return false;
	len = strlen(name);
	if (is_rust(name, len))
		clean_rust(name, len);
	snprintf(to, room, "%s", name);
	free(name);
	return true;
}
