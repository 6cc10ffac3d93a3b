/* SPDX-License-Identifier: MIT */
#include "lock_row.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cold.h"
#include "lib/hash.h"

#define FIRST_ROOM 2
#define LAST_ROOM 128

/* Its cell, or the free one where it would go: there always is one. */
static inline struct lock_cell *cell_of(struct lock_row *row, uint32_t holder)
{
	uint32_t i = hash_number(holder) & (row->room - 1);

	while (row->cells[i].ns && row->cells[i].holder != holder)
		i = (i + 1) & (row->room - 1);
	return &row->cells[i];
}

static COLD int grow(struct lock_row **row, uint64_t *left)
{
	const struct lock_row *old = *row;
	uint32_t room = old->room ? old->room * 2 : FIRST_ROOM;
	struct lock_row *bigger;

	if (*left < room - old->room)
		return -ENOSPC;
	bigger = calloc(1, sizeof(*bigger) + room * sizeof(bigger->cells[0]));
	if (!bigger)
		return -ENOMEM;
	memcpy(bigger, old, sizeof(*old));
	bigger->room = room;
	for (uint32_t i = 0; i < old->room; i++)
		if (old->cells[i].ns)
			*cell_of(bigger, old->cells[i].holder) = old->cells[i];
	*left -= room - old->room;
	free(*row);
	*row = bigger;
	return 0;
}

/* A quarter of the cells is free, and at least one. */
static bool is_full(const struct lock_row *row)
{
	return row->n >= (row->room > FIRST_ROOM ? row->room / 4 * 3 : row->room / 2);
}

/* The lighter ones, below the mean or at it, give way: their time is by others. */
static COLD void thin_out(struct lock_row *row)
{
	struct lock_cell cells[LAST_ROOM];
	size_t size = row->room * sizeof(cells[0]);
	uint64_t mean = 0, rest = 0;

	for (uint32_t i = 0; i < row->room; i++) {
		mean += row->cells[i].ns / row->n;
		rest += row->cells[i].ns % row->n;
	}
	mean += rest / row->n; /* not above the true one: some cell is at it or below */
	memcpy(cells, row->cells, size);
	memset(row->cells, 0, size);
	row->n = 0;
	for (uint32_t i = 0; i < row->room; i++) {
		if (cells[i].ns <= mean) {
			row->others += cells[i].ns;
		} else {
			*cell_of(row, cells[i].holder) = cells[i];
			row->n++;
		}
	}
}

static int make_room(struct lock_row **row, uint64_t *left)
{
	if (!is_full(*row))
		return 0;
	if ((*row)->room < LAST_ROOM)
		return grow(row, left);
	thin_out(*row);
	return 0;
}

static COLD int add_first(struct lock_row **row, uint32_t holder, uint64_t ns, uint64_t *left)
{
	int err = make_room(row, left);
	struct lock_cell *cell;

	if (err) {
		(*row)->others += ns;
		return err == -ENOSPC ? 0 : err;
	}
	cell = cell_of(*row, holder);
	cell->holder = holder;
	cell->ns = ns;
	(*row)->n++;
	return 0;
}

int lock_row_add(struct lock_row **row, uint32_t holder, uint64_t ns, uint64_t *left)
{
	struct lock_cell *cell;

	if (!ns)
		return 0;
	cell = (*row)->room ? cell_of(*row, holder) : NULL;
	if (!cell || !cell->ns)
		return add_first(row, holder, ns, left);
	cell->ns += ns;
	return 0;
}

uint64_t lock_row_get(const struct lock_row *row, uint32_t holder)
{
	if (!holder)
		return row->nobody;
	return row->room ? cell_of((struct lock_row *)row, holder)->ns : 0;
}
