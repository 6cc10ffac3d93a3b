/* SPDX-License-Identifier: MIT */
#include "process_memory.h"

#include <sys/uio.h>

#define ROOM (sizeof(((struct process_memory_trouble *)0)->bad) / sizeof(uint32_t))

void process_memory_note(struct process_memory_trouble *t)
{
	if (t->reading && t->nbad < ROOM)
		t->bad[t->nbad] = t->reading;
	if (t->reading)
		t->nbad++;
	t->reading = 0;
}

static bool bad(const struct process_memory_trouble *t, uint32_t as)
{
	for (uint32_t i = 0; i < t->nbad && i < ROOM; i++)
		if (t->bad[i] == as)
			return true;
	return t->nbad > ROOM;
}

bool process_memory_read(struct process_memory_trouble *t, uint32_t as, pid_t pid, uint64_t from,
			 void *to, size_t len)
{
	struct iovec here = { to, len }, there = { (void *)(uintptr_t)from, len };
	ssize_t got;

	if (!pid || bad(t, as))
		return false;
	t->reading = as;
	got = process_vm_readv(pid, &here, 1, &there, 1, 0);
	t->reading = 0;
	return got == (ssize_t)len;
}
