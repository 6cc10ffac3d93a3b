/* SPDX-License-Identifier: MIT */
/* The commands: what each is given, and what they share. */
#ifndef USER_CMD_H
#define USER_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "opts.h"
#include "user/record/record.h"
#include "status.h"
#include "user/record/target.h"

struct cmd_input;

struct cmd {
	const char *name;
	const char *summary;	     /* one line */
	const char *const *synopsis; /* lines without "giltrace", up to NULL */
	const char *text;	     /* paragraphs for help COMMAND */
	enum opts_command options;   /* rows of the option table it takes */
	int (*run)(const struct cmd *cmd, const struct cmd_input *in); /* returns the exit status */
	bool files; /* its words are files: options may follow them, unless "--" came first */
};

/* What the command line says. */
struct cmd_input {
	const struct options *options;
	char **words; /* after the options, up to NULL */
	size_t nwords;
	bool dashes; /* "--" came before the words */
	const struct target_signals *signals;
};

int cmd_run(const struct cmd *cmd, const struct cmd_input *in);
int cmd_record(const struct cmd *cmd, const struct cmd_input *in);
int cmd_report(const struct cmd *cmd, const struct cmd_input *in);
int cmd_compare(const struct cmd *cmd, const struct cmd_input *in);
int cmd_doctor(const struct cmd *cmd, const struct cmd_input *in);
int cmd_help(const struct cmd *cmd, const struct cmd_input *in);

/* One line about wrong usage; returns STATUS_USAGE. */
int cmd_usage(const struct cmd *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
