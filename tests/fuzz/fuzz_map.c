/* SPDX-License-Identifier: MIT */
/* The hash map and the histogram beside the plainest thing that could be one. */
#include <stdlib.h>
#include <string.h>

#include <lib/hist.h>
#include <lib/map.h>

#include "fuzz.h"

#define PLAIN_MAX 4096

struct plain {
	struct {
		uint64_t key, value;
	} all[PLAIN_MAX];
	size_t n;
};

static size_t find(const struct plain *p, uint64_t key)
{
	size_t i = 0;

	while (i < p->n && p->all[i].key != key)
		i++;
	return i;
}

/* Small keys, or those whose high bits alone differ. */
static uint64_t take_key(struct fuzz_input *in, uint8_t how)
{
	uint64_t n = fuzz_take(in, 2);

	return how & 4 ? n << 48 : how & 8 ? n * 0x10001 : n & 0xff;
}

static void step(struct map *m, struct plain *p, struct fuzz_input *in)
{
	uint8_t how = (uint8_t)fuzz_take(in, 1);
	uint64_t key = take_key(in, how), value = 0;
	size_t at = find(p, key);

	FUZZ_CHECK(map_get(m, key, &value) == (at < p->n));
	FUZZ_CHECK(at == p->n || value == p->all[at].value);
	if (how % 4 == 0) {
		FUZZ_CHECK(map_del(m, key) == (at < p->n));
		if (at < p->n)
			p->all[at] = p->all[--p->n];
		return;
	}
	if (p->n == PLAIN_MAX)
		return;
	p->all[at].key = key;
	p->all[at].value = in->size;
	p->n += at == p->n;
	FUZZ_CHECK(!map_put(m, key, in->size));
}

static void check_map(struct fuzz_input in)
{
	struct plain *p = calloc(1, sizeof(*p));
	struct map m = { 0 };
	uint64_t key, value;
	size_t pos = 0, seen = 0;

	FUZZ_CHECK(p);
	while (in.size)
		step(&m, p, &in);
	FUZZ_CHECK(map_len(&m) == p->n);
	for (; map_next(&m, &pos, &key, &value); seen++)
		FUZZ_CHECK(find(p, key) < p->n && p->all[find(p, key)].value == value);
	FUZZ_CHECK(seen == p->n);
	map_free(&m);
	free(p);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The quantile is off by no more than a part in 64 of what a sorted list says. */
static void check_hist(struct fuzz_input in)
{
	size_t n = in.size / 9, split = n ? in.data[0] % n : 0;
	uint64_t *all = calloc(n + 1, sizeof(*all)), sum = 0;
	struct hist h = { 0 }, other = { 0 };

	FUZZ_CHECK(all);
	for (size_t i = 0; i < n; i++) {
		unsigned int shift = fuzz_take(&in, 1) & 63;

		all[i] = fuzz_take(&in, 8) >> shift;
		FUZZ_CHECK(!hist_add(i < split ? &h : &other, all[i]));
		sum = sum + all[i] < sum ? UINT64_MAX : sum + all[i];
	}
	FUZZ_CHECK(!hist_merge(&h, &other));
	FUZZ_CHECK(hist_count(&h) == n && hist_sum(&h) == sum);
	qsort(all, n, sizeof(*all), by_size);
	FUZZ_CHECK(hist_max(&h) == (n ? all[n - 1] : 0));
	for (int k = 0; n && k <= 16; k++) {
		size_t rank = (n * (size_t)k + 15) / 16;
		uint64_t truth = all[rank ? rank - 1 : 0], got = hist_quantile(&h, k / 16.0);
		uint64_t off = truth > got ? truth - got : got - truth;

		FUZZ_CHECK(off <= truth / 64);
	}
	hist_free(&h);
	hist_free(&other);
	free(all);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	check_map((struct fuzz_input){ data, size });
	check_hist((struct fuzz_input){ data, size });
}
