/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/compare.h>
#include <analysis/render/render.h>
#include <lib/log.h>

#include "cmd.h"
#include "load.h"
#include "reports.h"
#include "session.h"

#define SEPARATOR ":::"

/* Write the comparison and judge the second run, which is the one under test. Exit status. */
static int compare(const struct options *o, struct reports *reports, const struct loaded *a,
		   const struct loaded *b)
{
	struct comparison comparison = { 0 };
	int err = compare_make(&a->results, &b->results, &comparison);

	if (err)
		log_error("cannot compare: %s", strerror(-err));
	else
		err = reports_write_comparison(reports, &comparison);
	compare_free(&comparison);
	if (err)
		return STATUS_FAILED;
	return reports_pass(o, &b->results) ? STATUS_OK : STATUS_GATE;
}

static int compare_traces(const struct cmd *cmd, const struct cmd_input *in)
{
	static const uint32_t no_tables[TABLES];
	const struct options *o = in->options;
	struct reports *reports = NULL;
	struct loaded a, b;
	int status = STATUS_FAILED;

	if (in->nwords != 2)
		return cmd_usage(cmd, "compare takes two traces, or two commands with " SEPARATOR
				      " between them");
	if (o->duration || o->ring_bytes || o->user || o->as_root || o->wait_all || o->futex_calls ||
	    o->no_stacks || o->sample_hz || o->probe_locks || o->no_usdt || memcmp(o->tables, no_tables, sizeof(no_tables)))
		return cmd_usage(cmd, "options of tracing need commands to compare, not traces");
	if (opts_many_stacks(o))
		return cmd_usage(cmd, OPTS_ONE_KIND);
	if (load(in->words[0], in->words[0], -1, o->jobs, &a) != 0)
		return STATUS_FAILED;
	if (load(in->words[1], in->words[1], -1, o->jobs, &b) == 0) {
		if (reports_open(o, REPORTS_TEXT_STDOUT, &reports) == 0)
			status = compare(o, reports, &a, &b);
		load_free(&b);
	}
	reports_free(reports);
	load_free(&a);
	return status;
}

/* Record one command and analyse it. 0, or the exit status of giltrace's own failure. */
static int run_one(const struct record_request *request, unsigned int jobs, struct session *session,
		   struct loaded *l)
{
	session_record(request, NULL, session);
	if (!session->own && session_load(session, "the trace", jobs, l) != 0)
		session->own = STATUS_FAILED;
	session_free(session);
	return session->own;
}

static int compare_commands(const struct cmd *cmd, const struct cmd_input *in, char **first,
			    char **second)
{
	struct record_request request[2];
	struct session session[2];
	struct loaded loaded[2] = { 0 };
	struct reports *reports = NULL;
	int status = session_request(cmd, in, first, &request[0]);

	if (!status)
		status = session_request(cmd, in, second, &request[1]);
	if (status)
		return status;
	/* What the first run leaves behind must not slow the second. */
	request[0].settle = request[1].settle = true;
	if (reports_open(in->options, REPORTS_TEXT_STDERR, &reports) != 0)
		return STATUS_FAILED;
	for (int i = 0; i < 2 && !status; i++)
		status = run_one(&request[i], in->options->jobs, &session[i], &loaded[i]);
	if (!status) {
		int compared = compare(in->options, reports, &loaded[0], &loaded[1]);

		status = compared == STATUS_FAILED ? compared : session_status(&session[0], true);
		if (!status)
			status = session_status(&session[1], compared == STATUS_OK);
	}
	reports_free(reports);
	load_free(&loaded[0]);
	load_free(&loaded[1]);
	return status;
}

int cmd_compare(const struct cmd *cmd, const struct cmd_input *in)
{
	size_t separators = 0, at = 0;

	for (size_t i = 0; i < in->options->nexports; i++)
		if (!in->options->exports[i].renderer->comparison)
			return cmd_usage(cmd, "there is no %s of a comparison",
					 in->options->exports[i].renderer->name);
	for (size_t i = 0; i < in->nwords; i++) {
		if (strcmp(in->words[i], SEPARATOR) == 0) {
			separators++;
			at = i;
		}
	}
	if (separators == 0 && !in->dashes)
		return compare_traces(cmd, in);
	if (separators != 1 || at == 0 || at + 1 == in->nwords)
		return cmd_usage(cmd, "compare -- takes two commands with one " SEPARATOR
				      " between them");
	in->words[at] = NULL;
	return compare_commands(cmd, in, in->words, in->words + at + 1);
}
