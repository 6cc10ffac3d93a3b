/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "symbols_helper.h"

struct symbols {
	pid_t pid; /* 0: reaped */
	int sock;  /* -1: the helper is gone */
	uint64_t outstanding;
};

int symbols_start(struct symbols **out)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->sock = -1;
	err = helper_start(&symbols_helper, &s->pid, &s->sock);
	if (err) {
		symbols_free(s);
		return err;
	}
	*out = s;
	return 0;
}

pid_t symbols_pid(const struct symbols *s)
{
	return s->pid;
}

static void hang_up(struct symbols *s)
{
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
	s->outstanding = 0;
}

int symbols_ask(struct symbols *s, uint32_t as, pid_t tgid, uint64_t addr,
		const struct symbols_exec *exec)
{
	struct symbols_question q = { .addr = addr, .as = as, .tgid = tgid };
	struct iovec parts[3] = { { &q, sizeof(q) } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 3 };

	if (s->sock < 0)
		return -EPIPE;
	if (exec && exec->path && strnlen(exec->path, PATH_MAX) < PATH_MAX) {
		q.ino = exec->ino;
		q.dev = exec->dev;
		q.start_code = exec->start_code;
		q.path_len = (uint16_t)strlen(exec->path);
		if (exec->cwd && strnlen(exec->cwd, PATH_MAX) < PATH_MAX)
			q.cwd_len = (uint16_t)strlen(exec->cwd);
		parts[1] = (struct iovec){ (void *)exec->path, q.path_len };
		parts[2] = (struct iovec){ (void *)exec->cwd, q.cwd_len };
	}
	if (sendmsg(s->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		s->outstanding++;
		return 0;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
		return -EAGAIN;
	/* Answers that were sent before the end can still be read: the socket stays until then. */
	return -EPIPE;
}

/* The helper reads hostile files: its packets are checked like any stranger's. */
static int hand_over(const char *packet, size_t len, symbols_answer answer, void *ctx)
{
	char name[NAMING_NAME_MAX + 1], image[PATH_MAX + 1];
	struct symbols_reply r;
	struct gt_event ev = { .kind = GT_SYMBOL, .cpu = GT_CPU_COLLECTOR, .syscall = -1 };

	if (len < sizeof(r))
		return 0;
	memcpy(&r, packet, sizeof(r));
	if (r.name_len > NAMING_NAME_MAX || r.image_len > PATH_MAX ||
	    len != sizeof(r) + r.name_len + r.image_len)
		return 0;
	memcpy(name, packet + sizeof(r), r.name_len);
	name[r.name_len] = '\0';
	memcpy(image, packet + sizeof(r) + r.name_len, r.image_len);
	image[r.image_len] = '\0';
	ev.ts = clock_monotonic();
	ev.u.symbol.as = r.as;
	ev.u.symbol.addr = r.addr;
	ev.u.symbol.name = name;
	ev.u.symbol.image = image;
	ev.u.symbol.image_offset = r.image_offset;
	ev.u.symbol.shared_dev = r.shared_dev;
	ev.u.symbol.shared_ino = r.shared_ino;
	ev.u.symbol.shared_offset = r.shared_offset;
	return answer(ctx, &ev);
}

int symbols_collect(struct symbols *s, symbols_answer answer, void *ctx)
{
	char packet[SYMBOLS_REPLY_MAX];
	int handed = 0;

	while (s->sock >= 0) {
		ssize_t len = recv(s->sock, packet, sizeof(packet), MSG_DONTWAIT);
		int err;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return handed;
		if (len <= 0) {
			hang_up(s);
			break;
		}
		if (s->outstanding)
			s->outstanding--;
		err = hand_over(packet, (size_t)len, answer, ctx);
		if (err)
			return err;
		handed++;
	}
	return handed ? handed : -EPIPE;
}

/* End the helper, whatever it is doing. */
static void end(struct symbols *s)
{
	hang_up(s);
	if (s->pid > 0)
		helper_end(s->pid);
	s->pid = 0;
}

int symbols_stop(struct symbols *s, int ms, symbols_answer answer, void *ctx)
{
	uint64_t deadline = clock_monotonic() + (uint64_t)ms * 1000000u;
	int err = 0;

	while (s->outstanding && s->sock >= 0) {
		struct pollfd fd = { .fd = s->sock, .events = POLLIN };
		uint64_t now = clock_monotonic();

		if (now < deadline)
			poll(&fd, 1, (int)((deadline - now) / 1000000u) + 1);
		err = symbols_collect(s, answer, ctx);
		if (err == -EPIPE)
			err = 0;
		if (err < 0 || now >= deadline)
			break;
	}
	end(s);
	return err < 0 ? err : 0;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	end(s);
	free(s);
}
