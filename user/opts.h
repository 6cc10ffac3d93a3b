/* SPDX-License-Identifier: MIT */
/*
 * Options as typed rows: what the parser accepts, what --help prints and what the tests hold
 * against the man page is one table. Parsing is strict (a number is a number to its last letter)
 * and stops at the first word that is no option, because what follows belongs to the traced
 * command.
 */
#ifndef USER_OPTS_H
#define USER_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tables.h"

struct renderer;

/* Commands that share the table, as bits of opt_row.commands. */
enum opts_command {
	OPTS_RUN = 1 << 0,
	OPTS_RECORD = 1 << 1,
	OPTS_REPORT = 1 << 2,
	OPTS_COMPARE = 1 << 3,
	OPTS_DOCTOR = 1 << 4,
	OPTS_HELP = 1 << 5,
};

enum opts_color { OPTS_COLOR_AUTO, OPTS_COLOR_ALWAYS, OPTS_COLOR_NEVER };

/* --futex-calls and --no-futex-calls; DEFAULT: on for a launched command, off for -p and -a. */
enum opts_futex { OPTS_FUTEX_DEFAULT, OPTS_FUTEX_ON, OPTS_FUTEX_OFF };

#define OPTS_SAMPLE_OFF (-1)

struct opts_export {
	const struct renderer *renderer;
	const char *file; /* "-": standard output */
};

/* A zeroed struct holds the defaults. Strings point into argv. */
struct options {
	const char *output; /* -o */
	struct opts_export *exports;
	size_t nexports;
	int json;
	double min_parallelism; /* 0: no such gate */
	unsigned int fail_if;	/* bits 1 << enum verdict_class */
	pid_t *pids;
	size_t npids;
	int all;
	uint64_t duration;   /* ns, 0: no limit */
	uint64_t ring_bytes; /* 0: default; otherwise a power of two */
	uint32_t tables[TABLES]; /* --table: entries; 0: default */
	int futex_calls;     /* enum opts_futex */
	int drawn;	     /* --stacks: 1 + the enum stack_kind that came first; 0: not given */
	unsigned int stacks; /* --stacks: bits 1 << enum stack_kind of all */
	int no_stacks;
	int sample_hz; /* -F: a second and CPU; 0: not given, OPTS_SAMPLE_OFF: none */
	int probe_locks;
	int no_usdt;
	const char *user;
	int as_root;
	int wait_all;
	unsigned int jobs; /* 0: as many as there are CPUs */
	int color;	   /* enum opts_color */
	int quiet;
	int verbose;
	int help;
};

enum opt_type {
	OPT_FLAG,    /* int: stores `value` */
	OPT_STRING,  /* const char * */
	OPT_SECONDS, /* uint64_t ns */
	OPT_SIZE,    /* uint64_t bytes, a power of two */
	OPT_FACTOR,  /* double above 0 */
	OPT_COLOR,   /* int, enum opts_color */
	OPT_PIDS,    /* appends to pids */
	OPT_EXPORT,  /* appends to exports */
	OPT_CLASS,   /* unsigned int: sets a bit */
	OPT_STACKS,  /* int, 1 + enum stack_kind; the bits of `stacks` too */
	OPT_RATE,    /* int, a second; 0 is stored as OPTS_SAMPLE_OFF */
	OPT_JOBS,    /* unsigned int, from 1 */
	OPT_TABLE,   /* NAME=N: sets an entry of `tables` */
};

struct opt_row {
	const char *name; /* long name, without dashes */
	char letter;	  /* short name, 0: none */
	enum opt_type type;
	size_t offset; /* of the field in struct options */
	unsigned int commands;
	const char *metavar; /* NULL: takes no value */
	const char *help;
	int value; /* OPT_FLAG */
};

#define OPTS_ERROR_MAX 512

/* Row `index` of the table, or NULL after the last. */
const struct opt_row *opts_at(size_t index);

/*
 * Parse the leading options of `argv` that `commands` have in common with the table into `o`.
 * Returns the number of words they take (a closing "--" is counted, and `*dashes` tells whether
 * there was one), or -EINVAL or -ENOMEM with one line about it in `error`.
 */
int opts_parse(unsigned int commands, char **argv, struct options *o, bool *dashes,
	       char error[OPTS_ERROR_MAX]);

/* Was more than one kind given with --stacks? A trace that is there is drawn by one at a time. */
bool opts_many_stacks(const struct options *o);
#define OPTS_ONE_KIND "--stacks takes one kind here: what a graph is drawn of"

/*
 * Number of leading words that are options of any command or their values, up to "--" at most;
 * where they cannot be told, the words before the doubtful one.
 */
size_t opts_skip(char **argv);

void opts_help(unsigned int commands, FILE *out);

void opts_free(struct options *o); /* what it owns, not the struct */

#endif
