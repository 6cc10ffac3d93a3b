/* SPDX-License-Identifier: MIT */
/* The parts of the text report, from top to bottom; text.c puts them together. */
#ifndef ANALYSIS_RENDER_TEXT_PARTS_H
#define ANALYSIS_RENDER_TEXT_PARTS_H

#include "canvas.h"
#include "text_table.h"

#define TEXT_ROWS_MAX 16 /* of any table: the rest is summed in one more row */

/* 0 or -ENOMEM. */
int text_cores(struct canvas *c, const struct results *r);
int text_histogram(struct canvas *c, const struct results *r);
int text_processes(struct canvas *c, const struct results *r);
int text_threads(struct canvas *c, const struct results *r);
int text_locks(struct canvas *c, const struct results *r);
int text_events(struct canvas *c, const struct results *r);
int text_footer(struct canvas *c, const struct results *r);
int text_interpreters(struct canvas *c, const struct results *r);
int text_notes(struct canvas *c, const struct results *r);
int text_holders(struct canvas *c, const struct results *r, const struct result_lock *lock);

/* ---- what several of them need ---- */

/* A part begins: an empty line, then "CORES" or so; the rest of that line is the part's own. */
void text_heading(struct canvas *c, const char *title);

/* The pid to tell rows of several processes apart by; 0, which is not shown, if there is but one.
 */
int32_t text_pid(const struct results *r, uint32_t process);

/* NULL when there is none of that id. */
const struct result_process *text_process(const struct results *r, uint32_t id);
const struct result_lock *text_lock(const struct results *r, uint32_t id);

/* Print the first `max` rows of a table, and the rest summed in one more. Changes the rows. */
void text_rows(struct canvas *c, const struct text_table *table, const char *title, void *rows,
	       size_t n, size_t max);

#endif
