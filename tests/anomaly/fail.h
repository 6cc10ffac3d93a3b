/* SPDX-License-Identifier: MIT */
/* Allocations and system calls of this process that fail when they are told to. */
#ifndef TESTS_ANOMALY_FAIL_H
#define TESTS_ANOMALY_FAIL_H

#include <stdbool.h>
#include <stdint.h>

/* Count allocations from 1 on and have the `nth` fail, and all after it where `on`; 0: none. */
void fail_allocation(uint64_t nth, bool on);
uint64_t fail_allocations(void); /* counted so far */
int64_t fail_live(void);	 /* allocated and not freed, ever */

#define FAIL_SHORT 10000 /* no errno: half of what was to be written is */

/*
 * From now on count the system calls that read, write, open, close, name and ask about files, and
 * have the `nth` fail with `error`; 0: none. Once a process. False: this machine has no such means.
 */
bool fail_call(uint64_t nth, int error);
void fail_calls_stop(void);
uint64_t fail_calls(void); /* counted so far */
long fail_called(void);	   /* number of the one that failed, -1: none yet */
long fail_called_fd(void); /* its first argument */

#endif
