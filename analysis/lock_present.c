/* SPDX-License-Identifier: MIT */
#include "lock_present.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/map.h"
#include "lock_kind.h"

/* Of an address space and one kind of lock; a kind is a small number. */
static uint64_t key_of(uint32_t as, enum lock_kind_id kind)
{
	return (uint64_t)as << 8 | kind;
}

/* The locks that have rows. */
static int collect(const struct lock_results *l, const struct results *out, struct map *seen)
{
	int err = 0;

	for (size_t i = 0; i < out->nlocks && !err; i++) {
		uint32_t lock = out->locks[i].id - 1;
		const struct lock_probed_lock *probed = lock_probed_at(l->probed, lock);
		const struct lock_group *g = lock_table_at(l->ctx->locks, lock);

		err = map_put(seen, key_of(g ? g->as : probed->as, out->locks[i].kind), 1);
	}
	return err;
}

static char *evidence(const struct lock_interpreter *it)
{
	struct buf b = { 0 };
	char *text;

	buf_printf(&b, "present: %s has one; %s", it->name ? it->name : "the interpreter",
		   it->flags & GT_INTERPRETER_PROBED
			   ? "its probes saw nobody take it, and nobody waited for it"
			   : "never waited for");
	text = buf_str(&b) ? strdup(buf_str(&b)) : NULL;
	buf_free(&b);
	return text;
}

static int row(struct result_lock *r, uint32_t id, uint32_t process,
	       const struct lock_interpreter *it)
{
	const uint64_t unknown = RESULT_UNKNOWN;

	*r = (struct result_lock){
		.id = id,
		.kind = lock_kind_global(it->kind),
		.processes = malloc(sizeof(*r->processes)),
		.nprocesses = 1,
		.inferred = true,
		.handoff_p50 = unknown,
		.handoff_p99 = unknown,
		.handoff_sum = unknown,
		.acquisitions = unknown,
		.releases = unknown,
		.held_running = unknown,
		.held_runnable = unknown,
		.held_blocked = unknown,
		.fairness = -1,
		.name = strdup(lock_kind_global_name(it->kind)),
		.image = it->image ? strdup(it->image) : NULL,
		.explains_of_process = calloc(1, sizeof(*r->explains_of_process)),
		.recognised_by = calloc(1, sizeof(*r->recognised_by)),
		.by_thread = calloc(1, sizeof(*r->by_thread)),
		.pairs = calloc(1, sizeof(*r->pairs)),
	};
	if (!r->processes || !r->name || (it->image && !r->image) || !r->explains_of_process ||
	    !r->recognised_by || !r->by_thread || !r->pairs)
		return -ENOMEM;
	r->processes[0] = process;
	r->recognised_by[0] = evidence(it);
	r->nrecognised_by = !!r->recognised_by[0];
	return r->recognised_by[0] ? 0 : -ENOMEM;
}

/* Has the process a lock of its interpreter's that is not listed? */
static const struct lock_interpreter *unlisted(const struct lock_results *l, struct map *seen,
					       const struct process *p)
{
	const struct lock_interpreter *it = lock_probed_inherited(l->probed, p->as);
	uint64_t is;

	if (!it || it->flags & GT_INTERPRETER_NO_GIL ||
	    map_get(seen, key_of(p->as, lock_kind_global(it->kind)), &is))
		return NULL;
	return it;
}

static int add_rows(const struct lock_results *l, struct map *seen, uint32_t id,
		    struct results *out)
{
	size_t at = 0;
	int err = 0;

	/* Results are in the model's order, some processes left out. */
	for (uint32_t i = 0; i < model_nprocesses(l->ctx->model) && at < out->nprocesses && !err;
	     i++) {
		const struct process *p = model_process_at(l->ctx->model, i);
		const struct lock_interpreter *it;

		if (p->id != out->processes[at].id)
			continue;
		at++;
		it = unlisted(l, seen, p);
		if (!it)
			continue;
		err = map_put(seen, key_of(p->as, lock_kind_global(it->kind)), 1);
		err = err ?: row(&out->locks[out->nlocks++], ++id, p->id, it);
	}
	return err;
}

int lock_present(const struct lock_results *l, struct results *out)
{
	struct map seen = { 0 };
	struct result_lock *more;
	int err;

	if (!l->probed || !l->ctx->meta->lock_probes)
		return 0;
	more = realloc(out->locks, (out->nlocks + out->nprocesses + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	out->locks = more;
	err = collect(l, out, &seen);
	err = err ?: add_rows(l, &seen, lock_probed_nlocks(l->probed), out);
	map_free(&seen);
	return err;
}
