/* SPDX-License-Identifier: MIT */
/*
 * A process that reads other programs' files and memory for giltrace: what it meets may be hostile,
 * slow or gone, so it has limits, holds nothing of giltrace's, dies with it, and leaves the work to
 * a worker that is replaced when it crashes or hangs.
 */
#ifndef USER_HELPER_H
#define USER_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#define HELPER_SOCK STDIN_FILENO /* the helper's end, in its own process */

/* A filesystem of the traced program's own making may never answer: the worker is then ended. */
#define HELPER_ANSWER_SECONDS 5 /* for alarm(), by the worker */

struct helper_job {
	const char *name; /* of the process, at most 15 bytes */
	/* Bytes of memory, zero at first, that supervisor and all workers share. */
	size_t shared;
	/* A new worker's own state; NULL: it cannot work. */
	void *(*open)(void *shared);
	/* Answer one question. False: there will be no more. */
	bool (*serve)(void *state, void *shared);
	/* In the supervisor, after a worker was lost. False: another would be of no use. */
	bool (*lost)(void *shared);
};

/*
 * Fork a helper that is connected by a SOCK_SEQPACKET pair, the other end of which is `*sock`, the
 * caller's to close: then the helper ends. 0 or -errno.
 */
int helper_start(const struct helper_job *job, pid_t *pid, int *sock);

/* CPU time of a helper and its worker so far, ns: what is known of it. Workers that were lost are
 * not in it. */
uint64_t helper_cpu(pid_t pid);

/* See that a helper whose socket was closed ends, whatever it is doing, and reap it. */
void helper_end(pid_t pid);

#endif
