/* SPDX-License-Identifier: MIT */
/*
 * Futex calls by result: each row as it was counted, whatever happened to the records. What found
 * no room in the recorder's table is told as lost, call by call.
 */
#include "sim_check.h"

#include <inttypes.h>
#include <stdlib.h>

static bool same_row(const struct sim_call *c, const json_t *o)
{
	return c->process == check_integer(o, "process") &&
	       c->addr == strtoull(check_text(o, "address"), NULL, 16) &&
	       c->op == check_integer(o, "op") &&
	       c->result == json_integer_value(json_object_get(o, "result"));
}

/* One row for each that was counted; a program executed by a process is another address space. */
static void check_call(struct check *k, const struct sim_call *c)
{
	bool found = false;

	for (size_t i = 0; i < check_rows(k, "futex_calls") && !found; i++) {
		const json_t *o = check_row(k, "futex_calls", i);

		found = same_row(c, o) && check_integer(o, "count") == c->count;
	}
	if (!found)
		check_differs(k,
			      "futex calls: process %" PRIu32 ", word %" PRIx64 ", op %" PRIu32
			      ", result %" PRId32 ": not told as %" PRIu64,
			      c->process, c->addr, c->op, c->result, c->count);
}

void check_calls(struct check *k)
{
	const struct sim_calls *calls = &k->s->calls;
	const json_t *reasons = json_object_get(json_object_get(k->report, "losses"), "reasons");
	size_t rows = check_rows(k, "futex_calls");

	/* They are written last. */
	if (k->c->p.damage == SIM_CUT && !rows)
		return;
	if (k->c->p.damage != SIM_CUT)
		check_same(k, "losses", 0, reasons, "futex_map", calls->no_room);
	if (rows != calls->n)
		check_differs(k, "%zu rows of futex calls, truth %" PRIu32, rows, calls->n);
	for (uint32_t i = 0; i < calls->n; i++)
		check_call(k, &calls->at[i]);
}
