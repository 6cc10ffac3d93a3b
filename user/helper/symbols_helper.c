/* SPDX-License-Identifier: MIT */
#include "symbols_helper.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/inspect/inspect.h"
#include "naming.h"
#include "symbols_packet.h"

#define INSPECT_SECONDS 10 /* many files, and debug information */

/*
 * The question at work, seen by the supervisor: should the worker be lost over it, its answer is
 * "unknown".
 */
struct desk {
	volatile bool busy;
	volatile bool taken; /* out of the socket */
	volatile uint32_t kind, as;
	volatile uint64_t addr;
	struct inspect_fate fate;
};

/* What the worker knows by now. */
struct shop {
	struct naming *names;
	struct inspect *images;
};

static bool reply_name(uint32_t as, uint64_t addr, const struct naming_answer *a)
{
	struct symbols_reply head = { .kind = SYMBOLS_REPLY_NAME,
				      .addr = addr,
				      .image_offset = a->image_offset,
				      .shared_dev = a->shared_dev,
				      .shared_ino = a->shared_ino,
				      .shared_offset = a->shared_offset,
				      .as = as,
				      .name_len = (uint16_t)strlen(a->name),
				      .image_len = (uint16_t)strlen(a->image) };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)a->name, head.name_len },
		{ (void *)a->image, head.image_len },
	};

	return !symbols_packet_send(HELPER_SOCK, parts, 3, -1, 0);
}

static bool reply_done(uint32_t as)
{
	struct symbols_done_reply done = { .kind = SYMBOLS_REPLY_DONE, .as = as };
	struct iovec part = { &done, sizeof(done) };

	return !symbols_packet_send(HELPER_SOCK, &part, 1, -1, 0);
}

static bool reply_image(void *ctx, const struct inspect_image *img)
{
	struct inspect_image mine = *img;

	mine.as = *(const uint32_t *)ctx;
	return !symbols_packet_send_image(HELPER_SOCK, &mine);
}

/* In place of a worker that was lost over the question. */
static bool reply_lost(const struct desk *desk)
{
	static const struct naming_answer unknown;
	struct inspect_image none = { .as = desk->as, .fd = -1 };

	if (desk->kind == SYMBOLS_ASK_NAME)
		return reply_name(desk->as, desk->addr, &unknown);
	snprintf(none.note, sizeof(none.note), "%s",
		 "a file that is mapped could not be looked into: damaged, or too slow to read");
	return !symbols_packet_send_image(HELPER_SOCK, &none) && reply_done(desk->as);
}

/* The exec's strings, cut out of the packet into `path` and `cwd`; false when nothing is known of
 * it. */
static bool read_exec(const struct symbols_question *q, const char *strings, char path[PATH_MAX],
		      char cwd[PATH_MAX], struct symbols_exec *out)
{
	if (!q->path_len)
		return false;
	memcpy(path, strings, q->path_len);
	path[q->path_len] = '\0';
	memcpy(cwd, strings + q->path_len, q->cwd_len);
	cwd[q->cwd_len] = '\0';
	*out = (struct symbols_exec){ .path = path,
				      .cwd = q->cwd_len ? cwd : NULL,
				      .dev = q->dev,
				      .ino = q->ino,
				      .start_code = q->start_code };
	return true;
}

static bool well_formed(const struct symbols_question *q, size_t len)
{
	return len >= sizeof(*q) && q->path_len < PATH_MAX && q->cwd_len < PATH_MAX &&
	       len == sizeof(*q) + q->path_len + q->cwd_len && q->kind >= SYMBOLS_ASK_NAME &&
	       q->kind <= SYMBOLS_ASK_FILE;
}

/* Look into images and tell of them. The clock does not run while giltrace has no time to listen.
 */
static bool tell_image(void *ctx, const struct inspect_image *img)
{
	unsigned int left = alarm(0);
	bool sent = reply_image(ctx, img);

	alarm(left);
	return sent;
}

static bool look(struct shop *shop, const struct symbols_question *q, int fd, const char *path,
		 const struct symbols_exec *exec)
{
	uint32_t as = q->as;

	if (q->kind == SYMBOLS_ASK_FILE)
		return fd < 0 || inspect_file(shop->images, fd, path, q->want, tell_image, &as);
	return inspect_space(shop->images, naming_space(shop->names, q->as, q->tgid, exec), exec,
			     q->want, tell_image, &as);
}

/*
 * Answer one question, which stays in the socket until the answer is found: a worker that is killed
 * while it waits takes none with it. False: there will be no more.
 */
static bool serve(void *state, void *shared)
{
	struct shop *shop = state;
	struct desk *desk = shared;
	char packet[SYMBOLS_QUESTION_MAX], path[PATH_MAX] = "", cwd[PATH_MAX];
	struct naming_answer answer;
	struct symbols_question q;
	struct symbols_exec exec;
	bool known, name, going = true;
	ssize_t len;
	int fd;

	len = symbols_packet_receive(HELPER_SOCK, packet, sizeof(packet), &fd, MSG_PEEK);
	if (len <= 0)
		return false;
	memcpy(&q, packet, (size_t)len < sizeof(q) ? (size_t)len : sizeof(q));
	if (!well_formed(&q, (size_t)len)) {
		going = symbols_packet_receive(HELPER_SOCK, packet, sizeof(packet), NULL, 0) > 0;
		goto out;
	}
	known = read_exec(&q, packet + sizeof(q), path, cwd, &exec);
	name = q.kind == SYMBOLS_ASK_NAME;
	desk->kind = q.kind;
	desk->as = q.as;
	desk->addr = q.addr;
	desk->busy = true;
	alarm(name ? HELPER_ANSWER_SECONDS : INSPECT_SECONDS);
	if (name)
		naming_word(shop->names, q.as, q.tgid, q.addr, known ? &exec : NULL, &answer);
	else
		going = look(shop, &q, fd, path, known ? &exec : NULL);
	alarm(0);
	going = symbols_packet_receive(HELPER_SOCK, packet, sizeof(packet), NULL, 0) > 0 && going;
	desk->taken = true;
	going = going && (name ? reply_name(q.as, q.addr, &answer) : reply_done(q.as));
	desk->busy = false;
	desk->taken = false;
out:
	if (fd >= 0)
		close(fd);
	return going;
}

static void *begin(void *shared)
{
	struct shop *shop = calloc(1, sizeof(*shop));
	struct desk *desk = shared;

	if (!shop)
		return NULL;
	shop->names = naming_new();
	shop->images = inspect_new(&desk->fate);
	return shop->names && shop->images ? shop : NULL;
}

/* The question that a worker was lost over is answered for it. */
static bool lost(void *shared)
{
	char packet[SYMBOLS_QUESTION_MAX];
	struct desk *desk = shared;

	inspect_fate_lost(&desk->fate);
	if (!desk->busy)
		return true;
	if (!desk->taken &&
	    symbols_packet_receive(HELPER_SOCK, packet, sizeof(packet), NULL, 0) <= 0)
		return false;
	desk->busy = false;
	desk->taken = false;
	return reply_lost(desk);
}

const struct helper_job symbols_helper = {
	.name = "giltrace-names",
	.shared = sizeof(struct desk),
	.open = begin,
	.serve = serve,
	.lost = lost,
};
