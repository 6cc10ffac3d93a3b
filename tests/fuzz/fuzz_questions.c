/* SPDX-License-Identifier: MIT */
/*
 * What the collector asks of the helpers that name words and unwind stacks, put before their
 * workers: names, stacks and Python frames in it are the traced program's. Processes are not: they
 * are this one or none, or the answers would depend on the machine.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <user/helper/stacks_helper.h>
#include <user/helper/symbols_helper.h>
#include <user/helper/symbols_packet.h>

#include "fuzz.h"

#define PACKET_MAX 20000

/* The fuzzer's own timer is the same one. */
unsigned int alarm(unsigned int seconds)
{
	return 0;
}

/* The worker's socket is its standard input. */
static int connect_worker(void)
{
	int pair[2];

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	FUZZ_CHECK(dup2(pair[0], HELPER_SOCK) == HELPER_SOCK);
	if (pair[0] != HELPER_SOCK) /* closed by the run before */
		close(pair[0]);
	return pair[1];
}

static void drain(int sock)
{
	static char reply[STACKS_REPLY_MAX + SYMBOLS_REPLY_MAX];

	while (recv(sock, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
}

static void tame(uint8_t *packet, size_t len, size_t at)
{
	int32_t pid;

	if (len < at + sizeof(pid))
		return;
	memcpy(&pid, packet + at, sizeof(pid));
	pid = pid & 1 ? getpid() : 0;
	memcpy(packet + at, &pid, sizeof(pid));
}

static void ask(const struct helper_job *job, void *worker, void *shared, struct fuzz_input *in,
		size_t tgid_at)
{
	static uint8_t packet[PACKET_MAX];
	int sock = connect_worker();

	for (int i = 0; i < 4 && in->size; i++) {
		size_t len = fuzz_take_bytes(in, packet, fuzz_take(in, 2) % PACKET_MAX);

		tame(packet, len, tgid_at);
		if (len < 2 || send(sock, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			continue;
		FUZZ_CHECK(job->serve(worker, shared));
		drain(sock);
	}
	/* What was put off is done; then there is nobody any more. */
	shutdown(sock, SHUT_WR);
	for (int i = 0; i < 16 && job->serve(worker, shared); i++)
		drain(sock);
	close(sock);
	close(HELPER_SOCK);
}

/* A worker answers many questions: what it remembers of some is before it at the next. */
struct desk {
	const struct helper_job *job;
	void *worker, *shared;
	size_t tgid_at;
};

static void open_desk(struct desk *d)
{
	d->shared = calloc(1, d->job->shared);
	FUZZ_CHECK(d->shared);
	d->worker = d->job->open(d->shared);
	FUZZ_CHECK(d->worker);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	static struct desk desks[] = {
		{ .job = &symbols_helper, .tgid_at = offsetof(struct symbols_question, tgid) },
		{ .job = &stacks_helper, .tgid_at = offsetof(struct stacks_question, tgid) },
	};
	struct fuzz_input in = { data, size };
	struct desk *d = &desks[fuzz_take(&in, 1) & 1];

	if (!d->worker)
		open_desk(d);
	ask(d->job, d->worker, d->shared, &in, d->tgid_at);
}
