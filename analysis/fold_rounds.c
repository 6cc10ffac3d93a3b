/* SPDX-License-Identifier: MIT */
#include "fold_rounds.h"

#include <stdlib.h>
#include <string.h>

#include "lock_holds.h"

struct fold_round *fold_rounds_of(struct fold_rounds *r, const struct thread *t)
{
	if (t->index >= r->n) {
		size_t n = ((size_t)t->index + 64) * 2;
		struct fold_round *p = realloc(r->at, n * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + r->n, 0, (n - r->n) * sizeof(*p));
		r->at = p;
		r->n = n;
	}
	return &r->at[t->index];
}

bool fold_round_goes_on(const struct fold_round *round, uint32_t lock, uint64_t now)
{
	return round->count && round->lock == lock && round->resumed &&
	       now - round->resumed < LOCK_TIMEOUT_GAP_NS;
}

void fold_rounds_release(struct fold_rounds *r)
{
	free(r->at);
}
