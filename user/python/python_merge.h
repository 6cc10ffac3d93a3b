/* SPDX-License-Identifier: MIT */
/*
 * Python frames put among native ones: where a call of the interpreter's loop stands, those that it
 * runs. Pure: indices go in and come out, innermost first.
 */
#ifndef USER_PYTHON_MERGE_H
#define USER_PYTHON_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <giltrace/wire.h>

/* What a native frame is to the interpreter. */
enum python_native {
	PYTHON_OTHER, /* nothing, or a function worth showing */
	PYTHON_LOOP,  /* its loop */
	PYTHON_GLUE,  /* what leads from one call of the loop to the next */
};

enum python_item_kind {
	PYTHON_ITEM_NATIVE,    /* index of a native frame */
	PYTHON_ITEM_PYTHON,    /* index of a Python frame */
	PYTHON_ITEM_NO_NATIVE, /* the native frames between here and what follows are not known */
	PYTHON_ITEM_NO_PYTHON, /* there are Python frames here that could not be read */
	PYTHON_ITEM_NO_MATCH,  /* which of the Python frames are whose here is not known */
};

struct python_item {
	enum python_item_kind kind;
	uint32_t index;
};

struct python_merge {
	const enum python_native *natives;
	size_t nnatives;
	bool complete; /* they reach the thread's start */
	const struct gt_wire_python_frame *frames;
	size_t nframes;
	bool cut;	    /* there were more Python frames */
	unsigned int minor; /* of CPython 3: tells what `mark` means */
};

/* At most `room` items go to `out`. How many. */
size_t python_merge(const struct python_merge *m, struct python_item *out, size_t room);

#endif
