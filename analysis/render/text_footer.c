/* SPDX-License-Identifier: MIT */
/* How far the numbers can be trusted: losses, stacks, audit, and what tracing itself cost. */
#include <errno.h>
#include <stdlib.h>

#include <lib/buf.h>

#include "text_parts.h"
#include "units.h"

static void trace_state(struct buf *b, const struct canvas *c, const struct results *r)
{
	if (r->losses.damaged)
		buf_add_str(b, "The trace is damaged: nothing after that is in this report. ");
	else if (r->losses.incomplete)
		buf_add_str(b, "The trace is incomplete: its recorder did not finish, and this "
			       "report ends where the trace does. ");
	if (r->meta->left_running)
		buf_printf(b, "%u thread%s still alive at the end. ", r->meta->left_running,
			   r->meta->left_running == 1 ? " was" : "s were");
}

static void losses(struct buf *b, const struct canvas *c, const struct results *r)
{
	const struct result_losses *l = &r->losses;
	bool any = false;

	buf_add_str(b, "losses: ");
	for (int i = 0; i < GT_LOSS_COUNT; i++) {
		if (!l->reasons[i])
			continue;
		buf_printf(b, "%s%s %s", any ? ", " : "", gt_loss_name(i),
			   units_count(l->reasons[i]).text);
		any = true;
	}
	/* The counters are written when a recording ends: without that, nothing was counted. */
	if (!any)
		buf_add_str(b, l->incomplete ? "none counted" : "none");
	buf_printf(b, "; %s of thread time unknown (%s %s)", units_share(l->unknown_share).text,
		   l->exceeded ? "ABOVE the limit of" : "limit", units_share(l->limit).text);
	if (l->repaired)
		buf_printf(b, "; %s switch%s the kernel's tracepoint missed %s reconstructed",
			   units_count(l->repaired).text, l->repaired == 1 ? "" : "es",
			   l->repaired == 1 ? "was" : "were");
	if (l->unseen_wakings)
		buf_printf(
			b,
			"; %s waking%s not shown by the kernel: time runnable that counts as blocked",
			units_count(l->unseen_wakings).text, l->unseen_wakings == 1 ? "" : "s");
	if (l->disordered)
		buf_printf(b, "; %s records out of order", units_count(l->disordered).text);
	if (l->skipped)
		buf_printf(b, "; %s records of unknown kinds", units_count(l->skipped).text);
	if (l->left_out)
		buf_printf(b,
			   "; %s facts about locks, wake-ups and stacks left out for want of room",
			   units_count(l->left_out).text);
}

static void audit(struct buf *b, const struct canvas *c, const struct results *r)
{
	bool cpu = r->audit_cpu_error >= 0, task = r->audit_task_error >= 0;

	buf_add_str(b, "audit: ");
	if (!cpu && !task)
		buf_add_str(b, "the trace has no sums to compare with");
	if (cpu)
		buf_printf(b, "cores within %s", units_share(r->audit_cpu_error).text);
	if (task)
		buf_printf(b, "%sthreads within %s", cpu ? ", " : "",
			   units_share(r->audit_task_error).text);
	if (cpu || task)
		buf_add_str(b, " of the kernel side's sums");
}

/* What share of each kind's time flame graphs explain to the bottom. */
static void stacks(struct buf *b, const struct canvas *c, const struct results *r)
{
	static const char *const nouns[STACK_KINDS] = {
		[STACK_LOCK] = "lock time",
		[STACK_OFFCPU] = "time off the CPU",
		[STACK_ONCPU] = "samples",
		[STACK_WAKE] = "wakings' waits",
	};
	bool any = false;

	for (int kind = 0; kind < STACK_KINDS; kind++) {
		const struct result_stack_sum *sum = &r->stack_sums[kind];

		if (!nouns[kind] || !sum->ns)
			continue;
		buf_printf(b, "%s%s of %s", any ? ", " : "stacks: ",
			   units_share((double)sum->complete / (double)sum->ns).text, nouns[kind]);
		any = true;
	}
	if (!any)
		return;
	buf_add_str(b, " in complete stacks");
	if (r->meta->stack_counts.skipped)
		buf_printf(b, "; not unwound, being too many at once: %s",
			   units_count(r->meta->stack_counts.skipped).text);
}

/* Nothing where nothing was counted, as in a trace whose recorder did not finish. */
static void cost(struct buf *b, const struct canvas *c, const struct results *r)
{
	const struct gt_meta *m = r->meta;
	const char *before = "cost: ";

	if (m->overhead.bpf_runs) {
		buf_printf(b, "%s%s in %s BPF runs", before,
			   units_time(m->overhead.bpf_ns, c->unicode).text,
			   units_count(m->overhead.bpf_runs).text);
		before = ", ";
	}
	if (m->overhead.collector_cpu) {
		buf_printf(b, "%s%s CPU of the collector", before,
			   units_time(m->overhead.collector_cpu, c->unicode).text);
		before = ", ";
	}
	if (m->overhead.startup) {
		buf_printf(b, "%s%s to start", before,
			   units_time(m->overhead.startup, c->unicode).text);
		before = ", ";
	}
	if (m->overhead.bpf_misses) {
		buf_printf(b, "%s%s BPF runs MISSED", before,
			   units_count(m->overhead.bpf_misses).text);
		before = ", ";
	}
	if (m->overhead.records) {
		buf_printf(b, "%s%s records in %s", before, units_count(m->overhead.records).text,
			   units_bytes(m->overhead.bytes).text);
		before = ", ";
	}
	if (m->futex_calls)
		buf_printf(b, "%sfutex calls counted%s", before,
			   m->futex_tax ? " (at every system call; --no-futex-calls)" : "");
}

typedef void (*sentence)(struct buf *b, const struct canvas *c, const struct results *r);

static const sentence sentences[] = { losses, stacks, audit, cost };

static void all(struct buf *b, const struct canvas *c, const struct results *r)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		size_t before = b->len;

		sentences[i](b, c, r);
		if (b->len > before)
			buf_add_str(b, ". ");
	}
}

static int paragraph(struct canvas *c, const struct results *r, sentence say,
		     enum canvas_style style)
{
	struct buf b = { 0 };
	const char *text;

	say(&b, c, r);
	text = buf_str(&b);
	if (text && *text) {
		canvas_style(c, style);
		canvas_fill(c, text, 0);
	}
	buf_free(&b);
	return text ? 0 : -ENOMEM;
}

int text_footer(struct canvas *c, const struct results *r)
{
	int err;

	canvas_end(c);
	err = paragraph(c, r, trace_state, CANVAS_BAD);
	if (!err)
		err = paragraph(c, r, all, r->losses.exceeded ? CANVAS_BAD : CANVAS_FAINT);
	return err;
}
