/* SPDX-License-Identifier: MIT */
/*
 * Locks in files that several processes have mapped. The kernel knows such a word by where it lies
 * in its file, a record tells where the process that waits or wakes has mapped it, and the recorder
 * looks up which file that is. Of some processes it cannot: they were gone too soon.
 */
#include "sim.h"

#define FILES 2
#define FILE_APART 0x100000ULL /* of mappings */
#define FIRST_INODE 77
#define MAPPINGS 0x540000000000ULL

uint64_t sim_shared_place(uint64_t inode, uint64_t offset)
{
	return (inode - FIRST_INODE) << 32 | offset;
}

void sim_shared_init(struct sim *s)
{
	uint32_t some = 1 + (uint32_t)sim_random(s, 2);

	for (uint32_t i = 0; sim_has(s, SIM_SHARED) && i < some; i++) {
		bool mutex = sim_chance(s, 60);
		uint32_t o = sim_object_shared(s, mutex ? OBJECT_MUTEX : OBJECT_SEMAPHORE,
					       sim_shared_place(FIRST_INODE + i % FILES, 0x1000));

		s->objects[o].pi = mutex && sim_has(s, SIM_PI) && sim_chance(s, 30);
	}
}

/* A forked process has what its parent had mapped, where that had it; others map it themselves. */
void sim_shared_map(struct sim *s, struct sim_process *p)
{
	bool elsewhere = sim_chance(s, 50);

	p->mapping = MAPPINGS + (elsewhere ? (p->index + 1) * 0x1000000ULL : 0);
	p->unnamed = sim_chance(s, 10);
}

uint64_t sim_word_addr(const struct sim *s, const struct sim_word *w, const struct sim_process *p)
{
	return w->as ? w->addr : p->mapping + (w->addr >> 32) * FILE_APART + (uint32_t)w->addr;
}

static void tell(struct sim_trace *trace, const struct sim *s, const struct sim_word *w,
		 const struct sim_process *p)
{
	struct gt_event ev = {
		.ts = s->end, .cpu = GT_CPU_COLLECTOR, .kind = GT_SYMBOL, .syscall = -1
	};
	char image[32];

	snprintf(image, sizeof(image), "/dev/shm/shared_%u", (unsigned int)(w->addr >> 32));
	ev.u.symbol.as = p->as;
	ev.u.symbol.addr = sim_word_addr(s, w, p);
	ev.u.symbol.name = "";
	ev.u.symbol.image = image;
	ev.u.symbol.image_offset = ev.u.symbol.shared_offset = (uint32_t)w->addr;
	ev.u.symbol.shared_dev = 1;
	ev.u.symbol.shared_ino = FIRST_INODE + (w->addr >> 32);
	sim_trace_collected(trace, &ev);
}

void sim_shared_tell(struct sim_trace *trace, const struct sim *s, const struct sim_word *w)
{
	for (uint32_t i = 0; i < s->nprocesses; i++)
		if (!s->processes[i].unnamed && s->processes[i].id)
			tell(trace, s, w, &s->processes[i]);
}
