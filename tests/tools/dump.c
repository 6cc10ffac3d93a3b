/* SPDX-License-Identifier: MIT */
/* dump FILE: the records of a trace file, in order of time, as lines that script understands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <giltrace/trace.h>

#include "lib/escape.h"
#include "lib/trace_meta.h"
#include "tests/tools/words.h"

/* In the largest unit that is exact. */
static void print_time(uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "", 1 } };
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	if (ns)
		printf("%" PRIu64 "%s", ns / units[i].ns, units[i].name);
	else
		putchar('0');
}

/* Escaped, spaces too, so that it is one word; never cut. */
static void print_text(const char *s)
{
	char part[32];
	size_t n;

	if (!s || !*s)
		fputs("\"\"", stdout);
	for (; s && *s; s += n) {
		for (n = 1; n < 4 && (s[n] & 0xc0) == 0x80;)
			n++;
		if (escape_to(part, sizeof(part), s, n) != n) {
			n = 1; /* no printable character: its first byte alone */
			escape_to(part, sizeof(part), s, n);
		}
		if (*s == ' ' || *s == '"')
			printf("\\x%02x", *s);
		else
			fputs(part, stdout);
	}
}

static void print_named(const struct named *names, size_t n, int64_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].value == value) {
			fputs(names[i].name, stdout);
			return;
		}
	}
	printf("%" PRId64, value);
}

static void print_cpus(const struct gt_event *ev)
{
	uint32_t bits = ev->u.affinity.words * 64;
	const char *comma = "";

	for (uint32_t cpu = 0; cpu < bits; cpu++) {
		uint32_t last = cpu;

		if (!(ev->u.affinity.mask[cpu / 64] >> cpu % 64 & 1))
			continue;
		while (last + 1 < bits &&
		       ev->u.affinity.mask[(last + 1) / 64] >> (last + 1) % 64 & 1)
			last++;
		printf(last == cpu ? "%s%u" : "%s%u-%u", comma, cpu, last);
		comma = ",";
		cpu = last;
	}
}

static void print_value(const struct word *w, const struct gt_event *ev)
{
	const void *at = (const char *)ev + w->at;

	switch (w->type) {
	case WORD_U32:
		printf("%" PRIu32, *(const uint32_t *)at);
		break;
	case WORD_HEX32:
		printf("0x%" PRIx32, *(const uint32_t *)at);
		break;
	case WORD_S32:
		printf("%" PRId32, *(const int32_t *)at);
		break;
	case WORD_U64:
		printf("%" PRIu64, *(const uint64_t *)at);
		break;
	case WORD_HEX64:
		printf("0x%" PRIx64, *(const uint64_t *)at);
		break;
	case WORD_TIME:
		print_time(*(const uint64_t *)at);
		break;
	case WORD_COMM:
		print_text(at);
		break;
	case WORD_TEXT:
		print_text(*(const char *const *)at);
		break;
	case WORD_CPUS:
		print_cpus(ev);
		break;
	case WORD_STATE:
		print_named(state_names, ARRAY_SIZE(state_names), *(const uint16_t *)at);
		break;
	case WORD_SYSCALL:
		print_named(syscall_names, ARRAY_SIZE(syscall_names), *(const int32_t *)at);
		break;
	case WORD_LOSS:
		if (*(const uint32_t *)at < GT_LOSS_COUNT)
			fputs(gt_loss_name(*(const uint32_t *)at), stdout);
		else
			printf("%" PRIu32, *(const uint32_t *)at);
		break;
	case WORD_ROLE:
		print_named(role_names, ARRAY_SIZE(role_names), *(const int32_t *)at);
		break;
	case WORD_LIST:
		for (uint32_t i = 0; i < ev->u.stack.nframes; i++)
			printf("%s%" PRIu32, i ? "," : "", ev->u.stack.frames[i]);
		break;
	case WORD_END:
		break;
	}
}

/* What a script may leave out is left out. */
static bool is_default(const struct word *w, const struct gt_event *ev)
{
	if (w->type == WORD_STATE)
		return !ev->state;
	if (w->type == WORD_SYSCALL)
		return ev->syscall == -1;
	return !(ev->flags & GT_F_FUTEX);
}

static void print_event(const struct gt_event *ev)
{
	const struct verb *verb = &verbs[ev->kind];

	putchar('@');
	print_time(ev->ts);
	if (ev->cpu == GT_CPU_COLLECTOR)
		printf(" collector %s", verb->name);
	else
		printf(" cpu%" PRIu32 " %s", ev->cpu, verb->name);
	if (verb->task)
		printf(" %" PRIu32, ev->task);
	if (verb->between)
		printf(" %s %" PRIu32, verb->between, ev->peer);
	for (const struct word *w = verb->call ? call_words : verb->words; w->type; w++) {
		if (verb->call && is_default(w, ev))
			continue;
		printf(" %s=", w->key);
		print_value(w, ev);
	}
	/* One bit, two meanings. */
	bool leaves = ev->kind == GT_SWITCH && ev->task;
	const char *other = leaves ? "prev-idle" : "woken";

	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (ev->flags & flag_names[i].value && strcmp(flag_names[i].name, other) != 0 &&
		    !(verb->call && flag_names[i].value == GT_F_FUTEX))
			printf(" %s", flag_names[i].name);
	putchar('\n');
}

static void print_meta_row(const struct trace_meta_row *row, const void *at)
{
	switch (row->type) {
	case TRACE_META_STRING:
		print_text(*(char *const *)at);
		break;
	case TRACE_META_BOOL:
		printf("%d", *(const bool *)at);
		break;
	case TRACE_META_INT:
		printf("%d", *(const int *)at);
		break;
	case TRACE_META_U32:
		printf("%" PRIu32, *(const uint32_t *)at);
		break;
	case TRACE_META_U64:
		printf("%" PRIu64, *(const uint64_t *)at);
		break;
	case TRACE_META_DOUBLE:
		printf("%.17g", *(const double *)at);
		break;
	}
}

static bool is_unknown(const struct trace_meta_row *row, const void *at)
{
	static const size_t sizes[] = {
		[TRACE_META_STRING] = sizeof(char *), [TRACE_META_BOOL] = sizeof(bool),
		[TRACE_META_INT] = sizeof(int),	      [TRACE_META_U32] = sizeof(uint32_t),
		[TRACE_META_U64] = sizeof(uint64_t),  [TRACE_META_DOUBLE] = sizeof(double),
	};
	static const char zero[sizeof(uint64_t)];

	return !memcmp(at, zero, sizes[row->type]);
}

static void print_meta(const struct gt_meta *meta)
{
	for (const struct trace_meta_row *row = trace_meta_rows; row->key; row++) {
		const void *at = (const char *)meta + row->at;

		if (is_unknown(row, at))
			continue;
		printf("meta %s ", row->key);
		print_meta_row(row, at);
		putchar('\n');
	}
	printf("meta target %s\n", target_names[meta->target]);
	if (meta->command)
		fputs("meta command", stdout);
	for (char **arg = meta->command; arg && *arg; arg++) {
		putchar(' ');
		print_text(*arg);
	}
	if (meta->command)
		putchar('\n');
	if (meta->npids)
		fputs("meta pids", stdout);
	for (size_t i = 0; i < meta->npids; i++)
		printf(" %" PRId32, meta->pids[i]);
	if (meta->npids)
		putchar('\n');
	for (int i = 0; i < GT_LOSS_COUNT; i++)
		if (meta->losses[i])
			printf("meta loss %s %" PRIu64 "\n", gt_loss_name(i), meta->losses[i]);
}

static void print_stats(const struct gt_reader *r)
{
	struct gt_reader_stats stats;

	gt_reader_stats(r, &stats);
	if (stats.incomplete) {
		fputs("mark ", stdout);
		print_time(stats.last_mark);
		puts("\nincomplete");
	}
	printf("# %" PRIu64 " records, last mark @%" PRIu64 ", %" PRIu64 " disordered, %" PRIu64
	       " skipped%s\n",
	       stats.records, stats.last_mark, stats.disordered, stats.skipped,
	       stats.damaged ? ", DAMAGED" : "");
}

int main(int argc, char **argv)
{
	const struct gt_event *ev;
	struct gt_reader *r;
	int err;

	if (argc != 2) {
		fputs("usage: dump FILE\n", stderr);
		return 2;
	}
	r = gt_reader_open(argv[1], &err);
	if (!r)
		goto out;
	print_meta(gt_reader_meta(r));
	while ((err = gt_reader_next(r, &ev)) == 1)
		print_event(ev);
	print_stats(r);
	gt_reader_free(r);
out:
	if (err)
		fprintf(stderr, "dump: %s: %s\n", argv[1], strerror(-err));
	return err != 0;
}
