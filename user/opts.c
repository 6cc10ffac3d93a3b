/* SPDX-License-Identifier: MIT */
#include "opts.h"
#include "opts_hints.h"
#include "opts_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct options, field)
#define TRACING (OPTS_RUN | OPTS_RECORD | OPTS_COMPARE)
#define REPORTING (OPTS_RUN | OPTS_RECORD | OPTS_REPORT | OPTS_COMPARE)
#define EVERY (REPORTING | OPTS_DOCTOR | OPTS_HELP)

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

#define NROWS (sizeof(rows) / sizeof(rows[0]))

const struct opt_row *opts_at(size_t index)
{
	return index < NROWS ? &rows[index] : NULL;
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
static int parse_long(struct opts_parse *p, unsigned int commands, char **argv)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt_row *row = find_long(name, len);
	char hint[OPTS_HINT_MAX];
	int err;

	if (!row) {
		opts_hint_unknown(commands, name, len, hint);
		return opts_fail(p, -EINVAL, "unknown option --%.*s%s", opts_shown(len), name,
				 hint);
	}
	if (!(row->commands & commands)) {
		opts_hint_elsewhere(row, hint);
		return opts_fail(p, -EINVAL, "option --%s does not apply to this command%s",
				 row->name, hint);
	}
	p->row = row;
	if (!row->metavar && equals)
		return opts_fail(p, -EINVAL, "takes no value");
	if (row->metavar && !equals && !argv[1])
		return opts_fail(p, -EINVAL, "%s is missing", row->metavar);
	err = opts_set(p, equals ? equals + 1 : argv[1]);
	if (err)
		return err;
	p->row = NULL;
	return row->metavar && !equals ? 2 : 1;
}

/* "-q", "-qv", "-d5" or "-d 5". Words used, or -errno. */
static int parse_letters(struct opts_parse *p, unsigned int commands, char **argv)
{
	for (const char *s = argv[0] + 1; *s; s++) {
		const struct opt_row *row = find_letter(*s);
		const char *value = s[1] ? s + 1 : argv[1];
		char hint[OPTS_HINT_MAX];
		int err;

		if (!row)
			return opts_fail(p, -EINVAL, "unknown option -%c%s%s", *s,
					 s == argv[0] + 1 && !s[1] ? "" : " in ",
					 s == argv[0] + 1 && !s[1] ? "" : argv[0]);
		if (!(row->commands & commands)) {
			opts_hint_elsewhere(row, hint);
			return opts_fail(p, -EINVAL, "option -%c does not apply to this command%s",
					 *s, hint);
		}
		p->row = row;
		if (row->metavar && !value)
			return opts_fail(p, -EINVAL, "%s is missing", row->metavar);
		err = opts_set(p, value);
		if (err)
			return err;
		p->row = NULL;
		if (row->metavar)
			return s[1] ? 1 : 2;
	}
	return 1;
}

/* The leading options; `*used` counts their words even when one of them is refused. 0 or -errno. */
static int parse_words(struct opts_parse *p, unsigned int commands, char **argv, size_t *used)
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

/* Two reports in one stream are neither. */
static bool shares_standard_output(const struct options *o)
{
	size_t n = o->json;

	for (size_t i = 0; i < o->nexports; i++)
		n += strcmp(o->exports[i].file, "-") == 0;
	return n > 1;
}

int opts_parse(unsigned int commands, char **argv, struct options *o, bool *dashes,
	       char error[OPTS_ERROR_MAX])
{
	struct opts_parse p = { .o = o, .error = error };
	size_t used;
	int err = parse_words(&p, commands, argv, &used);

	if (!err && shares_standard_output(o))
		err = opts_fail(&p, -EINVAL,
				"standard output takes one report: give the others a file");
	if (err)
		return err;
	*dashes = argv[used] && strcmp(argv[used], "--") == 0;
	return used + *dashes;
}

size_t opts_skip(char **argv)
{
	char error[OPTS_ERROR_MAX];
	struct options scratch = { 0 };
	struct opts_parse p = { .o = &scratch, .error = error };
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
	const char *noun;

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	column = fprintf(out, "  %s--%s%s%s", letter, row->name, row->metavar ? " " : "",
			 row->metavar ? row->metavar : "");
	if (column >= HELP_COLUMN - 1) {
		fputc('\n', out);
		column = 0;
	}
	snprintf(text, sizeof(text), "%s", row->help);
	noun = opts_values(row->type, names, sizeof(names));
	if (noun)
		snprintf(text, sizeof(text), "%s; %s: %s", row->help, noun, names);
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
