/* SPDX-License-Identifier: MIT */
#include "opts_hints.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <analysis/render/render.h>
#include <lib/nearest.h>

#define PREFIX_MIN 2 /* letters that tell which word was meant */

static const struct {
	enum opts_command command;
	const char *name;
} commands_by_name[] = {
	{ OPTS_RUN, "run" },	     { OPTS_RECORD, "record" }, { OPTS_REPORT, "report" },
	{ OPTS_COMPARE, "compare" }, { OPTS_DOCTOR, "doctor" }, { OPTS_HELP, "help" },
};

#define NCOMMANDS (sizeof(commands_by_name) / sizeof(commands_by_name[0]))

/* Does one of the two begin with the other? "flamegraph" is flame, "out" is output. */
static bool prefixed(const char *word, const char *name)
{
	size_t a = strlen(word), b = strlen(name);
	size_t least = a < b ? a : b;

	return least >= PREFIX_MIN && !strncmp(word, name, least);
}

static const char *option_at(size_t index)
{
	const struct opt_row *row = opts_at(index);

	return row ? row->name : NULL;
}

static const char *kind_at(size_t index)
{
	const struct renderer *r = render_at(index);

	return r ? r->name : NULL;
}

static const char *exact(const char *word, const char *(*name_at)(size_t))
{
	const char *name;

	for (size_t i = 0; (name = name_at(i)); i++)
		if (!strcmp(name, word))
			return name;
	return NULL;
}

static const char *beginning(const char *word, const char *(*name_at)(size_t))
{
	const char *name;

	for (size_t i = 0; (name = name_at(i)); i++)
		if (prefixed(word, name))
			return name;
	return NULL;
}

/* An option of these commands that begins like it; no other command's, which would be no way out.
 */
static const char *option_beginning(const char *word, unsigned int commands)
{
	const struct opt_row *row;

	for (size_t i = 0; (row = opts_at(i)); i++)
		if ((row->commands & commands) && prefixed(word, row->name))
			return row->name;
	return NULL;
}

/* What may be meant, the surest first: --csv is a kind of export, --cvs a mistyped one. */
void opts_hint_unknown(unsigned int commands, const char *name, size_t len,
		       char hint[OPTS_HINT_MAX])
{
	const char *kind, *option;
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)), name);
	*hint = '\0';
	kind = exact(word, kind_at);
	option = kind ? NULL : option_beginning(word, commands);
	if (!kind && !option)
		option = nearest(word, option_at);
	if (!kind && !option)
		kind = beginning(word, kind_at);
	if (!kind && !option)
		kind = nearest(word, kind_at);
	if (kind)
		snprintf(hint, OPTS_HINT_MAX, "; did you mean --export %s:FILE?", kind);
	else if (option)
		snprintf(hint, OPTS_HINT_MAX, "; did you mean --%s?", option);
}

void opts_hint_elsewhere(const struct opt_row *row, char hint[OPTS_HINT_MAX])
{
	int len = snprintf(hint, OPTS_HINT_MAX, "; it is one of ");
	const char *comma = "";

	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (!(row->commands & commands_by_name[i].command))
			continue;
		len += snprintf(hint + len, (size_t)(OPTS_HINT_MAX - len), "%s%s", comma,
				commands_by_name[i].name);
		comma = ", ";
	}
}
