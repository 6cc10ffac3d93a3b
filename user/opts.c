/* SPDX-License-Identifier: MIT */
#include "opts.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/render/render.h>
#include <analysis/results.h>
#include <lib/nearest.h>
#include <lib/parse.h>

#define AT(field) offsetof(struct options, field)
#define TRACING (OPTS_RUN | OPTS_RECORD | OPTS_COMPARE)
#define REPORTING (OPTS_RUN | OPTS_RECORD | OPTS_REPORT | OPTS_COMPARE)
#define EVERY (REPORTING | OPTS_DOCTOR | OPTS_HELP)

#define RING_MIN (4ULL << 10)
#define RING_MAX (1ULL << 30)
#define SECONDS_MAX 1e9
#define FACTOR_MAX 1e6
#define RATE_MAX 10000
#define JOBS_MAX 1024
#define TABLE_MAX (1 << 24)

static const struct opt_row rows[] = {
	{ "output", 'o', OPT_STRING, AT(output), OPTS_RUN | OPTS_RECORD, "FILE",
	  "keep the trace in FILE" },
	{ "pid", 'p', OPT_PIDS, AT(pids), OPTS_RUN | OPTS_RECORD, "PID[,PID...]",
	  "trace running processes, their threads and children, until they end, -d or Ctrl-C" },
	{ "all", 'a', OPT_FLAG, AT(all), OPTS_RUN | OPTS_RECORD, NULL,
	  "trace everything on the machine, giltrace itself left out", 1 },
	{ "duration", 'd', OPT_SECONDS, AT(duration), TRACING, "SECONDS",
	  "stop tracing after SECONDS; a launched command runs on" },
	{ "user", 0, OPT_STRING, AT(user), TRACING, "NAME",
	  "run the command as NAME instead of as the user who called sudo" },
	{ "as-root", 0, OPT_FLAG, AT(as_root), TRACING, NULL, "run the command as root", 1 },
	{ "wait-all", 0, OPT_FLAG, AT(wait_all), TRACING, NULL,
	  "trace until the last descendant of the command has ended, not only the command", 1 },
	{ "futex-calls", 0, OPT_FLAG, AT(futex_calls), TRACING, NULL,
	  "count futex calls; the default for a launched command, and with -p and -a where only futex calls "
	  "pay for it (see doctor)",
	  OPTS_FUTEX_ON },
	{ "no-futex-calls", 0, OPT_FLAG, AT(futex_calls), TRACING, NULL,
	  "do not count futex calls; the default with -p and -a where counting slows every system call of the "
	  "machine, by some 30 ns",
	  OPTS_FUTEX_OFF },
	{ "stacks", 0, OPT_STACKS, AT(drawn), REPORTING, "WHAT[,WHAT]",
	  "what stacks are taken, beside those of locks, and what flame graphs of them weigh; of several all are "
	  "taken and the first is drawn, the others by report --stacks; lock is the default, except that with -a none "
	  "are taken" },
	{ "no-stacks", 0, OPT_FLAG, AT(no_stacks), TRACING, NULL, "take no stacks", 1 },
	{ "frequency", 'F', OPT_RATE, AT(sample_hz), TRACING, "HZ",
	  "look HZ times a second on each CPU what runs there, 0 for never; the default is 99 with --stacks oncpu and "
	  "critical, otherwise never" },
	{ "probe-locks", 0, OPT_FLAG, AT(probe_locks), TRACING, NULL,
	  "probe the functions by which interpreters take and let go of their global lock: exact times of "
	  "holding, for about 1 us a call",
	  1 },
	{ "no-usdt", 0, OPT_FLAG, AT(no_usdt), TRACING, NULL,
	  "leave the static probes alone that programs have in their own locks (provider gil)", 1 },
	{ "buffer", 'b', OPT_SIZE, AT(ring_bytes), TRACING, "SIZE",
	  "ring buffer per CPU, a power of two from 4K to 1G; more where records are lost" },
	{ "table", 0, OPT_TABLE, AT(tables), TRACING, "NAME=N",
	  "entries of a table in the kernel, more where the report says that one was full; may be repeated" },
	{ "export", 0, OPT_EXPORT, AT(exports), REPORTING, "KIND:FILE",
	  "also write the report as KIND into FILE (- is standard output); may be repeated" },
	{ "json", 0, OPT_FLAG, AT(json), REPORTING, NULL, "JSON on standard output and no text",
	  1 },
	{ "min-parallelism", 0, OPT_FACTOR, AT(min_parallelism), REPORTING, "X",
	  "exit with status 100 when the average parallelism is below X" },
	{ "fail-if", 0, OPT_CLASS, AT(fail_if), REPORTING, "CLASS",
	  "exit with status 100 when the verdict is CLASS; may be repeated" },
	{ "jobs", 'j', OPT_JOBS, AT(jobs), REPORTING, "N",
	  "use up to N CPUs for the analysis; the default is every CPU that giltrace may run on" },
	{ "color", 0, OPT_COLOR, AT(color), REPORTING, "WHEN",
	  "colours: auto (on terminals, unless NO_COLOR is set), always or never" },
	{ "quiet", 'q', OPT_FLAG, AT(quiet), REPORTING, NULL,
	  "no messages but errors and the report", 1 },
	{ "verbose", 'v', OPT_FLAG, AT(verbose), TRACING, NULL,
	  "what libbpf says while loading, too", 1 },
	{ "help", 'h', OPT_FLAG, AT(help), EVERY, NULL, "this help", 1 },
};

static const char *const color_names[] = {
	[OPTS_COLOR_AUTO] = "auto",
	[OPTS_COLOR_ALWAYS] = "always",
	[OPTS_COLOR_NEVER] = "never",
};

static const char *const table_names[TABLES] = {
	[TABLE_TARGETS] = "targets",	       [TABLE_FOUND_IDS] = "found_ids",
	[TABLE_FUTEX_CALLS] = "futex_calls",   [TABLE_STACKS_KNOWN] = "stacks_known",
	[TABLE_PYTHONS] = "pythons",
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))
#define NCOLORS (sizeof(color_names) / sizeof(color_names[0]))

const struct opt_row *opts_at(size_t index)
{
	return index < NROWS ? &rows[index] : NULL;
}

/* ---- values ---- */

struct parse {
	struct options *o;
	const struct opt_row *row; /* NULL: not about one option's value */
	bool by_letter;		   /* how it was called, which is how messages call it */
	char *error;
};

static int fail(const struct parse *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct parse *p, int err, const char *fmt, ...)
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

/* How much of a wrong word a message repeats: as precision, next to the 200 in the other formats.
 */
static int shown(size_t len)
{
	return len < 200 ? len : 200;
}

static void *field(const struct parse *p)
{
	return (char *)p->o + p->row->offset;
}

static int set_flag(const struct parse *p, const char *value)
{
	*(int *)field(p) = p->row->value;
	return 0;
}

static int set_string(const struct parse *p, const char *value)
{
	if (!*value)
		return fail(p, -EINVAL, "the %s is empty", p->row->metavar);
	*(const char **)field(p) = value;
	return 0;
}

static int set_seconds(const struct parse *p, const char *value)
{
	double seconds;
	int err = parse_double(value, 0, SECONDS_MAX, &seconds);

	if (err == -EINVAL)
		return fail(p, err, "'%.200s' is not a number of seconds", value);
	if (err || seconds * 1e9 < 1)
		return fail(p, -EINVAL, "%s is out of range: above 0, up to %.0f seconds", value,
			    SECONDS_MAX);
	*(uint64_t *)field(p) = seconds * 1e9;
	return 0;
}

static int set_factor(const struct parse *p, const char *value)
{
	double factor;
	int err = parse_double(value, 0, FACTOR_MAX, &factor);

	if (err == -EINVAL)
		return fail(p, err, "'%.200s' is not a number", value);
	if (err || factor == 0)
		return fail(p, -EINVAL, "%s is out of range: above 0, up to %.0f", value,
			    FACTOR_MAX);
	*(double *)field(p) = factor;
	return 0;
}

static int set_size(const struct parse *p, const char *value)
{
	uint64_t bytes;
	int err = parse_size(value, RING_MIN, RING_MAX, &bytes);

	if (err == -EINVAL)
		return fail(p, err, "'%.200s' is not a size (a number, or one with K, M or G)",
			    value);
	if (err || (bytes & (bytes - 1)))
		return fail(p, -EINVAL, "%s is not a power of two from 4K to 1G", value);
	*(uint64_t *)field(p) = bytes;
	return 0;
}

static int set_color(const struct parse *p, const char *value)
{
	for (size_t i = 0; i < NCOLORS; i++) {
		if (strcmp(value, color_names[i]) == 0) {
			*(int *)field(p) = i;
			return 0;
		}
	}
	return fail(p, -EINVAL, "'%.200s' is none of auto, always, never", value);
}

static int set_rate(const struct parse *p, const char *value)
{
	uint64_t rate;
	int err = parse_u64(value, 0, RATE_MAX, &rate);

	if (err == -EINVAL)
		return fail(p, err, "'%.200s' is not a number", value);
	if (err)
		return fail(p, -EINVAL, "%s is out of range: up to %d a second", value, RATE_MAX);
	*(int *)field(p) = rate ? (int)rate : OPTS_SAMPLE_OFF;
	return 0;
}

static int set_jobs(const struct parse *p, const char *value)
{
	uint64_t jobs;
	int err = parse_u64(value, 1, JOBS_MAX, &jobs);

	if (err == -EINVAL)
		return fail(p, err, "'%.200s' is not a number", value);
	if (err)
		return fail(p, -EINVAL, "%s is out of range: 1 to %d", value, JOBS_MAX);
	*(unsigned int *)field(p) = (unsigned int)jobs;
	return 0;
}

static int add_pid(const struct parse *p, pid_t pid)
{
	struct options *o = p->o;
	pid_t *more;

	for (size_t i = 0; i < o->npids; i++)
		if (o->pids[i] == pid)
			return 0;
	more = realloc(o->pids, (o->npids + 1) * sizeof(*more));
	if (!more)
		return fail(p, -ENOMEM, "out of memory");
	o->pids = more;
	o->pids[o->npids++] = pid;
	return 0;
}

static int set_pids(const struct parse *p, const char *value)
{
	uint64_t *pids;
	size_t n;
	int err = parse_list(value, 1, INT_MAX, &pids, &n);

	if (err == -ENOMEM)
		return fail(p, err, "out of memory");
	if (err)
		return fail(p, -EINVAL,
			    "'%.200s' is not a process id, or several with commas between", value);
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

static int set_export(const struct parse *p, const char *value)
{
	const char *colon = strchr(value, ':');
	struct opts_export *more;
	const struct renderer *r = NULL;
	char kind[32] = "", names[256] = "";

	if (!colon || !colon[1])
		return fail(p, -EINVAL, "'%.200s' is not KIND:FILE", value);
	if ((size_t)(colon - value) < sizeof(kind)) {
		memcpy(kind, value, colon - value);
		r = render_find(kind);
	}
	if (!r) {
		join_names(kind_name, names, sizeof(names));
		return fail(p, -EINVAL, "there is no kind '%.*s'; there are: %s",
			    shown(colon - value), value, names);
	}
	more = realloc(p->o->exports, (p->o->nexports + 1) * sizeof(*more));
	if (!more)
		return fail(p, -ENOMEM, "out of memory");
	p->o->exports = more;
	more[p->o->nexports++] = (struct opts_export){ .renderer = r, .file = colon + 1 };
	return 0;
}

static int set_class(const struct parse *p, const char *value)
{
	enum verdict_class class = verdict_class_parse(value);
	char names[256] = "";

	if (class == VERDICT_COUNT) {
		join_names(class_name, names, sizeof(names));
		return fail(p, -EINVAL, "there is no verdict '%.200s'; there are: %s", value,
			    names);
	}
	*(unsigned int *)field(p) |= 1U << class;
	return 0;
}

/* KIND[,KIND…]; the first of all is what graphs are drawn of. */
static int set_stacks(const struct parse *p, const char *value)
{
	char names[256] = "", name[32];
	enum stack_kind kind;
	size_t len;

	for (;; value += len + 1) {
		len = strcspn(value, ",");
		snprintf(name, sizeof(name), "%.*s", shown(len), value);
		kind = len < sizeof(name) ? stack_kind_parse(name) : STACK_KINDS;
		if (kind == STACK_KINDS) {
			join_names(stacks_name, names, sizeof(names));
			return fail(p, -EINVAL, "there are no stacks '%.*s'; there are: %s",
				    shown(len), value, names);
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

static int set_table(const struct parse *p, const char *value)
{
	size_t len = strcspn(value, "="), table = 0;
	char names[256] = "";
	uint64_t entries;

	while (table < TABLES && (strncmp(value, table_names[table], len) || table_names[table][len]))
		table++;
	if (table == TABLES) {
		join_names(table_name, names, sizeof(names));
		return fail(p, -EINVAL, "there is no table '%.*s'; there are: %s", shown(len), value,
			    names);
	}
	if (!value[len] || parse_u64(value + len + 1, 1, TABLE_MAX, &entries))
		return fail(p, -EINVAL, "'%.200s' is not NAME=N, N from 1 to %d", value, TABLE_MAX);
	((uint32_t *)field(p))[table] = (uint32_t)entries;
	return 0;
}

/* How each type is set, and what its values are where that is a list. */
static const struct {
	int (*set)(const struct parse *p, const char *value);
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

/* ---- words ---- */

static const char *row_name(size_t index)
{
	return index < NROWS ? rows[index].name : NULL;
}

static const struct opt_row *find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < NROWS; i++)
		if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

static const struct opt_row *find_letter(char letter)
{
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].letter && rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* "--name", "--name=value" or "--name value". Words used, or -errno. */
static int parse_long(struct parse *p, unsigned int commands, char **argv)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '='), *near;
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt_row *row = find_long(name, len);
	char word[32];
	int err;

	if (!row) {
		snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)),
			 name);
		near = nearest(word, row_name);
		return fail(p, -EINVAL, "unknown option --%.*s%s%s%s", shown(len), name,
			    near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
	}
	if (!(row->commands & commands))
		return fail(p, -EINVAL, "option --%s does not apply to this command", row->name);
	p->row = row;
	if (!row->metavar && equals)
		return fail(p, -EINVAL, "takes no value");
	if (row->metavar && !equals && !argv[1])
		return fail(p, -EINVAL, "%s is missing", row->metavar);
	err = types[row->type].set(p, equals ? equals + 1 : argv[1]);
	if (err)
		return err;
	p->row = NULL;
	return row->metavar && !equals ? 2 : 1;
}

/* "-q", "-qv", "-d5" or "-d 5". Words used, or -errno. */
static int parse_letters(struct parse *p, unsigned int commands, char **argv)
{
	for (const char *s = argv[0] + 1; *s; s++) {
		const struct opt_row *row = find_letter(*s);
		const char *value = s[1] ? s + 1 : argv[1];
		int err;

		if (!row)
			return fail(p, -EINVAL, "unknown option -%c%s%s", *s,
				    s == argv[0] + 1 && !s[1] ? "" : " in ",
				    s == argv[0] + 1 && !s[1] ? "" : argv[0]);
		if (!(row->commands & commands))
			return fail(p, -EINVAL, "option -%c does not apply to this command", *s);
		p->row = row;
		if (row->metavar && !value)
			return fail(p, -EINVAL, "%s is missing", row->metavar);
		err = types[row->type].set(p, value);
		if (err)
			return err;
		p->row = NULL;
		if (row->metavar)
			return s[1] ? 1 : 2;
	}
	return 1;
}

/* The leading options; `*used` counts their words even when one of them is refused. 0 or -errno. */
static int parse_words(struct parse *p, unsigned int commands, char **argv, size_t *used)
{
	/* A lone "-" is a file name to every other tool, so it is no option here either. */
	for (*used = 0; argv[*used] && argv[*used][0] == '-' && argv[*used][1];) {
		char **word = argv + *used;
		int n;

		if (strcmp(*word, "--") == 0)
			return 0;
		p->by_letter = (*word)[1] != '-';
		n = p->by_letter ? parse_letters(p, commands, word) : parse_long(p, commands, word);
		if (n < 0)
			return n;
		*used += n;
	}
	return 0;
}

int opts_parse(unsigned int commands, char **argv, struct options *o, bool *dashes,
	       char error[OPTS_ERROR_MAX])
{
	struct parse p = { .o = o, .error = error };
	size_t used;
	int err = parse_words(&p, commands, argv, &used);

	if (err)
		return err;
	*dashes = argv[used] && strcmp(argv[used], "--") == 0;
	return used + *dashes;
}

size_t opts_skip(char **argv)
{
	char error[OPTS_ERROR_MAX];
	struct options scratch = { 0 };
	struct parse p = { .o = &scratch, .error = error };
	size_t used;

	parse_words(&p, EVERY, argv, &used);
	opts_free(&scratch);
	return used;
}

/* ---- help ---- */

#define HELP_COLUMN 28
#define HELP_WIDTH 80

/* Words of `text` from column HELP_COLUMN on, broken before HELP_WIDTH; the cursor stands at
 * `column`. */
static void print_wrapped(const char *text, size_t column, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column < HELP_COLUMN) {
			fprintf(out, "%*s", (int)(HELP_COLUMN - column), "");
			column = HELP_COLUMN;
		} else {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static void print_row(const struct opt_row *row, FILE *out)
{
	char text[768], names[256] = "", letter[8] = "    ";
	int column;

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	column = fprintf(out, "  %s--%s%s%s", letter, row->name, row->metavar ? " " : "",
			 row->metavar ? row->metavar : "");
	if (column >= HELP_COLUMN - 1) {
		fputc('\n', out);
		column = 0;
	}
	snprintf(text, sizeof(text), "%s", row->help);
	if (types[row->type].name_at) {
		join_names(types[row->type].name_at, names, sizeof(names));
		snprintf(text, sizeof(text), "%s; %s: %s", row->help, types[row->type].noun, names);
	}
	print_wrapped(text, column, out);
}

void opts_help(unsigned int commands, FILE *out)
{
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].commands & commands)
			print_row(&rows[i], out);
}

void opts_free(struct options *o)
{
	free(o->exports);
	free(o->pids);
	o->exports = NULL;
	o->pids = NULL;
	o->nexports = o->npids = 0;
}
