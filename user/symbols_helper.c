/* SPDX-License-Identifier: MIT */
#include "symbols_helper.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "helper.h"

/* The question at work, seen by the supervisor: should it kill the worker, its answer is "unknown".
 */
struct desk {
	volatile bool busy;
	volatile uint32_t as;
	volatile uint64_t addr;
};

static bool reply(uint32_t as, uint64_t addr, const struct naming_answer *a)
{
	struct symbols_reply head = { .addr = addr,
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
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 3 };
	ssize_t sent;

	do {
		sent = sendmsg(HELPER_SOCK, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
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
	       len == sizeof(*q) + q->path_len + q->cwd_len;
}

static ssize_t receive(char packet[SYMBOLS_QUESTION_MAX], int flags)
{
	ssize_t len;

	do {
		len = recv(HELPER_SOCK, packet, SYMBOLS_QUESTION_MAX, flags);
	} while (len < 0 && errno == EINTR);
	return len;
}

/*
 * Answer one question, which stays in the socket until its name is found: a worker that is killed
 * while it waits takes none with it. False: there will be no more.
 */
static bool serve(void *state, void *shared)
{
	struct naming *names = state;
	struct desk *desk = shared;
	char packet[SYMBOLS_QUESTION_MAX], path[PATH_MAX], cwd[PATH_MAX];
	struct naming_answer answer;
	struct symbols_question q;
	struct symbols_exec exec;
	bool known;
	ssize_t len;

	len = receive(packet, MSG_PEEK);
	if (len <= 0)
		return false;
	memcpy(&q, packet, (size_t)len < sizeof(q) ? (size_t)len : sizeof(q));
	if (!well_formed(&q, (size_t)len))
		return receive(packet, 0) > 0;
	known = read_exec(&q, packet + sizeof(q), path, cwd, &exec);
	desk->as = q.as;
	desk->addr = q.addr;
	desk->busy = true;
	alarm(HELPER_ANSWER_SECONDS);
	naming_word(names, q.as, q.tgid, q.addr, known ? &exec : NULL, &answer);
	alarm(0);
	desk->busy = false;
	return receive(packet, 0) > 0 && reply(q.as, q.addr, &answer);
}

static void *begin(void *shared)
{
	return naming_new();
}

/* The question that a worker was lost over is answered for it. */
static bool lost(void *shared)
{
	static const struct naming_answer unknown;
	char packet[SYMBOLS_QUESTION_MAX];
	struct desk *desk = shared;

	if (!desk->busy)
		return true;
	desk->busy = false;
	return receive(packet, 0) > 0 && reply(desk->as, desk->addr, &unknown);
}

const struct helper_job symbols_helper = {
	.name = "giltrace-names",
	.shared = sizeof(struct desk),
	.open = begin,
	.serve = serve,
	.lost = lost,
};
