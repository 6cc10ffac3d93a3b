/* SPDX-License-Identifier: MIT */
#include "symbols_packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KNOWN_INTERPRETER_FLAGS                                                                    \
	(GT_INTERPRETER_NO_GIL | GT_INTERPRETER_PROBED | GT_INTERPRETER_IN_PART |                  \
	 GT_INTERPRETER_PER_DOMAIN)
#define KNOWN_PLACE_FLAGS (GT_LOCK_SITE_USDT | GT_LOCK_SITE_INLINE)
#define PT_REGS_MAX 512 /* no architecture's struct pt_regs is larger */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int symbols_packet_send(int sock, struct iovec *parts, size_t n, int fd, int flags)
{
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = n };
	ssize_t sent;

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do {
		sent = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR && !(flags & MSG_DONTWAIT));
	return sent < 0 ? -errno : 0;
}

/*
 * The one descriptor that came along, or -1. The kernel installs as many as fit, and more than one
 * may by the padding: none is left behind, whoever sent it.
 */
static int descriptor_of(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len; at += sizeof(fd)) {
			if (fd >= 0)
				close(fd);
			memcpy(&fd, (const char *)c + at, sizeof(fd));
		}
	}
	return fd;
}

ssize_t symbols_packet_receive(int sock, void *packet, size_t room, int *fd, int flags)
{
	union control control = { 0 };
	struct iovec part = { packet, room };
	struct msghdr msg;
	ssize_t len;

	do {
		msg = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
		if (fd) {
			msg.msg_control = control.bytes;
			msg.msg_controllen = sizeof(control.bytes);
		}
		len = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (fd)
		*fd = len >= 0 ? descriptor_of(&msg) : -1;
	return len < 0 ? -errno : len;
}

int symbols_packet_send_image(int sock, const struct inspect_image *img)
{
	struct symbols_image_reply head = {
		.kind = SYMBOLS_REPLY_IMAGE,
		.as = img->as,
		.ino = img->ino,
		.dev = img->dev,
		.interpreter = (uint32_t)img->interpreter,
		.version = img->version,
		.flags = img->flags,
		.nplaces = img->nplaces,
		.python = img->python,
		.path_len = (uint16_t)strnlen(img->path, sizeof(img->path) - 1),
	};
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ img->places, img->nplaces * sizeof(*img->places) },
		{ (void *)img->path, head.path_len },
	};

	memcpy(head.name, img->name, sizeof(head.name));
	memcpy(head.note, img->note, sizeof(head.note));
	return symbols_packet_send(sock, parts, 3, img->fd, 0);
}

static bool terminated(const char *text, size_t room)
{
	return strnlen(text, room) < room;
}

static bool sound_place(const struct inspect_place *p)
{
	const struct gt_wire_lock_site *s = &p->site;

	return s->role >= GT_LOCK_REQUEST && s->role < GT_LOCK_ROLES && s->arg <= GT_ARG_MEMORY &&
	       (s->size == 1 || s->size == 2 || s->size == 4 || s->size == 8) && s->reg % 8 == 0 &&
	       s->reg < PT_REGS_MAX && !(p->flags & ~KNOWN_PLACE_FLAGS) && p->offset <= INT64_MAX &&
	       p->semaphore <= INT64_MAX && terminated(p->name, sizeof(p->name));
}

bool symbols_packet_read_image(const void *packet, size_t len, struct inspect_place *places,
			       struct inspect_image *out)
{
	struct symbols_image_reply r;
	const char *rest = (const char *)packet + sizeof(r);

	if (len < sizeof(r))
		return false;
	memcpy(&r, packet, sizeof(r));
	if (r.kind != SYMBOLS_REPLY_IMAGE || r.nplaces > INSPECT_PLACES_MAX ||
	    r.path_len >= PATH_MAX || r.interpreter >= GT_INTERPRETER_COUNT ||
	    (r.flags & ~KNOWN_INTERPRETER_FLAGS) || !terminated(r.name, sizeof(r.name)) ||
	    !terminated(r.note, sizeof(r.note)) ||
	    len != sizeof(r) + r.nplaces * sizeof(*places) + r.path_len)
		return false;
	memcpy(places, rest, r.nplaces * sizeof(*places));
	for (uint32_t i = 0; i < r.nplaces; i++) {
		if (!sound_place(&places[i]))
			return false;
	}
	out->as = r.as;
	out->dev = r.dev;
	out->ino = r.ino;
	out->interpreter = (enum gt_interpreter)r.interpreter;
	out->version = r.version;
	out->flags = r.flags;
	out->python = r.python;
	memcpy(out->name, r.name, sizeof(out->name));
	memcpy(out->note, r.note, sizeof(out->note));
	memcpy(out->path, rest + r.nplaces * sizeof(*places), r.path_len);
	out->path[r.path_len] = '\0';
	out->nplaces = r.nplaces;
	out->places = places;
	return true;
}
