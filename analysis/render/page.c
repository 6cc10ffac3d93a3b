/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <errno.h>

static ssize_t page_write(void *cookie, const char *bytes, size_t n)
{
	struct buf *printed = cookie;

	buf_add(printed, bytes, n);
	return printed->err ? 0 : (ssize_t)n;
}

/* Not open_memstream(): what a single fprintf() finds no room for in there, no error tells of. */
int page_open(struct page *page)
{
	static const cookie_io_functions_t functions = { .write = page_write };

	*page = (struct page){ 0 };
	page->file = fopencookie(&page->printed, "w", functions);
	return page->file ? 0 : -ENOMEM;
}

int page_close(struct page *page)
{
	int failed = ferror(page->file);

	failed |= fclose(page->file);
	page->text = failed ? NULL : (char *)buf_str(&page->printed);
	page->size = page->printed.len;
	if (page->text)
		return 0;
	buf_free(&page->printed);
	*page = (struct page){ 0 };
	return -ENOMEM;
}
