/* SPDX-License-Identifier: MIT */
/* The first run's records as a trace file, and what is done to them on the way: disorder,
 * duplicates, losses, a cut. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Per 1000 records, and how many are lost at a time. */
#define DISORDER 50
#define DUPLICATES 100
#define LOSSES 2
#define LOST_MOST 40

struct stream {
	struct gt_event held;	      /* comes after its successor */
	uint64_t mask[GT_MASK_WORDS]; /* where a held mask lies */
	bool holds;
	uint32_t losing; /* so many more are lost */
	uint32_t lost;
	uint64_t first, last;
};

struct sim_trace {
	struct sim_params p;
	struct gt_writer *w;
	int fd;
	int err;
	uint64_t random, records, lost, last;
	uint64_t first_round;	/* bytes of the file up to its first mark */
	struct sim_loss *losses;
	uint32_t nlosses, losses_room;
	struct stream *streams; /* NULL where nothing is done to the records */
};

static uint64_t chance(struct sim_trace *t, uint64_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (t->random >> 11) % below;
}

static void write_event(struct sim_trace *t, const struct gt_event *ev)
{
	int err = gt_writer_event(t->w, ev);

	t->records++;
	if (err && !t->err)
		t->err = err;
}

static void let_go(struct sim_trace *t, struct stream *s)
{
	if (s->holds)
		write_event(t, &s->held);
	s->holds = false;
}

static void disorder(struct sim_trace *t, struct stream *s, const struct gt_event *ev)
{
	if (s->holds && s->held.ts < ev->ts) {
		write_event(t, ev);
		let_go(t, s);
		return;
	}
	let_go(t, s); /* equal times keep their order */
	if (chance(t, 1000) >= DISORDER) {
		write_event(t, ev);
		return;
	}
	s->held = *ev;
	s->holds = true;
	if (ev->kind == GT_AFFINITY) {
		memcpy(s->mask, ev->u.affinity.mask, sizeof(s->mask));
		s->held.u.affinity.mask = s->mask;
	}
}

static void keep_loss(struct sim_trace *t, const struct stream *s, uint32_t cpu)
{
	uint32_t room = t->losses_room ? t->losses_room * 2 : 16;
	struct sim_loss *p;

	if (t->nlosses == t->losses_room) {
		p = realloc(t->losses, room * sizeof(*p));
		if (!p) {
			t->err = -ENOMEM;
			return;
		}
		t->losses = p;
		t->losses_room = room;
	}
	t->losses[t->nlosses++] = (struct sim_loss){ cpu, s->first, s->last };
}

static void tell_loss(struct sim_trace *t, struct stream *s, uint32_t cpu, uint64_t ts)
{
	struct gt_event ev = { .ts = ts, .cpu = cpu, .kind = GT_LOST, .syscall = -1 };

	if (!s->lost)
		return;
	ev.u.lost.reason = GT_LOSS_RING_FULL;
	ev.u.lost.count = s->lost;
	ev.u.lost.first = s->first;
	ev.u.lost.last = s->last;
	t->lost += s->lost;
	keep_loss(t, s, cpu);
	s->lost = 0;
	write_event(t, &ev);
}

static void lose(struct sim_trace *t, struct stream *s, const struct gt_event *ev)
{
	if (!s->losing && chance(t, 1000) < LOSSES)
		s->losing = 1 + (uint32_t)chance(t, LOST_MOST);
	if (s->losing) {
		s->losing--;
		s->first = s->lost ? s->first : ev->ts;
		s->last = ev->ts;
		s->lost++;
		return;
	}
	tell_loss(t, s, ev->cpu, ev->ts);
	write_event(t, ev);
}

void sim_trace_event(struct sim_trace *t, const struct gt_event *ev)
{
	struct stream *s = t->streams ? &t->streams[ev->cpu] : NULL;

	t->last = ev->ts;
	switch (t->p.damage) {
	case SIM_DISORDER:
		disorder(t, s, ev);
		break;
	case SIM_DUPLICATE:
		write_event(t, ev);
		if ((ev->kind == GT_WAKING || ev->kind == GT_SWITCH) && chance(t, 1000) < DUPLICATES)
			write_event(t, ev);
		break;
	case SIM_LOSS:
		lose(t, s, ev);
		break;
	default:
		write_event(t, ev);
	}
}

void sim_trace_collected(struct sim_trace *t, const struct gt_event *ev)
{
	write_event(t, ev);
}

static void flush(struct sim_trace *t)
{
	for (uint32_t i = 0; t->streams && i < t->p.cpus; i++)
		let_go(t, &t->streams[i]);
}

void sim_trace_mark(struct sim_trace *t, uint64_t ts)
{
	uint64_t records;
	int err;

	flush(t);
	err = gt_writer_mark(t->w, ts);
	if (!t->first_round)
		gt_writer_size(t->w, &t->first_round, &records);
	if (err && !t->err)
		t->err = err;
}

/* ---- what the collector says ---- */

static void tell_sites(struct sim_trace *t)
{
	static const char *const names[GT_LOCK_ROLES] = {
		[GT_LOCK_REQUEST] = "gil:request",
		[GT_LOCK_ACQUIRED] = "gil:acquired",
		[GT_LOCK_RELEASED] = "gil:released",
		[GT_LOCK_FORCED] = "gil:forced_switch",
	};

	for (uint32_t role = GT_LOCK_REQUEST; t->p.features & SIM_PROBES && role < GT_LOCK_ROLES;
	     role++) {
		struct gt_event ev = { .ts = SIM_START,
				       .cpu = GT_CPU_COLLECTOR,
				       .kind = GT_LOCK_SITE,
				       .syscall = -1 };

		ev.u.lock_site.site = ev.u.lock_site.role = role;
		ev.u.lock_site.flags = GT_LOCK_SITE_USDT;
		ev.u.lock_site.name = names[role];
		ev.u.lock_site.image = "/usr/bin/sim";
		write_event(t, &ev);
	}
}

static void tell_interpreter(struct sim_trace *t, const struct sim *s, const struct sim_object *o)
{
	static const struct {
		uint32_t kind, version;
		const char *name;
	} of[OBJECT_KINDS] = {
		[OBJECT_GIL] = { GT_INTERPRETER_CPYTHON, 0x030b02, "CPython 3.11.2" },
		[OBJECT_SEMAPHORE] = { GT_INTERPRETER_CPYTHON, 0x020712, "CPython 2.7.18" },
		[OBJECT_BATON] = { GT_INTERPRETER_RUBY, 0x030102, "Ruby 3.1.2" },
		[OBJECT_MASTER] = { GT_INTERPRETER_OCAML, 0x040d01, "OCaml 4.13.1" },
	};
	struct gt_event ev = {
		.ts = s->end, .cpu = GT_CPU_COLLECTOR, .kind = GT_INTERPRETER, .syscall = -1
	};

	if (!of[o->kind].kind || o->unknown)
		return;
	ev.u.interpreter.as = s->words[o->word].as;
	ev.u.interpreter.kind = of[o->kind].kind;
	ev.u.interpreter.version = of[o->kind].version;
	ev.u.interpreter.name = of[o->kind].name;
	ev.u.interpreter.image = "/usr/bin/interpreter";
	write_event(t, &ev);
}

static void tell_symbol(struct sim_trace *t, const struct sim *s, uint32_t as, uint64_t addr,
			const char *name, uint32_t number, uint32_t offset)
{
	struct gt_event ev = {
		.ts = s->end, .cpu = GT_CPU_COLLECTOR, .kind = GT_SYMBOL, .syscall = -1
	};
	char text[64];

	ev.u.symbol.as = as;
	ev.u.symbol.addr = addr;
	ev.u.symbol.image = name && *name ? "/usr/bin/interpreter" : "[heap]";
	ev.u.symbol.name = "";
	if (name && *name) {
		/* Nothing but what fingerprints look for needs its very name. */
		if (name[0] == '_' || name[0] == 'c')
			snprintf(text, sizeof(text), offset ? "%s+0x%x" : "%s", name, offset);
		else
			snprintf(text, sizeof(text), offset ? "%s_%x+0x%x" : "%s_%x", name, number,
				 offset);
		ev.u.symbol.name = text;
	}
	write_event(t, &ev);
}

static void tell_names(struct sim_trace *t, const struct sim *s)
{
	for (uint32_t i = 0; i < s->nobjects; i++) {
		const struct sim_object *o = &s->objects[i];

		if (o->shared)
			continue;
		tell_interpreter(t, s, o);
		if (t->p.features & SIM_PROBES)
			tell_symbol(t, s, s->words[o->word].as, o->base, "lock",
				    (uint32_t)(o->base >> 12 & 0xff), 0);
	}
	/* The last one counts: what fingerprints look for. */
	for (uint32_t i = 0; i < s->nwords; i++) {
		const struct sim_word *w = &s->words[i];

		if (w->rounds && !w->as)
			sim_shared_tell(t, s, w);
		else if (w->rounds)
			tell_symbol(t, s, w->as, w->addr, w->name, w->number, w->offset);
	}
}

static struct gt_meta meta_of(const struct sim_trace *t, const struct sim *s)
{
	static char version[] = "sim", arch[] = "x86_64", clock[] = "tsc", word[] = "sim";
	static char *command[] = { word, NULL };
	struct gt_meta meta = {
		.giltrace = version,
		.command = command,
		.target = GT_TARGET_COMMAND,
		.start = SIM_START,
		.end = s ? s->end : 0,
		.arch = arch,
		.clock = clock,
		.cpus_online = t->p.cpus,
		.futex_calls = true,
		.cpus_allowed = t->p.cpus,
		.cpu_quota = sim_quota_cpus(&t->p),
		.throttled = s ? s->quota.throttled : 0,
	};

	meta.losses[GT_LOSS_RING_FULL] = t->lost;
	meta.losses[GT_LOSS_FUTEX_MAP] = s ? s->calls.no_room : 0;
	return meta;
}

struct sim_trace *sim_trace_new(const struct sim_params *p, const char *path)
{
	struct sim_trace *t = calloc(1, sizeof(*t));
	struct gt_meta meta;

	if (!t)
		return NULL;
	t->p = *p;
	t->random = p->seed * 0x9e3779b97f4a7c15ULL | 1;
	t->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (p->damage == SIM_DISORDER || p->damage == SIM_LOSS)
		t->streams = calloc(p->cpus, sizeof(*t->streams));
	t->w = t->fd >= 0 ? gt_writer_new(dup(t->fd)) : NULL;
	if (!t->w || ((p->damage == SIM_DISORDER || p->damage == SIM_LOSS) && !t->streams)) {
		sim_trace_free(t);
		return NULL;
	}
	meta = meta_of(t, NULL);
	t->err = gt_writer_meta(t->w, &meta);
	tell_sites(t);
	return t;
}

/* Anywhere behind the first mark, or there is nothing to read. */
static int cut(struct sim_trace *t)
{
	uint64_t size = (uint64_t)lseek(t->fd, 0, SEEK_END);

	return ftruncate(t->fd, (off_t)(t->first_round + chance(t, size - t->first_round))) ? -errno
											    : 0;
}

int sim_trace_finish(struct sim_trace *t, const struct sim *s)
{
	struct gt_meta meta;
	int err;

	for (uint32_t i = 0; t->streams && i < t->p.cpus; i++)
		tell_loss(t, &t->streams[i], i, s->end);
	flush(t);
	tell_names(t, s);
	sim_calls_tell(t, s);
	sim_trace_mark(t, s->end);
	meta = meta_of(t, s);
	err = gt_writer_meta(t->w, &meta);
	if (!err)
		err = gt_writer_finish(t->w);
	gt_writer_free(t->w);
	t->w = NULL;
	if (!err)
		err = t->err;
	return !err && t->p.damage == SIM_CUT ? cut(t) : err;
}

void sim_trace_free(struct sim_trace *t)
{
	if (!t)
		return;
	gt_writer_free(t->w);
	if (t->fd >= 0)
		close(t->fd);
	free(t->losses);
	free(t->streams);
	free(t);
}

uint64_t sim_trace_records(const struct sim_trace *t)
{
	return t->records;
}

uint64_t sim_trace_lost(const struct sim_trace *t)
{
	return t->lost;
}

struct sim_loss *sim_trace_losses(struct sim_trace *t, uint32_t *n)
{
	struct sim_loss *losses = t->losses;

	*n = t->nlosses;
	t->losses = NULL;
	t->nlosses = t->losses_room = 0;
	return losses;
}
