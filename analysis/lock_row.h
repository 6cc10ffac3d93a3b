/* SPDX-License-Identifier: MIT */
/*
 * One waiter's time, by who kept it waiting. A row grows with the holders that it meets: most
 * threads meet few of a lock's many.
 */
#ifndef ANALYSIS_LOCK_ROW_H
#define ANALYSIS_LOCK_ROW_H

#include <stdint.h>

struct lock_cell {
	uint64_t ns;	 /* 0: free */
	uint32_t holder; /* struct thread.index + 1 */
};

/* Made zeroed, with no cells. */
struct lock_row {
	uint64_t nobody; /* ns in which nobody was known to hold it */
	uint64_t others; /* ns of holders that are not told apart, for want of room or time */
	uint32_t n, room;
	struct lock_cell cells[]; /* `room` of them: a holder is in its home or behind it */
};

/*
 * `ns` more by this holder, who is somebody. May move the row. `*left`: cells there is still room
 * for, of all rows; without any it is by others. 0 or -ENOMEM; it is by others then, too.
 */
int lock_row_add(struct lock_row **row, uint32_t holder, uint64_t ns, uint64_t *left);

uint64_t lock_row_get(const struct lock_row *row, uint32_t holder);

#endif
