/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int page_open(struct page *page)
{
	*page = (struct page){ 0 };
	page->file = open_memstream(&page->text, &page->size);
	return page->file ? 0 : -ENOMEM;
}

/* The library's fclose() is content when it gets no memory for the text: then there is none. */
int page_close(struct page *page)
{
	bool failed = ferror(page->file);

	if (fclose(page->file) == 0 && !failed && page->text)
		return 0;
	free(page->text);
	*page = (struct page){ 0 };
	return -ENOMEM;
}
