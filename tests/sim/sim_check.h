/* SPDX-License-Identifier: MIT */
/* Between sim_check.c, sim_check_values.c and sim_check_locks.c. */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include <jansson.h>

#include "sim_truth.h"

struct check {
	const struct sim_case *c;
	struct sim *s;
	struct sim_truth *t;
	json_t *report;
	int differences;
};

/* A difference: it is counted, and the first few are told. */
void check_differs(struct check *k, const char *format, ...);

/* Of the report; 0 and "" where there is none. */
uint64_t check_integer(const json_t *object, const char *key);
double check_real(const json_t *object, const char *key);
const char *check_text(const json_t *object, const char *key);
size_t check_rows(const struct check *k, const char *table);
const json_t *check_row(const struct check *k, const char *table, size_t i);
/* A lock or, behind the locks, an event. */
const json_t *check_group_row(const struct check *k, uint32_t group);
/* Of those that lived in the window; NULL: there is none. */
struct sim_thread *check_thread_of(const struct check *k, uint64_t id);

/* Must be equal; but for the truncation of a sum of doubles; but for the digits that are printed.
 */
void check_same(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		uint64_t truth);
void check_about(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		 double truth);
void check_share(struct check *k, const char *what, uint64_t id, const json_t *o, const char *key,
		 double truth);

/* {sum, p50, p99, max} of a list, which is sorted by this. */
void check_spread(struct check *k, uint64_t id, const char *name, const json_t *lock,
		  struct truth_list *l);
/* p50 and p99 alone, likewise. */
void check_quantiles(struct check *k, uint64_t id, const char *name, const json_t *lock,
		     struct truth_list *l);
uint64_t check_sum(const struct truth_list *l);
double check_least(double a, double b);

/* ---- sim_check_parallel.c ---- */

void check_parallelism(struct check *k);

/* ---- sim_check_verdict.c ---- */

void check_verdict(struct check *k);

/* ---- sim_check_locks.c ---- */

void check_locks(struct check *k);

/* ---- sim_check_calls.c ---- */

void check_calls(struct check *k);

/* ---- sim_check_data.c ---- */

void check_data(struct check *k, uint32_t group, const json_t *lock);

/* Are its holders guessed, as a global lock's without probes? */
bool check_guessed(const json_t *lock);

/* ---- sim_check_holds.c ---- */

void check_inferred_holds(struct check *k, uint32_t group, const json_t *lock);

/* ---- sim_check_numbers.c ---- */

void check_numbers(struct check *k);

/* ---- sim_check_shared.c ---- */

void check_processes_of(struct check *k, uint32_t group, const json_t *row);
void check_shared_locks(struct check *k);

#endif
