/* SPDX-License-Identifier: MIT */
#include "lib/trace_meta.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A command line may be megabytes long. It is kept for people to recognise, so its tail may go. */
#define COMMAND_MAX (128 << 10)
#define STRINGS_MAX 65536 /* of one list, when reading */

static const char *const loss_names[GT_LOSS_COUNT] = {
	[GT_LOSS_RING_FULL] = "ring_full", [GT_LOSS_TASK_STORAGE] = "task_storage",
	[GT_LOSS_FUTEX_MAP] = "futex_map", [GT_LOSS_FUTEX_ARGS] = "futex_args",
	[GT_LOSS_CPU_RANGE] = "cpu_range",	[GT_LOSS_SWITCH] = "switch_not_shown",
	[GT_LOSS_STACK] = "stack", [GT_LOSS_FOUND] = "found_table",
	[GT_LOSS_UNFINISHED] = "unfinished",	[GT_LOSS_FUTEX_SKIPPED] = "futex_skipped",
};

static const char *const target_names[] = {
	[GT_TARGET_COMMAND] = "command",
	[GT_TARGET_PIDS] = "pids",
	[GT_TARGET_ALL] = "all",
};

/* clang-format off */
#define ROW(type, member) { #member, TRACE_META_##type, false, offsetof(struct gt_meta, member) }
#define STACKS(member) { "stacks_" #member, TRACE_META_U64, false, offsetof(struct gt_meta, stack_counts.member) }
#define COST(member) { #member, TRACE_META_U64, true, offsetof(struct gt_meta, overhead.member) }

const struct trace_meta_row trace_meta_rows[] = {
	ROW(STRING, giltrace), ROW(STRING, exe), ROW(BOOL, exited), ROW(INT, exit_code),
	ROW(INT, exit_signal), ROW(U64, start), ROW(U64, end), ROW(STRING, kernel), ROW(STRING, arch),
	ROW(STRING, clock), ROW(U32, cpus_online), ROW(U32, cpus_allowed), ROW(DOUBLE, cpu_quota),
	ROW(U64, throttled), ROW(U64, repaired), ROW(U32, left_running), ROW(BOOL, futex_calls), ROW(BOOL, futex_tax),
	ROW(BOOL, lock_probes), ROW(BOOL, no_usdt), ROW(U32, stacks), ROW(U32, sample_hz),
	STACKS(copied), STACKS(known), STACKS(skipped),
	COST(bpf_ns), COST(bpf_runs), COST(bpf_misses), COST(collector_cpu), COST(window_cpu), COST(startup),
	COST(bytes), COST(records),
	{ NULL },
};
/* clang-format on */

const char *gt_loss_name(enum gt_loss reason)
{
	return (unsigned int)reason < GT_LOSS_COUNT ? loss_names[reason] : "unknown";
}

void gt_meta_free(struct gt_meta *meta)
{
	if (!meta)
		return;
	for (char **arg = meta->command; arg && *arg; arg++)
		free(*arg);
	free(meta->command);
	free(meta->giltrace);
	free(meta->exe);
	free(meta->pids);
	free(meta->kernel);
	free(meta->arch);
	free(meta->clock);
}

/* ---- encoding ---- */

/* Arguments and paths are bytes, JSON strings are text: what is not UTF-8 is kept as {"hex": "…"}.
 */
static json_t *string_json(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	json_t *text = json_string(s);
	size_t n = strlen(s);
	char *hex;

	if (text)
		return text;
	hex = malloc(2 * n + 1);
	if (!hex)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[(uint8_t)s[i] >> 4];
		hex[2 * i + 1] = digits[s[i] & 15];
	}
	hex[2 * n] = '\0';
	text = json_pack("{s:s}", "hex", hex);
	free(hex);
	return text;
}

static json_t *command_json(char *const *command)
{
	json_t *list = json_array();
	size_t total = 0;

	for (; list && *command; command++) {
		total += strlen(*command) + 1;
		if (total > COMMAND_MAX) {
			json_array_append_new(list, json_string("..."));
			break;
		}
		if (json_array_append_new(list, string_json(*command))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *pids_json(const struct gt_meta *meta)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < meta->npids; i++)
		json_array_append_new(list, json_integer(meta->pids[i]));
	return list;
}

static json_t *losses_json(const struct gt_meta *meta)
{
	json_t *object = json_object();

	for (int i = 0; object && i < GT_LOSS_COUNT; i++)
		if (meta->losses[i])
			json_object_set_new(object, loss_names[i],
					    json_integer((json_int_t)meta->losses[i]));
	return object;
}

/* JSON of one value, or NULL when it is unknown (zero) and left out. */
static json_t *row_json(const struct trace_meta_row *row, const void *at)
{
	switch (row->type) {
	case TRACE_META_STRING:
		return *(char *const *)at ? string_json(*(char *const *)at) : NULL;
	case TRACE_META_BOOL:
		return *(const bool *)at ? json_true() : NULL;
	case TRACE_META_INT:
		return *(const int *)at ? json_integer(*(const int *)at) : NULL;
	case TRACE_META_U32:
		return *(const uint32_t *)at ? json_integer(*(const uint32_t *)at) : NULL;
	case TRACE_META_U64: /* through json_int_t and back every value survives */
		return *(const uint64_t *)at ? json_integer((json_int_t) * (const uint64_t *)at)
					     : NULL;
	default:
		return *(const double *)at != 0 ? json_real(*(const double *)at) : NULL;
	}
}

static void add_rows(json_t *root, json_t *overhead, const struct gt_meta *meta)
{
	for (const struct trace_meta_row *row = trace_meta_rows; row->key; row++) {
		json_t *value = row_json(row, (const char *)meta + row->at);

		if (value)
			json_object_set_new(row->overhead ? overhead : root, row->key, value);
	}
}

char *trace_meta_encode(const struct gt_meta *meta, size_t *len)
{
	json_t *root = json_object(), *overhead = json_object();
	char *text = NULL;

	if (!root || !overhead)
		goto out;
	add_rows(root, overhead, meta);
	json_object_set(root, "overhead", overhead);
	json_object_set_new(root, "target", json_string(target_names[meta->target]));
	json_object_set_new(root, "losses", losses_json(meta));
	if (meta->command && json_object_set_new(root, "command", command_json(meta->command)))
		goto out;
	if (meta->npids)
		json_object_set_new(root, "pids", pids_json(meta));
	text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	*len = text ? strlen(text) : 0;
out:
	json_decref(overhead);
	json_decref(root);
	return text;
}

/* ---- decoding: wrong types are unknown values ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *hex_string(const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *s = malloc(n + 1);

	for (size_t i = 0; s && i < n; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			n = i; /* not ours: keep what made sense */
		else
			s[i] = (char)(high << 4 | low);
	}
	if (s)
		s[n] = '\0';
	return s;
}

/* To *out, which stays NULL when `value` is no string. 0 or -ENOMEM. */
static int string_value(const json_t *value, char **out)
{
	const char *hex = json_string_value(json_object_get(value, "hex"));

	if (json_is_string(value))
		*out = strdup(json_string_value(value));
	else if (hex)
		*out = hex_string(hex);
	else
		return 0;
	return *out ? 0 : -ENOMEM;
}

static int row_value(const struct trace_meta_row *row, const json_t *value, void *at)
{
	json_int_t number = json_integer_value(value); /* 0 for other types */

	switch (row->type) {
	case TRACE_META_STRING:
		return string_value(value, at);
	case TRACE_META_BOOL:
		*(bool *)at = json_is_true(value);
		break;
	case TRACE_META_INT:
		*(int *)at = (int)number;
		break;
	case TRACE_META_U32:
		*(uint32_t *)at = (uint32_t)number;
		break;
	case TRACE_META_U64:
		*(uint64_t *)at = (uint64_t)number;
		break;
	default:
		*(double *)at = json_number_value(value);
	}
	return 0;
}

static int get_rows(const json_t *root, struct gt_meta *meta)
{
	const json_t *overhead = json_object_get(root, "overhead");
	int err = 0;

	for (const struct trace_meta_row *row = trace_meta_rows; row->key && !err; row++)
		err = row_value(row, json_object_get(row->overhead ? overhead : root, row->key),
				(char *)meta + row->at);
	return err;
}

static int get_command(const json_t *list, struct gt_meta *meta)
{
	size_t n = json_array_size(list), used = 0;

	if (!json_is_array(list) || n > STRINGS_MAX)
		return 0;
	meta->command = calloc(n + 1, sizeof(*meta->command));
	if (!meta->command)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int err = string_value(json_array_get(list, i), &meta->command[used]);

		if (err)
			return err;
		if (meta->command[used])
			used++;
	}
	return 0;
}

static int get_pids(const json_t *list, struct gt_meta *meta)
{
	size_t n = json_array_size(list);

	if (!n || n > STRINGS_MAX)
		return 0;
	meta->pids = calloc(n, sizeof(*meta->pids));
	if (!meta->pids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		meta->pids[i] = (int32_t)json_integer_value(json_array_get(list, i));
	meta->npids = n;
	return 0;
}

static enum gt_target get_target(const json_t *value)
{
	const char *name = json_string_value(value);

	for (size_t i = 0; name && i < sizeof(target_names) / sizeof(*target_names); i++)
		if (!strcmp(name, target_names[i]))
			return (enum gt_target)i;
	return GT_TARGET_COMMAND;
}

int trace_meta_decode(const char *text, size_t len, struct gt_meta *meta)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error), *losses;
	int err;

	if (!json_is_object(root)) {
		err = !root && json_error_code(&error) == json_error_out_of_memory ? -ENOMEM
										     : -EBADMSG;
		json_decref(root);
		return err;
	}
	err = get_rows(root, meta);
	meta->target = get_target(json_object_get(root, "target"));
	losses = json_object_get(root, "losses");
	for (int i = 0; i < GT_LOSS_COUNT; i++)
		meta->losses[i] =
			(uint64_t)json_integer_value(json_object_get(losses, loss_names[i]));
	if (!err)
		err = get_command(json_object_get(root, "command"), meta);
	if (!err)
		err = get_pids(json_object_get(root, "pids"), meta);
	json_decref(root);
	if (err) {
		gt_meta_free(meta);
		memset(meta, 0, sizeof(*meta));
	}
	return err;
}
