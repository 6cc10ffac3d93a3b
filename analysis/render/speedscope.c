/* SPDX-License-Identifier: MIT */
/*
 * For https://www.speedscope.app: one sampled profile of all threads and one of each. The many
 * numbers are printed as they come; a tree of JSON values of them would be many times their size.
 */
#include "formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <lib/buf.h>
#include <lib/map.h>

#include "frame_table.h"
#include "json_value.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

/* Lists as JSON prints them, without their brackets. */
struct profile {
	struct buf samples, weights;
	uint64_t total;
	const struct result_thread *thread; /* NULL: all */
};

struct speedscope {
	const struct results *r;
	struct stack_paths *paths; /* own some of the frames' names */
	struct frame_table frames;
	struct profile *profiles; /* [0]: all */
	size_t n;
	struct map by_thread; /* id → index into profiles */
};

static struct profile *profile_of(struct speedscope *s, uint32_t thread)
{
	uint64_t at = 0;

	return map_get(&s->by_thread, thread, &at) ? &s->profiles[at] : NULL;
}

/* A profile for every thread, used or not. */
static int make_profiles(struct speedscope *s)
{
	int err = 0;

	s->profiles = calloc(s->r->nthreads + 1, sizeof(*s->profiles));
	if (!s->profiles)
		return -ENOMEM;
	s->n = s->r->nthreads + 1;
	for (size_t i = 0; i < s->r->nthreads && !err; i++) {
		s->profiles[i + 1].thread = &s->r->threads[i];
		err = map_put(&s->by_thread, s->r->threads[i].id, i + 1);
	}
	return err;
}

static int add_sample(struct speedscope *s, struct profile *p, const struct stack_path *path)
{
	const char *comma = p->weights.len ? "," : "";

	buf_printf(&p->samples, "%s\n[", comma);
	for (size_t i = 0; i < path->n; i++) {
		int64_t number = frame_table_number(&s->frames, &path->frames[i]);

		if (number < 0)
			return -ENOMEM;
		buf_printf(&p->samples, "%s%" PRId64, i ? "," : "", number);
	}
	buf_add_str(&p->samples, "]");
	buf_printf(&p->weights, "%s%" PRIu64, comma, path->weight->ns);
	p->total += path->weight->ns;
	return p->samples.err ? p->samples.err : p->weights.err;
}

static int collect(struct speedscope *s, enum stack_kind kind)
{
	struct stack_path path;
	struct profile *own;
	int more;

	s->paths = stack_paths_new(s->r, kind, false);
	more = s->paths ? 0 : -ENOMEM;
	while (!more && (more = stack_paths_next(s->paths, &path)) > 0) {
		own = path.weight->ns ? profile_of(s, path.weight->thread) : NULL;
		more = path.weight->ns ? add_sample(s, &s->profiles[0], &path) : 0;
		if (!more && own)
			more = add_sample(s, own, &path);
	}
	return more;
}

/* ---- printing ---- */

/* A string of JSON. 0 or -ENOMEM. */
static int put_text(const char *text, FILE *out)
{
	json_t *value = json_value_text(text);
	int err = value && !json_dumpf(value, out, JSON_ENCODE_ANY) ? 0 : -ENOMEM;

	json_decref(value);
	return err;
}

static int put_exporter(const char *version, FILE *out)
{
	char *text = NULL;
	int err = -ENOMEM;

	if (asprintf(&text, "giltrace%s%s", version ? " " : "", version ? version : "") >= 0)
		err = put_text(text, out);
	else
		text = NULL;
	free(text);
	return err;
}

static int put_frames(const struct frame_table *t, FILE *out)
{
	int err = 0;

	for (uint32_t i = 0; i < t->n && !err; i++) {
		const struct stack_frame *f = &t->list[i];
		const char *file = f->file ? f->file : f->image;

		fprintf(out, "%s\n{\"name\":", i ? "," : "");
		err = put_text(f->name, out);
		if (file && !err) {
			fputs(",\"file\":", out);
			err = put_text(file, out);
		}
		if (f->file && f->line)
			fprintf(out, ",\"line\":%" PRIu32, f->line);
		fputc('}', out);
	}
	return err;
}

static void put_list(const struct buf *list, FILE *out)
{
	if (list->len)
		fwrite(list->data, 1, list->len, out);
}

static int put_profile(struct profile *p, const char *comma, FILE *out)
{
	char *name = NULL;
	int err = 0;

	if (p->thread && asprintf(&name, "%s (%" PRId32 ")", p->thread->comm, p->thread->tid) < 0)
		return -ENOMEM;
	fprintf(out, "%s\n{\"type\":\"sampled\",\"name\":", comma);
	err = put_text(name ? name : "all threads", out);
	free(name);
	fprintf(out, ",\"unit\":\"nanoseconds\",\"startValue\":0,\"endValue\":%" PRIu64, p->total);
	fputs(",\n\"samples\":[", out);
	put_list(&p->samples, out);
	fputs("],\n\"weights\":[", out);
	put_list(&p->weights, out);
	fputs("]}", out);
	return err;
}

static int put_all(struct speedscope *s, enum stack_kind kind, FILE *out)
{
	int err;

	fprintf(out, "{\"$schema\":\"%s\",\n\"exporter\":", SCHEMA);
	err = put_exporter(s->r->meta->giltrace, out);
	fprintf(out, ",\n\"name\":\"%s\",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[",
		stack_kind_name(kind));
	err = err ?: put_frames(&s->frames, out);
	fputs("]},\n\"profiles\":[", out);
	err = err ?: put_profile(&s->profiles[0], "", out);
	for (size_t i = 1; i < s->n && !err; i++)
		if (s->profiles[i].total)
			err = put_profile(&s->profiles[i], ",", out);
	fputs("]}\n", out);
	return err;
}

int speedscope_report(const struct results *r, const struct render_options *o, FILE *out)
{
	struct speedscope s = { .r = r };
	int err = frame_table_init(&s.frames, r);

	err = err ?: make_profiles(&s);
	err = err ?: collect(&s, o->stacks);
	err = err ?: put_all(&s, o->stacks, out);
	for (size_t i = 0; i < s.n; i++) {
		buf_free(&s.profiles[i].samples);
		buf_free(&s.profiles[i].weights);
	}
	free(s.profiles);
	map_free(&s.by_thread);
	frame_table_free(&s.frames);
	stack_paths_free(s.paths);
	return err;
}
