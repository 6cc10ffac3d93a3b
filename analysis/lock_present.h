/* SPDX-License-Identifier: MIT */
/*
 * With --probe-locks: the interpreters' global locks that nobody was seen to wait for or to probe.
 * An uncontended lock makes no call, so only what the process interprets with tells that there is
 * one.
 */
#ifndef ANALYSIS_LOCK_PRESENT_H
#define ANALYSIS_LOCK_PRESENT_H

#include "lock_results.h"

/* A row behind those in out->locks for each process whose own lock has none. 0 or -ENOMEM. */
int lock_present(const struct lock_results *l, struct results *out);

#endif
