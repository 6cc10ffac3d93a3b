/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "own_event.h"
#include "stacks_helper.h"

/* Room for what is asked in one drain of the rings; a packet takes up to twice its size. */
#define ROOM (32 << 20)

struct stacks {
	pid_t pid; /* 0: reaped */
	int sock;  /* -1: the helper is gone */
	uint64_t outstanding;
	uint32_t frames; /* the highest number told */
};

static void make_room(int sock)
{
	int room = ROOM;

	/* Beyond the system's limit where we may. */
	if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

int stacks_start(struct stacks **out)
{
	struct stacks *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->sock = -1;
	err = helper_start(&stacks_helper, &s->pid, &s->sock);
	if (err) {
		stacks_free(s);
		return err;
	}
	make_room(s->sock);
	*out = s;
	return 0;
}

pid_t stacks_pid(const struct stacks *s)
{
	return s->pid;
}

uint64_t stacks_outstanding(const struct stacks *s)
{
	return s->outstanding;
}

static void hang_up(struct stacks *s)
{
	if (s->sock >= 0)
		close(s->sock);
	s->sock = -1;
}

enum { HEAD, KERNEL, PYTHON, PATH, CWD, BYTES, PARTS };

static void put_exec(struct stacks_question *q, struct iovec parts[PARTS],
		     const struct symbols_exec *exec)
{
	if (!exec || !exec->path || strnlen(exec->path, PATH_MAX) >= PATH_MAX)
		return;
	q->ino = exec->ino;
	q->dev = exec->dev;
	q->start_code = exec->start_code;
	q->path_len = (uint16_t)strlen(exec->path);
	if (exec->cwd && strnlen(exec->cwd, PATH_MAX) < PATH_MAX)
		q->cwd_len = (uint16_t)strlen(exec->cwd);
	parts[PATH] = (struct iovec){ (void *)exec->path, q->path_len };
	parts[CWD] = (struct iovec){ (void *)exec->cwd, q->cwd_len };
}

/* A stack that is too large for the system's limits is sent as far as there is room. */
static int send_question(int sock, struct stacks_question *q, struct iovec parts[PARTS])
{
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = PARTS };

	while (sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EMSGSIZE || !q->stack.bytes)
			return -errno;
		q->stack.bytes /= 2;
		parts[BYTES].iov_len = q->stack.bytes;
	}
	return 0;
}

int stacks_ask(struct stacks *s, const struct gt_wire_stack *stack, const void *bytes,
	       const struct gt_wire_kernel_stack *kernel, const struct gt_wire_python_stack *python,
	       pid_t tgid, const struct symbols_exec *exec)
{
	struct stacks_question q = { .stack = *stack, .tgid = tgid };
	struct iovec parts[PARTS] = { [HEAD] = { &q, sizeof(q) } };
	int err;

	if (s->sock < 0)
		return -EPIPE;
	if (q.stack.bytes > GT_STACK_BYTES_MAX)
		q.stack.bytes = GT_STACK_BYTES_MAX;
	if (kernel) {
		q.kernel_frames = kernel->frames < GT_STACK_KERNEL_MAX ? kernel->frames
								       : GT_STACK_KERNEL_MAX;
		parts[KERNEL] = (struct iovec){ (void *)kernel->ip,
						q.kernel_frames * sizeof(kernel->ip[0]) };
	}
	if (python && python->frames <= GT_PYTHON_FRAMES_MAX) {
		q.python_bytes = (uint32_t)(offsetof(struct gt_wire_python_stack, frame) +
					    python->frames * sizeof(python->frame[0]));
		parts[PYTHON] = (struct iovec){ (void *)python, q.python_bytes };
	}
	put_exec(&q, parts, exec);
	parts[BYTES] = (struct iovec){ (void *)bytes, q.stack.bytes };
	err = send_question(s->sock, &q, parts);
	if (!err)
		s->outstanding++;
	if (!err || err == -EAGAIN || err == -EPIPE)
		return err;
	/* Answers that were sent before the end can still be read: the socket stays until then. */
	return err == -EINTR || err == -ENOBUFS || err == -ENOMEM ? -EAGAIN : -EPIPE;
}

/* A string of `len` bytes at *at, copied and terminated in `to`. */
static const char *take_string(const char **at, size_t len, char *to)
{
	memcpy(to, *at, len);
	to[len] = '\0';
	*at += len;
	return to;
}

static int hand_frame(struct stacks *s, const char *packet, size_t len,
		      const struct stacks_sink *sink, void *ctx)
{
	char name[STACKS_NAME_MAX + 1], image[PATH_MAX + 1], file[PATH_MAX + 1];
	struct gt_event ev = own_event(GT_FRAME);
	const char *at = packet + sizeof(struct stacks_frame);
	struct stacks_frame f;

	if (len < sizeof(f))
		return 0;
	memcpy(&f, packet, sizeof(f));
	if (!f.name_len || f.name_len > STACKS_NAME_MAX || f.image_len > PATH_MAX ||
	    f.file_len > PATH_MAX || f.kind >= GT_FRAME_KINDS || f.frame <= s->frames ||
	    len != sizeof(f) + f.name_len + f.image_len + f.file_len || !*at)
		return 0;
	s->frames = f.frame;
	ev.u.frame.frame = f.frame;
	ev.u.frame.kind = f.kind;
	ev.u.frame.line = f.line;
	ev.u.frame.name = take_string(&at, f.name_len, name);
	ev.u.frame.image = take_string(&at, f.image_len, image);
	ev.u.frame.file = take_string(&at, f.file_len, file);
	return sink->event(ctx, &ev);
}

static bool well_formed(const struct stacks *s, const struct stacks_stack *r,
			const uint32_t *frames, size_t len)
{
	if (r->nframes > GT_STACK_FRAMES_MAX || len != sizeof(*r) + r->nframes * sizeof(*frames))
		return false;
	for (uint32_t i = 0; i < r->nframes; i++) {
		if (!frames[i] || frames[i] > s->frames)
			return false;
	}
	return true;
}

static int hand_stack(struct stacks *s, const char *packet, size_t len,
		      const struct stacks_sink *sink, void *ctx)
{
	struct gt_event ev = own_event(GT_STACK);
	uint32_t frames[GT_STACK_FRAMES_MAX];
	struct stacks_stack r;

	if (len < sizeof(r) || len - sizeof(r) > sizeof(frames))
		return 0;
	memcpy(&r, packet, sizeof(r));
	memcpy(frames, packet + sizeof(r), len - sizeof(r));
	if (s->outstanding)
		s->outstanding--;
	if (!well_formed(s, &r, frames, len))
		return 0;
	ev.u.stack.stack = r.stack;
	ev.u.stack.flags = r.flags;
	ev.u.stack.nframes = r.nframes;
	ev.u.stack.frames = frames;
	return sink->event(ctx, &ev);
}

static int hand_shape(const char *packet, size_t len, const struct stacks_sink *sink, void *ctx)
{
	struct stacks_shape r;

	if (len != sizeof(r))
		return 0;
	memcpy(&r, packet, sizeof(r));
	if (r.shape.slots <= GT_STACK_SLOTS_MAX && sink->shape)
		sink->shape(ctx, &r.key, &r.shape);
	return 0;
}

/* The helper reads hostile files: its packets are checked like any stranger's. */
static int hand_over(struct stacks *s, const char *packet, size_t len,
		     const struct stacks_sink *sink, void *ctx)
{
	uint32_t kind = 0;

	if (len >= sizeof(kind))
		memcpy(&kind, packet, sizeof(kind));
	switch (kind) {
	case STACKS_FRAME:
		return hand_frame(s, packet, len, sink, ctx);
	case STACKS_STACK:
		return hand_stack(s, packet, len, sink, ctx);
	case STACKS_SHAPE:
		return hand_shape(packet, len, sink, ctx);
	default:
		return 0;
	}
}

int stacks_collect(struct stacks *s, const struct stacks_sink *sink, void *ctx)
{
	char packet[STACKS_REPLY_MAX];

	while (s->sock >= 0) {
		ssize_t len = recv(s->sock, packet, sizeof(packet), MSG_DONTWAIT);
		int err;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return 0;
		if (len <= 0) {
			hang_up(s);
			break;
		}
		err = hand_over(s, packet, (size_t)len, sink, ctx);
		if (err)
			return err;
	}
	return -EPIPE;
}

/* End the helper, whatever it is doing. */
static void end(struct stacks *s)
{
	hang_up(s);
	if (s->pid > 0)
		helper_end(s->pid);
	s->pid = 0;
}

static void say(const struct stacks *s, enum stacks_word word)
{
	char byte = (char)word;

	send(s->sock, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* else it takes longer */
}

int stacks_stop(struct stacks *s, int ms, const struct stacks_sink *sink, void *ctx)
{
	uint64_t patience = (uint64_t)ms * 1000000u, start = clock_monotonic(), now = start;
	uint64_t answered = start, left = s->outstanding;
	bool hurried = false;
	int err = 0;

	if (s->outstanding && s->sock >= 0)
		say(s, STACKS_LAST);
	while (s->outstanding && s->sock >= 0 && now - answered < patience &&
	       now - start < STACKS_STOP_MAX * patience) {
		struct pollfd fd = { .fd = s->sock, .events = POLLIN };

		poll(&fd, 1, ms / 10 + 1);
		err = stacks_collect(s, sink, ctx);
		if (err)
			break;
		now = clock_monotonic();
		if (s->outstanding < left)
			answered = now;
		left = s->outstanding;
		if (!hurried && now - start > patience / 2)
			say(s, STACKS_HASTE);
		hurried |= now - start > patience / 2;
	}
	end(s);
	return err == -EPIPE ? 0 : err;
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	end(s);
	free(s);
}
