/* SPDX-License-Identifier: MIT */
/* Reading the memory of traced programs, which may never let a read return. */
#ifndef USER_PROCESS_MEMORY_H
#define USER_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Whose memory is being read, in memory that outlives the worker: an address space that one was
 * lost over is not read again.
 */
struct process_memory_trouble {
	volatile uint32_t reading; /* an address space, 0: none */
	volatile uint32_t nbad;	   /* ever noted */
	uint32_t bad[64];
};

/* The worker was lost: if it was reading, note whom. */
void process_memory_note(struct process_memory_trouble *t);

/* Read `len` bytes of address space `as`, which process `pid` (0: none) has. All of it or false. */
bool process_memory_read(struct process_memory_trouble *t, uint32_t as, pid_t pid, uint64_t from,
			 void *to, size_t len);

#endif
