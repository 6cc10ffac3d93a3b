/* SPDX-License-Identifier: MIT */
/* Values of words.h, from text. */
#ifndef TOOLS_VALUES_H
#define TOOLS_VALUES_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "tests/tools/words.h"

/* 64-bit words that the longest mask or list takes. */
#define VALUE_ROOM (GT_STACK_FRAMES_MAX / 2)

/* \xNN become bytes, in place. */
static int unescape(char *s)
{
	char *out = s;

	if (!strcmp(s, "\"\""))
		*s = '\0';
	while (*s) {
		unsigned int byte = (unsigned char)*s++;
		int used = 0;

		if (byte == '\\') {
			if (sscanf(s, "x%2x%n", &byte, &used) != 1 || used != 3 || !byte)
				return -EINVAL;
			s += used;
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return 0;
}

static int parse_time(const char *s, uint64_t *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 }, { "", 1 }
	};
	size_t digits = strspn(s, "0123456789"), unit = 0;
	char number[24];
	int err;

	while (unit < ARRAY_SIZE(units) && strcmp(s + digits, units[unit].name))
		unit++;
	if (unit == ARRAY_SIZE(units) || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, digits);
	number[digits] = '\0';
	err = parse_u64(number, 0, UINT64_MAX / units[unit].ns, out);
	*out *= err ? 1 : units[unit].ns;
	return err;
}

static int parse_u32(const char *s, uint32_t *out)
{
	uint64_t value = 0;
	int err = parse_u64(s, 0, UINT32_MAX, &value);

	*out = (uint32_t)value;
	return err;
}

static int parse_s32(const char *s, int32_t *out)
{
	uint64_t value = 0;
	int err = parse_u64(s + (*s == '-'), 0, (uint64_t)INT32_MAX + (*s == '-'), &value);

	*out = (int32_t)(*s == '-' ? -(int64_t)value : (int64_t)value);
	return err;
}

static int parse_named(const struct named *names, size_t n, const char *s, int32_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(s, names[i].name)) {
			*out = (int32_t)names[i].value;
			return 0;
		}
	}
	return parse_s32(s, out);
}

static int parse_loss(const char *s, uint32_t *out)
{
	for (int i = 0; i < GT_LOSS_COUNT; i++) {
		if (!strcmp(s, gt_loss_name(i))) {
			*out = (uint32_t)i;
			return 0;
		}
	}
	return parse_u32(s, out);
}

static int parse_cpus(uint64_t mask[GT_MASK_WORDS], char *s, struct gt_event *ev)
{
	uint32_t first, last;
	char *range, *end;
	int err = 0;

	memset(mask, 0, GT_MASK_WORDS * sizeof(*mask));
	ev->u.affinity.mask = mask;
	ev->u.affinity.words = 0;
	while (!err && *s && (range = strsep(&s, ","))) {
		end = strchr(range, '-');
		if (end)
			*end++ = '\0';
		err = parse_u32(range, &first);
		last = first;
		if (!err && end)
			err = parse_u32(end, &last);
		if (!err && last >= GT_MAX_CPUS)
			err = -ERANGE;
		for (uint32_t cpu = first; !err && cpu <= last; cpu++) {
			mask[cpu / 64] |= 1ULL << cpu % 64;
			if (ev->u.affinity.words <= cpu / 64)
				ev->u.affinity.words = cpu / 64 + 1;
		}
		if (!s)
			break;
	}
	return err;
}

/* Frames of a stack, into the room for a CPU mask and more. */
static int parse_frames(uint32_t *list, char *s, struct gt_event *ev)
{
	uint32_t n = 0;
	char *number;
	int err = 0;

	while (!err && s && *s && (number = strsep(&s, ","))) {
		err = n < GT_STACK_FRAMES_MAX ? parse_u32(number, &list[n]) : -E2BIG;
		n += !err;
	}
	ev->u.stack.nframes = n;
	ev->u.stack.frames = list;
	return err;
}

static int parse_comm(char *s, char *out)
{
	int err = unescape(s);

	if (err || strlen(s) >= GT_COMM_LEN)
		return err ? err : -ERANGE;
	strcpy(out, s);
	return 0;
}

static int parse_state(const char *s, uint16_t *out)
{
	int32_t value;
	int err = parse_named(state_names, ARRAY_SIZE(state_names), s, &value);

	*out = (uint16_t)value;
	return err ? err : -(value != *out) * ERANGE;
}

/* `s` is changed; texts point into it, CPU masks and lists into `room`. 0 or -errno. */
static int parse_value(uint64_t room[VALUE_ROOM], const struct word *w, char *s,
		       struct gt_event *ev)
{
	void *at = (char *)ev + w->at;

	switch (w->type) {
	case WORD_U32:
	case WORD_HEX32:
		return parse_u32(s, at);
	case WORD_S32:
		return parse_s32(s, at);
	case WORD_U64:
	case WORD_HEX64:
		return parse_u64(s, 0, UINT64_MAX, at);
	case WORD_TIME:
		return parse_time(s, at);
	case WORD_COMM:
		return parse_comm(s, at);
	case WORD_TEXT:
		*(const char **)at = s;
		return unescape(s);
	case WORD_CPUS:
		return parse_cpus(room, s, ev);
	case WORD_LIST:
		return parse_frames((uint32_t *)room, s, ev);
	case WORD_ROLE:
		return parse_named(role_names, ARRAY_SIZE(role_names), s, at);
	case WORD_STATE:
		return parse_state(s, at);
	case WORD_SYSCALL:
		return parse_named(syscall_names, ARRAY_SIZE(syscall_names), s, at);
	default:
		return parse_loss(s, at);
	}
}

#endif
