/* SPDX-License-Identifier: MIT */
#include "python_merge.h"

#define OWNED_BY_C 3 /* 3.12 and later: no frame of Python's, but the end of the loop's call */

/* The Python frames that one call of the loop runs: [first, end). */
struct call {
	uint32_t first, end;
};

struct merge {
	const struct python_merge *in;
	struct call calls[GT_PYTHON_FRAMES_MAX];
	size_t ncalls;
	struct python_item *out;
	size_t n, room;
};

static void put(struct merge *m, enum python_item_kind kind, size_t index)
{
	if (m->n < m->room)
		m->out[m->n++] = (struct python_item){ kind, (uint32_t)index };
}

/* Does frame `i` end a call of the loop; and is it no frame itself? */
static bool ends_call(const struct python_merge *in, size_t i, bool *none)
{
	*none = in->minor >= 12 && in->frames[i].mark == OWNED_BY_C;
	if (in->minor <= 10)
		return true; /* each frame is a call of its own */
	return in->minor == 11 ? in->frames[i].mark != 0 : *none;
}

static void find_calls(struct merge *m)
{
	size_t n = m->in->nframes < GT_PYTHON_FRAMES_MAX ? m->in->nframes : GT_PYTHON_FRAMES_MAX;
	uint32_t first = 0;
	bool none;

	for (uint32_t i = 0; i < n; i++) {
		if (!ends_call(m->in, i, &none))
			continue;
		m->calls[m->ncalls++] = (struct call){ first, none ? i : i + 1 };
		first = i + 1;
	}
	if (first < n)
		m->calls[m->ncalls++] = (struct call){ first, (uint32_t)n };
}

static void put_call(struct merge *m, size_t call)
{
	for (uint32_t i = m->calls[call].first; i < m->calls[call].end; i++)
		put(m, PYTHON_ITEM_PYTHON, i);
}

/* Innermost and outermost loop; false: there is none. */
static bool find_loops(const struct python_merge *in, size_t *inner, size_t *outer, size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < in->nnatives; i++) {
		if (in->natives[i] != PYTHON_LOOP)
			continue;
		if (!(*count)++)
			*inner = i;
		*outer = i;
	}
	return *count;
}

/* More calls than loops, though all loops should be there: their order is known, their places are
 * not. */
static void put_unmatched(struct merge *m, size_t inner, size_t outer)
{
	for (size_t i = 0; i < inner; i++)
		put(m, PYTHON_ITEM_NATIVE, i);
	for (size_t i = 0; i < m->ncalls; i++)
		put_call(m, i);
	put(m, PYTHON_ITEM_NO_MATCH, 0);
	for (size_t i = outer + 1; i < m->in->nnatives; i++)
		put(m, PYTHON_ITEM_NATIVE, i);
}

/*
 * Loop number l, from inside, runs call number l - skipped. A loop without a call, one that has
 * just begun or is about to end, stays a native frame.
 */
static void put_matched(struct merge *m, size_t skipped)
{
	const struct python_merge *in = m->in;
	size_t loop = 0, call = 0;
	bool within = false;

	for (size_t i = 0; i < in->nnatives; i++) {
		if (in->natives[i] == PYTHON_LOOP && loop++ >= skipped && call < m->ncalls) {
			if (m->calls[call].first == m->calls[call].end)
				put(m, PYTHON_ITEM_NATIVE, i);
			put_call(m, call++);
			within = call < m->ncalls;
			if (call == m->ncalls && in->cut)
				put(m, PYTHON_ITEM_NO_PYTHON, 0);
		} else if (in->natives[i] != PYTHON_GLUE || !within) {
			put(m, PYTHON_ITEM_NATIVE, i);
		}
	}
	if (call == m->ncalls)
		return;
	/* The native frames end before the Python frames do. */
	put(m, PYTHON_ITEM_NO_NATIVE, 0);
	while (call < m->ncalls)
		put_call(m, call++);
	if (in->cut)
		put(m, PYTHON_ITEM_NO_PYTHON, 0);
}

size_t python_merge(const struct python_merge *in, struct python_item *out, size_t room)
{
	struct merge m = { .in = in, .out = out, .room = room };
	size_t inner = 0, outer = 0, loops;
	bool any = find_loops(in, &inner, &outer, &loops);

	/* Without a loop in all of the stack nothing of Python's runs here any more. */
	if (any || !in->complete)
		find_calls(&m);
	if (!in->complete)
		put_matched(&m, 0); /* by the inner end, which both have */
	else if (!in->cut && m.ncalls > loops)
		put_unmatched(&m, inner, outer);
	else
		put_matched(&m, in->cut ? 0 : loops - m.ncalls);
	return m.n;
}
