/* SPDX-License-Identifier: MIT */
/*
 * Bytes as records: a fuzzer that changes a byte changes one field of one record, and the trace
 * writer puts the checksums and the compression around it. Small numbers dominate, so that records
 * meet: the same threads, locks and stacks come again.
 */
#ifndef TESTS_FUZZ_RECORDS_H
#define TESTS_FUZZ_RECORDS_H

#include <stdbool.h>

#include <giltrace/trace.h>

#include "fuzz.h"

/* Write the trace that `in` describes to a file in memory; its descriptor is the caller's. */
int records_trace(struct fuzz_input *in);

/* The bytes that describe `ev`, as near as they can, to `out`. */
#define RECORDS_SIZE 40
void records_put(const struct gt_event *ev, uint64_t *last, uint8_t out[RECORDS_SIZE]);

/* The bytes before the first record. */
#define RECORDS_HEAD 8
void records_put_head(const struct gt_meta *meta, uint8_t out[RECORDS_HEAD]);

#endif
