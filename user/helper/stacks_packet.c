/* SPDX-License-Identifier: MIT */
#include "stacks_packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static bool send_parts(struct iovec *parts, size_t n)
{
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	do {
		sent = sendmsg(HELPER_SOCK, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

void stacks_packet_tell_frame(void *ctx, uint32_t number, const struct frames_frame *f)
{
	struct stacks_frame head = { .reply = STACKS_FRAME,
				     .frame = number,
				     .kind = f->kind,
				     .line = f->line,
				     .name_len = (uint16_t)strnlen(f->name, STACKS_NAME_MAX),
				     .image_len = (uint16_t)strnlen(f->image, PATH_MAX),
				     .file_len = (uint16_t)strnlen(f->file, PATH_MAX) };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)f->name, head.name_len },
		{ (void *)f->image, head.image_len },
		{ (void *)f->file, head.file_len },
	};

	send_parts(parts, 4);
}

bool stacks_packet_tell_stack(struct stacks_stack *s, const uint32_t *frames)
{
	struct iovec parts[] = {
		{ s, sizeof(*s) },
		{ (void *)frames, s->nframes * sizeof(*frames) },
	};

	s->reply = STACKS_STACK;
	return send_parts(parts, 2);
}

bool stacks_packet_tell_shape(const struct gt_wire_stack *s, const struct unwind_result *r)
{
	struct stacks_shape out = { .reply = STACKS_SHAPE };
	struct iovec part = { &out, sizeof(out) };

	if (!(r->flags & GT_STACK_COMPLETE) || r->nslots > GT_STACK_SLOTS_MAX)
		return true;
	out.key = (struct gt_wire_stack_key){
		.ip = s->ip, .sp = s->sp, .more = s->more, .as = s->as
	};
	out.shape.stack = s->stack;
	out.shape.slots = (uint32_t)r->nslots;
	for (size_t i = 0; i < r->nslots; i++) {
		out.shape.slot[i] = r->slots[i];
		out.shape.fold = gt_stack_fold(out.shape.fold, r->values[i]);
	}
	return send_parts(&part, 1);
}

bool stacks_packet_cut(const char *packet, size_t len, struct stacks_packet *out)
{
	const struct stacks_question *q = (const struct stacks_question *)packet;
	size_t at = sizeof(*q);

	if (len < sizeof(*q) || q->kernel_frames > GT_STACK_KERNEL_MAX || q->path_len >= PATH_MAX ||
	    q->python_bytes > sizeof(struct gt_wire_python_stack) || q->cwd_len >= PATH_MAX ||
	    q->stack.bytes > GT_STACK_BYTES_MAX)
		return false;
	out->q = q;
	out->kernel = packet + at;
	out->python = out->kernel + q->kernel_frames * sizeof(uint64_t);
	out->path = out->python + q->python_bytes;
	out->cwd = out->path + q->path_len;
	out->bytes = (const uint8_t *)out->cwd + q->cwd_len;
	return (size_t)((const char *)out->bytes - packet) + q->stack.bytes == len;
}

const struct symbols_exec *stacks_packet_exec(const struct stacks_packet *p,
					      struct stacks_packet_parts *to)
{
	const struct stacks_question *q = p->q;

	if (!q->path_len)
		return NULL;
	memcpy(to->path, p->path, q->path_len);
	to->path[q->path_len] = '\0';
	memcpy(to->cwd, p->cwd, q->cwd_len);
	to->cwd[q->cwd_len] = '\0';
	to->exec = (struct symbols_exec){ .path = to->path,
					  .cwd = q->cwd_len ? to->cwd : NULL,
					  .dev = q->dev,
					  .ino = q->ino,
					  .start_code = q->start_code };
	return &to->exec;
}

void stacks_packet_python(const struct stacks_packet *p, struct stacks_packet_parts *to)
{
	const size_t head = offsetof(struct gt_wire_python_stack, frame);

	to->python.frames = 0;
	memcpy(&to->python, p->python, p->q->python_bytes);
	if (p->q->python_bytes < head ||
	    to->python.frames * sizeof(to->python.frame[0]) != p->q->python_bytes - head)
		to->python.frames = 0;
}
