/* SPDX-License-Identifier: MIT */
#include "interpreters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lock_find.h"
#include "lock_kind.h"
#include "lock_probed.h"

#define NOTES_MAX 256 /* one that repeats itself says nothing new */

struct note {
	uint32_t as;
	char *text;
};

struct interpreters {
	struct note notes[NOTES_MAX];
	size_t n;
	uint64_t left_out;
	int err;
};

static void *interpreters_new(struct analysis_context *ctx)
{
	return calloc(1, sizeof(struct interpreters));
}

static void interpreters_free(void *self)
{
	struct interpreters *in = self;

	for (size_t i = 0; in && i < in->n; i++)
		free(in->notes[i].text);
	free(in);
}

static void add_note(struct interpreters *in, uint32_t as, const char *text)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->notes[i].as == as && !strcmp(in->notes[i].text, text))
			return;
	if (in->n == NOTES_MAX) {
		in->left_out++;
		return;
	}
	in->notes[in->n].as = as;
	in->notes[in->n].text = strdup(text);
	if (!in->notes[in->n++].text)
		in->err = -ENOMEM;
	if (in->err)
		in->n--;
}

static void record(void *self, const struct model *m, const struct gt_event *ev)
{
	if (ev->kind == GT_NOTE && ev->u.note.text && *ev->u.note.text)
		add_note(self, ev->u.note.as, ev->u.note.text);
}

/* ---- results ---- */

static int copy_text(const char *text, char **out)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}

/* Why the holds of a probed lock are inferred all the same. */
static void explain(struct interpreters *in, const struct lock_interpreter *it)
{
	struct buf b = { 0 };
	const char *text;

	if (!it->inferred)
		return;
	buf_printf(&b, "holds of %s's lock are inferred: %s", it->name ? it->name : "the program",
		   it->inferred);
	text = buf_str(&b);
	if (text)
		add_note(in, it->as, text);
	else
		in->err = -ENOMEM;
	buf_free(&b);
}

static int fill(struct interpreters *in, const struct lock_probed *probed, const struct process *p,
		struct result_process *r)
{
	const struct lock_interpreter *it = lock_probed_interpreter(probed, p->as);
	int err;

	if (!it)
		return 0;
	r->interpreter.kind = it->kind;
	r->interpreter.flags = it->flags;
	explain(in, it);
	err = copy_text(it->name, &r->interpreter.name);
	return err ? err : copy_text(it->image, &r->interpreter.image);
}

/* The process whose address space it is, or was it last; 0: the whole recording. */
static uint32_t process_of(const struct analysis_context *ctx, uint32_t as)
{
	for (uint32_t i = 0; as && i < model_nprocesses(ctx->model); i++)
		if (model_process_at(ctx->model, i)->as == as)
			return model_process_at(ctx->model, i)->id;
	return 0;
}

static int interpreters_results(void *self, const struct analysis_context *ctx, struct results *out)
{
	const struct lock_probed *probed = ctx->locks ? lock_table_probed(ctx->locks) : NULL;
	struct interpreters *in = self;
	size_t at = 0;

	/* Results are in the model's order, some processes left out. */
	for (uint32_t i = 0; i < model_nprocesses(ctx->model) && at < out->nprocesses; i++) {
		const struct process *p = model_process_at(ctx->model, i);

		if (p->id == out->processes[at].id)
			in->err = in->err ?: fill(in, probed, p, &out->processes[at++]);
	}
	if (in->err)
		return in->err;
	out->losses.left_out += in->left_out;
	out->notes = calloc(in->n + 1, sizeof(*out->notes));
	if (!out->notes)
		return -ENOMEM;
	for (size_t i = 0; i < in->n; i++) {
		out->notes[out->nnotes].process = process_of(ctx, in->notes[i].as);
		out->notes[out->nnotes++].text = in->notes[i].text;
	}
	in->n = 0;
	return 0;
}

/* ---- linked, or run ---- */

/* What programs are called that are the interpreter and little else. */
static const char *const programs[GT_INTERPRETER_COUNT] = {
	[GT_INTERPRETER_CPYTHON] = "python",
	[GT_INTERPRETER_PYPY] = "pypy",
	[GT_INTERPRETER_RUBY] = "ruby",
	[GT_INTERPRETER_OCAML] = "ocaml",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_library(const char *image)
{
	return image && !strncmp(base_name(image), "lib", 3) && strstr(base_name(image), ".so");
}

static bool is_named(const char *name, enum gt_interpreter kind)
{
	return name && programs[kind] &&
	       !strncmp(base_name(name), programs[kind], strlen(programs[kind]));
}

static bool has_lock(const struct results *r, uint32_t process, enum lock_kind_id kind)
{
	for (size_t i = 0; i < r->nlocks; i++)
		for (size_t j = 0; r->locks[i].kind == kind && j < r->locks[i].nprocesses; j++)
			if (r->locks[i].processes[j] == process)
				return true;
	return false;
}

bool interpreters_ran(const struct results *r, const struct result_process *p)
{
	const struct result_interpreter *in = &p->interpreter;

	if ((unsigned int)in->kind >= GT_INTERPRETER_COUNT || in->kind == GT_INTERPRETER_NONE)
		return false;
	return !is_library(in->image) || is_named(p->exe, in->kind) ||
	       is_named(p->comm, in->kind) || has_lock(r, p->id, lock_kind_global(in->kind));
}

static const struct model_sink sink = {
	.record = record,
};

const struct analysis interpreters_analysis = {
	.name = "interpreters",
	.sink = &sink,
	.new = interpreters_new,
	.results = interpreters_results,
	.free = interpreters_free,
};
