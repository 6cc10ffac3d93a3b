/* SPDX-License-Identifier: MIT */
/* Where a report goes, in which formats, and whether it passes the gates of --min-parallelism and
 * --fail-if. */
#ifndef USER_REPORTS_H
#define USER_REPORTS_H

#include <stdbool.h>

#include <analysis/compare.h>
#include <analysis/results.h>

#include "opts.h"

struct reports;

enum reports_text {
	REPORTS_TEXT_NONE,
	REPORTS_TEXT_STDOUT,
	REPORTS_TEXT_STDERR, /* the workload owns standard output */
};

/*
 * Open every file of --export before the run that they report on, so that a wrong name costs no
 * run. `text` is where the text report goes unless --json or an export says otherwise. 0, or -errno
 * after saying why.
 */
int reports_open(const struct options *o, enum reports_text text, struct reports **out);

/* Write all of them, trying each even after one failed. 0, or the first -errno, after saying why.
 */
int reports_write(struct reports *r, const struct results *results);
int reports_write_comparison(struct reports *r, const struct comparison *comparison);

void reports_free(struct reports *r); /* NULL ok */

/* Is there anything to write or to judge, so that the trace has to be analysed at all? */
bool reports_wanted(const struct reports *r, const struct options *o);

/* Does the run pass the gates? Says why not. An inconclusive verdict passes none. */
bool reports_pass(const struct options *o, const struct results *results);

#endif
