/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "own_event.h"
#include "symbols_helper.h"
#include "symbols_packet.h"

#define NS_PER_MS 1000000u

struct symbols {
	pid_t pid; /* 0: reaped */
	int sock;  /* -1: the helper is gone */
	uint64_t outstanding;
	char packet[SYMBOLS_REPLY_MAX];
	struct inspect_place places[INSPECT_PLACES_MAX];
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

static int send_question(struct symbols *s, struct symbols_question *q, const char *path,
			 const char *cwd, int fd)
{
	struct iovec parts[3] = { { q, sizeof(*q) } };
	int err;

	if (s->sock < 0)
		return -EPIPE;
	if (path && strnlen(path, PATH_MAX) < PATH_MAX) {
		q->path_len = (uint16_t)strlen(path);
		if (cwd && strnlen(cwd, PATH_MAX) < PATH_MAX)
			q->cwd_len = (uint16_t)strlen(cwd);
		parts[1] = (struct iovec){ (void *)path, q->path_len };
		parts[2] = (struct iovec){ (void *)cwd, q->cwd_len };
	}
	err = symbols_packet_send(s->sock, parts, 3, fd, MSG_DONTWAIT);
	switch (err) {
	case 0:
		s->outstanding++;
		return 0;
	case -EAGAIN:
	case -EINTR:
	case -ENOBUFS:
	case -ENOMEM:
	case -ETOOMANYREFS: /* descriptors under way */
		return -EAGAIN;
	default:
		/* Answers that were sent before the end can still be read: the socket stays until
		 * then. */
		return -EPIPE;
	}
}

static int ask_of_space(struct symbols *s, struct symbols_question *q,
			const struct symbols_exec *exec)
{
	if (!exec || !exec->path)
		return send_question(s, q, NULL, NULL, -1);
	q->ino = exec->ino;
	q->dev = exec->dev;
	q->start_code = exec->start_code;
	return send_question(s, q, exec->path, exec->cwd, -1);
}

int symbols_ask(struct symbols *s, uint32_t as, pid_t tgid, uint64_t addr,
		const struct symbols_exec *exec)
{
	struct symbols_question q = {
		.kind = SYMBOLS_ASK_NAME, .addr = addr, .as = as, .tgid = tgid
	};

	return ask_of_space(s, &q, exec);
}

int symbols_inspect(struct symbols *s, uint32_t as, pid_t tgid, unsigned int want,
		    const struct symbols_exec *exec)
{
	struct symbols_question q = {
		.kind = SYMBOLS_ASK_SPACE, .want = want, .as = as, .tgid = tgid
	};

	return ask_of_space(s, &q, exec);
}

/* The helper reads hostile files: its packets are checked like any stranger's. */
static int hand_over_name(const char *packet, size_t len, const struct symbols_sink *sink,
			  void *ctx)
{
	char name[NAMING_NAME_MAX + 1], image[PATH_MAX + 1];
	struct symbols_reply r;
	struct gt_event ev = own_event(GT_SYMBOL);

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
	ev.u.symbol.as = r.as;
	ev.u.symbol.addr = r.addr;
	ev.u.symbol.name = name;
	ev.u.symbol.image = image;
	ev.u.symbol.image_offset = r.image_offset;
	ev.u.symbol.shared_dev = r.shared_dev;
	ev.u.symbol.shared_ino = r.shared_ino;
	ev.u.symbol.shared_offset = r.shared_offset;
	return sink->symbol(ctx, &ev);
}

/* An answer about a file may come after nobody waits for it any more: it has no address space. */
static int hand_over_image(struct symbols *s, size_t len, int *fd, const struct symbols_sink *sink,
			   void *ctx)
{
	struct inspect_image img = { .fd = -1 };

	if (!symbols_packet_read_image(s->packet, len, s->places, &img) || !img.as || !sink->image)
		return 0;
	img.fd = *fd;
	*fd = -1;
	return sink->image(ctx, &img);
}

/* Probes go on this file: nothing but a regular one, open to be read, will do. Its filesystem is not asked, since
 * one in user space may never answer. */
static int checked(int fd)
{
	struct statx st = { 0 };
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH) &&
	    !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) && S_ISREG(st.stx_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * The next packet, into s->packet: its kind, with its length in `*len`; 0 for one of no known kind.
 * -EAGAIN: there is none yet, -EPIPE: there will be no more.
 */
static int next_packet(struct symbols *s, size_t *len, int *fd)
{
	uint32_t kind = 0;
	ssize_t got;

	if (s->sock < 0)
		return -EPIPE;
	got = symbols_packet_receive(s->sock, s->packet, sizeof(s->packet), fd, MSG_DONTWAIT);
	*fd = checked(*fd);
	if (got == -EAGAIN)
		return -EAGAIN;
	if (got <= 0) {
		hang_up(s);
		return -EPIPE;
	}
	*len = (size_t)got;
	if (*len >= sizeof(kind))
		memcpy(&kind, s->packet, sizeof(kind));
	if (kind != SYMBOLS_REPLY_IMAGE && s->outstanding)
		s->outstanding--;
	return kind <= SYMBOLS_REPLY_DONE ? (int)kind : 0;
}

int symbols_collect(struct symbols *s, const struct symbols_sink *sink, void *ctx)
{
	int handed = 0;

	for (;;) {
		size_t len;
		int fd = -1, kind = next_packet(s, &len, &fd), err = 0;

		if (kind == -EPIPE && !handed)
			return -EPIPE;
		if (kind < 0)
			return handed;
		if (kind == SYMBOLS_REPLY_NAME)
			err = hand_over_name(s->packet, len, sink, ctx);
		else if (kind == SYMBOLS_REPLY_IMAGE)
			err = hand_over_image(s, len, &fd, sink, ctx);
		if (fd >= 0)
			close(fd);
		if (err)
			return err;
		handed++;
	}
}

/* Wait for a packet until `deadline`: 0 or -ETIMEDOUT. */
static int wait_until(const struct symbols *s, uint64_t deadline)
{
	struct pollfd fd = { .fd = s->sock, .events = POLLIN };
	uint64_t now = clock_monotonic();

	if (now >= deadline)
		return -ETIMEDOUT;
	poll(&fd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	return 0;
}

/* Keep what was found in the file, and its descriptor. */
static int take_image(struct symbols *s, size_t len, int *fd, struct inspect_image *out)
{
	if (out->places || !symbols_packet_read_image(s->packet, len, s->places, out))
		return 0;
	out->places = calloc(out->nplaces + 1, sizeof(*out->places));
	if (!out->places) {
		out->nplaces = 0;
		return -ENOMEM;
	}
	memcpy(out->places, s->places, out->nplaces * sizeof(*out->places));
	out->fd = *fd;
	*fd = -1;
	return 0;
}

int symbols_inspect_file(struct symbols *s, int fd, const char *path, unsigned int want, int ms,
			 struct inspect_image *out)
{
	struct symbols_question q = { .kind = SYMBOLS_ASK_FILE, .want = want };
	uint64_t deadline = clock_monotonic() + (uint64_t)ms * NS_PER_MS;
	int err = 0, kind = 0;

	*out = (struct inspect_image){ .fd = -1 };
	if (fd < 0 || !path || !*path || strnlen(path, PATH_MAX) == PATH_MAX)
		return -EINVAL;
	if (s->outstanding)
		return -EBUSY;
	err = send_question(s, &q, path, NULL, fd);
	while (!err && kind != SYMBOLS_REPLY_DONE) {
		int found = -1;
		size_t len;

		kind = next_packet(s, &len, &found);
		if (kind == -EAGAIN)
			err = wait_until(s, deadline);
		else if (kind < 0)
			err = kind;
		else if (kind == SYMBOLS_REPLY_IMAGE)
			err = take_image(s, len, &found, out);
		if (found >= 0)
			close(found);
	}
	return err;
}

/* End the helper, whatever it is doing. */
static void end(struct symbols *s)
{
	hang_up(s);
	if (s->pid > 0)
		helper_end(s->pid);
	s->pid = 0;
}

int symbols_stop(struct symbols *s, int ms, const struct symbols_sink *sink, void *ctx)
{
	uint64_t deadline = clock_monotonic() + (uint64_t)ms * NS_PER_MS;
	int err = 0, late = 0;

	while (s->outstanding && s->sock >= 0 && err >= 0 && !late) {
		late = wait_until(s, deadline);
		err = symbols_collect(s, sink, ctx);
		if (err == -EPIPE)
			err = 0;
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
