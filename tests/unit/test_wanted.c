/* SPDX-License-Identifier: MIT */
/* What --stacks, --no-stacks and -F come to, together and alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <analysis/results.h>
#include "user/wanted.h"

static const char *want(const char *text, enum gt_target target, struct wanted *out)
{
	char line[128], error[OPTS_ERROR_MAX], *words[16] = { NULL }, *rest = line;
	struct options o = { 0 };
	const char *wrong;
	bool dashes;

	strcpy(line, text);
	for (size_t n = 0; *text && rest && n < 15; n++)
		words[n] = strsep(&rest, " ");
	if (opts_parse(OPTS_RUN, words, &o, &dashes, error) < 0)
		fail_msg("%s", error);
	wrong = wanted_stacks(&o, target, out);
	opts_free(&o);
	return wrong;
}

static void comes_to(const char *text, enum gt_target target, uint32_t stacks, uint32_t hz)
{
	struct wanted w;
	const char *wrong = want(text, target, &w);

	if (wrong || w.stacks != stacks || w.sample_hz != hz)
		fail_msg("'%s': %s, stacks %#x, %u Hz", text, wrong ? wrong : "allowed", w.stacks,
			 w.sample_hz);
}

static void is_refused(const char *text, const char *why)
{
	struct wanted w;
	const char *wrong = want(text, GT_TARGET_COMMAND, &w);

	if (!wrong || !strstr(wrong, why))
		fail_msg("'%s': '%s' instead of '%s'", text, wrong ? wrong : "allowed", why);
}

static void test_defaults(void **state)
{
	comes_to("", GT_TARGET_COMMAND, GT_STACKS_LOCK, 0);
	comes_to("", GT_TARGET_PIDS, GT_STACKS_LOCK, 0);
	comes_to("", GT_TARGET_ALL, 0, 0);
	comes_to("--no-stacks", GT_TARGET_COMMAND, 0, 0);
	comes_to("--no-stacks -F 0", GT_TARGET_COMMAND, 0, 0);
}

static void test_every_kind_keeps_the_stacks_of_locks(void **state)
{
	comes_to("--stacks lock", GT_TARGET_ALL, GT_STACKS_LOCK, 0);
	comes_to("--stacks offcpu", GT_TARGET_ALL, GT_STACKS_LOCK | GT_STACKS_OFFCPU, 0);
	comes_to("--stacks wake", GT_TARGET_PIDS, GT_STACKS_LOCK | GT_STACKS_WAKE, 0);
	comes_to("--stacks oncpu", GT_TARGET_COMMAND, GT_STACKS_LOCK | GT_STACKS_ONCPU, 99);
	comes_to("--stacks critical", GT_TARGET_COMMAND, GT_STACKS_LOCK | GT_STACKS_ONCPU, 99);
}

static void test_several_kinds_are_all_taken(void **state)
{
	uint32_t both = GT_STACKS_LOCK | GT_STACKS_OFFCPU | GT_STACKS_ONCPU;

	comes_to("--stacks offcpu,oncpu", GT_TARGET_COMMAND, both, 99);
	comes_to("--stacks offcpu --stacks oncpu", GT_TARGET_COMMAND, both, 99);
	comes_to("--stacks offcpu -F 49", GT_TARGET_COMMAND, both, 49);
	comes_to("--stacks wake,wake", GT_TARGET_ALL, GT_STACKS_LOCK | GT_STACKS_WAKE, 0);
	is_refused("--stacks offcpu,critical -F 0", "-F 0");
}

static void test_samples_by_themselves(void **state)
{
	comes_to("-F 49", GT_TARGET_COMMAND, GT_STACKS_LOCK | GT_STACKS_ONCPU, 49);
	comes_to("-F 49", GT_TARGET_ALL, GT_STACKS_ONCPU, 49);
	comes_to("-F 0", GT_TARGET_COMMAND, GT_STACKS_LOCK, 0);
	comes_to("--stacks critical -F 997", GT_TARGET_ALL, GT_STACKS_LOCK | GT_STACKS_ONCPU, 997);
}

static void test_contradictions(void **state)
{
	is_refused("--stacks lock --no-stacks", "exclude each other");
	is_refused("-F 99 --no-stacks", "exclude each other");
	is_refused("--stacks oncpu -F 0", "-F 0");
	is_refused("--stacks critical -F0", "-F 0");
}

static void test_every_kind_has_a_name_that_finds_it(void **state)
{
	for (size_t i = 0; i < STACK_KINDS; i++) {
		assert_non_null(stack_kind_name(i));
		assert_int_equal(stack_kind_parse(stack_kind_name(i)), i);
	}
	assert_null(stack_kind_name(STACK_KINDS));
	assert_int_equal(stack_kind_parse("locks"), STACK_KINDS);
	assert_int_equal(stack_kind_parse(""), STACK_KINDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_kind_keeps_the_stacks_of_locks),
		cmocka_unit_test(test_several_kinds_are_all_taken),
		cmocka_unit_test(test_samples_by_themselves),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_every_kind_has_a_name_that_finds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
