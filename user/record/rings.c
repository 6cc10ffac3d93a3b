/* SPDX-License-Identifier: MIT */
#include "rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <giltrace/wire.h>

/* A record from the spare ring, until its CPU's own ring has come to that time. */
struct kept {
	struct kept *next;
	size_t size;
	struct gt_wire_hdr hdr; /* and what follows it */
};

struct ring {
	struct rings *rings;
	uint32_t cpu;
	struct kept *first, *last;
	/* As the kernel maps it: a page each for the reader's and the writers' position, then the
	 * data, twice. */
	const uint8_t *pages;
	uint64_t end; /* as the last drain left it: all that comes behind here was begun after that
		       */
	uint64_t since; /* what was begun before it has been handed over */
};

struct rings {
	struct ring_buffer *buffers, *spare;
	struct ring *ring; /* one per CPU */
	uint32_t ncpus;
	size_t size, page;
	uint64_t before;     /* the drain before this one: its `*whole`, as it came in */
	rings_record record; /* of the drain under way */
	void *ctx;
};

int rings_describe(struct bpf_map *outer, uint32_t ncpus, size_t size, int *like)
{
	int err;

	*like = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "giltrace_ring", 0, 0, (uint32_t)size, NULL);
	if (*like < 0)
		return -errno;
	err = bpf_map__set_inner_map_fd(outer, *like);
	return err ? err : bpf_map__set_max_entries(outer, ncpus);
}

/* ---- what the spare ring has ---- */

static int on_spare(void *ctx, void *data, size_t size)
{
	const struct gt_wire_hdr *hdr = data;
	struct rings *r = ctx;
	struct kept *k;
	struct ring *ring;

	if (size < sizeof(*hdr) || hdr->state >= r->ncpus)
		return -EPROTO; /* both sides are built together: this cannot happen */
	k = malloc(offsetof(struct kept, hdr) + size);
	if (!k)
		return -ENOMEM;
	k->next = NULL;
	k->size = size;
	memcpy(&k->hdr, data, size);
	ring = &r->ring[hdr->state];
	if (ring->last)
		ring->last->next = k;
	else
		ring->first = k;
	ring->last = k;
	return 0;
}

static int hand_over_first(struct ring *ring)
{
	struct kept *k = ring->first;
	int err = ring->rings->record(ring->rings->ctx, ring->cpu, &k->hdr, k->size);

	ring->first = k->next;
	if (!ring->first)
		ring->last = NULL;
	free(k);
	return err;
}

static int hand_over(struct ring *ring, const void *data, size_t size)
{
	const struct gt_wire_hdr *hdr = data;
	int err = 0;

	while (ring->first && size >= sizeof(*hdr) && ring->first->hdr.ts <= hdr->ts && !err)
		err = hand_over_first(ring);
	return err ? err : ring->rings->record(ring->rings->ctx, ring->cpu, data, size);
}

/* Those that share a place. */
static int hand_over_all(struct ring *ring, const uint8_t *data, size_t bytes)
{
	const struct gt_wire_hdr *hdr;
	size_t size;
	int err = 0;

	for (size_t at = 0; at < bytes && !err; at += size) {
		hdr = (const void *)(data + at);
		size = hdr->flags & GT_F_BLOCK ? sizeof(struct gt_wire_block)
					       : sizeof(struct gt_wire_switch);
		err = hand_over(ring, hdr, size);
	}
	return err;
}

static int on_record(void *ctx, void *data, size_t size)
{
	const struct gt_wire_batch *batch = data;

	if (size >= sizeof(*batch) && batch->hdr.kind == GT_WIRE_BATCH)
		return hand_over_all(ctx, data + sizeof(*batch), batch->bytes);
	return hand_over(ctx, data, size);
}

/* ---- making them ---- */

static int ring_add(struct rings *r, int outer, uint32_t cpu)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "giltrace_ring", 0, 0, (uint32_t)r->size,
				NULL);
	struct ring *ring = &r->ring[cpu];
	void *pages;
	int err = 0;

	if (fd < 0)
		return -errno;
	*ring = (struct ring){ .rings = r, .cpu = cpu };
	pages = mmap(NULL, 2 * r->page + 2 * r->size, PROT_READ, MAP_SHARED, fd, 0);
	if (pages != MAP_FAILED)
		ring->pages = pages;
	if (pages == MAP_FAILED || bpf_map_update_elem(outer, &cpu, &fd, BPF_ANY))
		err = -errno;
	else if (r->buffers)
		err = ring_buffer__add(r->buffers, fd, on_record, ring);
	else if (!(r->buffers = ring_buffer__new(fd, on_record, ring, NULL)))
		err = -errno;
	close(fd); /* the outer map and the mappings keep it */
	return err;
}

int rings_new(const struct bpf_map *outer, const struct bpf_map *spare, uint32_t ncpus, size_t size,
	      struct rings **out)
{
	struct rings *r = calloc(1, sizeof(*r));
	int err = 0;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	r->ring = calloc(ncpus, sizeof(*r->ring));
	r->size = size;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	if (!r->ring)
		err = -ENOMEM;
	for (; r->ncpus < ncpus && !err; r->ncpus++)
		err = ring_add(r, bpf_map__fd(outer), r->ncpus);
	if (!err) {
		r->spare = ring_buffer__new(bpf_map__fd(spare), on_spare, r, NULL);
		err = r->spare ? 0 : -errno;
	}
	if (err)
		rings_free(r);
	else
		*out = r;
	return err;
}

void rings_free(struct rings *r)
{
	if (!r)
		return;
	ring_buffer__free(r->buffers);
	ring_buffer__free(r->spare);
	for (uint32_t cpu = 0; cpu < r->ncpus; cpu++) {
		struct kept *k = r->ring[cpu].first, *next;

		for (; k; k = next) {
			next = k->next;
			free(k);
		}
		if (r->ring[cpu].pages)
			munmap((void *)r->ring[cpu].pages, 2 * r->page + 2 * r->size);
	}
	free(r->ring);
	free(r);
}

/* ---- emptying them ---- */

static uint64_t read_end(const struct ring *ring)
{
	return __atomic_load_n((const uint64_t *)ring->pages, __ATOMIC_ACQUIRE);
}

static uint64_t write_end(const struct rings *r, const struct ring *ring)
{
	return __atomic_load_n((const uint64_t *)(ring->pages + r->page), __ATOMIC_ACQUIRE);
}

/* The record at `position`, its first word (length and two bits) in `*head`. */
static const uint8_t *record_at(const struct rings *r, const struct ring *ring, uint64_t position,
				uint32_t *head)
{
	const uint8_t *at = ring->pages + 2 * r->page + (position & (r->size - 1));

	*head = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	return at + BPF_RINGBUF_HDR_SZ;
}

/* Is an unfinished record next? Where, in `*position`. */
static bool held_up(const struct rings *r, const struct ring *ring, uint64_t *position)
{
	uint32_t head;

	*position = read_end(ring);
	if (*position >= write_end(r, ring))
		return false;
	record_at(r, ring, *position, &head);
	return head & BPF_RINGBUF_BUSY_BIT;
}

/*
 * Up to when nothing is missing from this ring. What lies behind an unfinished record may be of any
 * time since the last drain by which all was handed over that had been there a drain before. On
 * hundreds of CPUs there is always some writer at work: then all is whole up to the drain before,
 * each time.
 */
static uint64_t ring_whole(const struct rings *r, struct ring *ring, uint64_t now)
{
	uint64_t position;
	bool held = held_up(r, ring, &position);

	if (position >= ring->end)
		ring->since = r->before;
	ring->end = held ? write_end(r, ring) : position;
	return held ? ring->since : now;
}

int rings_drain(struct rings *r, rings_record record, void *ctx, uint64_t *whole)
{
	uint64_t now = *whole, until;
	int n, more, err = 0;

	r->record = record;
	r->ctx = ctx;
	/* The spare first: what the others have from before is then there too. */
	more = ring_buffer__consume(r->spare);
	n = ring_buffer__consume(r->buffers);
	for (uint32_t cpu = 0; cpu < r->ncpus; cpu++) {
		while (r->ring[cpu].first && !err)
			err = hand_over_first(&r->ring[cpu]);
		until = ring_whole(r, &r->ring[cpu], now);
		if (until < *whole)
			*whole = until;
	}
	r->before = now;
	if (more < 0 || n < 0)
		return n < 0 ? n : more;
	return err ? err : n + more;
}

int rings_hand_over(struct rings *r, rings_record record, void *ctx, uint32_t cpu, const void *data,
		    size_t bytes)
{
	r->record = record;
	r->ctx = ctx;
	return hand_over_all(&r->ring[cpu], data, bytes);
}

/* Everything behind a record that is not going to be finished. */
static int ring_rest(const struct rings *r, struct ring *ring, uint64_t *lost)
{
	uint64_t end = write_end(r, ring), at;
	const uint8_t *data;
	uint32_t head, size;
	int err = 0;

	for (at = read_end(ring); at < end && !err; at += (size + BPF_RINGBUF_HDR_SZ + 7u) & ~7u) {
		data = record_at(r, ring, at, &head);
		size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (head & BPF_RINGBUF_BUSY_BIT)
			(*lost)++;
		else if (!(head & BPF_RINGBUF_DISCARD_BIT))
			err = on_record(ring, (void *)data, size);
	}
	return err;
}

bool rings_held(const struct rings *r)
{
	uint64_t position;
	bool held = false;

	for (uint32_t cpu = 0; cpu < r->ncpus && !held; cpu++)
		held = held_up(r, &r->ring[cpu], &position);
	return held;
}

int rings_finish(struct rings *r, rings_record record, void *ctx, int ms, uint64_t *lost)
{
	uint64_t whole;
	bool held;
	int err;

	*lost = 0;
	for (;; ms--) {
		whole = UINT64_MAX;
		err = rings_drain(r, record, ctx, &whole);
		held = rings_held(r);
		if (err < 0 || !held || ms <= 0)
			break;
		usleep(1000);
	}
	if (err < 0)
		return err;
	for (uint32_t cpu = 0; cpu < r->ncpus && held; cpu++) {
		err = ring_rest(r, &r->ring[cpu], lost);
		if (err)
			return err;
	}
	return 0;
}
