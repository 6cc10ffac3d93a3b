/* SPDX-License-Identifier: MIT */
/* seed_records TRACE OUT: the trace as bytes that fuzz_records.c reads. */
#include <stdio.h>
#include <string.h>

#include "records.h"

int main(int argc, char **argv)
{
	uint8_t bytes[RECORDS_SIZE];
	const struct gt_event *ev;
	struct gt_reader *r;
	uint64_t last = 0;
	int err = 0;
	FILE *out;

	r = argc == 3 ? gt_reader_open(argv[1], &err) : NULL;
	out = r ? fopen(argv[2], "wb") : NULL;
	if (!out) {
		fprintf(stderr, "usage: seed_records TRACE OUT (%s)\n", strerror(-err));
		gt_reader_free(r);
		return 1;
	}
	records_put_head(gt_reader_meta(r), bytes);
	fwrite(bytes, 1, RECORDS_HEAD, out);
	for (int n = 0; n < 400 && gt_reader_next(r, &ev) == 1; n++) {
		records_put(ev, &last, bytes);
		fwrite(bytes, 1, sizeof(bytes), out);
	}
	gt_reader_free(r);
	return fclose(out) != 0;
}
