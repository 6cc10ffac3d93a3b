/* SPDX-License-Identifier: MIT */
#include "image_layout.h"

#include <errno.h>
#include <gelf.h>
#include <unistd.h>

#define MAX_LOOK_BACK 64 /* mappings between a segment's start and an address in it */

int image_layout_read(struct image_layout *l, Elf *elf)
{
	GElf_Ehdr ehdr;
	size_t n;

	if (!gelf_getehdr(elf, &ehdr) || elf_getphdrnum(elf, &n))
		return -ENOEXEC;
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return -ENOEXEC;
	l->page = (uint64_t)sysconf(_SC_PAGESIZE);
	l->fixed = ehdr.e_type == ET_EXEC;
	for (size_t i = 0; i < n && l->nsegments < IMAGE_MAX_SEGMENTS; i++) {
		struct image_segment *s = &l->segments[l->nsegments];
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, (int)i, &phdr))
			return -ENOEXEC;
		if (phdr.p_type != PT_LOAD || phdr.p_filesz > phdr.p_memsz ||
		    phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr)
			continue;
		*s = (struct image_segment){ .offset = phdr.p_offset,
					     .vaddr = phdr.p_vaddr,
					     .filesz = phdr.p_filesz,
					     .memsz = phdr.p_memsz,
					     .exec = phdr.p_flags & PF_X };
		l->nsegments++;
	}
	return l->nsegments ? 0 : -ENOEXEC;
}

static uint64_t page_down(const struct image_layout *l, uint64_t x)
{
	return x & ~(l->page - 1);
}

/*
 * The place of `addr` with the image moved by `bias`. With `e`, a mapping that holds `addr`, the
 * file offset that the segment implies must be the one that is mapped.
 */
static bool place(const struct image_layout *l, uint64_t bias, uint64_t addr,
		  const struct maps_entry *e, struct image_place *out)
{
	uint64_t vaddr = addr - bias;

	for (size_t i = 0; i < l->nsegments; i++) {
		const struct image_segment *s = &l->segments[i];
		uint64_t first = e ? page_down(l, s->vaddr) : s->vaddr;
		uint64_t end = s->vaddr + s->memsz;

		if (e)
			end = page_down(l, end + l->page - 1);
		if (vaddr < first || vaddr >= end)
			continue;
		out->vaddr = vaddr;
		out->offset = s->offset + (vaddr - s->vaddr);
		if (!e || (out->offset == e->offset + (addr - e->start) &&
			   s->exec == !!(e->flags & MAPS_EXEC)))
			return true;
	}
	return false;
}

/*
 * How many segments begin where their part of the file `ino` of `e` is mapped, with the image moved
 * by `bias`. Segments may share a page of the file, so one mapping alone can suggest two biases.
 */
static size_t explained(const struct image_layout *l, const struct maps *m,
			const struct maps_entry *e, uint64_t bias)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nsegments; i++) {
		uint64_t at = l->segments[i].vaddr + bias;
		const struct maps_entry *there = maps_find(m, at);
		struct image_place unused;

		if (there && there->dev == e->dev && there->ino == e->ino &&
		    place(l, bias, at, there, &unused))
			n++;
	}
	return n;
}

/* The bias that explains the most, of those that make some segment begin at mapping `at`. */
static size_t try_biases(const struct image_layout *l, const struct maps *m,
			 const struct maps_entry *at, size_t best, uint64_t *bias)
{
	for (size_t i = 0; i < l->nsegments; i++) {
		const struct image_segment *s = &l->segments[i];
		uint64_t candidate = at->start - page_down(l, s->vaddr);
		size_t n;

		if (page_down(l, s->offset) != at->offset || s->exec != !!(at->flags & MAPS_EXEC) ||
		    (l->fixed && candidate))
			continue;
		n = explained(l, m, at, candidate);
		if (n > best) {
			best = n;
			*bias = candidate;
		}
	}
	return best;
}

bool image_layout_locate(const struct image_layout *l, const struct maps *m,
			 const struct maps_entry *e, uint64_t addr, struct image_place *out)
{
	uint64_t bias = 0;
	size_t best = 0;

	/* Protecting part of a segment splits its mapping: the segment may begin some mappings
	 * before. */
	for (size_t i = 0; i < MAX_LOOK_BACK && e - i >= m->entries; i++) {
		const struct maps_entry *at = e - i;

		if (at->dev == e->dev && at->ino == e->ino)
			best = try_biases(l, m, at, best, &bias);
	}
	return best && place(l, bias, addr, addr < e->end ? e : NULL, out);
}

bool image_layout_locate_code(const struct image_layout *l, uint64_t start_code, uint64_t addr,
			      struct image_place *out)
{
	const struct image_segment *first = NULL;

	for (size_t i = 0; i < l->nsegments; i++) {
		const struct image_segment *s = &l->segments[i];

		if (s->exec && (!first || s->vaddr < first->vaddr))
			first = s;
	}
	/* The kernel's start_code is the lowest p_vaddr of an executable segment plus the bias. */
	if (!first || (start_code - first->vaddr) % l->page ||
	    (l->fixed && start_code != first->vaddr))
		return false;
	return place(l, start_code - first->vaddr, addr, NULL, out);
}
