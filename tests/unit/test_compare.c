/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <tests/unit/rendered.h>
#include <tests/unit/results_fixture.h>

static struct fixture fixture_a, fixture_b;

static struct comparison compared(void (*make_a)(struct fixture *f),
				  void (*make_b)(struct fixture *f))
{
	struct comparison c;

	make_a(&fixture_a);
	make_b(&fixture_b);
	assert_int_equal(compare_make(&fixture_a.r, &fixture_b.r, &c), 0);
	return c;
}

static const struct compare_row *row_of(const struct comparison *c, const char *name)
{
	for (size_t i = 0; i < c->nrows; i++)
		if (strcmp(c->rows[i].name, name) == 0)
			return &c->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void ratio_is_of_wall_times(void **state)
{
	struct comparison c = compared(fixture_serialized, fixture_parallel);

	assert_true(c.wall_ratio > 1.970 && c.wall_ratio < 1.971); /* 4030 ÷ 2045 */
	assert_true(row_of(&c, "wall")->a == 4030e6);
	assert_true(row_of(&c, "wall")->ratio > 0.507 && row_of(&c, "wall")->ratio < 0.508);
	assert_true(row_of(&c, "run")->a == 4112e6); /* 2 + 2050 + 2060 ms */
	assert_true(row_of(&c, "lock_wait")->a == 3930e6);
	assert_true(row_of(&c, "lock_wait")->b == 0);
	assert_true(row_of(&c, "threads")->b == 3);
	assert_true(row_of(&c, "serialized_share")->a == 0.971);
	compare_free(&c);
}

static void sentence_says_what_changed(void **state)
{
	struct comparison c = compared(fixture_serialized, fixture_parallel);

	assert_string_equal(
		c.sentence,
		"B is 1.97 times as fast as A: A is serialized by the_gil, 1.02 threads running on "
		"average; B is parallel, 1.97 threads running on average");
	compare_free(&c);

	c = compared(fixture_parallel, fixture_serialized);
	assert_ptr_equal(strstr(c.sentence, "B is 1.97 times as slow as A: "), c.sentence);
	compare_free(&c);

	c = compared(fixture_parallel, fixture_parallel);
	assert_ptr_equal(strstr(c.sentence, "B takes as long as A, within 3 %: "), c.sentence);
	compare_free(&c);
}

static void names_in_the_sentence_are_cut_between_characters(void **state)
{
	struct comparison c;

	fixture_serialized(&fixture_a);
	fixture_parallel(&fixture_b);
	fixture_a.r.verdict.lock = fixture_a.locks[0].id;
	fixture_a.locks[0].name =
		"\xff_lock_of_many_characters_ends_here___\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9";
	assert_int_equal(compare_make(&fixture_a.r, &fixture_b.r, &c), 0);
	assert_string_equal(
		c.sentence,
		"B is 1.97 times as fast as A: A is serialized by "
		"\\xff_lock_of_many_characters_ends_here___\u00e9\u00e9..., 1.02 threads running on "
		"average; B is parallel, 1.97 threads running on average");
	compare_free(&c);
}

static void nothing_has_no_ratio(void **state)
{
	struct comparison c = compared(fixture_serialized, fixture_empty);

	assert_true(c.wall_ratio < 0);
	assert_non_null(strstr(c.sentence, "no wall time"));
	compare_free(&c);

	c = compared(fixture_empty, fixture_empty);
	for (size_t i = 0; i < c.nrows; i++)
		assert_true(c.rows[i].ratio < 0);
	compare_free(&c);
}

static void every_pair_prints_soundly(void **state)
{
	for (size_t i = 0; i < FIXTURE_CASES; i++) {
		for (size_t k = 0; k < FIXTURE_CASES; k++) {
			struct comparison c =
				compared(fixture_cases[i].make, fixture_cases[k].make);
			char *text = rendered("json", NULL, &c, NULL);
			json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

			assert_non_null(json);
			assert_no_control_bytes(text);
			assert_no_strange_numbers(text);
			assert_text_is_sound(NULL, &c);
			json_decref(json);
			free(text);
			compare_free(&c);
		}
	}
}

static void json_holds_both_runs(void **state)
{
	struct comparison c = compared(fixture_serialized, fixture_parallel);
	char *text = rendered("json", NULL, &c, NULL), *schema, *a, *b;
	json_t *json = json_loads(text, 0, NULL);
	json_int_t wall_a, wall_b, waits_a;
	double ratio;

	assert_int_equal(
		json_unpack(
			json,
			"{s:s, s:F, s:{s:{s:s}, s:{s:I}, s:{s:F}}, s:{s:{s:s}, s:{s:I}}, s:{s:{s:I}}}",
			"schema", &schema, "wall_ratio", &ratio, "a", "verdict", "class", &a,
			"window", "wall", &wall_a, "parallelism", "average", &(double){ 0 }, "b",
			"verdict", "class", &b, "window", "wall", &wall_b, "changes", "lock_waits",
			"a", &waits_a),
		0);
	assert_string_equal(schema, "giltrace.compare/1");
	assert_string_equal(a, "serialized");
	assert_string_equal(b, "parallel");
	assert_true(ratio > 1.970 && ratio < 1.971);
	assert_int_equal(wall_a, 4030 * MS);
	assert_int_equal(wall_b, 2045 * MS);
	assert_int_equal(waits_a, 812);
	json_decref(json);
	free(text);
	compare_free(&c);
}

static void text_stands_side_by_side(void **state)
{
	struct render_options o = { .width = 80 };
	struct comparison c = compared(fixture_serialized, fixture_parallel);
	char *text = rendered("text", NULL, &c, &o);

	assert_ptr_equal(strstr(text, "B is 1.97 times as fast as A"), text);
	assert_non_null(strstr(text, "\nA: ./gil_threads -t 2\nB: ./gil_procs -t 2\n"));
	assert_non_null(
		strstr(text, "\nverdict                         serialized        parallel\n"));
	assert_non_null(strstr(
		text, "\nwall time                           4.03 s          2.04 s     0.51\n"));
	assert_null(strstr(text, "asleep")); /* nothing in both runs */
	free(text);
	compare_free(&c);
}

static void some_formats_have_no_comparison(void **state)
{
	struct comparison c = compared(fixture_serialized, fixture_parallel);

	assert_int_equal(render_comparison(render_find("csv"), &c, NULL, stdout), -ENOTSUP);
	compare_free(&c);
	compare_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratio_is_of_wall_times),
		cmocka_unit_test(sentence_says_what_changed),
		cmocka_unit_test(names_in_the_sentence_are_cut_between_characters),
		cmocka_unit_test(nothing_has_no_ratio),
		cmocka_unit_test(every_pair_prints_soundly),
		cmocka_unit_test(json_holds_both_runs),
		cmocka_unit_test(text_stands_side_by_side),
		cmocka_unit_test(some_formats_have_no_comparison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
