/* SPDX-License-Identifier: MIT */
/* A recording as the command line asks for it: what run, record and compare share. */
#ifndef USER_SESSION_H
#define USER_SESSION_H

#include "cmd.h"
#include "load.h"
#include "reports.h"

/*
 * What to record: the command `argv` (NULL: none), or what -p and -a say. Says what is wrong with
 * it, privileges included. 0 or an exit status.
 */
int session_request(const struct cmd *cmd, const struct cmd_input *in, char **argv,
		    struct record_request *out);

/* A finished recording. */
struct session {
	struct record_outcome outcome;
	int own;  /* exit status of giltrace's own failure, 0: none */
	int file; /* the trace, positioned anywhere; -1: there is nothing to report on */
};

/* Record into `path`, or where it is NULL into a file without a name. Fills `*out` in any case. */
void session_record(const struct record_request *request, const char *path, struct session *out);

/* Analyse what was recorded; the session's file is the reader's from now on. 0, or -errno after
 * saying why. `jobs` as in load(). */
int session_load(struct session *s, const char *name, unsigned int jobs, struct loaded *out);

/* cli.md's order of precedence: giltrace's own failure, then the workload's status, then the gate.
 */
int session_status(const struct session *s, bool passed);

void session_free(struct session *s);

#endif
