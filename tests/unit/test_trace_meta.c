/* SPDX-License-Identifier: MIT */
/* What a trace says about its making. */
#include "tests/unit/trace_file.h"

#include <errno.h>

#include "lib/buf.h"
#include "lib/trace_meta.h"

static char *command[] = { "./x",  "",	"a b", "\xff\xfe\x01 not text", "gr\xc3\xbc\xc3\x9f",
			   "\\\"", NULL };
static int32_t pids[] = { 1, INT32_MAX };

static const struct gt_meta full = {
	.giltrace = "0.1.0",
	.command = command,
	.exe = "/bin/\x80",
	.target = GT_TARGET_PIDS,
	.pids = pids,
	.npids = 2,
	.exited = true,
	.exit_code = 3,
	.exit_signal = -1,
	.start = 5,
	.end = UINT64_MAX,
	.kernel = "6.1.0",
	.arch = "x86_64",
	.clock = "tsc",
	.cpus_online = 4,
	.cpus_allowed = UINT32_MAX,
	.cpu_quota = 1.1,
	.throttled = 1ULL << 63,
	.losses = { 1, 0, 3, 4, UINT64_MAX },
	.left_running = 7,
	.overhead = { 1, 2, 3, 4, 5, 6, UINT64_MAX },
	.futex_calls = true,
	.futex_tax = true,
};

static void assert_same_meta(const struct gt_meta *a, const struct gt_meta *b)
{
	for (const struct trace_meta_row *row = trace_meta_rows; row->key; row++) {
		const void *x = (const char *)a + row->at, *y = (const char *)b + row->at;

		if (row->type == TRACE_META_STRING)
			assert_string_equal(*(char *const *)x, *(char *const *)y);
		else
			assert_memory_equal(x, y, row->type == TRACE_META_BOOL ? sizeof(bool) : 4);
	}
	assert_int_equal(a->target, b->target);
	assert_memory_equal(a->losses, b->losses, sizeof(a->losses));
	assert_memory_equal(&a->overhead, &b->overhead, sizeof(a->overhead));
	assert_true(a->start == b->start && a->end == b->end && a->throttled == b->throttled);
	assert_true(a->cpu_quota == b->cpu_quota);
	assert_int_equal(a->npids, b->npids);
	assert_memory_equal(a->pids, b->pids, a->npids * sizeof(*a->pids));
	for (size_t i = 0; b->command[i]; i++)
		assert_string_equal(a->command[i], b->command[i]);
}

static void test_round_trip(void **state)
{
	struct trace_file f = trace_file_new();
	const struct gt_meta empty = { 0 };
	struct gt_reader *r;

	assert_int_equal(gt_writer_meta(f.w, &empty), 0);
	assert_int_equal(gt_writer_meta(f.w, &full), 0);
	trace_file_finish(&f);
	r = trace_file_read(&f);
	assert_same_meta(gt_reader_meta(r), &full);
	assert_null(gt_reader_meta(r)->command[sizeof(command) / sizeof(*command) - 1]);
	gt_reader_free(r);
	trace_file_free(&f);
}

static void test_unknown_stays_unknown(void **state)
{
	struct gt_meta meta = { 0 }, zero = { 0 };
	size_t len;
	char *text = trace_meta_encode(&zero, &len);

	assert_int_equal(trace_meta_decode(text, len, &meta), 0);
	assert_memory_equal(&meta, &zero, sizeof(meta));
	free(text);
	gt_meta_free(&meta);
	gt_meta_free(NULL);
}

static void test_no_metadata_is_no_error(void **state)
{
	struct trace_file f = trace_file_new();
	struct gt_reader *r;

	trace_file_finish(&f);
	r = trace_file_read(&f);
	assert_null(gt_reader_meta(r)->command);
	gt_reader_free(r);
	trace_file_free(&f);
}

/* A command line of megabytes is recognisable, and costs no megabytes. */
static void test_huge_command(void **state)
{
	char *arg = malloc(100001), *many[] = { "./x", arg, arg, arg, NULL };
	struct gt_meta meta = { .command = many }, back = { 0 };
	size_t len;
	char *text;

	memset(arg, '\x01', 100000);
	arg[100000] = '\0';
	text = trace_meta_encode(&meta, &len);
	assert_non_null(text);
	assert_int_equal(trace_meta_decode(text, len, &back), 0);
	assert_string_equal(back.command[0], "./x");
	assert_string_equal(back.command[1], arg);
	assert_string_equal(back.command[2], "...");
	assert_null(back.command[3]);
	gt_meta_free(&back);
	free(text);
	free(arg);
}

static void test_hostile_text(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "3", "nonsense", "{\"a\":1,\"a\":2}", "{\"exe\":\"\xff\"}"
	};
	static const char odd[] =
		"{\"exe\":5,\"giltrace\":{\"hex\":\"4g\"},\"kernel\":{\"hex\":7},\"arch\":[\"x\"],\"start\":\"now\","
		"\"end\":1e3,\"cpu_quota\":\"lots\",\"target\":\"moon\",\"pids\":[\"a\",null,3],\"losses\":[1],"
		"\"overhead\":7,\"command\":[1,\"ok\",null,{}],\"exited\":1,\"cpus_online\":99999999999999}";
	struct gt_meta meta = { 0 };
	struct buf deep = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(trace_meta_decode(bad[i], strlen(bad[i]), &meta), -EBADMSG);
	for (int i = 0; i < 1000000; i++)
		buf_add_str(&deep, "[");
	assert_int_equal(trace_meta_decode((char *)deep.data, deep.len, &meta), -EBADMSG);
	buf_free(&deep);
	assert_int_equal(trace_meta_decode(odd, strlen(odd), &meta), 0);
	assert_null(meta.exe);
	assert_string_equal(meta.giltrace, "");
	assert_null(meta.kernel);
	assert_int_equal(meta.start, 0);
	assert_int_equal(meta.target, GT_TARGET_COMMAND);
	assert_int_equal(meta.npids, 3);
	assert_int_equal(meta.pids[2], 3);
	assert_string_equal(meta.command[0], "ok");
	assert_null(meta.command[1]);
	gt_meta_free(&meta);
}

static void test_every_loss_has_a_name(void **state)
{
	for (int i = 0; i < GT_LOSS_COUNT; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(gt_loss_name(i), gt_loss_name(k));
	assert_string_equal(gt_loss_name(GT_LOSS_COUNT), "unknown");
	assert_string_equal(gt_loss_name((enum gt_loss) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_unknown_stays_unknown),
		cmocka_unit_test(test_no_metadata_is_no_error),
		cmocka_unit_test(test_huge_command),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_every_loss_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
