/* SPDX-License-Identifier: MIT */
#include "lib/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char suffixes[] = "KMG"; /* each 1024 times the one before */

/* Digits from s on. *end is the first character after them. */
static int parse_digits(const char *s, uint64_t *out, const char **end)
{
	int base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
	const char *digits = base == 16 ? s + 2 : s;
	char *after;

	/* strtoull would take spaces, signs and a second 0x */
	if (!strspn(digits, "0123456789abcdefABCDEF") || (digits[1] | 0x20) == 'x')
		return -EINVAL;
	errno = 0;
	*out = strtoull(digits, &after, base);
	*end = after;
	if (after == digits)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

static int in_range(uint64_t value, uint64_t min, uint64_t max, uint64_t *out)
{
	if (value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end = s;
	uint64_t value;
	int err = parse_digits(s, &value, &end);

	if (err != -EINVAL && *end)
		return -EINVAL;
	return err ? err : in_range(value, min, max, out);
}

int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end = s, *suffix;
	uint64_t value;
	int err = parse_digits(s, &value, &end);

	if (err == -EINVAL)
		return err;
	if (*end) {
		suffix = strchr(suffixes, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!suffix || end[1])
			return -EINVAL;
		for (const char *s2 = suffixes; s2 <= suffix && !err; s2++)
			err = __builtin_mul_overflow(value, 1024, &value) ? -ERANGE : 0;
	}
	return err ? err : in_range(value, min, max, out);
}

int parse_double(const char *s, double min, double max, double *out)
{
	double value;
	char *end;

	/* strtod would take spaces, signs, inf, nan and hexadecimal */
	if (!*s || strspn(s, "0123456789.eE+-") != strlen(s) || *s == '+' || *s == '-')
		return -EINVAL;
	errno = 0;
	value = strtod(s, &end);
	if (end == s || *end)
		return -EINVAL;
	if (errno || value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_list(const char *s, uint64_t min, uint64_t max, uint64_t **out, size_t *n)
{
	uint64_t *list = calloc(strlen(s) / 2 + 1, sizeof(*list));
	char *copy = strdup(s), *rest = copy, *word;
	size_t count = 0;
	int err = list && copy ? 0 : -ENOMEM;

	while (!err && (word = strsep(&rest, ",")))
		err = parse_u64(word, min, max, &list[count++]);
	free(copy);
	if (err) {
		free(list);
		return err;
	}
	*out = list;
	*n = count;
	return 0;
}
