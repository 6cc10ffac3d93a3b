/* SPDX-License-Identifier: MIT */
#include "cmd.h"
#include "load.h"
#include "reports.h"

int cmd_report(const struct cmd *cmd, const struct cmd_input *in)
{
	struct reports *reports = NULL;
	struct loaded l;
	int status;

	if (in->nwords != 1)
		return cmd_usage(cmd, in->nwords ? "report takes one trace"
						 : "report needs a trace file");
	if (opts_many_stacks(in->options))
		return cmd_usage(cmd, OPTS_ONE_KIND);
	if (load(in->words[0], in->words[0], -1, in->options->jobs, &l) != 0)
		return STATUS_FAILED;
	status = reports_open(in->options, REPORTS_TEXT_STDOUT, &reports) ? STATUS_FAILED
									  : STATUS_OK;
	if (!status && reports_write(reports, &l.results) != 0)
		status = STATUS_FAILED;
	if (!status && !reports_pass(in->options, &l.results))
		status = STATUS_GATE;
	reports_free(reports);
	load_free(&l);
	return status;
}
