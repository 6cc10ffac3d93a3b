/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <analysis/render/canvas.h>
#include <tests/unit/rendered.h>
#include <tests/unit/results_fixture.h>

static struct fixture fixture;

static json_t *report_of(void (*make)(struct fixture *f))
{
	json_error_t error;
	char *text;
	json_t *json;

	make(&fixture);
	text = rendered("json", &fixture.r, NULL, NULL);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s in line %d of %s", error.text, error.line, text);
	free(text);
	return json;
}

/* "locks.0.wait.p50"; NULL when it is not there. */
static const json_t *at(const json_t *json, const char *path)
{
	char copy[128], *rest = copy, *key;

	snprintf(copy, sizeof(copy), "%s", path);
	while (json && (key = strsep(&rest, ".")))
		json = json_is_array(json) ? json_array_get(json, atoi(key))
					   : json_object_get(json, key);
	return json;
}

static int64_t integer_at(const json_t *json, const char *path)
{
	const json_t *value = at(json, path);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", path);
	return json_integer_value(value);
}

static const char *string_at(const json_t *json, const char *path)
{
	const json_t *value = at(json, path);

	if (!json_is_string(value))
		fail_msg("%s is no string", path);
	return json_string_value(value);
}

/* ---- json ---- */

static const struct {
	const char *parent, *keys;
	json_type type;
} contract[] = {
	{ "", "schema giltrace", JSON_STRING },
	{ "", "command cpus occupancy processes threads locks events futex_calls wakeups",
	  JSON_ARRAY },
	{ "", "exit window machine verdict parallelism losses audit overhead", JSON_OBJECT },
	{ "exit", "code", JSON_INTEGER },
	{ "window", "start end wall active", JSON_INTEGER },
	{ "machine", "kernel arch clock", JSON_STRING },
	{ "machine", "cpus_online cpus_allowed", JSON_INTEGER },
	{ "machine", "cpu_quota", JSON_NULL },
	{ "verdict", "class sentence", JSON_STRING },
	{ "verdict", "lock", JSON_INTEGER },
	{ "verdict", "thresholds", JSON_OBJECT },
	{ "verdict", "evidence", JSON_ARRAY },
	{ "parallelism", "average attainable efficiency serialized_share starved_share gain_bound",
	  JSON_REAL },
	{ "parallelism", "max lock_loss", JSON_INTEGER },
	{ "parallelism", "histogram", JSON_ARRAY },
	{ "cpus.0", "cpu workload other idle migrations_in", JSON_INTEGER },
	{ "occupancy.0", "cpu thread run", JSON_INTEGER },
	{ "processes.0", "id pid threads run start end", JSON_INTEGER },
	{ "processes.0", "comm exe", JSON_STRING },
	{ "processes.0", "verdict parallelism", JSON_OBJECT },
	{ "threads.0",
	  "id tid process start end run runnable lock event io kernel_lock sleep other unknown",
	  JSON_INTEGER },
	{ "threads.0", "switches_voluntary switches_involuntary wakeups migrations critical",
	  JSON_INTEGER },
	{ "threads.0", "comm", JSON_STRING },
	{ "locks.0", "id waits waiters timeouts handoffs", JSON_INTEGER },
	{ "locks.0", "kind name image", JSON_STRING },
	{ "locks.0", "processes words recognised_by by_thread", JSON_ARRAY },
	{ "locks.0", "inferred", JSON_TRUE },
	{ "locks.0", "share_of_lock_time explains_serialized", JSON_REAL },
	{ "locks.0.wait", "sum p50 p99 max", JSON_INTEGER },
	{ "locks.0.hold", "sum p50 p99 max", JSON_INTEGER },
	{ "locks.0.hold", "source", JSON_STRING },
	{ "locks.0.handoff_latency", "p50 p99", JSON_INTEGER },
	{ "locks.0.by_thread.0", "thread waits wait held", JSON_INTEGER },
	{ "events.0", "kind", JSON_STRING },
	{ "events.0", "processes words", JSON_ARRAY },
	{ "events.0", "waits", JSON_INTEGER },
	{ "events.0.wait", "sum p50 p99 max", JSON_INTEGER },
	{ "futex_calls.0", "process op result count", JSON_INTEGER },
	{ "futex_calls.0", "address", JSON_STRING },
	{ "wakeups.0", "from to lock count", JSON_INTEGER },
	{ "losses", "reasons", JSON_OBJECT },
	{ "losses", "unknown", JSON_INTEGER },
	{ "losses", "limit", JSON_REAL },
	{ "losses", "exceeded", JSON_FALSE },
	{ "stacks", "copied known skipped", JSON_INTEGER },
	{ "stacks.kinds.lock", "ns complete count", JSON_INTEGER },
	{ "audit", "cpu_error task_error", JSON_REAL },
	{ "overhead", "bpf_ns bpf_runs collector_cpu startup bytes records", JSON_INTEGER },
};

static void json_keeps_the_contract(void **state)
{
	json_t *json = report_of(fixture_serialized);

	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
		char keys[256], *rest = keys, *key;

		snprintf(keys, sizeof(keys), "%s", contract[i].keys);
		while ((key = strsep(&rest, " "))) {
			const json_t *parent = *contract[i].parent ? at(json, contract[i].parent)
								   : json;
			const json_t *value = json_object_get(parent, key);

			if (!value || json_typeof(value) != contract[i].type)
				fail_msg("%s.%s is missing or of another type", contract[i].parent,
					 key);
		}
	}
	json_decref(json);
}

static void json_has_the_numbers(void **state)
{
	json_t *json = report_of(fixture_serialized);

	assert_string_equal(string_at(json, "schema"), "giltrace.report/1");
	assert_string_equal(string_at(json, "command.2"), "2");
	assert_int_equal(integer_at(json, "window.wall"), 4030 * MS);
	assert_int_equal(integer_at(json, "window.end"), 5030 * MS);
	assert_string_equal(string_at(json, "verdict.class"), "serialized");
	assert_int_equal(integer_at(json, "verdict.lock"), integer_at(json, "locks.0.id"));
	assert_true(json_real_value(at(json, "verdict.thresholds.serialized_share")) == 0.5);
	assert_true(json_real_value(at(json, "parallelism.serialized_share")) == 0.971);
	assert_int_equal(integer_at(json, "parallelism.histogram.1"), 3920 * MS);
	assert_int_equal(json_array_size(at(json, "parallelism.histogram")), 3);
	assert_int_equal(integer_at(json, "threads.1.run"), 2050 * MS);
	assert_string_equal(string_at(json, "locks.0.kind"), "gil");
	assert_string_equal(string_at(json, "locks.0.words.1.address"), "0x55d0c0ffee68");
	assert_int_equal(integer_at(json, "locks.0.handoff_latency.p50"), 11200);
	assert_string_equal(string_at(json, "locks.0.recognised_by.0"), "symmetry 2/2");
	assert_string_equal(string_at(json, "events.0.kind"), "join");
	assert_int_equal(integer_at(json, "futex_calls.0.result"), -110);
	assert_string_equal(string_at(json, "wakeups.1.from"), "timer");
	assert_int_equal(integer_at(json, "wakeups.0.from"), 10);
	for (int i = 0; i < GT_LOSS_COUNT; i++)
		assert_int_equal(json_integer_value(json_object_get(at(json, "losses.reasons"),
								    gt_loss_name(i))),
				 0);
	json_decref(json);
}

/* Absent means unknown, null means there is none, and 0 means 0. */
static void json_leaves_out_what_is_unknown(void **state)
{
	static const char *const absent[] = {
		"giltrace",
		"command",
		"exit",
		"machine.kernel",
		"machine.cpus_online",
		"futex_calls",
		"parallelism.average",
		"parallelism.efficiency",
		"parallelism.gain_bound",
		"audit.cpu_error",
		"audit.task_error",
		"overhead.bpf_ns",
		"overhead.collector_cpu",
		"overhead.startup",
	};
	json_t *json = report_of(fixture_empty);

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (at(json, absent[i]))
			fail_msg("%s is there", absent[i]);
	assert_true(json_is_null(at(json, "verdict.lock")));
	assert_int_equal(integer_at(json, "window.wall"), 0);
	assert_int_equal(json_array_size(at(json, "threads")), 0);
	json_decref(json);

	json = report_of(fixture_serialized);
	assert_null(at(json, "locks.0.by_thread.1.held"));
	assert_null(at(json, "processes.0.parent"));
	assert_null(at(json, "events.0.name"));
	assert_true(json_is_null(at(json, "wakeups.1.lock")));
	json_decref(json);

	json = report_of(fixture_parallel);
	assert_int_equal(integer_at(json, "processes.1.parent"),
			 integer_at(json, "processes.0.id"));
	json_decref(json);
}

static void json_tells_of_quota_signal_and_losses(void **state)
{
	json_t *json = report_of(fixture_large);

	assert_true(json_real_value(at(json, "machine.cpu_quota")) == 48.5);
	assert_int_equal(integer_at(json, "verdict.process"), 2);
	json_decref(json);

	json = report_of(fixture_lossy);
	assert_int_equal(json_integer_value(json_object_get(at(json, "losses.reasons"),
							    gt_loss_name(GT_LOSS_RING_FULL))),
			 48213);
	assert_true(json_is_true(at(json, "losses.exceeded")));
	assert_true(json_is_true(at(json, "losses.incomplete")));
	assert_null(at(json, "exit"));
	json_decref(json);

	fixture_serialized(&fixture);
	fixture.meta.exit_signal = 9;
	char *text = rendered("json", &fixture.r, NULL, NULL);
	json = json_loads(text, 0, NULL);
	assert_int_equal(integer_at(json, "exit.signal"), 9);
	assert_null(at(json, "exit.code"));
	json_decref(json);
	free(text);
}

static void json_is_sound_whatever_is_in_it(void **state)
{
	for (size_t i = 0; i < FIXTURE_CASES; i++) {
		json_t *json = report_of(fixture_cases[i].make);
		char *once = rendered("json", &fixture.r, NULL, NULL);
		char *twice = rendered("json", &fixture.r, NULL, NULL);

		assert_string_equal(once, twice);
		assert_no_control_bytes(once);
		assert_no_strange_numbers(once);
		free(once);
		free(twice);
		json_decref(json);
	}
	json_t *json = report_of(fixture_hostile);

	assert_string_equal(string_at(json, "threads.1.comm"), "\\x1b[2J\\x1b[1;1H");
	assert_null(at(json, "threads.1.run"));
	assert_true(json_is_null(at(json, "parallelism.histogram.1")));
	json_decref(json);
}

static void json_keeps_long_commands_whole(void **state)
{
	char word[5000];
	json_t *json;
	char *text;

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	fixture_serialized(&fixture);
	fixture.command[1] = word;
	text = rendered("json", &fixture.r, NULL, NULL);
	json = json_loads(text, 0, NULL);
	assert_string_equal(string_at(json, "command.1"), word);
	json_decref(json);
	free(text);
}

/* ---- csv ---- */

/* Cells of one line, quotes undone, separated by '\x01' in place. Returns how many. */
static size_t split_cells(char *line)
{
	char *to = line;
	bool quoted = false;
	size_t n = 1;

	for (char *s = line; *s; s++) {
		if (*s == '"' && quoted && s[1] == '"') {
			*to++ = *s++;
		} else if (*s == '"') {
			quoted = !quoted;
		} else if (*s == ',' && !quoted) {
			*to++ = '\1';
			n++;
		} else {
			*to++ = *s;
		}
	}
	assert_false(quoted);
	*to = '\0';
	return n;
}

/* Each table is "# name", titles, rows as wide as the titles, an empty line. Returns the tables'
 * names. */
static void check_csv(char *text, char *names, size_t size)
{
	size_t columns = 0, used = 0;

	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (!*line) {
			columns = 0;
		} else if (line[0] == '#') {
			used += snprintf(names + used, size - used, "%s ", line + 2);
			columns = SIZE_MAX;
		} else if (columns == SIZE_MAX) {
			columns = split_cells(line);
		} else {
			assert_int_equal(split_cells(line), columns);
		}
	}
}

static void csv_has_every_table(void **state)
{
	char names[512];

	for (size_t i = 0; i < FIXTURE_CASES; i++) {
		char *text;

		fixture_cases[i].make(&fixture);
		text = rendered("csv", &fixture.r, NULL, NULL);
		assert_no_control_bytes(text);
		assert_no_strange_numbers(text);
		check_csv(text, names, sizeof(names));
		assert_string_equal(
			names,
			fixture.meta.futex_calls
				? "verdict parallelism cpus occupancy processes threads locks locks_by_thread locks_pairs events "
				  "futex_calls wakeups notes histogram "
				: "verdict parallelism cpus occupancy processes threads locks locks_by_thread locks_pairs events "
				  "wakeups notes histogram ");
		free(text);
	}
}

static void csv_has_the_numbers(void **state)
{
	char *text;

	fixture_serialized(&fixture);
	text = rendered("csv", &fixture.r, NULL, NULL);
	assert_non_null(strstr(text, "\n# cpus\ncpu,workload,other,idle,migrations_in\n"
				     "0,2120000000,14000000,1896000000,17\n"));
	assert_non_null(strstr(
		text,
		"\n# locks_by_thread\nlock,thread,waits,wait,held,wait_blocked,wait_runnable,races_lost,acquisitions,"
		"releases,held_running,held_runnable,held_blocked,hold_share,io_waits,io_latency_sum,"
		"io_latency_p50,io_latency_p99,io_latency_max\n"
		"1,10,400,1965000000,900000000,1956000000,8000000,7,,,880000000,15000000,5000000,0.6,120,640000000,"
		"5000000,9000000,11000000\n1,11,412,1965000000,,1965000000,0,0,,,,,,,0,,,,\n\n"));
	assert_non_null(strstr(text, "\n# locks_pairs\nlock,holder,waiter,time,others\n1,10,11,1964000000,\n"
				     "1,,11,1000000,\n\n"));
	assert_non_null(strstr(text, "\n\"timer\",11,,390\n"));
	assert_non_null(strstr(
		text, "\n# histogram\nrunning,time\n0,12000000\n1,3920000000\n2,98000000\n"));
	assert_non_null(strstr(text, ",wait_sum,wait_p50,wait_p99,wait_max,"));
	free(text);
}

static void csv_starts_no_formula(void **state)
{
	char *text;

	fixture_hostile(&fixture);
	text = rendered("csv", &fixture.r, NULL, NULL);
	assert_non_null(strstr(text, ",\"'=cmd|' /C x'!A0\","));
	assert_non_null(strstr(text, ",\"'@\"\"a,b\"\"\\x0a\","));
	assert_non_null(strstr(text, ",\"'+SUM(A1:A9)"));
	assert_non_null(strstr(text, ",\"'-1+"));
	assert_non_null(strstr(text, ",-110,")); /* a number stays a number */
	free(text);
}

/* ---- text ---- */

static void text_is_sound_in_every_look(void **state)
{
	for (size_t i = 0; i < FIXTURE_CASES; i++) {
		fixture_cases[i].make(&fixture);
		assert_text_is_sound(&fixture.r, NULL);
	}
}

static char *text_of(void (*make)(struct fixture *f), unsigned int width)
{
	struct render_options o = { .width = width };

	make(&fixture);
	return rendered("text", &fixture.r, NULL, &o);
}

static void text_has_its_parts_in_order(void **state)
{
	static const char *const parts[] = { "serialized by the_gil",
					     "\nCORES",
					     "\nRUNNING AT ONCE",
					     "\nTHREADS 3",
					     "\nLOCKS 1",
					     "\n  the_gil",
					     "\nWAITS, NO LOCKS",
					     "join",
					     "\nlosses: none",
					     "audit: ",
					     "cost: " };
	char *text = text_of(fixture_serialized, 80), *at_part = text;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		at_part = strstr(at_part, parts[i]);
		if (!at_part)
			fail_msg("no %s after the part before it in:\n%s", parts[i], text);
	}
	assert_ptr_equal(strstr(text, "serialized by the_gil"), text);
	free(text);
}

/* `make -j`: 20 compilers that did the same, one that took long, one that a lock kept waiting. */
static void processes_that_are_alike_are_one_row(void **state)
{
	struct render_options o = { .width = 100 };
	struct result_process rows[22] = { 0 }, *before;
	size_t nbefore;
	char *text;

	fixture_serialized(&fixture);
	before = fixture.r.processes;
	nbefore = fixture.r.nprocesses;
	for (int i = 0; i < 22; i++)
		rows[i] = (struct result_process){
			.id = 100 + i,
			.pid = 4000 + i,
			.comm = (char *)"cc1",
			.threads = 1,
			.run = (i == 20 ? 900 : 50 + i) * MS,
			.verdict.class = i == 21 ? VERDICT_SERIALIZED : VERDICT_SINGLE_THREADED,
			.parallelism.average = 1,
		};
	fixture.r.processes = rows;
	fixture.r.nprocesses = 22;
	text = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "PROCESSES 22"));
	assert_non_null(strstr(text, "\n  20x cc1 "));
	assert_non_null(strstr(text, " 1.19 s ")); /* of all 20 */
	assert_non_null(strstr(text, "4020"));
	assert_non_null(strstr(text, "4021"));
	assert_null(strstr(text, "4019"));
	assert_null(strstr(text, " more"));
	free(text);
	/* The contract's formats have every row. */
	text = rendered("csv", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "4019"));
	free(text);
	fixture.r.nprocesses = 16; /* all rows have room */
	text = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "4015"));
	free(text);
	fixture.r.processes = before;
	fixture.r.nprocesses = nbefore;
}

/* perf links libpython and runs none of it; a program of the interpreter's name is the interpreter. */
static void an_interpreter_that_is_only_linked_is_said_to_be(void **state)
{
	struct render_options o = { .width = 160 };
	struct result_interpreter *in;
	char *text;

	fixture_serialized(&fixture);
	in = &fixture.r.processes[0].interpreter;
	in->kind = GT_INTERPRETER_CPYTHON;
	in->name = (char *)"CPython 3.11.2";
	in->image = (char *)"/usr/lib/libpython3.11.so.1.0";
	text = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "CPython 3.11.2 (/usr/lib/libpython3.11.so.1.0), linked but not seen to run\n"));
	free(text);
	in->image = (char *)"/usr/bin/python3.11";
	text = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "CPython 3.11.2 (/usr/bin/python3.11)\n"));
	free(text);
	in->image = (char *)"/usr/lib/libpython3.11.so.1.0";
	fixture.r.locks[0].kind = LOCK_KIND_CPYTHON_GIL; /* somebody waited for its GIL */
	text = rendered("text", &fixture.r, NULL, &o);
	assert_null(strstr(text, "linked but"));
	free(text);
}

static void text_of_sixteen_threads_is_one_screen(void **state)
{
	struct render_options o = { .width = 100 };
	char *text;

	fixture_serialized(&fixture);
	while (fixture.r.nthreads < 16)
		fixture_thread(&fixture, 1, "worker", 100 * MS, 50 * MS, 0);
	text = rendered("text", &fixture.r, NULL, &o);
	/* With a prompt or two: a screen of 50. */
	assert_true(count_lines(text) <= 47);
	free(text);
}

static void text_sums_up_what_has_no_room(void **state)
{
	char *text = text_of(fixture_large, 100);

	assert_non_null(strstr(text, "\nTHREADS 80 "));
	assert_non_null(strstr(text, "\n  pool-15 "));
	assert_null(strstr(text, "\n  pool-16 "));
	/* the 64 others: 50.0 s - 0.3 s · i for i = 16 … 79 */
	assert_non_null(strstr(
		text, "\n  64 more                               38.1 min  21.3 min     320 s"));
	assert_non_null(strstr(text, "\n  4 more "));	  /* processes */
	assert_non_null(strstr(text, "\n  14 more "));	  /* locks */
	assert_non_null(strstr(text, "      48 more: ")); /* cores */
	assert_ptr_equal(strstr(text, "process 4322 (server), "), text);
	free(text);
}

static void text_shows_processes_with_their_verdicts(void **state)
{
	char *text = text_of(fixture_parallel, 80);

	assert_non_null(strstr(text, "\nPROCESSES 3 "));
	assert_non_null(
		strstr(text, "\n  gil_procs           5001    1.90 s     1.90  parallel\n"));
	free(text);
	text = text_of(fixture_serialized, 80);
	assert_null(strstr(text, "PROCESSES"));
	free(text);
}

/* The class is said once: by the sentence, or before it. */
static void text_always_says_the_class(void **state)
{
	char *text = text_of(fixture_empty, 80);

	assert_ptr_equal(strstr(text, "inconclusive: less than 10 ms of active time\n"), text);
	free(text);
	text = text_of(fixture_parallel, 80);
	assert_ptr_equal(strstr(text, "parallel: average"), text);
	free(text);
}

static void reports_say_how_complete_stacks_are(void **state)
{
	char *text = text_of(fixture_serialized, 300);
	json_t *json = report_of(fixture_serialized);

	assert_non_null(strstr(text, "stacks: 75.5 % of lock time in complete stacks; "
				     "not unwound, being too many at once: 2. "));
	assert_int_equal(integer_at(json, "stacks.kinds.lock.complete"), 2955 * MS);
	/* Of what was not taken nothing is said. */
	assert_null(json_object_get(at(json, "stacks.kinds"), "oncpu"));
	json_decref(json);
	free(text);
	text = text_of(fixture_parallel, 300);
	json = report_of(fixture_parallel);
	assert_null(strstr(text, "stacks: "));
	assert_null(json_object_get(json, "stacks"));
	json_decref(json);
	free(text);
}

static void text_warns_of_losses(void **state)
{
	char *text = text_of(fixture_lossy, 300), lost[128];

	assert_ptr_equal(strstr(text, "inconclusive: "), text);
	assert_non_null(strstr(text, "The trace is incomplete"));
	snprintf(lost, sizeof(lost), "losses: %s 48213, %s 2; ", gt_loss_name(GT_LOSS_RING_FULL),
		 gt_loss_name(GT_LOSS_TASK_STORAGE));
	assert_non_null(strstr(text, lost));
	assert_non_null(strstr(text, "23.0 % of thread time unknown (ABOVE the limit of 1.0 %)"));
	assert_non_null(strstr(text, "; 7 facts about locks, wake-ups and stacks left out"));
	assert_non_null(strstr(text, "the trace has no sums to compare with"));
	free(text);
}

static void text_of_a_trace_that_ends_early_claims_no_cost(void **state)
{
	struct render_options o = { .width = 300 };
	char *text;

	fixture_serialized(&fixture);
	memset(&fixture.meta.overhead, 0, sizeof(fixture.meta.overhead));
	fixture.meta.futex_calls = false;
	fixture.meta.left_running = 1;
	fixture.r.losses.incomplete = true;
	text = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strstr(text, "\nlosses: none counted; "));
	assert_non_null(strstr(text, " 1 thread was still alive at the end."));
	assert_null(strstr(text, "cost: "));
	assert_null(strstr(text, "0 records"));
	free(text);
}

/* A copy of the first line that begins with `start`, `after` lines further on. */
static void copy_line(const char *text, const char *start, unsigned int after, char line[512])
{
	const char *found = strstr(text, start);
	size_t at_line = found ? (size_t)(found - text) : 0;

	assert_non_null(found);
	while (after--)
		at_line += strcspn(text + at_line, "\n") + 1;
	snprintf(line, 512, "%.*s", (int)strcspn(text + at_line, "\n"), text + at_line);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static void check_headings(const char *text, unsigned int width)
{
	char line[512], numbers[512];

	copy_line(text, "RUNNING AT ONCE", 0, line);
	assert_true(ends_in(line, " attainable") || ends_in(line, " serialized") ||
		    ends_in(line, " starved"));
	if (width >= 80)
		assert_true(ends_in(line, " starved"));
	/* the numbers end where their titles do */
	copy_line(text, "CORES ", 0, line);
	copy_line(text, "CORES ", 1, numbers);
	assert_true(ends_in(line, " idle"));
	assert_int_equal(canvas_width(line), canvas_width(numbers));
}

static void text_headings_are_whole_at_any_width(void **state)
{
	static const unsigned int widths[] = { 40, 50, 60, 70, 80, 100, 140 };
	char *texts[sizeof(widths) / sizeof(widths[0])];

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		texts[i] = text_of(fixture_serialized, widths[i]);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		check_headings(texts[i], widths[i]);
		free(texts[i]);
	}
}

static void text_is_colored_only_when_asked(void **state)
{
	struct render_options o = { .width = 80 };
	char *plain, *colored;

	fixture_serialized(&fixture);
	plain = rendered("text", &fixture.r, NULL, &o);
	assert_null(strchr(plain, '\033'));
	o.color = true;
	colored = rendered("text", &fixture.r, NULL, &o);
	assert_non_null(strchr(colored, '\033'));
	strip_colors(colored);
	assert_string_equal(colored, plain);
	free(plain);
	free(colored);
}

/* ---- the table of renderers ---- */

static void renderers_are_found_by_name(void **state)
{
	size_t n = 0;

	for (const struct renderer *r; (r = render_at(n)); n++)
		assert_ptr_equal(render_find(r->name), r);
	assert_true(n >= 3);
	assert_non_null(render_find("text"));
	assert_non_null(render_find("json"));
	assert_non_null(render_find("csv"));
	assert_null(render_find("jso"));
	assert_null(render_find(""));
}

static void full_disk_is_reported(void **state)
{
	fixture_serialized(&fixture);
	for (size_t i = 0; render_at(i); i++) {
		FILE *full = fopen("/dev/full", "w");

		if (!full)
			skip();
		assert_int_equal(render(render_at(i), &fixture.r, NULL, full), -ENOSPC);
		fclose(full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_keeps_the_contract),
		cmocka_unit_test(json_has_the_numbers),
		cmocka_unit_test(json_leaves_out_what_is_unknown),
		cmocka_unit_test(json_tells_of_quota_signal_and_losses),
		cmocka_unit_test(json_is_sound_whatever_is_in_it),
		cmocka_unit_test(json_keeps_long_commands_whole),
		cmocka_unit_test(csv_has_every_table),
		cmocka_unit_test(csv_has_the_numbers),
		cmocka_unit_test(csv_starts_no_formula),
		cmocka_unit_test(text_is_sound_in_every_look),
		cmocka_unit_test(text_has_its_parts_in_order),
		cmocka_unit_test(processes_that_are_alike_are_one_row),
		cmocka_unit_test(an_interpreter_that_is_only_linked_is_said_to_be),
		cmocka_unit_test(text_of_sixteen_threads_is_one_screen),
		cmocka_unit_test(text_sums_up_what_has_no_room),
		cmocka_unit_test(text_shows_processes_with_their_verdicts),
		cmocka_unit_test(text_always_says_the_class),
		cmocka_unit_test(text_warns_of_losses),
		cmocka_unit_test(reports_say_how_complete_stacks_are),
		cmocka_unit_test(text_of_a_trace_that_ends_early_claims_no_cost),
		cmocka_unit_test(text_headings_are_whole_at_any_width),
		cmocka_unit_test(text_is_colored_only_when_asked),
		cmocka_unit_test(renderers_are_found_by_name),
		cmocka_unit_test(full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
