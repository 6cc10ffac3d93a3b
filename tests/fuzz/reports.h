/* SPDX-License-Identifier: MIT */
/* Everything that giltrace report and compare make of traces, with what must hold of it. */
#ifndef TESTS_FUZZ_REPORTS_H
#define TESTS_FUZZ_REPORTS_H

#include <stdbool.h>

#include <user/load.h>

/* Load the trace at `fd`, which stays the caller's, on `jobs` CPUs. False: it is none that can be read. */
bool reports_fuzz_load(int fd, unsigned int jobs, struct loaded *out);

/* Print all formats and check them, and the sums. */
void reports_fuzz_print(const struct loaded *l);

/* Load it on one CPU and on several, print, and compare the two. */
void reports_fuzz(int fd);

/* Two traces side by side. */
void reports_fuzz_compare(const struct loaded *a, const struct loaded *b);

#endif
