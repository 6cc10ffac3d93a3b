/* SPDX-License-Identifier: MIT */
/*
 * Rings whose writers are held up half-way through a record, and what comes by the spare ring. The
 * kernel's side of it is played here: a ring is a file in memory, laid out as the kernel maps it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <giltrace/wire.h>

#include "user/record/rings.h"

#define SIZE 4096
#define ROOM 64

/* ---- the kernel, and what libbpf does of it ---- */

struct bpf_map {
	int fd;
};

struct ring_buffer {
	uint8_t *pages;
	ring_buffer_sample_fn sample;
	void *ctx;
};

static int last_fd = -1;
static struct ring_buffer *made[2]; /* the CPU's, the spare */
static int nmade;

int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 entries,
		   const struct bpf_map_create_opts *opts)
{
	last_fd = memfd_create("ring", 0);
	assert_int_equal(ftruncate(last_fd, 2 * getpagesize() + 2 * SIZE), 0);
	return last_fd;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return 0;
}

int bpf_map__fd(const struct bpf_map *map)
{
	return map->fd;
}

int bpf_map__set_inner_map_fd(struct bpf_map *map, int fd)
{
	return 0;
}

int bpf_map__set_max_entries(struct bpf_map *map, __u32 entries)
{
	return 0;
}

struct ring_buffer *ring_buffer__new(int fd, ring_buffer_sample_fn sample, void *ctx,
				     const struct ring_buffer_opts *opts)
{
	struct ring_buffer *b = calloc(1, sizeof(*b));

	b->pages =
		mmap(NULL, 2 * getpagesize() + 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(b->pages, MAP_FAILED);
	b->sample = sample;
	b->ctx = ctx;
	made[nmade++] = b;
	return b;
}

int ring_buffer__add(struct ring_buffer *b, int fd, ring_buffer_sample_fn sample, void *ctx)
{
	return -1; /* one CPU */
}

void ring_buffer__free(struct ring_buffer *b)
{
	if (b)
		munmap(b->pages, 2 * getpagesize() + 2 * SIZE);
	free(b);
}

static uint64_t *reader(struct ring_buffer *b)
{
	return (uint64_t *)b->pages;
}

static uint64_t *writers(struct ring_buffer *b)
{
	return (uint64_t *)(b->pages + getpagesize());
}

static uint32_t *head_at(struct ring_buffer *b, uint64_t position)
{
	return (uint32_t *)(b->pages + 2 * getpagesize() + position);
}

int ring_buffer__consume(struct ring_buffer *b)
{
	int n = 0;

	for (; *reader(b) < *writers(b); *reader(b) += ROOM + BPF_RINGBUF_HDR_SZ) {
		uint32_t *head = head_at(b, *reader(b));

		if (*head & BPF_RINGBUF_BUSY_BIT)
			break;
		b->sample(b->ctx, head + 2, ROOM);
		n++;
	}
	return n;
}

/* ---- a ring, and who writes to it ---- */

struct fixture {
	struct bpf_map outer, spare;
	struct rings *rings;
	uint64_t got[32];
	int n;
};

static int got(void *ctx, uint32_t cpu, const void *data, size_t size)
{
	const struct gt_wire_hdr *hdr = data;
	struct fixture *f = ctx;

	assert_int_equal(cpu, 0);
	f->got[f->n++] = hdr->ts;
	return 0;
}

/* Reserve room for a record; it is finished by finish(). */
static uint64_t begin(struct ring_buffer *b)
{
	uint64_t at = *writers(b);

	*head_at(b, at) = ROOM | BPF_RINGBUF_BUSY_BIT;
	*writers(b) += ROOM + BPF_RINGBUF_HDR_SZ;
	return at;
}

static void finish(struct ring_buffer *b, uint64_t at, uint64_t ts)
{
	struct gt_wire_hdr *hdr = (struct gt_wire_hdr *)(head_at(b, at) + 2);

	*hdr = (struct gt_wire_hdr){ .ts = ts };
	*head_at(b, at) = ROOM;
}

static void put(struct ring_buffer *b, uint64_t ts)
{
	finish(b, begin(b), ts);
}

/* Drained at `now`: up to when nothing is missing. */
static uint64_t drain(struct fixture *f, uint64_t now)
{
	assert_true(rings_drain(f->rings, got, f, &now) >= 0);
	return now;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "spare", 0, 0, SIZE, NULL);

	nmade = 0;
	f->spare.fd = fd;
	assert_int_equal(rings_new(&f->outer, &f->spare, 1, SIZE, &f->rings), 0);
	close(fd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rings_free(f->rings);
	free(f);
	return 0;
}

/* ---- the tests ---- */

static void test_all_there(void **state)
{
	struct fixture *f = *state;

	put(made[0], 5);
	put(made[0], 6);
	assert_int_equal(drain(f, 10), 10);
	assert_int_equal(drain(f, 20), 20);
	assert_int_equal(f->n, 2);
}

static void test_a_writer_at_work_costs_one_drain(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	assert_int_equal(drain(f, 10), 10);
	at = begin(made[0]);
	put(made[0], 12);
	assert_int_equal(drain(f, 20), 10);
	finish(made[0], at, 11);
	at = begin(made[0]); /* others do not stop */
	assert_int_equal(drain(f, 30), 20);
	finish(made[0], at, 25);
	assert_int_equal(drain(f, 40), 40);
	assert_int_equal(f->n, 3);
}

/* The second one's record lies before others that came long ago. */
static void test_writers_held_up_one_after_another(void **state)
{
	struct fixture *f = *state;
	uint64_t first, second;

	drain(f, 10);
	first = begin(made[0]);
	put(made[0], 12);
	second = begin(made[0]);
	put(made[0], 13);
	assert_int_equal(drain(f, 20), 10);
	assert_int_equal(drain(f, 30), 10);
	finish(made[0], first, 11);
	assert_int_equal(drain(f, 40), 10);
	finish(made[0], second, 12);
	assert_int_equal(drain(f, 50), 50);
	assert_int_equal(f->n, 4);
}

static void test_unfinished_at_the_end(void **state)
{
	struct fixture *f = *state;
	uint64_t lost;

	put(made[0], 1);
	begin(made[0]);
	put(made[0], 2);
	begin(made[0]);
	put(made[0], 3);
	assert_int_equal(rings_finish(f->rings, got, f, 3, &lost), 0);
	assert_int_equal(lost, 2);
	assert_int_equal(f->n, 3);
	assert_int_equal(f->got[2], 3);
}

static void test_spare_records_go_where_they_belong(void **state)
{
	static const uint64_t order[] = { 1, 2, 3, 4, 5, 6 };
	struct fixture *f = *state;

	put(made[0], 1);
	put(made[0], 3);
	put(made[0], 5);
	put(made[1], 2);
	put(made[1], 4);
	put(made[1], 6);
	assert_int_equal(drain(f, 10), 10);
	assert_int_equal(f->n, 6);
	assert_memory_equal(f->got, order, sizeof(order));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_writer_at_work_costs_one_drain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_writers_held_up_one_after_another, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unfinished_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spare_records_go_where_they_belong, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
