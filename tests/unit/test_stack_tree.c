/* SPDX-License-Identifier: MIT */
/* From weights to merged trees, and what folded prints of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/render/stack_tree.h"
#include "results_fixture.h"
#include "rendered.h"

static struct fixture fixture, other;

static const struct stack_node *child(const struct stack_tree *t, const struct stack_node *of,
				      const char *name)
{
	for (uint32_t at = of->child; at; at = t->nodes[at].next)
		if (!strcmp(t->nodes[at].frame.name, name))
			return &t->nodes[at];
	fail_msg("no %s below %s", name, of->frame.name);
	return NULL;
}

/* Every node holds what ends in it and what is below it, in both runs. */
static void assert_adds_up(const struct stack_tree *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct stack_node *node = &t->nodes[i];

		for (int run = 0; run < 2; run++) {
			uint64_t below = node->self[run];

			for (uint32_t at = node->child; at; at = t->nodes[at].next) {
				assert_int_equal(t->nodes[at].parent, i);
				assert_int_equal(t->nodes[at].depth, node->depth + 1);
				below += t->nodes[at].total[run];
			}
			assert_int_equal(below, node->total[run]);
		}
	}
}

static uint32_t walk(const struct stack_tree *t)
{
	uint32_t n = 0;

	for (uint32_t at = stack_tree_next(t, 0); at; at = stack_tree_next(t, at))
		n++;
	return n;
}

static void folded_has_waiter_lock_and_waker(void **state)
{
	char *text;

	fixture_serialized(&fixture);
	text = rendered("folded", &fixture.r, NULL, NULL);
	assert_string_equal(
		text,
		"worker-0;[no stack taken];[lock the_gil (gil)] 460000000\n"
		"worker-0;start_thread;worker;count;take_gil;futex_wait;[lock the_gil (gil)];"
		"[woken by worker-1];drop_gil;count;worker;start_thread 1500000000\n"
		"worker-1;[stack cut off];take_gil;futex_wait;[lock the_gil (gil)] 500000000\n"
		"worker-1;start_thread;worker;count;take_gil;futex_wait;[lock the_gil (gil)];"
		"[woken by worker-0];drop_gil;count;worker;start_thread 1455000000\n");
	free(text);
}

static void folded_lines_cannot_be_broken(void **state)
{
	struct render_options o = { .stacks = STACK_LOCK };
	char *text, *save, *line;
	size_t lines = 0;

	fixture_hostile(&fixture);
	text = rendered("folded", &fixture.r, NULL, &o);
	assert_no_control_bytes(text);
	assert_non_null(strstr(text, ";a\\x3bb 7\\x0acount 9;"));
	assert_non_null(strstr(text, "</text><script>alert(1)\\x3b\\x0a\"&amp\\x3b\\xff;"));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *number = strrchr(line, ' ');

		assert_non_null(number);
		assert_true(strspn(number + 1, "0123456789") == strlen(number + 1));
		lines++;
	}
	assert_int_equal(lines, fixture.r.nweights);
	free(text);
}

static void threads_of_one_name_share_a_node(void **state)
{
	struct stack_tree t;

	fixture_serialized(&fixture);
	fixture.threads[1].comm = fixture.threads[2].comm = (char *)"worker";
	assert_int_equal(stack_tree_make(&fixture.r, NULL, STACK_LOCK, &t), 0);
	assert_adds_up(&t);
	assert_int_equal(walk(&t), t.n - 1);
	assert_int_equal(t.nodes[0].total[0], fixture.r.stack_sums[STACK_LOCK].ns);
	assert_int_equal(t.nodes[0].count[0], fixture.r.stack_sums[STACK_LOCK].count);
	assert_int_equal(t.complete[0], fixture.r.stack_sums[STACK_LOCK].complete);
	assert_int_equal(child(&t, &t.nodes[0], "worker")->total[0], 3915 * MS);
	assert_int_equal(t.nodes[t.nodes[0].child].next, 0);
	stack_tree_free(&t);
}

/* Two functions of one name: what they have in common is kept, the rest is not made up. */
static void merged_frames_claim_nothing(void **state)
{
	const struct stack_node *node;
	struct stack_tree t;

	fixture_serialized(&fixture);
	fixture.threads[1].comm = fixture.threads[2].comm = (char *)"worker";
	fixture.frames[6] = fixture.frames[2];
	fixture.frames[6].line = 21;
	fixture.r.nframes = 7;
	fixture.stack_frames[9] = 6;
	fixture.stacks[2] = (struct result_stack){ GT_STACK_COMPLETE, fixture.stack_frames + 9, 1 };
	fixture.stack_frames[3] = 6; /* worker called from worker */
	fixture.stacks[0].nframes = 4;
	assert_int_equal(stack_tree_make(&fixture.r, NULL, STACK_LOCK, &t), 0);
	node = child(&t, child(&t, &t.nodes[0], "worker"), "worker");
	assert_string_equal(node->frame.file, "gil_threads.c");
	assert_int_equal(node->frame.line, 21);
	stack_tree_free(&t);

	fixture.frames[7] = fixture.frames[2];
	fixture.frames[7].line = 30;
	fixture.frames[7].image = (char *)"/lib/other.so";
	fixture.r.nframes = 8;
	fixture.stack_frames[9] = 7;
	assert_int_equal(stack_tree_make(&fixture.r, NULL, STACK_LOCK, &t), 0);
	node = child(&t, child(&t, &t.nodes[0], "worker"), "worker");
	assert_string_equal(node->frame.file, "gil_threads.c");
	assert_int_equal(node->frame.line, 0);
	assert_null(node->frame.image);
	stack_tree_free(&t);
}

static void runs_are_matched_by_program(void **state)
{
	struct comparison c;
	struct stack_tree t;
	char *text;

	fixture_serialized(&fixture);
	fixture_serialized(&other);
	other.processes[0].comm = (char *)"gil_procs";
	other.weights[0].ns = 100 * MS;
	other.weights[3].ns = 0;
	assert_int_equal(stack_tree_make(&fixture.r, &other.r, STACK_LOCK, &t), 0);
	assert_adds_up(&t);
	assert_int_equal(t.nodes[0].total[0], 3915 * MS);
	assert_int_equal(t.nodes[0].total[1], 2055 * MS);
	/* One program, both runs, and no frame that only starts a thread. */
	assert_string_equal(t.nodes[t.nodes[0].child].frame.name, "gil_threads | gil_procs");
	assert_int_equal(t.nodes[t.nodes[0].child].next, 0);
	assert_int_equal(child(&t, &t.nodes[t.nodes[0].child], "worker")->total[1], 1555 * MS);
	stack_tree_free(&t);

	other.processes[0].comm = fixture.processes[0].comm;
	assert_int_equal(compare_make(&fixture.r, &other.r, &c), 0);
	text = rendered("folded", NULL, &c, NULL);
	assert_string_equal(text,
			    "gil_threads;[no stack taken];[lock the_gil (gil)] 460000000 0\n"
			    "gil_threads;[stack cut off];take_gil;futex_wait;[lock the_gil (gil)] "
			    "500000000 500000000\n"
			    "gil_threads;worker;count;take_gil;futex_wait;[lock the_gil (gil)];"
			    "[woken by gil_threads];drop_gil;count;worker 2955000000 1555000000\n");
	free(text);
	compare_free(&c);
}

static void what_was_not_taken_is_told(void **state)
{
	fixture_serialized(&fixture);
	assert_null(stack_paths_missing(&fixture.r, STACK_LOCK));
	assert_string_equal(stack_paths_missing(&fixture.r, STACK_ONCPU),
			    "this trace has no on-CPU samples; record with -F 99");
	for (int kind = STACK_OFFCPU; kind < STACK_KINDS; kind++)
		assert_non_null(stack_paths_missing(&fixture.r, kind));
	fixture.meta.stacks = 0;
	assert_non_null(stack_paths_missing(&fixture.r, STACK_LOCK));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_has_waiter_lock_and_waker),
		cmocka_unit_test(folded_lines_cannot_be_broken),
		cmocka_unit_test(threads_of_one_name_share_a_node),
		cmocka_unit_test(merged_frames_claim_nothing),
		cmocka_unit_test(runs_are_matched_by_program),
		cmocka_unit_test(what_was_not_taken_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
