/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "cmd.h"
#include "session.h"

/* Report on a finished recording; its failure becomes giltrace's own. */
static int report(const struct options *o, struct session *s, struct reports *reports)
{
	const char *name = o->output ? o->output : "the trace";
	struct loaded l;
	bool passed;

	if (s->file < 0 || !reports_wanted(reports, o))
		return session_status(s, true);
	if (session_load(s, name, o->jobs, &l) != 0) {
		s->own = STATUS_FAILED;
		return session_status(s, true);
	}
	if (reports_write(reports, &l.results) != 0)
		s->own = STATUS_FAILED;
	passed = reports_pass(o, &l.results);
	load_free(&l);
	return session_status(s, passed);
}

static int run(const struct cmd *cmd, const struct cmd_input *in, enum reports_text text)
{
	struct record_request request;
	struct reports *reports = NULL;
	struct session session;
	int status = session_request(cmd, in, in->nwords ? in->words : NULL, &request);

	if (status)
		return status;
	if (reports_open(in->options, text, &reports) != 0)
		return STATUS_FAILED;
	session_record(&request, in->options->output, &session);
	status = report(in->options, &session, reports);
	session_free(&session);
	reports_free(reports);
	return status;
}

int cmd_run(const struct cmd *cmd, const struct cmd_input *in)
{
	/* Without a command standard output is giltrace's own. */
	return run(cmd, in, in->nwords ? REPORTS_TEXT_STDERR : REPORTS_TEXT_STDOUT);
}

int cmd_record(const struct cmd *cmd, const struct cmd_input *in)
{
	if (!in->options->output)
		return cmd_usage(cmd, "record needs -o FILE");
	return run(cmd, in, REPORTS_TEXT_NONE);
}
