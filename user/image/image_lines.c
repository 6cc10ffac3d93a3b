/* SPDX-License-Identifier: MIT */
#include "image_lines.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_debug.h"
#include "lib/buf.h"

/* Beyond any sane program's; references that go in circles end here. */
#define MAX_RANGES (4u << 20)
#define MAX_ENTRIES (4u << 20) /* of one unit */
#define MAX_DEPTH 64
#define MAX_LOOK_BACK 64 /* functions that begin between one's start and an address in it */

struct range {
	uint64_t low, high;
	Dwarf_Die die; /* a unit, or a function */
};

struct unit {
	Dwarf_Off offset;
	struct buf functions; /* struct range, sorted */
};

struct image_lines {
	int fd;	  /* of the debug file, or -1 */
	Elf *elf; /* likewise, or NULL */
	Dwarf *dwarf;
	bool listed;
	struct buf ranges;   /* struct range of units, sorted */
	struct unit **units; /* whose functions were asked for */
	size_t nunits;
};

struct image_lines *image_lines_open(Elf *elf, const char *path)
{
	struct image_lines *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->fd = -1;
	if (!image_debug_inside(elf)) {
		l->fd = image_debug_open(elf, path);
		if (l->fd >= 0)
			l->elf = elf_begin(l->fd, ELF_C_READ, NULL);
		elf = l->elf;
	}
	if (elf)
		l->dwarf = image_debug_begin(elf);
	if (!l->dwarf) {
		image_lines_free(l);
		return NULL;
	}
	return l;
}

Dwarf *image_lines_dwarf(struct image_lines *l)
{
	return l->dwarf;
}

void image_lines_free(struct image_lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nunits; i++) {
		buf_free(&l->units[i]->functions);
		free(l->units[i]);
	}
	free(l->units);
	buf_free(&l->ranges);
	dwarf_end(l->dwarf);
	elf_end(l->elf);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static void add_ranges(struct buf *to, Dwarf_Die *die)
{
	ptrdiff_t offset = 0;
	Dwarf_Addr base, low, high;

	while (to->len / sizeof(struct range) < MAX_RANGES &&
	       (offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		struct range r = { .low = low, .high = high, .die = *die };

		/* Code that the linker left out is at 0. */
		if (low && low < high)
			buf_add(to, &r, sizeof(r));
	}
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->high > y->high ? -1 : x->high < y->high;
}

static void sort(struct buf *ranges)
{
	if (ranges->len)
		qsort(ranges->data, ranges->len / sizeof(struct range), sizeof(struct range),
		      compare);
}

/* The range that holds `vaddr` and begins last. */
static struct range *find(const struct buf *ranges, uint64_t vaddr)
{
	struct range *all = (struct range *)ranges->data;
	size_t low = 0, high = ranges->len / sizeof(*all);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all[mid].low <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && low - i < MAX_LOOK_BACK; i--) {
		if (vaddr < all[i - 1].high)
			return &all[i - 1];
	}
	return NULL;
}

static void list_units(struct image_lines *l)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	l->listed = true;
	while (!dwarf_get_units(l->dwarf, cu, &cu, NULL, &type, &die, NULL)) {
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			add_ranges(&l->ranges, &die);
	}
	sort(&l->ranges);
}

/* Entries in which functions may lie. */
static bool may_hold(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust's */
		return true;
	default:
		return false;
	}
}

static void list_functions(struct buf *to, Dwarf_Die *parent, size_t *seen, int depth)
{
	Dwarf_Die die;

	if (depth == MAX_DEPTH || dwarf_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (++*seen > MAX_ENTRIES)
			return;
		if (tag == DW_TAG_subprogram)
			add_ranges(to, &die);
		if (may_hold(tag))
			list_functions(to, &die, seen, depth + 1);
	} while (!dwarf_siblingof(&die, &die));
}

static struct unit *unit_of(struct image_lines *l, Dwarf_Die *die)
{
	Dwarf_Off offset = dwarf_dieoffset(die);
	struct unit *u, **more;
	size_t seen = 0;

	for (size_t i = 0; i < l->nunits; i++) {
		if (l->units[i]->offset == offset)
			return l->units[i];
	}
	u = calloc(1, sizeof(*u));
	more = u ? realloc(l->units, (l->nunits + 1) * sizeof(*more)) : NULL;
	if (!more) {
		free(u);
		return NULL;
	}
	l->units = more;
	l->units[l->nunits++] = u;
	u->offset = offset;
	list_functions(&u->functions, die, &seen, 0);
	sort(&u->functions);
	return u;
}

/* The function compiled into `parent`, or a block of it, that holds `vaddr`. */
static bool enter(Dwarf_Die *parent, uint64_t vaddr, Dwarf_Die *out)
{
	size_t seen = 0;
	Dwarf_Die die;

	if (dwarf_child(parent, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (++seen > MAX_ENTRIES)
			return false;
		if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
		    dwarf_haspc(&die, vaddr) > 0) {
			*out = die;
			return true;
		}
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	return name ? name : dwarf_diename(die);
}

static uint32_t number_of(Dwarf_Die *die, unsigned int which)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, which, &attr) || dwarf_formudata(&attr, &value) || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* Where the compiled-in function `die` was called. */
static void call_of(Dwarf_Die *unit, Dwarf_Die *die, struct image_lines_function *out)
{
	uint32_t file = number_of(die, DW_AT_call_file);
	Dwarf_Files *files;
	size_t n;

	out->line = number_of(die, DW_AT_call_line);
	if (!dwarf_getsrcfiles(unit, &files, &n) && file < n)
		out->file = dwarf_filesrc(files, file, NULL, NULL);
}

static void line_of(Dwarf_Die *unit, uint64_t vaddr, struct image_lines_function *out)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, vaddr);
	int number;

	if (!line)
		return;
	out->file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		out->line = (uint32_t)number;
}

size_t image_lines_find(struct image_lines *l, uint64_t vaddr,
			struct image_lines_function out[IMAGE_LINES_MAX])
{
	Dwarf_Die chain[IMAGE_LINES_MAX], die;
	struct range *unit, *function;
	size_t n = 0;
	struct unit *u;

	if (!l->listed)
		list_units(l);
	unit = find(&l->ranges, vaddr);
	u = unit ? unit_of(l, &unit->die) : NULL;
	function = u ? find(&u->functions, vaddr) : NULL;
	if (!function)
		return 0;
	die = chain[n++] = function->die;
	for (int depth = 0; depth < MAX_DEPTH && n < IMAGE_LINES_MAX; depth++) {
		if (!enter(&die, vaddr, &die))
			break;
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			chain[n++] = die;
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct image_lines_function){ .name = name_of(&chain[n - 1 - i]) };
		if (i)
			call_of(&unit->die, &chain[n - i], &out[i]);
		else
			line_of(&unit->die, vaddr, &out[i]);
	}
	return n;
}
