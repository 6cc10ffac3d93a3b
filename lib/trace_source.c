/* SPDX-License-Identifier: MIT */
#include "lib/trace_source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace_codec.h"

/* The window is as large as it pays: next to large blocks it would be filled for one header each.
 */
#define AHEAD_MIN (4U << 10)
#define AHEAD_MAX (64U << 10)
#define HITS_MANY 16

/* At least `least` bytes, at most `n`. How many, or -errno. */
static ssize_t read_some(int fd, uint8_t *out, size_t least, size_t n, uint64_t at)
{
	size_t got = 0;

	while (got < least) {
		ssize_t more = pread(fd, out + got, n - got, (off_t)(at + got));

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			return more < 0 ? -errno : -EBADMSG;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

static int refill(struct trace_source *src, uint64_t at, size_t least)
{
	uint8_t *room;
	ssize_t got;

	if (src->hits >= HITS_MANY && src->ahead < AHEAD_MAX)
		src->ahead *= 2;
	else if (src->hits < 2 && src->ahead > AHEAD_MIN)
		src->ahead /= 2;
	if (src->ahead < AHEAD_MIN)
		src->ahead = AHEAD_MIN;
	src->hits = 0;
	buf_clear(&src->window);
	room = buf_reserve(&src->window, AHEAD_MAX);
	if (!room)
		return -ENOMEM;
	got = read_some(src->fd, room, least, src->ahead, at);
	if (got < 0)
		return (int)got;
	src->window.len = (size_t)got;
	src->window_at = at;
	return 0;
}

int trace_source_read(struct trace_source *src, uint64_t at, uint8_t *out, size_t n)
{
	uint64_t from = at - src->window_at;
	int err = 0;

	if (at < src->window_at || from > src->window.len || n > src->window.len - from) {
		if (n > AHEAD_MIN) {
			ssize_t got = read_some(src->fd, out, n, n, at);

			return got < 0 ? (int)got : 0;
		}
		err = refill(src, at, n);
		from = 0;
	}
	if (err)
		return err;
	src->hits++;
	memcpy(out, src->window.data + from, n);
	return 0;
}

int trace_source_load(struct trace_source *src, const struct trace_block *block, uint64_t at,
		      struct buf *out)
{
	uint8_t *stored, *raw;
	size_t got;
	int err;

	if (block->stored > ZSTD_compressBound(block->raw))
		return -EBADMSG;
	buf_clear(&src->stored);
	buf_clear(out);
	stored = buf_reserve(&src->stored, block->stored);
	raw = buf_reserve(out, (size_t)block->raw + TRACE_COMPACT_MAX);
	if (!stored || !raw)
		return -ENOMEM;
	err = block->stored ? trace_source_read(src, at, stored, block->stored) : 0;
	if (err)
		return err;
	got = ZSTD_decompressDCtx(src->zstd, raw, block->raw, stored, block->stored);
	if (ZSTD_isError(got) || got != block->raw)
		return -EBADMSG;
	memset(raw + got, 0, TRACE_COMPACT_MAX); /* what the decoder may look at */
	out->len = got;
	return 0;
}

void trace_source_release(struct trace_source *src)
{
	buf_free(&src->stored);
	buf_free(&src->packed);
	buf_free(&src->window);
	ZSTD_freeDCtx(src->zstd);
	close(src->fd);
}
