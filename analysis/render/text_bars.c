/* SPDX-License-Identifier: MIT */
/* The two pictures of the report: what each core did, and how many threads ran at once. */
#include <errno.h>
#include <stdlib.h>

#include "text_parts.h"
#include "units.h"

#define CORES_ALONE 4 /* up to so many get a line each, with numbers */
#define CORE_CELL 26  /* "  12 ██████████████ 97.3 %" and a space */
#define CORE_CELL_BAR 12
#define CORE_LABEL 6	/* "   12 " */
#define CORE_NUMBERS 30 /* three columns of ten */
#define BAR_MAX 60
#define LEVELS_ALONE 9 /* 0…8 running at once get a line each, more come in ranges */

static unsigned int bar_width(const struct canvas *c, unsigned int taken)
{
	unsigned int room = c->width > taken ? c->width - taken : 0;

	return room > BAR_MAX ? BAR_MAX : room;
}

/* ---- cores ---- */

static void core_line(struct canvas *c, const struct result_cpu *cpu, uint64_t wall)
{
	double workload = units_ratio(cpu->workload, wall), other = units_ratio(cpu->other, wall);

	canvas_format(c, "%5u ", cpu->cpu);
	canvas_style(c, CANVAS_BAR);
	canvas_stack(c, workload, other, bar_width(c, CORE_LABEL + CORE_NUMBERS));
	canvas_style(c, CANVAS_PLAIN);
	canvas_field(c, units_share(workload).text, -10);
	canvas_field(c, units_share(other).text, -10);
	canvas_field(c, units_share(units_ratio(cpu->idle, wall)).text, -10);
	canvas_end(c);
}

static void core_cell(struct canvas *c, const struct result_cpu *cpu, uint64_t wall)
{
	double workload = units_ratio(cpu->workload, wall);
	unsigned int end = c->column + CORE_CELL;

	canvas_format(c, "%5u ", cpu->cpu);
	canvas_style(c, CANVAS_BAR);
	canvas_stack(c, workload, units_ratio(cpu->other, wall), CORE_CELL_BAR);
	canvas_style(c, CANVAS_PLAIN);
	canvas_field(c, units_share(workload).text, -7);
	canvas_pad(c, end);
}

static int busier_core(const void *a, const void *b)
{
	const struct result_cpu *x = *(const struct result_cpu *const *)a;
	const struct result_cpu *y = *(const struct result_cpu *const *)b;

	if (x->workload != y->workload)
		return x->workload < y->workload ? 1 : -1;
	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static int lower_core(const void *a, const void *b)
{
	const struct result_cpu *x = *(const struct result_cpu *const *)a;
	const struct result_cpu *y = *(const struct result_cpu *const *)b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

/* Cells in columns, top to bottom, as in a directory listing. */
static void core_grid(struct canvas *c, const struct result_cpu *const *cpus, size_t n,
		      uint64_t wall)
{
	size_t columns = c->width / CORE_CELL ? c->width / CORE_CELL : 1;
	size_t lines = (n + columns - 1) / columns;

	for (size_t line = 0; line < lines; line++) {
		for (size_t i = line; i < n; i += lines)
			core_cell(c, cpus[i], wall);
		canvas_end(c);
	}
}

static void other_cores(struct canvas *c, const struct result_cpu *const *cpus, size_t n,
			uint64_t wall)
{
	uint64_t workload = 0;

	for (size_t i = 0; i < n; i++)
		workload += cpus[i]->workload;
	canvas_format(c, "      %zu more: %s cores' worth of workload", n,
		      units_factor(units_ratio(workload, wall)).text);
	canvas_end(c);
}

static int many_cores(struct canvas *c, const struct results *r, uint64_t wall)
{
	const struct result_cpu **cpus = calloc(r->ncpus, sizeof(*cpus));
	size_t shown = r->ncpus;

	if (!cpus)
		return -ENOMEM;
	for (size_t i = 0; i < r->ncpus; i++)
		cpus[i] = &r->cpus[i];
	if (shown > TEXT_ROWS_MAX) {
		shown = TEXT_ROWS_MAX;
		qsort(cpus, r->ncpus, sizeof(*cpus), busier_core);
		qsort(cpus, shown, sizeof(*cpus), lower_core);
	}
	core_grid(c, cpus, shown, wall);
	if (shown < r->ncpus)
		other_cores(c, cpus + shown, r->ncpus - shown, wall);
	free(cpus);
	return 0;
}

/* Where there are numbers, what the bars show stands above them: it fits at any width they do. */
static void core_legend(struct canvas *c, bool numbers)
{
	static const struct {
		enum canvas_glyph glyph;
		const char *text;
	} shown[] = {
		{ CANVAS_FULL, "workload" },
		{ CANVAS_SHADE, "other" },
		{ CANVAS_EMPTY, "idle" },
	};
	char text[32];

	text_heading(c, "CORES");
	if (numbers)
		canvas_pad(c, CORE_LABEL + bar_width(c, CORE_LABEL + CORE_NUMBERS));
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		snprintf(text, sizeof(text), "%s%s %s", numbers ? "" : "  ",
			 canvas_glyph(c, shown[i].glyph), shown[i].text);
		if (numbers)
			canvas_field(c, text, -CORE_NUMBERS / 3);
		else
			canvas_text(c, text);
	}
	canvas_end(c);
}

int text_cores(struct canvas *c, const struct results *r)
{
	uint64_t wall = r->end - r->start;

	if (r->ncpus == 0)
		return 0;
	core_legend(c, r->ncpus <= CORES_ALONE);
	if (r->ncpus > CORES_ALONE)
		return many_cores(c, r, wall);
	for (size_t i = 0; i < r->ncpus; i++)
		core_line(c, &r->cpus[i], wall);
	return 0;
}

/* ---- how many ran at once ---- */

static void level_line(struct canvas *c, size_t from, size_t to, uint64_t time, uint64_t wall)
{
	double share = units_ratio(time, wall);
	char label[48];

	if (from == to)
		snprintf(label, sizeof(label), "%zu", from);
	else
		snprintf(label, sizeof(label), "%zu-%zu", from, to);
	canvas_field(c, label, -(CORE_LABEL - 1));
	canvas_text(c, " ");
	canvas_style(c, CANVAS_BAR);
	canvas_bar(c, share, bar_width(c, CORE_LABEL + CORE_NUMBERS));
	canvas_style(c, CANVAS_PLAIN);
	canvas_field(c, units_share(share).text, -10);
	canvas_field(c, units_time(time, c->unicode).text, -10);
	canvas_end(c);
}

/* After 8 come 9-16, 17-32, …: few lines for any number of threads. */
static size_t last_of_range(size_t from, size_t n)
{
	size_t last = from < LEVELS_ALONE ? from : LEVELS_ALONE - 1;

	if (n <= LEVELS_ALONE)
		return from;
	while (last < from)
		last *= 2;
	return last < n ? last : n - 1;
}

/* Parts from the first on, as many as fit: none is cut in its middle. */
static void histogram_heading(struct canvas *c, const struct result_parallelism *p)
{
	char said[3][80] = { "  nothing was active" };

	if (p->active && p->average >= 0) {
		snprintf(said[0], sizeof(said[0]), "  %s of %s attainable",
			 units_factor(p->average).text, units_factor(p->attainable).text);
		snprintf(said[1], sizeof(said[1]), "; %s serialized",
			 units_share(p->serialized_share).text);
		snprintf(said[2], sizeof(said[2]), ", %s starved",
			 units_share(p->starved_share).text);
	}
	text_heading(c, "RUNNING AT ONCE");
	for (size_t i = 0; i < 3 && c->column + canvas_width(said[i]) <= c->width; i++)
		canvas_text(c, said[i]);
	canvas_end(c);
}

int text_histogram(struct canvas *c, const struct results *r)
{
	const struct result_parallelism *p = &r->parallelism;
	size_t n = p->nhistogram;

	while (n > 0 && p->histogram[n - 1] == 0)
		n--;
	histogram_heading(c, p);
	for (size_t from = 0, to; from < n; from = to + 1) {
		uint64_t time = 0;

		to = last_of_range(from, n);
		for (size_t i = from; i <= to; i++)
			time += p->histogram[i];
		level_line(c, from, to, time, r->end - r->start);
	}
	return 0;
}
