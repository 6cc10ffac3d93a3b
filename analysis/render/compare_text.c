/* SPDX-License-Identifier: MIT */
/* Two runs for people: how much faster first, then every number of both with its ratio. */
#include <string.h>

#include "canvas.h"
#include "columns.h"
#include "formats.h"
#include "units.h"

#define TITLE_COLUMNS 26
#define RATIO_COLUMNS 9
#define VALUE_COLUMNS 16 /* at most; narrow terminals get less */

static const struct {
	const char *name, *title;
} titles[] = {
	{ "wall", "wall time" },
	{ "active", "active time" },
	{ "processes", "processes" },
	{ "threads", "threads" },
	{ "average", "running at once, average" },
	{ "attainable", "attainable" },
	{ "efficiency", "efficiency" },
	{ "serialized_share", "serialized" },
	{ "starved_share", "starved of CPU" },
	{ "lock_loss", "CPU time lost to locks" },
	{ "lock_waits", "waits for locks" },
	{ "lock_wait", "waiting for locks" },
	{ "run", "threads: running" },
	{ "runnable", "threads: runnable" },
	{ "lock", "threads: blocked on locks" },
	{ "event", "threads: events" },
	{ "io", "threads: input, output" },
	{ "kernel_lock", "threads: kernel locks" },
	{ "sleep", "threads: asleep" },
	{ "other", "threads: other" },
	{ "unknown", "threads: unknown" },
	{ "switches", "context switches" },
	{ "migrations", "moves between cores" },
};

static const char *title_of(const char *name)
{
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (strcmp(titles[i].name, name) == 0)
			return titles[i].title;
	return name;
}

static struct units quantity(const struct canvas *c, enum compare_unit unit, double value)
{
	uint64_t whole = value < 0 || value >= 1.8e19 ? RESULT_UNKNOWN : (uint64_t)value;

	switch (unit) {
	case COMPARE_NS:
		return units_time(whole, c->unicode);
	case COMPARE_COUNT:
		return units_count(whole);
	case COMPARE_SHARE:
		return units_share(value);
	case COMPARE_FACTOR:
		break;
	}
	return units_factor(value);
}

static void cells(struct canvas *c, const char *title, const char *a, const char *b,
		  const char *ratio)
{
	int room = ((int)c->width - TITLE_COLUMNS - RATIO_COLUMNS) / 2;
	int value = room > VALUE_COLUMNS ? VALUE_COLUMNS : room < 1 ? 1 : room;

	canvas_field(c, title, TITLE_COLUMNS);
	canvas_field(c, a, -value);
	canvas_field(c, b, -value);
	canvas_field(c, ratio, -RATIO_COLUMNS);
	canvas_end(c);
}

/* What is nothing in both runs is not worth a line. */
static void change(struct canvas *c, const struct compare_row *row)
{
	struct units ratio = units_factor(row->ratio);

	if (row->a <= 0 && row->b <= 0)
		return;
	cells(c, title_of(row->name), quantity(c, row->unit, row->a).text,
	      quantity(c, row->unit, row->b).text, row->unit == COMPARE_SHARE ? "" : ratio.text);
}

static void command(struct canvas *c, const char *side, const struct results *r)
{
	char name[256];

	canvas_text(c, side);
	for (char **word = r->meta->command; word && *word; word++) {
		canvas_text(c, " ");
		canvas_text(c, canvas_name(c, *word, name, sizeof(name)));
	}
	canvas_end(c);
}

int text_comparison(const struct comparison *c, const struct render_options *o, FILE *out)
{
	struct canvas canvas;
	char ratio[16];
	int err;

	canvas_init(&canvas, o, out);
	canvas_style(&canvas, CANVAS_TITLE);
	err = canvas_fill_names(&canvas, c->sentence ? c->sentence : "", 2);
	if (err)
		return err;
	canvas_end(&canvas);
	command(&canvas, "A:", c->a);
	command(&canvas, "B:", c->b);
	canvas_end(&canvas);
	canvas_style(&canvas, CANVAS_FAINT);
	snprintf(ratio, sizeof(ratio), "B %s A", canvas_glyph(&canvas, CANVAS_DIVIDED));
	cells(&canvas, "", "A", "B", ratio);
	cells(&canvas, "verdict", columns_class_name(c->a->verdict.class),
	      columns_class_name(c->b->verdict.class), "");
	for (size_t i = 0; i < c->nrows; i++)
		change(&canvas, &c->rows[i]);
	return 0;
}
