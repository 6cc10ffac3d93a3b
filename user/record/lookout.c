/* SPDX-License-Identifier: MIT */
#include "lookout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/map.h"

#define MS 1000000ull

/* Of one round: what the helper can answer in a small part of a CPU, and dead ones that are passed
 * over. */
#define LOOKS_MAX 16
#define PASSED_MAX 1024

/* How long after the look before it comes each. Programs load their libraries early. */
static const uint64_t pauses[] = { 0,	     10 * MS,  20 * MS,	 40 * MS,  80 * MS,
				   160 * MS, 320 * MS, 640 * MS, 1000 * MS };

#define YOUNG 4 /* steps */

#define STEPS (sizeof(pauses) / sizeof(pauses[0]))

/* All that wait for the same pause to end: first in, first out is in order of time. */
struct queue {
	struct lookout_space *first, *last;
};

struct lookout {
	char *cwd;
	struct map spaces; /* address space → struct lookout_space */
	struct map tasks;  /* task → address space */
	struct queue queues[STEPS];
};

struct lookout *lookout_new(const char *cwd)
{
	struct lookout *l = calloc(1, sizeof(*l));

	if (l && cwd)
		l->cwd = strdup(cwd);
	return l;
}

static void enqueue(struct lookout *l, struct lookout_space *s, uint64_t now)
{
	struct queue *q = &l->queues[s->step];

	s->due = now + pauses[s->step];
	s->queued = true;
	s->next = NULL;
	s->prev = q->last;
	if (q->last)
		q->last->next = s;
	else
		q->first = s;
	q->last = s;
}

static void dequeue(struct lookout *l, struct lookout_space *s)
{
	struct queue *q = &l->queues[s->step];

	if (!s->queued)
		return;
	s->queued = false;
	if (s->next)
		s->next->prev = s->prev;
	else
		q->last = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		q->first = s->next;
}

static struct lookout_space *space_new(struct lookout *l, uint32_t as, pid_t tgid, uint64_t now)
{
	struct lookout_space *s = calloc(1, sizeof(*s));

	if (!s || map_put_ptr(&l->spaces, as, s)) {
		free(s);
		return NULL;
	}
	s->as = as;
	s->tgid = tgid;
	enqueue(l, s, now);
	return s;
}

void lookout_task(struct lookout *l, uint32_t task, uint32_t as, pid_t tgid,
		  const struct gt_wire_exec *exec, uint64_t now)
{
	struct lookout_space *s;
	uint64_t before = 0;

	/* Birth and exec may come from two CPUs' rings, in any order; numbers only grow. */
	if (!as || (map_get(&l->tasks, task, &before) && before > as))
		return;
	/* A child of vfork() leaves its parent's address space behind, which goes on. */
	if (exec && before && before != as) {
		s = map_get_ptr(&l->spaces, before);
		if (s && s->tgid == tgid) {
			s->left = true;
			dequeue(l, s);
		}
	}
	map_put(&l->tasks, task, as);
	s = map_get_ptr(&l->spaces, as);
	if (!s)
		s = space_new(l, as, tgid, now);
	if (s && exec && !s->exec.path)
		s->exec = (struct symbols_exec){
			.path = strndup(exec->path, sizeof(exec->path)),
			.cwd = l->cwd,
			.dev = exec->dev,
			.ino = exec->ino,
			.start_code = exec->start_code,
		};
}

bool lookout_young(const struct lookout *l)
{
	for (size_t step = 0; step < YOUNG; step++)
		if (l->queues[step].first)
			return true;
	return false;
}

bool lookout_left(const struct lookout *l, uint32_t as)
{
	const struct lookout_space *s = map_get_ptr(&l->spaces, as);

	return s && s->left;
}

const struct lookout_space *lookout_of_task(const struct lookout *l, uint32_t task)
{
	uint64_t as;

	return map_get(&l->tasks, task, &as) ? map_get_ptr(&l->spaces, as) : NULL;
}

void lookout_round(struct lookout *l, uint64_t now, lookout_look look, void *ctx)
{
	unsigned int looked = 0, passed = 0;

	for (size_t step = 0; step < STEPS; step++) {
		struct lookout_space *s;

		while ((s = l->queues[step].first) && s->due <= now && looked < LOOKS_MAX &&
		       passed < PASSED_MAX) {
			int err = look(ctx, s);

			if (err == -EAGAIN)
				return;
			dequeue(l, s);
			if (err) {
				passed++;
				continue;
			}
			looked++;
			if (s->step + 1 < STEPS)
				s->step++;
			enqueue(l, s, now);
		}
	}
}

void lookout_free(struct lookout *l)
{
	uint64_t key, value;
	size_t pos = 0;

	if (!l)
		return;
	while (map_next(&l->spaces, &pos, &key, &value)) {
		struct lookout_space *s = (void *)(uintptr_t)value;

		free((char *)s->exec.path);
		free(s);
	}
	map_free(&l->spaces);
	map_free(&l->tasks);
	free(l->cwd);
	free(l);
}
