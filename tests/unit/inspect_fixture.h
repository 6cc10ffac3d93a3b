/* SPDX-License-Identifier: MIT */
/* Inspections that wait for their answers. */
#ifndef TESTS_UNIT_INSPECT_FIXTURE_H
#define TESTS_UNIT_INSPECT_FIXTURE_H

#include <fcntl.h>

#include "symbols_fixture.h"

#define ALL (INSPECT_USDT | INSPECT_LOCKS | INSPECT_DEBUG)
#define MAX_FOUND 8

/* What an inspection of an address space told, each with places of its own. */
struct found {
	size_t n;
	struct inspect_image images[MAX_FOUND];
};

static inline int take_name(void *ctx, const struct gt_event *ev)
{
	fail_msg("a name that nobody asked for");
	return 0;
}

static inline int take_image(void *ctx, const struct inspect_image *img)
{
	struct found *f = ctx;
	struct inspect_image *mine = &f->images[f->n++];

	assert_true(f->n <= MAX_FOUND);
	*mine = *img;
	mine->places = calloc(img->nplaces + 1, sizeof(*img->places));
	assert_non_null(mine->places);
	memcpy(mine->places, img->places, img->nplaces * sizeof(*img->places));
	return 0;
}

static const struct symbols_sink found_sink = { take_name, take_image };

/* Ends the helper: only that tells that nothing more will come. */
static inline void inspect_all(struct fixture *f, pid_t pid, const struct symbols_exec *exec,
			       struct found *found)
{
	*found = (struct found){ 0 };
	assert_int_equal(symbols_inspect(f->symbols, ++f->as, pid, ALL, exec), 0);
	assert_int_equal(symbols_stop(f->symbols, PATIENCE_MS, &found_sink, found), 0);
	symbols_free(f->symbols);
	assert_int_equal(symbols_start(&f->symbols), 0);
	for (size_t i = 0; i < found->n; i++)
		assert_int_equal(found->images[i].as, f->as);
}

static inline void release_found(struct found *found)
{
	for (size_t i = 0; i < found->n; i++)
		inspect_image_release(&found->images[i]);
}

static inline void inspect_path(struct fixture *f, const char *path, struct inspect_image *img)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(symbols_inspect_file(f->symbols, fd, path, ALL, PATIENCE_MS, img), 0);
	close(fd);
}

static inline size_t count_role(const struct inspect_image *img, enum gt_lock_role role)
{
	size_t n = 0;

	for (uint32_t i = 0; i < img->nplaces; i++)
		n += img->places[i].site.role == role;
	return n;
}

/* A program of the build that these tests are of. */
static inline void built(const struct fixture *f, const char *name, char path[PATH_MAX])
{
	int dir = (int)(strrchr(f->self, '/') - f->self);

	assert_true(snprintf(path, PATH_MAX, "%.*s/../%s", dir, f->self, name) < PATH_MAX);
}

#endif
