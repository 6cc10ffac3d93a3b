/* SPDX-License-Identifier: MIT */
/*
 * The kernel side's ring buffers: one per CPU, and the spare one, whose records are put back where
 * they belong.
 *
 * A writer that is preempted between reserving room and filling it (those of scheduler records
 * never are) holds up its ring: what comes after it in there is handed over later. rings_drain()
 * says up to when nothing was held up.
 */
#ifndef USER_RINGS_H
#define USER_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_map;
struct rings;

/* A record of CPU `cpu`, `data` is a struct gt_wire_*. Return non-zero to stop. */
typedef int (*rings_record)(void *ctx, uint32_t cpu, const void *data, size_t size);

/*
 * Before load: `outer` is to hold `ncpus` rings of `size` bytes. `*like`, a file descriptor to be
 * closed after the load, is one of their kind, as the verifier wants to see. 0 or -errno.
 */
int rings_describe(struct bpf_map *outer, uint32_t ncpus, size_t size, int *like);

/* After load: make them. 0 or -errno. */
int rings_new(const struct bpf_map *outer, const struct bpf_map *spare, uint32_t ncpus, size_t size,
	      struct rings **out);

/*
 * Hand over what is in the rings. `*whole`, in: the time before which no record will be begun any
 * more, as far as the caller knows; out: that, or less where a writer was held up. How many records
 * it were, or -errno.
 */
int rings_drain(struct rings *r, rings_record record, void *ctx, uint64_t *whole);

/* Hand over `bytes` of SWITCH and WAKING records that never came into a ring. 0 or -errno. */
int rings_hand_over(struct rings *r, rings_record record, void *ctx, uint32_t cpu, const void *data,
		    size_t bytes);

/* Is a writer half-way through a record somewhere, right now? */
bool rings_held(const struct rings *r);

/*
 * The last time, when nobody begins a record any more. Waits for writers that were held up, `ms` at
 * most, then hands over what lies behind theirs. Sets `*lost` to how many were not finished. 0 or
 * -errno.
 */
int rings_finish(struct rings *r, rings_record record, void *ctx, int ms, uint64_t *lost);

void rings_free(struct rings *r); /* NULL ok */

#endif
