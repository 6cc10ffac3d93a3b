/* SPDX-License-Identifier: MIT */
/*
 * script FILE.script OUT: make a trace file from a text, whose words are in words.h. Besides
 *records a line is
 *
 *	# a comment
 *	meta KEY VALUE       (a member of struct gt_meta, "command WORD…", "pids N…", "target NAME",
 *"loss NAME N") mark TIME            (close the round) incomplete           (as if the recorder had
 *been killed at the end; the last mark counts)
 *
 * A task's process, as, tid and tgid are the task's number, and its start is the record's time,
 *unless given.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <giltrace/trace.h>

#include "lib/trace_meta.h"
#include "tests/tools/values.h"
#include "tests/tools/words.h"

#define TOKENS_MAX 64
#define NOT_GIVEN UINT32_MAX

struct script {
	struct gt_writer *w;
	struct gt_meta meta;
	bool incomplete;
	bool told;		      /* the metadata known before the first record is written */
	char *tokens[TOKENS_MAX + 1]; /* of the line at hand, NULL-terminated */
	uint64_t room[VALUE_ROOM];    /* for the mask or list of the record at hand */
};

/* ---- records ---- */

/* The values that follow the verb and its tasks. */
static int parse_words(struct script *sc, const struct verb *verb, char **token,
		       struct gt_event *ev)
{
	for (; *token; token++) {
		const struct word *w = verb->call ? call_words : verb->words;
		char *value = strchr(*token, '=');
		int32_t flag;
		int err;

		if (!parse_named(flag_names, ARRAY_SIZE(flag_names), *token, &flag)) {
			ev->flags |= (uint8_t)flag;
			continue;
		}
		if (value)
			*value++ = '\0';
		while (w->type && strcmp(w->key, *token))
			w++;
		if (!w->type || (!value && !*++token))
			return -EINVAL;
		err = parse_value(sc->room, w, value ? value : *token, ev);
		if (err)
			return err;
		if (w->type == WORD_HEX64 && verb->call)
			ev->flags |= GT_F_FUTEX;
	}
	return 0;
}

static void task_defaults(struct gt_event *ev)
{
	if (ev->u.task.process == NOT_GIVEN)
		ev->u.task.process = ev->task;
	if (ev->u.task.as == NOT_GIVEN)
		ev->u.task.as = ev->u.task.process;
	if ((uint32_t)ev->u.task.tid == NOT_GIVEN)
		ev->u.task.tid = (int32_t)ev->task;
	if ((uint32_t)ev->u.task.tgid == NOT_GIVEN)
		ev->u.task.tgid = (int32_t)ev->u.task.process;
}

static int parse_head(char ***tokens, const struct verb *verb, struct gt_event *ev)
{
	char **token = *tokens;
	int err = 0;

	if (verb->task)
		err = *token ? parse_u32(*token++, &ev->task) : -EINVAL;
	if (!err && verb->between) {
		if (!token[0] || strcmp(token[0], verb->between) || !token[1])
			return -EINVAL;
		err = parse_u32(token[1], &ev->peer);
		token += 2;
	}
	*tokens = token;
	return err;
}

static int script_event(struct script *sc)
{
	struct gt_event ev = { .syscall = -1 };
	char **token = sc->tokens;
	int err;

	if (!token[1] || !token[2] || parse_time(token[0] + 1, &ev.ts))
		return -EINVAL;
	if (!strcmp(token[1], "collector"))
		ev.cpu = GT_CPU_COLLECTOR;
	else if (strncmp(token[1], "cpu", 3) || parse_u32(token[1] + 3, &ev.cpu))
		return -EINVAL;
	for (ev.kind = 1; ev.kind < GT_KIND_COUNT && strcmp(verbs[ev.kind].name, token[2]);)
		ev.kind++;
	if (ev.kind == GT_KIND_COUNT)
		return -EINVAL;
	if (ev.kind == GT_TASK) {
		ev.u.task.process = ev.u.task.as = NOT_GIVEN;
		ev.u.task.tid = ev.u.task.tgid = (int32_t)NOT_GIVEN;
		ev.u.task.start = ev.ts;
	}
	token += 3;
	err = parse_head(&token, &verbs[ev.kind], &ev);
	if (!err)
		err = parse_words(sc, &verbs[ev.kind], token, &ev);
	if (ev.kind == GT_TASK)
		task_defaults(&ev);
	return err ? err : gt_writer_event(sc->w, &ev);
}

/* ---- metadata ---- */

static int meta_string(char *s, char **out)
{
	int err = unescape(s);

	if (err || !*s)
		return err; /* empty: unknown */
	free(*out);
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

static int meta_row(const struct trace_meta_row *row, char *s, void *at)
{
	uint64_t truth;
	int err;

	switch (row->type) {
	case TRACE_META_STRING:
		return meta_string(s, at);
	case TRACE_META_BOOL:
		err = parse_u64(s, 0, 1, &truth);
		if (!err)
			*(bool *)at = truth;
		return err;
	case TRACE_META_INT:
		return parse_s32(s, at);
	case TRACE_META_U32:
		return parse_u32(s, at);
	case TRACE_META_U64:
		return parse_time(s, at);
	default:
		return parse_double(s, 0, 1e9, at);
	}
}

static int meta_command(struct gt_meta *meta, char **words)
{
	size_t n = 0;
	int err = 0;

	if (meta->command)
		return -EEXIST;
	meta->command = calloc(TOKENS_MAX, sizeof(*meta->command));
	for (; meta->command && *words && !err; words++) {
		err = unescape(*words);
		meta->command[n++] = err ? NULL : strdup(*words);
	}
	return meta->command ? err : -ENOMEM;
}

static int meta_pids(struct gt_meta *meta, char **words)
{
	int err = 0;

	if (meta->pids)
		return -EEXIST;
	meta->pids = calloc(TOKENS_MAX, sizeof(*meta->pids));
	for (; meta->pids && *words && !err; words++)
		err = parse_s32(*words, &meta->pids[meta->npids++]);
	return meta->pids ? err : -ENOMEM;
}

static int meta_loss(struct gt_meta *meta, char **words)
{
	uint32_t reason;
	int err = words[1] ? parse_loss(words[0], &reason) : -EINVAL;

	if (err || reason >= GT_LOSS_COUNT)
		return -EINVAL;
	return parse_u64(words[1], 0, UINT64_MAX, &meta->losses[reason]);
}

static int script_meta(struct script *sc)
{
	char *key = sc->tokens[1], **words = sc->tokens + 2;

	if (!key || !*words)
		return -EINVAL;
	if (!strcmp(key, "command"))
		return meta_command(&sc->meta, words);
	if (!strcmp(key, "pids"))
		return meta_pids(&sc->meta, words);
	if (!strcmp(key, "loss"))
		return meta_loss(&sc->meta, words);
	for (size_t i = 0; !strcmp(key, "target") && i < ARRAY_SIZE(target_names); i++) {
		if (!strcmp(*words, target_names[i])) {
			sc->meta.target = (enum gt_target)i;
			return 0;
		}
	}
	for (const struct trace_meta_row *row = trace_meta_rows; row->key; row++)
		if (!strcmp(key, row->key) && !words[1])
			return meta_row(row, *words, (char *)&sc->meta + row->at);
	return -EINVAL;
}

/* ---- lines ---- */

static int script_line(struct script *sc, char *line)
{
	size_t n = 0;
	uint64_t ts;
	char *word;

	while ((word = strsep(&line, " \t\n")) && n < TOKENS_MAX)
		if (*word)
			sc->tokens[n++] = word;
	sc->tokens[n] = NULL;
	if (word)
		return -E2BIG;
	if (!n || sc->tokens[0][0] == '#')
		return 0;
	if (!strcmp(sc->tokens[0], "meta"))
		return script_meta(sc);
	if (!sc->told && gt_writer_meta(sc->w, &sc->meta))
		return -EIO;
	sc->told = true;
	if (sc->tokens[0][0] == '@')
		return script_event(sc);
	if (!strcmp(sc->tokens[0], "mark") && n == 2 && !parse_time(sc->tokens[1], &ts))
		return gt_writer_mark(sc->w, ts);
	sc->incomplete = !strcmp(sc->tokens[0], "incomplete") && n == 1;
	return sc->incomplete ? 0 : -EINVAL;
}

static int script_run(struct script *sc, FILE *in, const char *name)
{
	char *line = NULL;
	size_t size = 0;
	int number = 0, err = 0;

	while (!err && getline(&line, &size, in) >= 0) {
		number++;
		err = script_line(sc, line);
		if (err)
			fprintf(stderr, "script: %s:%d: %s\n", name, number, strerror(-err));
	}
	free(line);
	if (!err)
		err = gt_writer_meta(sc->w, &sc->meta);
	return err || sc->incomplete ? err : gt_writer_finish(sc->w);
}

int main(int argc, char **argv)
{
	struct script sc = { 0 };
	FILE *in;
	int fd, err = 1;

	if (argc != 3) {
		fputs("usage: script FILE|- OUT\n", stderr);
		return 2;
	}
	in = strcmp(argv[1], "-") ? fopen(argv[1], "re") : stdin;
	fd = in ? open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	sc.w = fd < 0 ? NULL : gt_writer_new(fd);
	if (!sc.w)
		perror(in ? argv[2] : argv[1]);
	else
		err = script_run(&sc, in, argv[1]);
	gt_writer_free(sc.w);
	gt_meta_free(&sc.meta);
	if (in)
		fclose(in);
	return err != 0;
}
