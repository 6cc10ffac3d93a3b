/* SPDX-License-Identifier: MIT */
/*
 * What giltrace and its naming helper say to each other: packets over a SOCK_SEQPACKET pair, with a
 * descriptor of the file in question where there is one. A question is one packet. Its answer is
 * one NAME, or any number of IMAGEs and then DONE.
 */
#ifndef USER_SYMBOLS_PACKET_H
#define USER_SYMBOLS_PACKET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "user/inspect/inspect.h"
#include "naming.h"

enum symbols_ask_kind {
	SYMBOLS_ASK_NAME = 1,  /* of `addr` in address space `as` */
	SYMBOLS_ASK_SPACE = 2, /* inspect what address space `as` has mapped */
	SYMBOLS_ASK_FILE = 3,  /* inspect the file that comes along */
};

/* Behind it the exec's (or the file's) path and then its cwd, lengths without a NUL, which is not
 * sent. */
struct symbols_question {
	uint64_t addr;
	uint64_t ino, start_code;
	uint32_t kind; /* enum symbols_ask_kind */
	uint32_t want; /* enum inspect_want */
	uint32_t as;
	int32_t tgid;
	uint32_t dev;
	uint16_t path_len, cwd_len; /* path_len 0: nothing is known of the exec */
};

enum symbols_reply_kind {
	SYMBOLS_REPLY_NAME = 1,	 /* struct symbols_reply */
	SYMBOLS_REPLY_IMAGE = 2, /* struct symbols_image_reply, and maybe the file's descriptor */
	SYMBOLS_REPLY_DONE = 3,	 /* struct symbols_done_reply */
};

/* Behind it the name and then the image, likewise. */
struct symbols_reply {
	uint32_t kind;
	uint32_t as;
	uint64_t addr;
	uint64_t image_offset;
	uint64_t shared_dev, shared_ino, shared_offset;
	uint16_t name_len, image_len;
};

/* Behind it `nplaces` struct inspect_place and then the path, likewise. */
struct symbols_image_reply {
	uint32_t kind;
	uint32_t as;
	uint64_t ino;
	uint32_t dev;
	uint32_t interpreter, version, flags;
	uint32_t nplaces;
	uint16_t path_len;
	struct gt_wire_python python;
	char name[INSPECT_NAME_MAX];
	char note[INSPECT_NOTE_MAX];
};

struct symbols_done_reply {
	uint32_t kind;
	uint32_t as;
};

#define SYMBOLS_QUESTION_MAX (sizeof(struct symbols_question) + 2 * PATH_MAX)
#define SYMBOLS_REPLY_MAX                                                                          \
	(sizeof(struct symbols_image_reply) + PATH_MAX +                                           \
	 INSPECT_PLACES_MAX * sizeof(struct inspect_place))

/* Send one packet, with descriptor `fd` unless that is -1. 0 or -errno. */
int symbols_packet_send(int sock, struct iovec *parts, size_t n, int fd, int flags);

/*
 * Receive one packet, at most `room` bytes. `*fd` is the descriptor that came along, the caller's
 * to close, or -1; NULL: none is wanted. Bytes, 0 at the end, or -errno.
 */
ssize_t symbols_packet_receive(int sock, void *packet, size_t room, int *fd, int flags);

/* Send what was found in one image, its descriptor included. */
int symbols_packet_send_image(int sock, const struct inspect_image *img);

/*
 * Read an IMAGE packet, from a process that reads hostile files: false when anything in it could
 * not be. `places` (INSPECT_PLACES_MAX) is where its places go; out->fd is left alone.
 */
bool symbols_packet_read_image(const void *packet, size_t len, struct inspect_place *places,
			       struct inspect_image *out);

#endif
