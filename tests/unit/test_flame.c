/* SPDX-License-Identifier: MIT */
/* What a flame graph draws and how wide; what its script does with it is tested in a browser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/render/flame_embed.h"
#include "analysis/render/flame_layout.h"
#include "analysis/render/flame_look.h"
#include "analysis/render/markup.h"
#include "results_fixture.h"
#include "rendered.h"

static struct fixture fixture, other;

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static char *drawn(void)
{
	return rendered("flame", &fixture.r, NULL, NULL);
}

static char *graph(void (*make)(struct fixture *f))
{
	make(&fixture);
	return drawn();
}

/* ---- layout ---- */

#define WIDE 40000 /* children of one node */

/* A root, one child of everything, and below it `n` children of which the i-th weighs weight(i). */
static void make_fan(struct stack_tree *t, uint32_t n, uint64_t (*weight)(uint32_t i))
{
	uint64_t sum = 0;

	*t = (struct stack_tree){ .n = n + 2, .depth = 2 };
	t->nodes = calloc(t->n, sizeof(*t->nodes));
	assert_non_null(t->nodes);
	for (uint32_t i = 0; i < n; i++) {
		t->nodes[i + 2] = (struct stack_node){ .parent = 1,
						       .depth = 2,
						       .next = i + 1 < n ? i + 3 : 0,
						       .total = { weight(i) } };
		sum += weight(i);
	}
	t->nodes[0] = (struct stack_node){ .child = 1, .total = { sum } };
	t->nodes[1] = (struct stack_node){ .child = 2, .depth = 1, .total = { sum } };
}

static uint64_t uneven(uint32_t i)
{
	return 1 + (uint64_t)i * 7919 % 1000 * 1000003;
}

static uint64_t even(uint32_t i)
{
	return 1000;
}

static uint64_t huge(uint32_t i)
{
	return UINT64_MAX / 3;
}

static uint64_t one_heavy(uint32_t i)
{
	return i ? 1 : 1000000;
}

/* Children are inside their parent and beside each other; widths are shares to within the rounding.
 */
static void assert_sound(const struct stack_tree *t, const struct flame_layout *l)
{
	uint32_t end[8] = { 0 }, parent_end[8] = { 0 };

	assert_int_equal(l->boxes[0].x, 0);
	assert_int_equal(l->boxes[0].width, FLAME_WIDTH);
	parent_end[0] = FLAME_WIDTH;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct flame_box *box = &l->boxes[i];
		const struct stack_node *node = &t->nodes[box->node];
		double share = (double)node->total[l->run] / l->total * FLAME_WIDTH;

		assert_true(box->x >= end[node->depth]);
		assert_true(box->x + box->width <= parent_end[node->depth]);
		assert_true(fabs(box->width - share) <= 1.001);
		end[node->depth] = box->x + box->width;
		end[node->depth + 1] = box->x;
		parent_end[node->depth + 1] = end[node->depth];
	}
}

static void children_stay_inside_their_parent(void **state)
{
	static uint64_t (*const weights[])(uint32_t) = { uneven, even, huge, one_heavy };
	static const uint32_t sizes[] = { 1, 2, 3, 700 };

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct stack_tree t;
			struct flame_layout l;

			if (weights[i] == huge && sizes[k] > 3)
				continue; /* more than 64 bits of nanoseconds */
			make_fan(&t, sizes[k], weights[i]);
			assert_int_equal(flame_layout_make(&t, 0, &l), 0);
			assert_sound(&t, &l);
			if (weights[i] == even)
				assert_int_equal(l.n, t.n);
			flame_layout_free(&l);
			free(t.nodes);
		}
	}
}

/* What is drawn and what is told to be left out make up the whole. */
static void narrow_frames_are_left_out_and_summed(void **state)
{
	struct stack_tree t;
	struct flame_layout l;
	uint64_t drawn = 0;

	make_fan(&t, WIDE, uneven);
	assert_int_equal(flame_layout_make(&t, 0, &l), 0);
	assert_sound(&t, &l);
	for (uint32_t i = 2; i < l.n; i++) {
		assert_true(l.boxes[i].width + 1 >= l.narrowest);
		drawn += t.nodes[l.boxes[i].node].total[0];
	}
	assert_true(l.n <= FLAME_FRAMES_MAX);
	assert_int_equal(l.n + l.pruned, t.n);
	assert_int_equal(drawn + l.pruned_ns, l.total);
	flame_layout_free(&l);
	free(t.nodes);

	make_fan(&t, 100, one_heavy);
	assert_int_equal(flame_layout_make(&t, 0, &l), 0);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.pruned, 99);
	assert_int_equal(l.pruned_ns, 99);
	flame_layout_free(&l);
	free(t.nodes);
}

/* Each frame is wide enough, but there are too many rows of them. */
static void the_file_stays_small(void **state)
{
	const uint32_t columns = 1000, rows = 40;
	struct stack_tree t = { .n = 1 + columns * rows, .depth = rows };
	struct flame_layout l;

	t.nodes = calloc(t.n, sizeof(*t.nodes));
	assert_non_null(t.nodes);
	t.nodes[0] = (struct stack_node){ .child = 1, .total = { columns * 1000 } };
	for (uint32_t c = 0; c < columns; c++) {
		for (uint32_t r = 0; r < rows; r++) {
			uint32_t at = 1 + c * rows + r;

			t.nodes[at] = (struct stack_node){ .parent = r ? at - 1 : 0,
							   .depth = r + 1,
							   .child = r + 1 < rows ? at + 1 : 0,
							   .total = { 1000 + c % 2 } };
			if (!r && c + 1 < columns)
				t.nodes[at].next = at + rows;
		}
	}
	t.nodes[0].total[0] += columns / 2;
	assert_int_equal(flame_layout_make(&t, 0, &l), 0);
	assert_true(l.n <= FLAME_FRAMES_MAX);
	assert_true(l.narrowest > FLAME_NARROWEST);
	assert_int_equal(l.n + l.pruned, t.n);
	flame_layout_free(&l);
	free(t.nodes);
}

/* ---- colours ---- */

static void changes_are_coloured_in_steps(void **state)
{
	static const struct {
		double before, after;
		const char *class;
	} cases[] = {
		{ 0.5, 0.5, "same" },	       { 0.5, 0.5049, "same" },
		{ 0.5, 0.506, "grew-little" }, { 0.5, 0.494, "shrank-little" },
		{ 0.1, 0.13, "grew" },	       { 0.13, 0.1, "shrank" },
		{ 0, 1, "grew-much" },	       { 1, 0, "shrank-much" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int look = flame_look_of_change(cases[i].before, cases[i].after);

		assert_string_equal(flame_look_at(look)->class, cases[i].class);
	}
}

static void every_look_has_a_colour_in_both_schemes(void **state)
{
	const char *dark = strstr(flame_embed_css, "@media");
	const struct flame_look *look;
	char rule[64];

	assert_non_null(dark);
	for (unsigned int i = 0; (look = flame_look_at(i)); i++) {
		snprintf(rule, sizeof(rule), "\n.%s { fill: ", look->class);
		assert_non_null(strstr(flame_embed_css, rule));
		snprintf(rule, sizeof(rule), "\n\t.%s { fill: ", look->class);
		if (strcmp(look->class, "note")) /* a pattern of two that have */
			assert_non_null(strstr(dark, rule));
	}
}

/* ---- the file ---- */

static void embedded_files_end_where_they_should(void **state)
{
	assert_null(strstr(flame_embed_css, "]]>"));
	assert_null(strstr(flame_embed_js, "]]>"));
	assert_null(strstr(flame_embed_css, "@import"));
	assert_null(strstr(flame_embed_css, "//"));
	assert_non_null(strstr(flame_embed_js, "})();\n"));
}

static void frames_say_what_they_weigh_and_where_they_are(void **state)
{
	char *svg = graph(fixture_serialized);

	assert_non_null(strstr(svg, ">gil_threads -t 2: time blocked on locks</text>"));
	assert_non_null(strstr(svg, ">3.92 s in 812 waits, 75.5 % of it in complete stacks. "
				    "giltrace 0.1.0</text>"));
	assert_non_null(
		strstr(svg, "<svg class=\"python\" x=\"11.74968%\" y=\"144\" width=\"38.314176%\" "
			    "height=\"18\"><title>count\n"));
	assert_non_null(strstr(svg,
			       "<title>take_gil\n1.50 s, 38.3 % of all, 100 % of the frame below\n"
			       "290 waits\nnative code, /usr/bin/gil_threads\ngil.c:88</title>"));
	assert_non_null(strstr(svg, "<title>[stack cut off]\n"));
	assert_int_equal(occurrences(svg, "<svg class=\"note"), 2);
	assert_non_null(strstr(svg, ">stack is not complete</text>"));
	assert_null(strstr(svg, ">JIT-compiled</text>"));
	free(svg);
}

/* Take our own files out of what is looked into. */
static void cut(char *svg, const char *file)
{
	char *at = strstr(svg, file);

	assert_non_null(at);
	memmove(at, at + strlen(file), strlen(at + strlen(file)) + 1);
}

static void names_are_text_and_nothing_else(void **state)
{
	char *svg = graph(fixture_hostile);
	const char *script = strstr(svg, "<script>");

	assert_non_null(script);
	assert_int_equal(occurrences(svg, "<script"), 1); /* ours */
	assert_non_null(strstr(svg, "&lt;/text&gt;&lt;script&gt;alert(1);\\x0a&quot;&amp;"));
	assert_true(strstr(svg, "&lt;/text&gt;") < script);
	cut(svg, flame_embed_css);
	cut(svg, flame_embed_js);
	assert_no_control_bytes(svg);
	assert_null(strstr(svg, "href"));
	free(svg);
}

static void markup_leaves_nothing_to_interpret(void **state)
{
	static const char *const cases[][2] = {
		{ NULL, "" },
		{ "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;" },
		{ "\x01\n\xff", "\\x01\\x0a\\xff" },
		{ "\xe2\x80\xa8\xef\xbf\xbf", "\\xe2\\x80\\xa8\\xef\\xbf\\xbf" },
		{ "\xc3\xa9]]>", "\xc3\xa9]]&gt;" },
	};
	char *text;
	size_t size;
	FILE *out;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out = open_memstream(&text, &size);
		markup_text(out, cases[i][0]);
		fclose(out);
		assert_string_equal(text, cases[i][1]);
		free(text);
	}
}

static void long_names_are_cut(void **state)
{
	static char name[20000];
	char *svg;

	memset(name, '&', sizeof(name) - 1);
	fixture_serialized(&fixture);
	fixture.frames[1].name = name;
	svg = drawn();
	assert_true(strlen(svg) < 100000);
	assert_non_null(strstr(svg, "&amp;&amp;..."));
	free(svg);
}

static void long_commands_are_cut(void **state)
{
	static char word[3000];
	const char *end;
	char *svg;

	memset(word, 'x', sizeof(word) - 1);
	fixture_serialized(&fixture);
	fixture.command[1] = word;
	svg = drawn();
	assert_non_null(strstr(svg, "<title>gil_threads xxx"));
	end = strstr(svg, "xxx...: time blocked on locks</title>");
	assert_non_null(end);
	assert_in_range(strcspn(strstr(svg, "<title>"), "\n"), 1, 120);
	free(svg);
}

static void the_same_results_give_the_same_file(void **state)
{
	char *once = graph(fixture_serialized), *twice = graph(fixture_serialized);

	assert_string_equal(once, twice);
	free(once);
	free(twice);
}

static void a_trace_without_any_says_so(void **state)
{
	char *svg = graph(fixture_parallel);

	assert_non_null(strstr(svg, "There is nothing of this kind in the trace."));
	assert_null(strstr(svg, "<script"));
	free(svg);
}

/* ---- two runs ---- */

static char *difference(void)
{
	struct comparison c = { .a = &fixture.r, .b = &other.r };

	return rendered("flame", NULL, &c, NULL);
}

static void a_difference_is_as_wide_as_the_second_run(void **state)
{
	char *svg;

	fixture_serialized(&fixture);
	fixture_serialized(&other);
	other.weights[3].ns = 0; /* was 460 ms without a stack */
	other.weights[0].ns = 3000 * MS;
	svg = difference();
	assert_non_null(strstr(svg, ">Now: 4.96 s in 812 waits"));
	assert_non_null(strstr(svg, ". Before: 3.92 s in 812 waits"));
	assert_non_null(strstr(svg, "Of before, 11.7 % is in stacks that are not there now."));
	assert_non_null(strstr(svg, "<title>take_gil\nnow 4.46 s, 89.9 % of all, 590 waits\n"
				    "before 2.96 s, 75.5 % of all, 590 waits\n+14.4 points\n"));
	assert_true(occurrences(svg, "<svg class=\"grew-much\"") > 3);
	assert_true(occurrences(svg, "<svg class=\"shrank\"") > 1);
	assert_null(strstr(svg, "<svg class=\"native"));
	free(svg);
}

static void what_is_gone_altogether_is_drawn_as_it_was(void **state)
{
	char *svg;

	fixture_serialized(&fixture);
	fixture_parallel(&other);
	svg = difference();
	assert_non_null(strstr(svg, "Now there is none of it: widths are those before."));
	assert_non_null(strstr(svg, "<svg class=\"shrank-much\" x=\"0%\""));
	free(svg);

	fixture_parallel(&fixture);
	svg = difference();
	assert_non_null(strstr(svg, "There is nothing of this kind in the trace."));
	free(svg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_stay_inside_their_parent),
		cmocka_unit_test(narrow_frames_are_left_out_and_summed),
		cmocka_unit_test(the_file_stays_small),
		cmocka_unit_test(changes_are_coloured_in_steps),
		cmocka_unit_test(every_look_has_a_colour_in_both_schemes),
		cmocka_unit_test(embedded_files_end_where_they_should),
		cmocka_unit_test(frames_say_what_they_weigh_and_where_they_are),
		cmocka_unit_test(names_are_text_and_nothing_else),
		cmocka_unit_test(markup_leaves_nothing_to_interpret),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(long_commands_are_cut),
		cmocka_unit_test(the_same_results_give_the_same_file),
		cmocka_unit_test(a_trace_without_any_says_so),
		cmocka_unit_test(a_difference_is_as_wide_as_the_second_run),
		cmocka_unit_test(what_is_gone_altogether_is_drawn_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
