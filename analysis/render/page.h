/* SPDX-License-Identifier: MIT */
/* Text printed into memory, which may run out in the middle of it or at its end. */
#ifndef ANALYSIS_RENDER_PAGE_H
#define ANALYSIS_RENDER_PAGE_H

#include <stddef.h>
#include <stdio.h>

#include "lib/buf.h"

/* Stays where it was opened until it is closed. */
struct page {
	FILE *file; /* to print to */
	char *text; /* terminated, once closed; to be freed */
	size_t size;
	struct buf printed;
};

/* 0 or -ENOMEM. */
int page_open(struct page *page);

/* 0, or -ENOMEM: not all of it is there, and `text` is NULL. */
int page_close(struct page *page);

#endif
