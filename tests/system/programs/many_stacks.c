/* SPDX-License-Identifier: MIT */
/*
 * Two threads that wait for a mutex very often, and hardly ever where they did before. Usage:
 * many_stacks [PER_SECOND [WAITS]]
 *
 * Each wait is under a path of DEPTH calls, at each of which one of two callers goes on, by the
 * bits of the wait's number. So there are 2 to the DEPTH stacks, all with the same instruction and
 * stack pointer in the end. Who has the mutex keeps it until the other waits for it.
 */
#include <sched.h>
#include <stdatomic.h>

#include "small.h"

/* Functions are to keep their frames and their names: nothing merged, cloned, inlined or made a
 * jump of. */
#define FRAME __attribute__((noipa))
#define STAY __asm__ volatile("" ::: "memory")
#define DEPTH 16

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int turn = -1; /* who had the mutex last */
static _Atomic bool over;
static uint64_t next; /* when it is to be let go; guarded by the mutex */
static uint64_t pause_ns;
static long waits;

FRAME static void wait_here(void)
{
	pthread_mutex_lock(&mutex);
	STAY;
}

FRAME static void descend(unsigned long path, int depth);

FRAME static void left(unsigned long path, int depth)
{
	descend(path, depth);
	STAY;
}

FRAME static void right(unsigned long path, int depth)
{
	descend(path, depth);
	STAY;
}

FRAME static void descend(unsigned long path, int depth)
{
	if (!depth)
		wait_here();
	else if (path & 1)
		left(path >> 1, depth - 1);
	else
		right(path >> 1, depth - 1);
	STAY;
}

/* The C library's word says 2 while somebody waits. */
static bool wanted(void)
{
	return *(volatile int *)&mutex.__data.__lock == 2;
}

static void *body(void *number)
{
	int me = (int)(intptr_t)number;

	for (long i = 0; i < waits && !over; i++) {
		/* An odd factor: all paths come before one comes again. */
		descend((unsigned long)(2 * i + me) * 40503 & ((1 << DEPTH) - 1), DEPTH);
		turn = me;
		while (!over && (!wanted() || clock_now(CLOCK_MONOTONIC) < next))
			sched_yield();
		next = clock_now(CLOCK_MONOTONIC) + pause_ns;
		pthread_mutex_unlock(&mutex);
		while (!over && turn == me)
			sched_yield();
	}
	over = true;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	pause_ns = 1000 * MS / number(argc, argv, 1, 20000);
	waits = number(argc, argv, 2, 20000) / 2;
	for (intptr_t i = 0; i < 2; i++)
		start(&threads[i], body, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
