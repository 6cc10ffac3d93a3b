/* SPDX-License-Identifier: MIT */
#include "image_functions.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "image_symbols.h"
#include "lib/buf.h"

#define MAX_FUNCTIONS (2u << 20)
#define MAX_NAMES (128u << 20)
#define MAX_NAME 4096	 /* longer names are cut */
#define MAX_LOOK_BACK 64 /* symbols that begin between a function's start and an address in it */

struct function {
	uint64_t vaddr, size;
	uint32_t name;
	bool local;
};

struct image_functions {
	struct buf functions; /* struct function, sorted, one for each vaddr */
	struct buf names;     /* NUL-terminated, one behind the other */
	struct buf starts;    /* uint64_t, sorted: where .eh_frame_hdr says that code begins */
};

static size_t count(const struct image_functions *f)
{
	return f->functions.len / sizeof(struct function);
}

static const char *name_of(const struct image_functions *f, const struct function *fn)
{
	return (const char *)f->names.data + fn->name;
}

static int add(void *ctx, const GElf_Sym *sym, const char *name, size_t len)
{
	struct image_functions *f = ctx;
	struct function fn = { .vaddr = sym->st_value,
			       .size = sym->st_size,
			       .name = (uint32_t)f->names.len,
			       .local = GELF_ST_BIND(sym->st_info) == STB_LOCAL };
	int type = GELF_ST_TYPE(sym->st_info);

	if (len > MAX_NAME)
		len = MAX_NAME;
	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_shndx == SHN_UNDEF ||
	    count(f) == MAX_FUNCTIONS || f->names.len + len + 1 > MAX_NAMES)
		return 0;
	buf_add(&f->names, name, len);
	buf_add(&f->names, "", 1);
	buf_add(&f->functions, &fn, sizeof(fn));
	return f->names.err ? f->names.err : f->functions.err;
}

/* By address; of those at one address the best first. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct image_functions *f = ctx;
	const struct function *x = a, *y = b;
	const char *p = name_of(f, x), *q = name_of(f, y);

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	if (x->local != y->local)
		return x->local ? 1 : -1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (strspn(p, "_") != strspn(q, "_"))
		return strspn(p, "_") < strspn(q, "_") ? -1 : 1;
	return strcmp(p, q);
}

static void sort(struct image_functions *f)
{
	struct function *fns = (struct function *)f->functions.data;
	size_t n = count(f), kept = 0;

	if (!n)
		return;
	qsort_r(fns, n, sizeof(*fns), compare, f);
	for (size_t i = 0; i < n; i++) {
		if (!kept || fns[i].vaddr != fns[kept - 1].vaddr)
			fns[kept++] = fns[i];
	}
	f->functions.len = kept * sizeof(*fns);
}

/* .eh_frame_hdr as all linkers write it: a table of pairs of 32-bit offsets from its own address.
 */
#define HDR_ENCODINGS 4
#define HDR_SIZE 12 /* version and encodings, the address of .eh_frame, the count */

static void add_starts(struct image_functions *f, const uint8_t *hdr, size_t len, uint64_t vaddr)
{
	static const uint8_t encodings[HDR_ENCODINGS] = { 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4,
							  DW_EH_PE_udata4,
							  DW_EH_PE_datarel | DW_EH_PE_sdata4 };
	uint64_t last = 0;
	uint32_t n;

	if (len < HDR_SIZE || memcmp(hdr, encodings, sizeof(encodings)))
		return;
	memcpy(&n, hdr + 8, sizeof(n));
	for (size_t i = 0; i < n && i < MAX_FUNCTIONS && HDR_SIZE + i * 8 + 8 <= len; i++) {
		uint64_t start;
		int32_t offset;

		memcpy(&offset, hdr + HDR_SIZE + i * 8, sizeof(offset));
		start = vaddr + (uint64_t)(int64_t)offset;
		if (start < last)
			return;
		last = start;
		buf_add(&f->starts, &start, sizeof(start));
	}
}

static void read_starts(struct image_functions *f, Elf *elf)
{
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		Elf_Data *data;
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return;
		if (phdr.p_type != PT_GNU_EH_FRAME)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)phdr.p_offset, phdr.p_filesz, ELF_T_BYTE);
		if (data && data->d_buf)
			add_starts(f, data->d_buf, data->d_size, phdr.p_vaddr);
		return;
	}
}

struct image_functions *image_functions_read(Elf *elf, const char *path)
{
	struct image_functions *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	/* Out of memory: what was read counts. */
	image_symbols_walk(elf, path, add, f);
	sort(f);
	read_starts(f, elf);
	return f;
}

/* The last start at or before `vaddr`, or `vaddr`. */
static uint64_t start_of(const struct image_functions *f, uint64_t vaddr)
{
	const uint64_t *starts = (const uint64_t *)f->starts.data;
	size_t low = 0, high = f->starts.len / sizeof(*starts);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (starts[mid] <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? starts[low - 1] : vaddr;
}

/* The number of functions that begin at or before `vaddr`. */
static size_t upto(const struct image_functions *f, uint64_t vaddr)
{
	const struct function *fns = (const struct function *)f->functions.data;
	size_t low = 0, high = count(f);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (fns[mid].vaddr <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *image_functions_find(const struct image_functions *f, uint64_t vaddr, uint64_t *start)
{
	const struct function *fns = (const struct function *)f->functions.data;
	size_t at = upto(f, vaddr);

	*start = start_of(f, vaddr);
	for (size_t i = at; i > 0 && at - i < MAX_LOOK_BACK; i--) {
		const struct function *fn = &fns[i - 1];
		/* One without size ends where any other code begins. */
		bool holds = fn->size ? vaddr - fn->vaddr < fn->size
				      : i == at && (*start <= fn->vaddr || *start == vaddr);

		if (!holds)
			continue;
		*start = fn->vaddr;
		return name_of(f, fn);
	}
	return NULL;
}

void image_functions_free(struct image_functions *f)
{
	if (!f)
		return;
	buf_free(&f->functions);
	buf_free(&f->names);
	buf_free(&f->starts);
	free(f);
}
