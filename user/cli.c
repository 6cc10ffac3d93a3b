/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/log.h>
#include <lib/nearest.h>
#include <version.h>

#include "cmd.h"
#include "opts.h"
#include "output.h"
#include "shown.h"

static const struct cmd cmds[] = {
	{ "run", "trace a command and its children, and report",
	  (const char *const[]){ "[run] [OPTIONS] [--] CMD [ARG...]",
				 "[run] [OPTIONS] -p PID[,PID...]", "[run] [OPTIONS] -a", NULL },
	  "CMD runs as the user who called sudo. Its output is left alone: the report goes\n"
	  "to standard error. Options end at CMD; what follows is CMD's. A command of\n"
	  "giltrace wins over a program of that name; -- or a path names the program.\n",
	  OPTS_RUN, cmd_run },
	{ "record", "the same into a trace file, without a report",
	  (const char *const[]){ "record -o FILE [OPTIONS] [--] CMD [ARG...]",
				 "record -o FILE [OPTIONS] -p PID[,PID...]",
				 "record -o FILE [OPTIONS] -a", NULL },
	  "The trace can be reported on by anyone, on any machine, with giltrace report FILE.\n",
	  OPTS_RECORD, cmd_record },
	{ "report", "the report of a trace file (no root needed)",
	  (const char *const[]){ "report [OPTIONS] FILE", NULL }, "", OPTS_REPORT, cmd_report,
	  true },
	{ "compare", "two runs side by side",
	  (const char *const[]){ "compare [OPTIONS] FILE_A FILE_B",
				 "compare [OPTIONS] -- CMD_A ::: CMD_B", NULL },
	  "Two commands are run and traced one after the other. The gates\n"
	  "(--min-parallelism, --fail-if) judge the second run.\n",
	  OPTS_COMPARE, cmd_compare, true },
	{ "doctor", "what this kernel and these privileges allow, what is missing, what to do",
	  (const char *const[]){ "doctor", NULL },
	  "Exits with 0 when giltrace can trace here, with 1 when not.\n", OPTS_DOCTOR,
	  cmd_doctor },
	{ "help", "help about a command", (const char *const[]){ "help [COMMAND]", NULL }, "",
	  OPTS_HELP, cmd_help },
};

#define NCMDS (sizeof(cmds) / sizeof(cmds[0]))

static const char exit_status[] =
	"Exit status: CMD's own (128 + signal if a signal ended it); 2 wrong usage, 100 a\n"
	"gate (--min-parallelism, --fail-if), 125 giltrace itself failed, 126 CMD cannot\n"
	"be executed, 127 CMD not found.\n";

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < NCMDS; i++)
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	return NULL;
}

/* ---- help ---- */

static void print_synopsis(const struct cmd *cmd, FILE *out)
{
	for (const char *const *line = cmd->synopsis; *line; line++)
		fprintf(out, "  giltrace %s\n", *line);
}

static void help_about(const struct cmd *cmd, FILE *out)
{
	fprintf(out, "giltrace %s: %s\n\nUsage:\n", cmd->name, cmd->summary);
	print_synopsis(cmd, out);
	if (*cmd->text)
		fprintf(out, "\n%s", cmd->text);
	fprintf(out, "\nOptions:\n");
	opts_help(cmd->options, out);
	if (cmd->options & ~(OPTS_DOCTOR | OPTS_HELP))
		fprintf(out, "\n%s", exit_status);
}

static void help_overview(FILE *out)
{
	fputs("giltrace shows whether a program's threads run in parallel, and which lock stops\n"
	      "them.\n\n"
	      "Usage:\n"
	      "  giltrace [OPTIONS] [--] CMD [ARG...]\n"
	      "  giltrace COMMAND ...\n"
	      "  giltrace --version\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < NCMDS; i++)
		fprintf(out, "  %-10s %s\n", cmds[i].name, cmds[i].summary);
	fprintf(out,
		"\nOptions of run, the default; \"giltrace help COMMAND\" tells those of the others:\n");
	opts_help(OPTS_RUN, out);
	fprintf(out, "\n%s", exit_status);
}

static int print_help(const struct cmd *cmd)
{
	struct output *output;
	int err;

	if (output_standard(stdout, &output) != 0)
		return STATUS_FAILED;
	if (cmd)
		help_about(cmd, output_stream(output));
	else
		help_overview(output_stream(output));
	err = output_commit(output, 0);
	output_free(output);
	return err ? STATUS_FAILED : STATUS_OK;
}

static int print_version(void)
{
	struct output *output;
	int err;

	if (output_standard(stdout, &output) != 0)
		return STATUS_FAILED;
	fprintf(output_stream(output), "giltrace %s\n", GILTRACE_VERSION);
	err = output_commit(output, 0);
	output_free(output);
	return err ? STATUS_FAILED : STATUS_OK;
}

static const char *name_at(size_t index)
{
	return index < NCMDS ? cmds[index].name : NULL;
}

int cmd_help(const struct cmd *cmd, const struct cmd_input *in)
{
	const struct cmd *about = in->nwords ? find(in->words[0]) : NULL;
	const char *near;

	if (in->nwords > 1)
		return cmd_usage(cmd, "help takes one command");
	if (!in->nwords || about)
		return print_help(about);
	near = nearest(in->words[0], name_at);
	return cmd_usage(cmd, "there is no command '%s'%s%s%s", SHOWN(in->words[0]),
			 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

int cmd_usage(const struct cmd *cmd, const char *fmt, ...)
{
	char text[OPTS_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s (see giltrace help %s)", text, cmd->name);
	return STATUS_USAGE;
}

/* ---- dispatch ---- */

/*
 * The command that `words` ask for. A command word may stand behind its options ("giltrace -q
 * report FILE"): it is moved to the front. Without one it is run.
 */
static const struct cmd *choose(char **words, size_t *skip)
{
	size_t at = opts_skip(words);
	const struct cmd *cmd = words[at] ? find(words[at]) : NULL;
	char *word = words[at];

	*skip = cmd ? 1 : 0;
	if (!cmd)
		return find("run");
	memmove(words + 1, words, at * sizeof(*words));
	words[0] = word;
	return cmd;
}

static enum log_level level_of(const struct options *o)
{
	if (o->verbose)
		return LOG_LEVEL_DEBUG;
	return o->quiet ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

/* Files to the front, and the options between and behind them parsed. 0 or as opts_parse(). */
static int parse_behind_files(const struct cmd *cmd, char **words, struct options *o,
			      char error[OPTS_ERROR_MAX])
{
	char **rest = words;
	size_t n = 0;
	bool dashes = false;
	int used;

	while (*rest) {
		words[n++] = *rest++;
		used = dashes ? 0 : opts_parse(cmd->options, rest, o, &dashes, error);
		if (used < 0)
			return used;
		rest += used;
	}
	words[n] = NULL;
	return 0;
}

static int dispatch(const struct cmd *cmd, char **words, const struct target_signals *signals)
{
	struct options options = { 0 };
	struct cmd_input in = { .options = &options, .signals = signals };
	char error[OPTS_ERROR_MAX];
	int used = opts_parse(cmd->options, words, &options, &in.dashes, error), status, err = used;

	if (used >= 0 && cmd->files && !in.dashes)
		err = parse_behind_files(cmd, words + used, &options, error);
	if (err == -ENOMEM) { /* not the user's doing */
		log_error("%s", SHOWN(error));
		status = STATUS_FAILED;
	} else if (err < 0) {
		status = cmd_usage(cmd, "%s", SHOWN(error));
	} else if (options.help) {
		status = print_help(cmd);
	} else {
		log_set_level(level_of(&options));
		in.words = words + used;
		while (in.words[in.nwords])
			in.nwords++;
		status = cmd->run(cmd, &in);
	}
	opts_free(&options);
	return status;
}

int cli(char **argv, const struct target_signals *signals)
{
	char **words = argv[0] ? argv + 1 : argv;
	const struct cmd *cmd;
	size_t skip;

	if (!words[0]) {
		help_overview(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(words[0], "--version") == 0)
		return print_version();
	if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
		return print_help(NULL);
	cmd = choose(words, &skip);
	return dispatch(cmd, words + skip, signals);
}
