/* SPDX-License-Identifier: MIT */
/* speedscope and pprof: what is decoded again is what was weighed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "analysis/render/render.h"
#include "pprof.pb-c.h"
#include "results_fixture.h"

#define MESSAGE_MAX (1 << 20)

static struct fixture fixture;

static size_t rendered_bytes(const char *format, enum stack_kind kind, char **out)
{
	struct render_options o = { .stacks = kind };
	size_t size = 0;
	FILE *file = open_memstream(out, &size);

	assert_non_null(file);
	assert_int_equal(render(render_find(format), &fixture.r, &o, file), 0);
	fclose(file);
	return size;
}

/* Lock waits as they are, and the same stacks sampled. */
static void fixture_two_kinds(void)
{
	fixture_serialized(&fixture);
	fixture.meta.stacks |= GT_STACKS_ONCPU;
	fixture.meta.sample_hz = 100;
	fixture.weights[4] = (struct result_weight){
		.kind = STACK_ONCPU, .thread = 11, .stack = 2, .ns = 70 * MS, .count = 7
	};
	fixture.weights[5] = (struct result_weight){
		.kind = STACK_CRITICAL, .thread = 11, .stack = 2, .ns = 35 * MS, .count = 7
	};
	fixture.r.nweights = 6;
}

/* ---- speedscope ---- */

static json_t *speedscope(enum stack_kind kind)
{
	char *text;
	size_t size = rendered_bytes("speedscope", kind, &text);
	json_error_t error;
	json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	free(text);
	return json;
}

static json_t *profile_at(const json_t *json, size_t i)
{
	return json_array_get(json_object_get(json, "profiles"), i);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Every index is a frame's, every sample has a weight, and the weights fill the profile. */
static uint64_t check_profile(const json_t *json, const json_t *profile)
{
	size_t nframes =
		json_array_size(json_object_get(json_object_get(json, "shared"), "frames"));
	const json_t *samples = json_object_get(profile, "samples");
	const json_t *weights = json_object_get(profile, "weights"), *index;
	uint64_t sum = 0;
	size_t i, k;

	assert_string_equal(text_of(profile, "type"), "sampled");
	assert_string_equal(text_of(profile, "unit"), "nanoseconds");
	assert_int_equal(json_array_size(samples), json_array_size(weights));
	for (i = 0; i < json_array_size(samples); i++) {
		json_array_foreach(json_array_get(samples, i), k, index)
			assert_true((size_t)json_integer_value(index) < nframes);
		sum += (uint64_t)json_integer_value(json_array_get(weights, i));
	}
	assert_int_equal(json_integer_value(json_object_get(profile, "startValue")), 0);
	assert_int_equal(json_integer_value(json_object_get(profile, "endValue")), sum);
	return sum;
}

static void speedscope_has_all_and_each(void **state)
{
	json_t *json;
	size_t n;

	fixture_serialized(&fixture);
	json = speedscope(STACK_LOCK);
	n = json_array_size(json_object_get(json, "profiles"));
	assert_int_equal(n, 3); /* main never waited */
	assert_string_equal(text_of(profile_at(json, 0), "name"), "all threads");
	assert_string_equal(text_of(profile_at(json, 1), "name"), "worker-0 (4322)");
	assert_int_equal(check_profile(json, profile_at(json, 0)), 3915 * MS);
	assert_int_equal(check_profile(json, profile_at(json, 1)), 1960 * MS);
	assert_int_equal(check_profile(json, profile_at(json, 2)), 1955 * MS);
	json_decref(json);
}

static void speedscope_lists_a_frame_once(void **state)
{
	const json_t *frames, *frame;
	json_t *json;
	size_t i, takes = 0;

	fixture_serialized(&fixture);
	fixture.frames[6] = fixture.frames[1]; /* the same function, called from another line */
	fixture.frames[6].line = 91;
	fixture.r.nframes = 7;
	fixture.stack_frames[10] = 6;
	json = speedscope(STACK_LOCK);
	frames = json_object_get(json_object_get(json, "shared"), "frames");
	json_array_foreach(frames, i, frame)
	{
		if (strcmp(text_of(frame, "name"), "take_gil"))
			continue;
		takes++;
		assert_string_equal(text_of(frame, "file"), "gil.c");
		assert_null(json_object_get(frame, "line"));
	}
	assert_int_equal(takes, 1);
	json_decref(json);
}

static void speedscope_survives_names(void **state)
{
	bool found = false;
	const json_t *frame;
	json_t *json;
	size_t i;

	fixture_hostile(&fixture);
	json = speedscope(STACK_LOCK);
	json_array_foreach(json_object_get(json_object_get(json, "shared"), "frames"), i, frame)
		found |=
		!strcmp(text_of(frame, "name"), "</text><script>alert(1);\\x0a\"&amp;\\xff");
	assert_true(found);
	check_profile(json, profile_at(json, 0));
	json_decref(json);
}

/* ---- pprof ---- */

static Pprof__Profile *pprof(enum stack_kind kind)
{
	static uint8_t message[MESSAGE_MAX];
	char *packed;
	size_t size = rendered_bytes("pprof", kind, &packed);
	z_stream z = { .next_in = (uint8_t *)packed,
		       .avail_in = (uInt)size,
		       .next_out = message,
		       .avail_out = sizeof(message) };
	Pprof__Profile *p;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	p = pprof__profile__unpack(NULL, sizeof(message) - z.avail_out, message);
	assert_non_null(p);
	inflateEnd(&z);
	free(packed);
	return p;
}

static size_t type_index(const Pprof__Profile *p, const char *name)
{
	for (size_t i = 0; i < p->n_sample_type; i++)
		if (!strcmp(p->string_table[p->sample_type[i]->type], name))
			return i;
	fail_msg("no sample type %s", name);
	return 0;
}

static int64_t sum_of(const Pprof__Profile *p, const char *type)
{
	size_t at = type_index(p, type);
	int64_t sum = 0;

	for (size_t i = 0; i < p->n_sample; i++) {
		assert_int_equal(p->sample[i]->n_value, p->n_sample_type);
		sum += p->sample[i]->value[at];
	}
	return sum;
}

static const Pprof__Location *location_of(const Pprof__Profile *p, uint64_t id)
{
	for (size_t i = 0; i < p->n_location; i++)
		if (p->location[i]->id == id)
			return p->location[i];
	fail_msg("no location %lu", (unsigned long)id);
	return NULL;
}

static const char *frame_name(const Pprof__Profile *p, const Pprof__Sample *sample, size_t at)
{
	const Pprof__Location *l = location_of(p, sample->location_id[at]);

	return p->string_table[p->function[l->line[0]->function_id - 1]->name];
}

static const char *label(const Pprof__Profile *p, const Pprof__Sample *sample, const char *key)
{
	for (size_t i = 0; i < sample->n_label; i++)
		if (!strcmp(p->string_table[sample->label[i]->key], key))
			return p->string_table[sample->label[i]->str];
	return NULL;
}

static void pprof_has_a_value_for_each_kind(void **state)
{
	Pprof__Profile *p;

	fixture_two_kinds();
	p = pprof(STACK_ONCPU);
	assert_string_equal(p->string_table[0], "");
	assert_int_equal(sum_of(p, "lock"), 3915 * MS);
	assert_int_equal(sum_of(p, "lock_waits"), 812);
	assert_int_equal(sum_of(p, "cpu"), 70 * MS);
	assert_int_equal(sum_of(p, "samples"), 7);
	assert_int_equal(sum_of(p, "critical"), 35 * MS);
	assert_int_equal(p->n_sample_type, 5);
	assert_string_equal(p->string_table[p->default_sample_type], "cpu");
	assert_int_equal(p->period, 10 * MS);
	assert_int_equal(p->duration_nanos, 4030 * MS);
	pprof__profile__free_unpacked(p, NULL);
}

static void pprof_names_the_lock_and_the_threads(void **state)
{
	const Pprof__Location *l;
	const Pprof__Sample *s;
	Pprof__Profile *p;

	fixture_serialized(&fixture);
	p = pprof(STACK_LOCK);
	s = p->sample[0]; /* the heaviest */
	assert_int_equal(s->n_location_id, 6);
	assert_string_equal(frame_name(p, s, 0), "[lock the_gil (gil)]");
	assert_string_equal(frame_name(p, s, 1), "futex_wait");
	assert_string_equal(frame_name(p, s, 5), "start_thread");
	l = location_of(p, s->location_id[2]);
	assert_int_equal(l->line[0]->line, 88);
	assert_string_equal(p->string_table[p->mapping[l->mapping_id - 1]->filename],
			    "/usr/bin/gil_threads");
	assert_string_equal(label(p, s, "thread"), "worker-0");
	assert_string_equal(label(p, s, "woken_by"), "worker-1");
	assert_null(label(p, p->sample[2], "woken_by"));
	pprof__profile__free_unpacked(p, NULL);
}

static void pprof_survives_names(void **state)
{
	Pprof__Profile *p;
	bool found = false;

	fixture_hostile(&fixture);
	p = pprof(STACK_LOCK);
	for (size_t i = 0; i < p->n_string_table; i++) {
		found |= !strcmp(p->string_table[i], "a;b 7\\x0acount 9");
		for (const char *c = p->string_table[i]; *c; c++)
			assert_false((unsigned char)*c < 0x20);
	}
	assert_true(found);
	pprof__profile__free_unpacked(p, NULL);
}

static void formats_repeat_themselves(void **state)
{
	static const char *const formats[] = { "folded", "speedscope", "pprof" };
	char *a, *b;

	fixture_two_kinds();
	for (size_t i = 0; i < 3; i++) {
		size_t size = rendered_bytes(formats[i], STACK_LOCK, &a);

		assert_int_equal(rendered_bytes(formats[i], STACK_LOCK, &b), size);
		assert_memory_equal(a, b, size);
		free(a);
		free(b);
	}
}

/* Taken, but nothing happened: valid files, and empty ones. */
static void nothing_to_draw(void **state)
{
	Pprof__Profile *p;
	json_t *json;

	fixture_serialized(&fixture);
	fixture.r.nweights = 0;
	json = speedscope(STACK_LOCK);
	assert_int_equal(check_profile(json, profile_at(json, 0)), 0);
	assert_int_equal(json_array_size(json_object_get(json, "profiles")), 1);
	json_decref(json);
	p = pprof(STACK_LOCK);
	assert_int_equal(p->n_sample, 0);
	assert_int_equal(p->n_sample_type, 2);
	pprof__profile__free_unpacked(p, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speedscope_has_all_and_each),
		cmocka_unit_test(speedscope_lists_a_frame_once),
		cmocka_unit_test(speedscope_survives_names),
		cmocka_unit_test(pprof_has_a_value_for_each_kind),
		cmocka_unit_test(pprof_names_the_lock_and_the_threads),
		cmocka_unit_test(pprof_survives_names),
		cmocka_unit_test(formats_repeat_themselves),
		cmocka_unit_test(nothing_to_draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
