/* SPDX-License-Identifier: MIT */
#include "opts_values.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/render/render.h>
#include <analysis/results.h>
#include <lib/parse.h>

#define RING_MIN (4ULL << 10)
#define RING_MAX (1ULL << 30)
#define SECONDS_MAX 1e9
#define FACTOR_MAX 1e6
#define RATE_MAX 10000
#define JOBS_MAX 1024
#define TABLE_MAX (1 << 24)

static const char *const color_names[] = {
	[OPTS_COLOR_AUTO] = "auto",
	[OPTS_COLOR_ALWAYS] = "always",
	[OPTS_COLOR_NEVER] = "never",
};

static const char *const table_names[TABLES] = {
	[TABLE_TARGETS] = "targets",	     [TABLE_FOUND_IDS] = "found_ids",
	[TABLE_FUTEX_CALLS] = "futex_calls", [TABLE_STACKS_KNOWN] = "stacks_known",
	[TABLE_PYTHONS] = "pythons",
};

#define NCOLORS (sizeof(color_names) / sizeof(color_names[0]))

int opts_fail(const struct opts_parse *p, int err, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	if (p->row && p->by_letter)
		n = snprintf(p->error, OPTS_ERROR_MAX, "option -%c: ", p->row->letter);
	else if (p->row)
		n = snprintf(p->error, OPTS_ERROR_MAX, "option --%s: ", p->row->name);
	va_start(ap, fmt);
	vsnprintf(p->error + n, OPTS_ERROR_MAX - n, fmt, ap);
	va_end(ap);
	return err;
}

int opts_shown(size_t len)
{
	return len < 200 ? len : 200;
}

static void *field(const struct opts_parse *p)
{
	return (char *)p->o + p->row->offset;
}

static int set_flag(const struct opts_parse *p, const char *value)
{
	*(int *)field(p) = p->row->value;
	return 0;
}

static int set_string(const struct opts_parse *p, const char *value)
{
	if (!*value)
		return opts_fail(p, -EINVAL, "the %s is empty", p->row->metavar);
	*(const char **)field(p) = value;
	return 0;
}

static int set_seconds(const struct opts_parse *p, const char *value)
{
	double seconds;
	int err = parse_double(value, 0, SECONDS_MAX, &seconds);

	if (err == -EINVAL)
		return opts_fail(p, err, "'%.200s' is not a number of seconds", value);
	if (err || seconds * 1e9 < 1)
		return opts_fail(p, -EINVAL, "%s is out of range: above 0, up to %.0f seconds",
				 value, SECONDS_MAX);
	*(uint64_t *)field(p) = seconds * 1e9;
	return 0;
}

static int set_factor(const struct opts_parse *p, const char *value)
{
	double factor;
	int err = parse_double(value, 0, FACTOR_MAX, &factor);

	if (err == -EINVAL)
		return opts_fail(p, err, "'%.200s' is not a number", value);
	if (err || factor == 0)
		return opts_fail(p, -EINVAL, "%s is out of range: above 0, up to %.0f", value,
				 FACTOR_MAX);
	*(double *)field(p) = factor;
	return 0;
}

static int set_size(const struct opts_parse *p, const char *value)
{
	uint64_t bytes;
	int err = parse_size(value, RING_MIN, RING_MAX, &bytes);

	if (err == -EINVAL)
		return opts_fail(p, err, "'%.200s' is not a size (a number, or one with K, M or G)",
				 value);
	if (err || (bytes & (bytes - 1)))
		return opts_fail(p, -EINVAL, "%s is not a power of two from 4K to 1G", value);
	*(uint64_t *)field(p) = bytes;
	return 0;
}

static int set_color(const struct opts_parse *p, const char *value)
{
	for (size_t i = 0; i < NCOLORS; i++) {
		if (strcmp(value, color_names[i]) == 0) {
			*(int *)field(p) = i;
			return 0;
		}
	}
	return opts_fail(p, -EINVAL, "'%.200s' is none of auto, always, never", value);
}

static int set_rate(const struct opts_parse *p, const char *value)
{
	uint64_t rate;
	int err = parse_u64(value, 0, RATE_MAX, &rate);

	if (err == -EINVAL)
		return opts_fail(p, err, "'%.200s' is not a number", value);
	if (err)
		return opts_fail(p, -EINVAL, "%s is out of range: up to %d a second", value,
				 RATE_MAX);
	*(int *)field(p) = rate ? (int)rate : OPTS_SAMPLE_OFF;
	return 0;
}

static int set_jobs(const struct opts_parse *p, const char *value)
{
	uint64_t jobs;
	int err = parse_u64(value, 1, JOBS_MAX, &jobs);

	if (err == -EINVAL)
		return opts_fail(p, err, "'%.200s' is not a number", value);
	if (err)
		return opts_fail(p, -EINVAL, "%s is out of range: 1 to %d", value, JOBS_MAX);
	*(unsigned int *)field(p) = (unsigned int)jobs;
	return 0;
}

static int add_pid(const struct opts_parse *p, pid_t pid)
{
	struct options *o = p->o;
	pid_t *more;

	for (size_t i = 0; i < o->npids; i++)
		if (o->pids[i] == pid)
			return 0;
	more = realloc(o->pids, (o->npids + 1) * sizeof(*more));
	if (!more)
		return opts_fail(p, -ENOMEM, "out of memory");
	o->pids = more;
	o->pids[o->npids++] = pid;
	return 0;
}

static int set_pids(const struct opts_parse *p, const char *value)
{
	uint64_t *pids;
	size_t n;
	int err = parse_list(value, 1, INT_MAX, &pids, &n);

	if (err == -ENOMEM)
		return opts_fail(p, err, "out of memory");
	if (err)
		return opts_fail(p, -EINVAL,
				 "'%.200s' is not a process id, or several with commas between",
				 value);
	for (size_t i = 0; i < n && !err; i++)
		err = add_pid(p, pids[i]);
	free(pids);
	return err;
}

/* Names of a family, for "KIND is one of …". */
static const char *kind_name(size_t index)
{
	const struct renderer *r = render_at(index);

	return r ? r->name : NULL;
}

static const char *class_name(size_t index)
{
	return index < VERDICT_COUNT ? verdict_class_name(index) : NULL;
}

static const char *stacks_name(size_t index)
{
	return index < STACK_KINDS ? stack_kind_name(index) : NULL;
}

static void join_names(const char *(*name_at)(size_t), char *out, size_t size)
{
	const char *name;
	size_t len = 0;

	for (size_t i = 0; (name = name_at(i)) && len < size; i++)
		len += snprintf(out + len, size - len, "%s%s", i ? ", " : "", name);
}

static int set_export(const struct opts_parse *p, const char *value)
{
	const char *colon = strchr(value, ':');
	struct opts_export *more;
	const struct renderer *r = NULL;
	char kind[32] = "", names[256] = "";

	if (!colon && render_find(value))
		return opts_fail(p, -EINVAL,
				 "'%s' is not KIND:FILE; did you mean %s:- for standard output?",
				 value, value);
	if (!colon || !colon[1])
		return opts_fail(p, -EINVAL, "'%.200s' is not KIND:FILE", value);
	if ((size_t)(colon - value) < sizeof(kind)) {
		memcpy(kind, value, colon - value);
		r = render_find(kind);
	}
	if (!r) {
		join_names(kind_name, names, sizeof(names));
		return opts_fail(p, -EINVAL, "there is no kind '%.*s'; there are: %s",
				 opts_shown(colon - value), value, names);
	}
	more = realloc(p->o->exports, (p->o->nexports + 1) * sizeof(*more));
	if (!more)
		return opts_fail(p, -ENOMEM, "out of memory");
	p->o->exports = more;
	more[p->o->nexports++] = (struct opts_export){ .renderer = r, .file = colon + 1 };
	return 0;
}

static int set_class(const struct opts_parse *p, const char *value)
{
	enum verdict_class class = verdict_class_parse(value);
	char names[256] = "";

	if (class == VERDICT_COUNT) {
		join_names(class_name, names, sizeof(names));
		return opts_fail(p, -EINVAL, "there is no verdict '%.200s'; there are: %s", value,
				 names);
	}
	*(unsigned int *)field(p) |= 1U << class;
	return 0;
}

/* KIND[,KIND…]; the first of all is what graphs are drawn of. */
static int set_stacks(const struct opts_parse *p, const char *value)
{
	char names[256] = "", name[32];
	enum stack_kind kind;
	size_t len;

	for (;; value += len + 1) {
		len = strcspn(value, ",");
		snprintf(name, sizeof(name), "%.*s", opts_shown(len), value);
		kind = len < sizeof(name) ? stack_kind_parse(name) : STACK_KINDS;
		if (kind == STACK_KINDS) {
			join_names(stacks_name, names, sizeof(names));
			return opts_fail(p, -EINVAL, "there are no stacks '%.*s'; there are: %s",
					 opts_shown(len), value, names);
		}
		p->o->stacks |= 1U << kind;
		if (!*(int *)field(p))
			*(int *)field(p) = 1 + (int)kind;
		if (!value[len])
			return 0;
	}
}

bool opts_many_stacks(const struct options *o)
{
	return o->stacks & (o->stacks - 1);
}

static const char *table_name(size_t index)
{
	return index < TABLES ? table_names[index] : NULL;
}

static int set_table(const struct opts_parse *p, const char *value)
{
	size_t len = strcspn(value, "="), table = 0;
	char names[256] = "";
	uint64_t entries;

	while (table < TABLES &&
	       (strncmp(value, table_names[table], len) || table_names[table][len]))
		table++;
	if (table == TABLES) {
		join_names(table_name, names, sizeof(names));
		return opts_fail(p, -EINVAL, "there is no table '%.*s'; there are: %s",
				 opts_shown(len), value, names);
	}
	if (!value[len] || parse_u64(value + len + 1, 1, TABLE_MAX, &entries))
		return opts_fail(p, -EINVAL, "'%.200s' is not NAME=N, N from 1 to %d", value,
				 TABLE_MAX);
	((uint32_t *)field(p))[table] = (uint32_t)entries;
	return 0;
}

/* How each type is set, and what its values are where that is a list. */
static const struct {
	int (*set)(const struct opts_parse *p, const char *value);
	const char *(*name_at)(size_t index);
	const char *noun; /* what help calls one of the list */
} types[] = {
	[OPT_FLAG] = { set_flag },
	[OPT_STRING] = { set_string },
	[OPT_SECONDS] = { set_seconds },
	[OPT_SIZE] = { set_size },
	[OPT_FACTOR] = { set_factor },
	[OPT_COLOR] = { set_color },
	[OPT_PIDS] = { set_pids },
	[OPT_EXPORT] = { set_export, kind_name, "KIND" },
	[OPT_CLASS] = { set_class, class_name, "CLASS" },
	[OPT_STACKS] = { set_stacks, stacks_name, "WHAT" },
	[OPT_RATE] = { set_rate },
	[OPT_JOBS] = { set_jobs },
	[OPT_TABLE] = { set_table, table_name, "NAME" },
};

int opts_set(const struct opts_parse *p, const char *value)
{
	return types[p->row->type].set(p, value);
}

const char *opts_values(enum opt_type type, char *out, size_t size)
{
	out[0] = '\0';
	if (types[type].name_at)
		join_names(types[type].name_at, out, size);
	return types[type].noun;
}
