/* SPDX-License-Identifier: MIT */
/*
 * The report as JSON, schema giltrace.report/1, and a comparison, schema giltrace.compare/1. Keys
 * are added, never renamed. Nothing is printed but what the trace holds, so one trace gives the
 * same bytes each time.
 */
#include "formats.h"

#include <errno.h>

#include "json_stream.h"
#include "json_value.h"

#define REPORT_SCHEMA "giltrace.report/1"
#define COMPARE_SCHEMA "giltrace.compare/1"

static const char *const target_names[] = {
	[GT_TARGET_COMMAND] = "command",
	[GT_TARGET_PIDS] = "pids",
	[GT_TARGET_ALL] = "all",
};

/* ---- members that are no column of a table ---- */

static json_t *command_of(const struct results *r)
{
	json_t *array = json_array();

	for (char **word = r->meta->command; array && *word; word++) {
		if (json_array_append_new(array, json_value_text(*word)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *pids_of(const struct results *r)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < r->meta->npids; i++) {
		if (json_array_append_new(array, json_integer(r->meta->pids[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *exit_of(const struct results *r)
{
	const struct gt_meta *m = r->meta;

	return m->exit_signal ? json_pack("{si}", "signal", m->exit_signal)
			      : json_pack("{si}", "code", m->exit_code);
}

static json_t *window_of(const struct results *r)
{
	return json_pack("{sosososo}", "start", json_value_integer(r->start), "end",
			 json_value_integer(r->end), "wall", json_value_integer(r->end - r->start),
			 "active", json_value_integer(r->active));
}

static json_t *thresholds_of(const struct results *r)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < r->nthresholds; i++) {
		const struct result_threshold *t = &r->thresholds[i];

		if (json_value_set(object, t->name, json_value_real(t->value)) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *verdict_of(const struct results *r)
{
	json_t *object = json_value_row(&columns_verdict, &r->verdict);

	if (object && json_value_set(object, "thresholds", thresholds_of(r)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *reasons_of(const struct results *r)
{
	json_t *object = json_object();

	for (int i = 0; object && i < GT_LOSS_COUNT; i++) {
		json_t *count = json_integer((json_int_t)r->losses.reasons[i]);

		if (json_value_set(object, gt_loss_name(i), count) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *losses_of(const struct results *r)
{
	json_t *object = json_object();

	if (object && (json_value_set(object, "reasons", reasons_of(r)) != 0 ||
		       json_value_columns(object, &columns_losses, &r->losses) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *schema_of(const struct results *r)
{
	return json_string(REPORT_SCHEMA);
}

static json_t *version_of(const struct results *r)
{
	return json_value_text(r->meta->giltrace);
}

static json_t *target_of(const struct results *r)
{
	return json_string(target_names[r->meta->target]);
}

static json_t *machine_of(const struct results *r)
{
	return json_value_row(&columns_machine, r->meta);
}

static json_t *audit_of(const struct results *r)
{
	return json_value_row(&columns_audit, r);
}

static json_t *overhead_of(const struct results *r)
{
	return json_value_row(&columns_overhead, r->meta);
}

static json_t *stack_kinds_of(const struct results *r)
{
	json_t *object = json_object();

	for (int kind = 0; object && kind < STACK_KINDS; kind++) {
		if (!stack_kind_taken(kind, r->meta->stacks))
			continue;
		if (json_value_set(object, stack_kind_name(kind),
				   json_value_row(&columns_stack_sum, &r->stack_sums[kind])) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *stacks_of(const struct results *r)
{
	json_t *object = json_object();

	if (object && (json_value_set(object, "kinds", stack_kinds_of(r)) != 0 ||
		       json_value_columns(object, &columns_stack_counts, r->meta) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* ---- when they are known ---- */

static bool has_version(const struct results *r)
{
	return r->meta->giltrace != NULL;
}

static bool has_target(const struct results *r)
{
	return r->meta->target <= GT_TARGET_ALL;
}

static bool has_command(const struct results *r)
{
	return r->meta->command != NULL;
}

static bool has_pids(const struct results *r)
{
	return r->meta->npids > 0;
}

static bool has_exit(const struct results *r)
{
	return r->meta->exited;
}

static bool has_stacks(const struct results *r)
{
	return r->meta->stacks != 0;
}

struct member {
	const char *key;
	json_t *(*value)(const struct results *r); /* NULL when out of memory */
	bool (*known)(const struct results *r);	   /* NULL: always */
};

static const struct member head[] = {
	{ "schema", schema_of },
	{ "giltrace", version_of, has_version },
	{ "target", target_of, has_target },
	{ "command", command_of, has_command },
	{ "pids", pids_of, has_pids },
	{ "exit", exit_of, has_exit },
	{ "window", window_of },
	{ "machine", machine_of },
	{ "verdict", verdict_of },
};

static const struct member tail[] = {
	{ "stacks", stacks_of, has_stacks },
	{ "losses", losses_of },
	{ "audit", audit_of },
	{ "overhead", overhead_of },
};

static int add_members(json_t *object, const struct member *members, size_t n,
		       const struct results *r)
{
	for (size_t i = 0; i < n; i++) {
		const struct member *m = &members[i];

		if ((!m->known || m->known(r)) && json_value_set(object, m->key, m->value(r)) != 0)
			return -ENOMEM;
	}
	return 0;
}

static void print_members(struct json_stream *s, const struct member *members, size_t n,
			  const struct results *r)
{
	for (size_t i = 0; i < n && !s->err; i++) {
		if (members[i].known && !members[i].known(r))
			continue;
		json_stream_key(s, members[i].key);
		json_stream_value(s, members[i].value(r));
	}
}

int json_report(const struct results *r, const struct render_options *o, FILE *out)
{
	struct json_stream s = { .out = out };

	json_stream_open(&s, '{');
	print_members(&s, head, sizeof(head) / sizeof(head[0]), r);
	json_stream_columns(&s, &columns_results, r);
	print_members(&s, tail, sizeof(tail) / sizeof(tail[0]), r);
	json_stream_close(&s, '}');
	fputc('\n', out);
	return s.err;
}

/* ---- comparison ---- */

/* A run's head and parallelism: enough to know it by; its own report has the rest. */
static json_t *summary(const struct results *r)
{
	json_t *object = json_object();

	if (object &&
	    (add_members(object, head + 1, sizeof(head) / sizeof(head[0]) - 1, r) != 0 ||
	     json_value_set(object, "parallelism",
			    json_value_row(&columns_parallelism, &r->parallelism)) != 0)) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *quantity(enum compare_unit unit, double value)
{
	bool whole = unit == COMPARE_NS || unit == COMPARE_COUNT;

	return whole && value < 9e18 ? json_integer((json_int_t)value) : json_value_real(value);
}

/* {a, b, ratio}: what is unknown is left out. */
static json_t *change(const struct compare_row *row)
{
	json_t *object = json_object();
	int err = object ? 0 : -ENOMEM;

	if (!err && row->a >= 0)
		err = json_value_set(object, "a", quantity(row->unit, row->a));
	if (!err && row->b >= 0)
		err = json_value_set(object, "b", quantity(row->unit, row->b));
	if (!err && row->ratio >= 0)
		err = json_value_set(object, "ratio", json_value_real(row->ratio));
	if (!err)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *changes(const struct comparison *c)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < c->nrows; i++) {
		if (json_value_set(object, c->rows[i].name, change(&c->rows[i])) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

int json_comparison(const struct comparison *c, const struct render_options *o, FILE *out)
{
	json_t *object = json_object();
	int err = object ? 0 : -ENOMEM;

	if (!err)
		err = json_value_set(object, "schema", json_string(COMPARE_SCHEMA));
	if (!err)
		err = json_value_set(object, "sentence", json_value_text(c->sentence));
	if (!err && c->wall_ratio >= 0)
		err = json_value_set(object, "wall_ratio", json_value_real(c->wall_ratio));
	if (!err)
		err = json_value_set(object, "changes", changes(c));
	if (!err)
		err = json_value_set(object, "a", summary(c->a));
	if (!err)
		err = json_value_set(object, "b", summary(c->b));
	if (!err)
		err = json_value_print(object, out);
	json_decref(object);
	return err;
}
