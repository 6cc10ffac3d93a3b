/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cmd.h"
#include "features.h"
#include "output.h"

#define STATUS_CANNOT_TRACE 1

static const char *const state_words[] = {
	[FEATURE_YES] = "yes", [FEATURE_NO] = "no", [FEATURE_UNKNOWN] = "unknown", /* these
										      privileges do
										      not suffice to
										      look */
};

/* Returns whether tracing can work as far as this row goes. */
static bool print_feature(const struct feature *f, FILE *out)
{
	char detail[FEATURE_DETAIL_MAX];
	enum feature_state state = features_probe(f, detail);

	fprintf(out, "%-24s  %-7s  %s\n", f->name, state_words[state], detail);
	if (state == FEATURE_NO) {
		fprintf(out, "    without it: %s\n", f->lost);
		fprintf(out, "    what to do: %s\n", f->remedy);
	}
	return state != FEATURE_NO || !f->without;
}

int cmd_doctor(const struct cmd *cmd, const struct cmd_input *in)
{
	const struct feature *f;
	struct output *output;
	bool works = true;
	FILE *out;
	int err;

	if (in->nwords)
		return cmd_usage(cmd, "doctor takes no arguments");
	if (output_standard(stdout, &output) != 0)
		return STATUS_FAILED;
	out = output_stream(output);
	for (size_t i = 0; (f = features_at(i)); i++)
		works &= print_feature(f, out);
	fprintf(out, "\n%s\n",
		works ? "giltrace can trace on this machine."
		      : "giltrace cannot trace here; it can report on traces made elsewhere.");
	err = output_commit(output, 0);
	output_free(output);
	if (err)
		return STATUS_FAILED;
	return works ? STATUS_OK : STATUS_CANNOT_TRACE;
}
