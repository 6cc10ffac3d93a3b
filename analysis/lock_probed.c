/* SPDX-License-Identifier: MIT */
#include "lock_probed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lock_probed_private.h"

#define LOCKS_MAX (1U << 18) /* a hostile trace may have any number */
#define INTERPRETERS_MAX (1U << 16)

struct lock_probed *lock_probed_new(void)
{
	return calloc(1, sizeof(struct lock_probed));
}

void lock_probed_free(struct lock_probed *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nlocks; i++) {
		free(p->locks[i].name);
		free(p->locks[i].image);
	}
	for (uint32_t i = 0; i < p->ninterpreters; i++) {
		free(p->interpreters[i].name);
		free(p->interpreters[i].image);
	}
	map_free(&p->index);
	map_free(&p->as_index);
	map_free(&p->forked_from);
	map_free(&p->told_index);
	free(p->told);
	free(p->asks);
	free(p->locks);
	free(p->interpreter_of);
	free(p->interpreters);
	free(p->by_number);
	free(p);
}

/* Grow an array of `size` bytes an entry for one more. */
static bool room_for(struct lock_probed *p, void **array, uint32_t *room, uint32_t n, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *grown;

	if (n < *room)
		return true;
	grown = realloc(*array, more * size);
	if (!grown) {
		p->err = -ENOMEM;
		return false;
	}
	*array = grown;
	*room = more;
	return true;
}

/* ---- interpreters ---- */

const struct lock_interpreter *lock_probed_interpreter(const struct lock_probed *p, uint32_t as)
{
	uint64_t at;

	return p && map_get(&p->as_index, as, &at) ? &p->interpreters[at] : NULL;
}

const struct lock_interpreter *lock_probed_inherited(const struct lock_probed *p, uint32_t as)
{
	const struct lock_interpreter *it = lock_probed_interpreter(p, as);
	uint64_t from;

	for (; p && !it && map_get(&p->forked_from, as, &from); as = from)
		it = lock_probed_interpreter(p, from);
	return it;
}

/* Numbers are never used again and only go up: no way leads in circles. */
static void add_fork(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	const struct thread *parent = model_thread(m, ev->u.task.parent);
	uint32_t as = ev->u.task.as, from = parent ? parent->process->as : 0;

	if (!from || from >= as)
		return;
	if (map_len(&p->forked_from) == LOCKS_MAX)
		p->left_out++;
	else if (map_put(&p->forked_from, as, from))
		p->err = -ENOMEM;
}

static char *text_of(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

/* The last word on an address space counts. */
static void add_interpreter(struct lock_probed *p, const struct gt_event *ev)
{
	struct lock_interpreter *it = (void *)lock_probed_interpreter(p, ev->u.interpreter.as);

	if (!ev->u.interpreter.kind || ev->u.interpreter.kind >= GT_INTERPRETER_COUNT) {
		p->left_out++;
		return;
	}
	if (!it && p->ninterpreters == INTERPRETERS_MAX) {
		p->left_out++;
		return;
	}
	if (!it) {
		if (!room_for(p, (void **)&p->interpreters, &p->interpreters_room, p->ninterpreters,
			      sizeof(*it)))
			return;
		if (map_put(&p->as_index, ev->u.interpreter.as, p->ninterpreters)) {
			p->err = -ENOMEM;
			return;
		}
		it = &p->interpreters[p->ninterpreters++];
		*it = (struct lock_interpreter){ .as = ev->u.interpreter.as };
	}
	free(it->name);
	free(it->image);
	it->kind = ev->u.interpreter.kind;
	it->flags = ev->u.interpreter.flags;
	it->name = text_of(ev->u.interpreter.name);
	it->image = text_of(ev->u.interpreter.image);
}

/* ---- locks ---- */

static struct lock_probed_lock *find(const struct lock_probed *p, uint32_t as, uint64_t addr)
{
	uint64_t key = lock_probed_key(as, addr), at;

	for (; map_get(&p->index, key, &at); key++)
		if (p->locks[at].as == as && p->locks[at].addr == addr)
			return &p->locks[at];
	return NULL;
}

static const struct site *site_of(const struct lock_probed *p, const struct gt_event *ev)
{
	return ev->u.lock.site <= GT_LOCK_SITES_MAX ? &p->sites[ev->u.lock.site] : &p->sites[0];
}

static void add_lock(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	const struct thread *t = model_thread(m, ev->task);
	const struct site *site = site_of(p, ev);
	uint32_t room = p->room;
	struct lock_probed_lock *l;
	uint64_t key, at;

	if (!t || !ev->u.lock.role || ev->u.lock.role >= GT_LOCK_ROLES) {
		p->left_out++;
		return;
	}
	if (find(p, t->process->as, ev->u.lock.addr))
		return;
	if (p->nlocks == LOCKS_MAX) {
		p->left_out++;
		return;
	}
	if (!room_for(p, (void **)&p->interpreter_of, &room, p->nlocks,
		      sizeof(*p->interpreter_of)) ||
	    !room_for(p, (void **)&p->locks, &p->room, p->nlocks, sizeof(*l)))
		return;
	for (key = lock_probed_key(t->process->as, ev->u.lock.addr); map_get(&p->index, key, &at);)
		key++;
	if (map_put(&p->index, key, p->nlocks)) {
		p->err = -ENOMEM;
		return;
	}
	p->interpreter_of[p->nlocks] = site->interpreter;
	p->locks[p->nlocks++] = (struct lock_probed_lock){
		.as = t->process->as,
		.process = t->process->id,
		.addr = ev->u.lock.addr,
		.lock = UINT32_MAX,
		.kind = site->gil ? LOCK_KIND_GIL : LOCK_KIND_UNKNOWN,
		.began = site->ts,
		.usdt = site->flags & GT_LOCK_SITE_USDT,
	};
}

/* ---- what is waited on while asking ---- */

static bool asks_room(struct lock_probed *p, uint32_t thread)
{
	size_t n = ((size_t)thread + 64) * 2;
	uint32_t *asks;

	if (thread < p->nasks)
		return true;
	asks = realloc(p->asks, n * sizeof(*asks));
	if (!asks) {
		p->err = -ENOMEM;
		return false;
	}
	memset(asks + p->nasks, 0, (n - p->nasks) * sizeof(*asks));
	p->asks = asks;
	p->nasks = n;
	return true;
}

static void note_asking(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	const struct thread *t = model_thread(m, ev->task);
	const struct lock_probed_lock *l = t ? find(p, t->process->as, ev->u.lock.addr) : NULL;

	if (l && asks_room(p, t->index))
		p->asks[t->index] =
			ev->u.lock.role == GT_LOCK_REQUEST ? (uint32_t)(l - p->locks) + 1 : 0;
}

void lock_probed_wait(struct lock_probed *p, const struct thread *t)
{
	uint32_t lock = t->index < p->nasks ? p->asks[t->index] : 0;
	uint64_t key = lock_probed_key(t->wait.as, t->wait.addr), at;

	if (!lock)
		return;
	for (; map_get(&p->told_index, key, &at); key++) {
		struct told *told = &p->told[at];

		if (told->as != t->wait.as || told->addr != t->wait.addr)
			continue;
		told->waits += told->lock == lock - 1;
		return;
	}
	if (p->ntold == LOCKS_MAX) {
		p->left_out++;
		return;
	}
	if (!room_for(p, (void **)&p->told, &p->told_room, p->ntold, sizeof(*p->told)))
		return;
	if (map_put(&p->told_index, key, p->ntold))
		p->err = -ENOMEM;
	else
		p->told[p->ntold++] = (struct told){ t->wait.as, t->wait.addr, lock - 1, 1 };
}

static void add_site(struct lock_probed *p, const struct gt_event *ev)
{
	uint32_t site = ev->u.lock_site.site;
	const char *name = ev->u.lock_site.name;

	if (!site || site > GT_LOCK_SITES_MAX ||
	    ev->u.lock_site.interpreter >= GT_INTERPRETER_COUNT) {
		p->left_out++;
		return;
	}
	p->sites[site] = (struct site){
		.interpreter = ev->u.lock_site.interpreter,
		.flags = ev->u.lock_site.flags,
		.gil = name && !strncmp(name, "gil:", 4),
		.ts = ev->ts,
	};
}

static void add_symbol(struct lock_probed *p, const struct gt_event *ev)
{
	struct lock_probed_lock *l = find(p, ev->u.symbol.as, ev->u.symbol.addr);

	if (!l || !l->addr)
		return;
	free(l->name);
	free(l->image);
	l->name = text_of(ev->u.symbol.name);
	l->image = text_of(ev->u.symbol.image);
}

void lock_probed_record(struct lock_probed *p, const struct model *m, const struct gt_event *ev)
{
	if (ev->kind == GT_LOCK) {
		add_lock(p, m, ev);
		note_asking(p, m, ev);
	} else if (ev->kind == GT_LOCK_SITE) {
		add_site(p, ev);
	} else if (ev->kind == GT_INTERPRETER) {
		add_interpreter(p, ev);
	} else if (ev->kind == GT_TASK) {
		add_fork(p, m, ev);
	} else if (ev->kind == GT_SYMBOL && p->nlocks) {
		add_symbol(p, ev);
	}
}

const struct lock_probed_lock *lock_probed_find(const struct lock_probed *p, uint32_t as,
						const struct gt_event *ev)
{
	const struct lock_probed_lock *l = p ? find(p, as, ev->u.lock.addr) : NULL;

	return l && l->lock != UINT32_MAX ? l : NULL;
}

uint32_t lock_probed_nlocks(const struct lock_probed *p)
{
	return p->total;
}

const struct lock_probed_lock *lock_probed_at(const struct lock_probed *p, uint32_t lock)
{
	return p && lock < p->total && p->by_number[lock] ? &p->locks[p->by_number[lock] - 1]
							  : NULL;
}

uint64_t lock_probed_left_out(const struct lock_probed *p)
{
	return p ? p->left_out : 0;
}
