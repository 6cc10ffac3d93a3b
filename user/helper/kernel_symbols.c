/* SPDX-License-Identifier: MIT */
#include "kernel_symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define MAX_SYMBOLS (4u << 20)

struct symbol {
	uint64_t addr;
	uint32_t name, image; /* where in `names` */
};

struct kernel_symbols {
	struct buf symbols; /* sorted */
	struct buf names;   /* NUL-terminated, one behind the other; the first is "[kernel]" */
};

/* The module is named as on the line before, mostly. */
static uint32_t add_image(struct kernel_symbols *k, const char *image)
{
	const struct symbol *all = (const struct symbol *)k->symbols.data;
	size_t n = k->symbols.len / sizeof(*all);
	uint32_t at = (uint32_t)k->names.len;

	if (!*image)
		return 0;
	if (n && k->names.data && !strcmp((const char *)k->names.data + all[n - 1].image, image))
		return all[n - 1].image;
	buf_add(&k->names, image, strlen(image) + 1);
	return at;
}

static void add_line(struct kernel_symbols *k, const char *line)
{
	char type, name[512], image[64] = "";
	unsigned long long addr;
	struct symbol s;

	if (sscanf(line, "%llx %c %511s %63s", &addr, &type, name, image) < 3 || !addr ||
	    !strchr("tTwW", type) || k->symbols.len / sizeof(s) == MAX_SYMBOLS)
		return;
	s = (struct symbol){ .addr = addr, .image = add_image(k, image) };
	s.name = (uint32_t)k->names.len;
	buf_add(&k->names, name, strlen(name) + 1);
	buf_add(&k->symbols, &s, sizeof(s));
}

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct kernel_symbols *kernel_symbols_read(const char *path)
{
	struct kernel_symbols *k = calloc(1, sizeof(*k));
	FILE *f = k ? fopen(path, "re") : NULL;
	char line[1024];

	if (!k)
		return NULL;
	buf_add(&k->names, "[kernel]", sizeof("[kernel]"));
	while (f && fgets(line, sizeof(line), f))
		add_line(k, line);
	if (f)
		fclose(f);
	if (k->names.err || k->symbols.err)
		buf_clear(&k->symbols);
	if (k->symbols.len)
		qsort(k->symbols.data, k->symbols.len / sizeof(struct symbol),
		      sizeof(struct symbol), compare);
	return k;
}

const char *kernel_symbols_find(const struct kernel_symbols *k, uint64_t addr, const char **image)
{
	const struct symbol *all = (const struct symbol *)k->symbols.data;
	size_t low = 0, high = k->symbols.len / sizeof(*all);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	/* Of several names for one address the first listed. */
	while (low > 1 && all[low - 2].addr == all[low - 1].addr)
		low--;
	*image = (const char *)k->names.data + all[low - 1].image;
	return (const char *)k->names.data + all[low - 1].name;
}

void kernel_symbols_free(struct kernel_symbols *k)
{
	if (!k)
		return;
	buf_free(&k->symbols);
	buf_free(&k->names);
	free(k);
}
