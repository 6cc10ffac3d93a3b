/* SPDX-License-Identifier: MIT */
/*
 * What a helper tells the collector, from a helper that has been taken over: packets, each behind
 * two bytes of length. The first byte chooses the helper.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <user/helper/helper.h>
#include <user/helper/stacks.h>
#include <user/helper/symbols.h>

#include "fuzz.h"

#define PACKET_MAX 70000

static int theirs = -1;

/* In place of helper.c's: nobody is started, the other end is ours. */
int helper_start(const struct helper_job *job, pid_t *pid, int *sock)
{
	int pair[2], room = 1 << 20;

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*pid = 0;
	*sock = pair[0];
	theirs = pair[1];
	return 0;
}

void helper_end(pid_t pid)
{
}

static int take_symbol(void *ctx, const struct gt_event *ev)
{
	FUZZ_CHECK(ev->kind == GT_SYMBOL && strlen(ev->u.symbol.name) < 1024);
	FUZZ_CHECK(strlen(ev->u.symbol.image) <= PATH_MAX);
	return 0;
}

static int take_image(void *ctx, const struct inspect_image *img)
{
	FUZZ_CHECK(img->as && img->nplaces <= INSPECT_PLACES_MAX);
	FUZZ_CHECK(img->interpreter < GT_INTERPRETER_COUNT && img->fd < 0);
	FUZZ_CHECK(strlen(img->name) < sizeof(img->name) && strlen(img->path) < PATH_MAX);
	FUZZ_CHECK(strlen(img->note) < sizeof(img->note));
	return 0;
}

static int take_event(void *ctx, const struct gt_event *ev)
{
	uint32_t *told = ctx; /* the highest frame */

	if (ev->kind == GT_FRAME) {
		FUZZ_CHECK(ev->u.frame.frame > *told && *ev->u.frame.name);
		FUZZ_CHECK(ev->u.frame.kind < GT_FRAME_KINDS);
		*told = ev->u.frame.frame;
		return 0;
	}
	FUZZ_CHECK(ev->kind == GT_STACK && ev->u.stack.nframes <= GT_STACK_FRAMES_MAX);
	for (uint32_t i = 0; i < ev->u.stack.nframes; i++)
		FUZZ_CHECK(ev->u.stack.frames[i] && ev->u.stack.frames[i] <= *told);
	return 0;
}

static void take_shape(void *ctx, const struct gt_wire_stack_key *key,
		       const struct gt_wire_stack_shape *shape)
{
	FUZZ_CHECK(shape->slots <= GT_STACK_SLOTS_MAX);
}

static void send_packets(struct fuzz_input *in)
{
	static uint8_t packet[PACKET_MAX];

	for (int i = 0; i < 16 && in->size; i++) {
		size_t len = fuzz_take(in, 2);

		len = fuzz_take_bytes(in, packet, len);
		if (len)
			send(theirs, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	close(theirs);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static const struct symbols_sink names = { take_symbol, take_image };
	static const struct stacks_sink frames = { take_event, take_shape };
	struct fuzz_input in = { data, size };
	struct symbols *symbols;
	struct stacks *stacks;
	uint32_t told = 0;

	if (fuzz_take(&in, 1) & 1) {
		FUZZ_CHECK(!symbols_start(&symbols));
		send_packets(&in);
		while (symbols_collect(symbols, &names, NULL) >= 0)
			;
		symbols_free(symbols);
	} else {
		FUZZ_CHECK(!stacks_start(&stacks));
		send_packets(&in);
		while (stacks_collect(stacks, &frames, &told) >= 0)
			;
		stacks_free(stacks);
	}
}
