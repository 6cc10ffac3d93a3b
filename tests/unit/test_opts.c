/* SPDX-License-Identifier: MIT */
/* The command line's options: what is taken, what is refused and in which words, and that help and
 * manual know all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <analysis/render/render.h>
#include "user/opts.h"

#define MANUAL "man/giltrace.1"
#define WORDS_MAX 16

/* A command line and what became of it. */
struct line {
	struct options o;
	bool dashes;
	int used;
	char error[OPTS_ERROR_MAX];
	char *words[WORDS_MAX];
	char *text;
};

/* Words are parted by single blanks; "''" is an empty word. */
static struct line *parse_for(unsigned int commands, const char *text)
{
	struct line *l = calloc(1, sizeof(*l));
	char *rest;
	size_t n = 0;

	assert_non_null(l);
	l->text = rest = strdup(text);
	while (rest && *rest && n + 1 < WORDS_MAX) {
		char *word = strsep(&rest, " ");

		l->words[n++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	l->used = opts_parse(commands, l->words, &l->o, &l->dashes, l->error);
	return l;
}

static struct line *parse(const char *text)
{
	return parse_for(OPTS_RUN, text);
}

static void done(struct line *l)
{
	opts_free(&l->o);
	free(l->text);
	free(l);
}

static void refused_for(unsigned int commands, const char *text, const char *words)
{
	struct line *l = parse_for(commands, text);

	if (l->used != -EINVAL || !strstr(l->error, words))
		fail_msg("'%s': %d, '%s' instead of '%s'", text, l->used, l->error, words);
	done(l);
}

static void refused(const char *text, const char *words)
{
	refused_for(OPTS_RUN, text, words);
}

static void test_stops_at_the_command(void **state)
{
	struct line *l = parse("-q ./x -v --json");

	assert_int_equal(l->used, 1);
	assert_true(l->o.quiet);
	assert_false(l->o.verbose);
	assert_false(l->o.json);
	done(l);
}

static void test_dashes_end_the_options(void **state)
{
	struct line *l = parse("-q -- -v");

	assert_int_equal(l->used, 2);
	assert_true(l->dashes);
	assert_false(l->o.verbose);
	done(l);
	l = parse("-q x -- y");
	assert_int_equal(l->used, 1);
	assert_false(l->dashes);
	done(l);
}

static void test_a_lone_dash_is_a_word(void **state)
{
	struct line *l = parse("-q - -v");

	assert_int_equal(l->used, 1);
	done(l);
}

static void test_ways_to_give_a_value(void **state)
{
	const char *const ways[] = { "-d 2.5 x", "-d2.5 x", "--duration 2.5 x", "--duration=2.5 x",
				     "-qd2.5 x" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct line *l = parse(ways[i]);

		assert_true(l->used > 0);
		assert_string_equal(l->words[l->used], "x");
		assert_int_equal(l->o.duration, 2500000000);
		done(l);
	}
}

static void test_pids_gather_once_each(void **state)
{
	struct line *l = parse("-p 7,9 -p 7 --pid=11");

	assert_int_equal(l->o.npids, 3);
	assert_int_equal(l->o.pids[0], 7);
	assert_int_equal(l->o.pids[1], 9);
	assert_int_equal(l->o.pids[2], 11);
	done(l);
}

static void test_sizes(void **state)
{
	struct line *l = parse("-b 64K");

	assert_int_equal(l->o.ring_bytes, 65536);
	done(l);
	l = parse("-b 1G");
	assert_int_equal(l->o.ring_bytes, 1 << 30);
	done(l);
}

static void test_tables(void **state)
{
	struct line *l = parse("--table futex_calls=7 --table=found_ids=16777216");

	assert_int_equal(l->o.tables[TABLE_FUTEX_CALLS], 7);
	assert_int_equal(l->o.tables[TABLE_FOUND_IDS], 16777216);
	assert_int_equal(l->o.tables[TABLE_TARGETS], 0);
	done(l);
}

static void test_exports_gather_in_order(void **state)
{
	struct line *l = parse("--export json:- --export csv:dir/a:b.csv");

	assert_int_equal(l->o.nexports, 2);
	assert_ptr_equal(l->o.exports[0].renderer, render_find("json"));
	assert_string_equal(l->o.exports[0].file, "-");
	assert_ptr_equal(l->o.exports[1].renderer, render_find("csv"));
	assert_string_equal(l->o.exports[1].file, "dir/a:b.csv");
	done(l);
}

static void test_gates(void **state)
{
	struct line *l = parse("--min-parallelism 1.8 --fail-if serialized --fail-if contended");

	assert_true(l->o.min_parallelism > 1.799 && l->o.min_parallelism < 1.801);
	assert_int_equal(l->o.fail_if, 1U << VERDICT_SERIALIZED | 1U << VERDICT_CONTENDED);
	done(l);
}

static void test_the_last_of_opposites_counts(void **state)
{
	struct line *l = parse("--no-futex-calls --futex-calls");

	assert_int_equal(l->o.futex_calls, OPTS_FUTEX_ON);
	done(l);
	l = parse("--futex-calls --no-futex-calls");
	assert_int_equal(l->o.futex_calls, OPTS_FUTEX_OFF);
	done(l);
}

static void test_numbers_are_numbers_to_the_last_letter(void **state)
{
	refused("-d 5x", "'5x' is not a number of seconds");
	refused("-d -1", "is not a number");
	refused("-d inf", "is not a number");
	refused("-d 0", "out of range");
	refused("-d 1e300", "out of range");
	refused("-p 12x", "'12x' is not a process id");
	refused("-p 0", "is not a process id");
	refused("-p 1,,2", "is not a process id");
	refused("-p 1,", "is not a process id");
	refused("-p ''", "is not a process id");
	refused("-p 2147483648", "is not a process id");
	refused("-b 5K", "power of two");
	refused("-b 2K", "power of two");
	refused("-b 2G", "power of two");
	refused("-b 64Kx", "is not a size");
	refused("--table heap=1", "there is no table 'heap'; there are: targets, found_ids, futex_calls");
	refused("--table targets", "'targets' is not NAME=N");
	refused("--table targets=0", "'targets=0' is not NAME=N");
	refused("--table targets=16777217", "is not NAME=N");
	refused("--min-parallelism 2x", "'2x' is not a number");
	refused("--min-parallelism 0", "out of range");
}

static void test_wrong_options_are_named(void **state)
{
	refused("--jsno", "unknown option --jsno; did you mean --json?");
	refused("--xyzzyplugh", "unknown option --xyzzyplugh");
	refused("-Z", "unknown option -Z");
	refused("-qZ", "unknown option -Z in -qZ");
	refused("--json=1", "option --json: takes no value");
	refused("--output", "option --output: FILE is missing");
	refused("-o", "option -o: FILE is missing");
	refused("-o ''", "the FILE is empty");
	refused("--color sometimes", "'sometimes' is none of");
	refused("--fail-if slow", "there is no verdict 'slow'; there are: inconclusive");
	refused("--stacks heap", "there are no stacks 'heap'; there are: lock, offcpu");
	refused("--stacks lock,heap", "there are no stacks 'heap'; there are: lock, offcpu");
	refused("--stacks lock,", "there are no stacks ''");
	refused("-j 0", "0 is out of range");
	refused("-j 1025", "1025 is out of range");
	refused("-j x", "'x' is not a number");
	refused("-F 10001", "10001 is out of range");
	refused("-F 99x", "'99x' is not a number");
	refused_for(OPTS_REPORT, "-F 99", "does not apply");
	refused("--export pdf:x", "there is no kind 'pdf'; there are: text");
	refused("--export json", "'json' is not KIND:FILE");
	refused("--export json:- --export csv:-", "standard output takes one report");
	refused("--json --export csv:-", "standard output takes one report");
	refused("--export json:", "'json:' is not KIND:FILE");
	refused_for(OPTS_REPORT, "-d 5", "option -d does not apply");
	refused_for(OPTS_REPORT, "--duration 5", "option --duration does not apply");
}

static void test_the_way_out_is_told(void **state)
{
	/* Kinds of export are no options of their own; what was meant is at hand all the same. */
	refused_for(OPTS_REPORT, "--csv", "unknown option --csv; did you mean --export csv:FILE?");
	refused_for(OPTS_REPORT, "--cvs", "did you mean --export csv:FILE?");
	refused("--flamegraph=x", "unknown option --flamegraph; did you mean --export flame:FILE?");
	refused("--export csv", "'csv' is not KIND:FILE; did you mean csv:- for standard output?");
	/* An abbreviation is not guessed, but told. */
	refused("--out x", "did you mean --output?");
	refused("--min 2", "did you mean --min-parallelism?");
	refused_for(OPTS_REPORT, "-o x", "option -o does not apply to this command; it is one of run, record");
	refused_for(OPTS_DOCTOR, "--json",
		    "does not apply to this command; it is one of run, record, report, compare");
}

static void test_a_hostile_name_does_not_overflow(void **state)
{
	char text[4096] = "--";

	memset(text + 2, 'x', sizeof(text) - 3);
	refused(text, "unknown option --xxx");
	memcpy(text, "-d ", 3);
	refused(text, "'xxx");
	memcpy(text, "--export ", 9);
	refused(text, "is not KIND:FILE");
	text[sizeof(text) - 100] = ':';
	refused(text, "there is no kind 'xxx");
}

static void test_skip_finds_the_first_word(void **state)
{
	char *plain[] = { "-q", "--color", "never", "report", "x", NULL };
	char *closed[] = { "-q", "--", "report", NULL };
	char *unknown[] = { "-q", "--unknown", "report", NULL };

	assert_int_equal(opts_skip(plain), 3);
	assert_int_equal(opts_skip(closed), 1);
	assert_int_equal(opts_skip(unknown), 1);
}

/* ---- help and manual ---- */

static char *help_of(unsigned int commands)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	opts_help(commands, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_help_names_what_a_command_takes(void **state)
{
	static const unsigned int commands[] = { OPTS_RUN, OPTS_RECORD, OPTS_REPORT, OPTS_COMPARE };
	const struct opt_row *row;

	for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
		char *help = help_of(commands[c]);

		for (size_t i = 0; (row = opts_at(i)); i++) {
			char name[64];

			snprintf(name, sizeof(name), " --%s%s", row->name, row->metavar ? " " : "");
			assert_int_equal(strstr(help, name) != NULL,
					 (row->commands & commands[c]) != 0);
		}
		free(help);
	}
}

static void test_help_fits_80_columns(void **state)
{
	char *help = help_of(OPTS_RUN);

	for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 1, 80);
	free(help);
}

static char *read_manual(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(MANUAL, "r");

	if (!file)
		fail_msg("cannot read %s: %s (run from the top of the tree)", MANUAL,
			 strerror(errno));
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

/* The manual's line about an option: ".It Fl q , Fl -quiet", with " Ar …" when it takes a value. */
static void manual_line(const struct opt_row *row, char *line, size_t size)
{
	if (row->letter)
		snprintf(line, size, "\n.It Fl %c , Fl -%s%s", row->letter, row->name,
			 row->metavar ? " Ar " : "\n");
	else
		snprintf(line, size, "\n.It Fl -%s%s", row->name, row->metavar ? " Ar " : "\n");
}

static void test_manual_has_every_option_and_no_other(void **state)
{
	char *manual = read_manual(), *at = manual;
	const struct opt_row *row;
	size_t rows = 0, items = 0;

	for (; (row = opts_at(rows)); rows++) {
		char line[128];

		manual_line(row, line, sizeof(line));
		if (!strstr(manual, line))
			fail_msg("%s lacks '%s'", MANUAL, line + 1);
	}
	while ((at = strstr(at, "\n.It Fl "))) {
		items++;
		at++;
	}
	assert_int_equal(items, rows);
	free(manual);
}

static void test_manual_has_every_kind_and_class(void **state)
{
	char *manual = read_manual(), text[64];
	const struct renderer *r;

	for (size_t i = 0; (r = render_at(i)); i++) {
		snprintf(text, sizeof(text), "\n.Cm %s", r->name);
		assert_non_null(strstr(manual, text));
	}
	for (unsigned int class = 0; class < VERDICT_COUNT; class ++) {
		snprintf(text, sizeof(text), "\n.It Cm %s\n", verdict_class_name(class));
		assert_non_null(strstr(manual, text));
	}
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stops_at_the_command),
		cmocka_unit_test(test_dashes_end_the_options),
		cmocka_unit_test(test_a_lone_dash_is_a_word),
		cmocka_unit_test(test_ways_to_give_a_value),
		cmocka_unit_test(test_pids_gather_once_each),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_exports_gather_in_order),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_the_last_of_opposites_counts),
		cmocka_unit_test(test_numbers_are_numbers_to_the_last_letter),
		cmocka_unit_test(test_wrong_options_are_named),
		cmocka_unit_test(test_the_way_out_is_told),
		cmocka_unit_test(test_a_hostile_name_does_not_overflow),
		cmocka_unit_test(test_skip_finds_the_first_word),
		cmocka_unit_test(test_help_names_what_a_command_takes),
		cmocka_unit_test(test_help_fits_80_columns),
		cmocka_unit_test(test_manual_has_every_option_and_no_other),
		cmocka_unit_test(test_manual_has_every_kind_and_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
