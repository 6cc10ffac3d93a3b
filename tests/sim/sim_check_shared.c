/* SPDX-License-Identifier: MIT */
/* Locks of several processes: that they are one, and whose. */
#include "sim_check.h"

#include <inttypes.h>
#include <string.h>

static bool begun(const struct sim_process *p)
{
	return p->id;
}

/* Of a mutex: the processes that looked their file up know it as one lock, each other one has one
 * of its own. */
static void check_shared(struct check *k, uint32_t object)
{
	const struct sim_object *o = &k->s->objects[object];
	uint32_t found = 0, one = 0;

	for (uint32_t i = 0; i < k->s->nprocesses; i++) {
		const struct sim_process *p = &k->s->processes[i];
		uint32_t group = begun(p) ? truth_group_of(k->t, o->word, p) : 0;
		const char *kind;

		if (!group)
			continue;
		found++;
		if (!p->unnamed && one && one != group)
			check_differs(k, "shared object %" PRIu32 " is several locks", object);
		one = p->unnamed ? one : group;
		kind = check_text(check_group_row(k, group - 1), "kind");
		if (o->kind == OBJECT_MUTEX && strcmp(kind, "mutex"))
			check_differs(k, "shared object %" PRIu32 " is a mutex, told as %s", object,
				      kind);
	}
	if (!found && k->s->words[o->word].rounds)
		check_differs(k, "shared object %" PRIu32 " was waited on and is not told", object);
}

static bool has_part(const struct check *k, uint32_t group, uint64_t process, bool waited)
{
	for (size_t i = 0; i < k->t->nparts; i++) {
		const struct truth_part *p = &k->t->parts[i];
		const struct sim_thread *thread = &k->s->threads[p->thread];

		if (p->group == group && k->s->processes[thread->process].id == process &&
		    (p->waits || (!waited && (p->got || p->let_go))))
			return true;
	}
	return false;
}

static bool names(const json_t *processes, uint64_t id)
{
	const json_t *p;
	size_t i;

	json_array_foreach(processes, i, p) if ((uint64_t)json_integer_value(p) == id) return true;
	return false;
}

/* Whoever waited is named; nobody who had nothing to do with it. That others had it without waiting
 * is inferred. */
void check_processes_of(struct check *k, uint32_t group, const json_t *row)
{
	const json_t *processes = json_object_get(row, "processes"), *process;
	bool used = !strcmp(check_text(row, "kind"), "rwlock"); /* readers are not in the books */
	size_t i;

	json_array_foreach(
		processes, i,
		process) if (!used &&
			     !has_part(k, group, (uint64_t)json_integer_value(process), false))
		check_differs(k, "%s: process %lld has no part in it", check_text(row, "name"),
			      json_integer_value(process));
	for (uint32_t p = 0; p < k->s->nprocesses; p++)
		if (begun(&k->s->processes[p]) && has_part(k, group, k->s->processes[p].id, true) &&
		    !names(processes, k->s->processes[p].id))
			check_differs(k, "%s: process %" PRIu32 " waited for it and is not told",
				      check_text(row, "name"), k->s->processes[p].id);
}

void check_shared_locks(struct check *k)
{
	for (uint32_t i = 0; i < k->s->nobjects && k->s->objects[i].shared; i++)
		if (k->c->p.damage != SIM_CUT)
			check_shared(k, i);
}
