/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#define UNKNOWN ((struct units){ "-" })

struct unit {
	double size; /* in the smallest unit */
	const char *name, *ascii;
};

static const struct unit times[] = {
	{ 86400e9, "d", "d" }, { 3600e9, "h", "h" }, { 60e9, "min", "min" },
	{ 1e9, "s", "s" },     { 1e6, "ms", "ms" },  { 1e3, "\302\265s", "us" },
	{ 1, "ns", "ns" },     { 0, NULL, NULL },
};

static const struct unit bytes[] = {
	{ 1e12, "TB", "TB" }, { 1e9, "GB", "GB" }, { 1e6, "MB", "MB" },
	{ 1e3, "kB", "kB" },  { 1, "B", "B" },	   { 0, NULL, NULL },
};

static const struct unit counts[] = {
	{ 1e18, "E", "E" }, { 1e15, "P", "P" }, { 1e12, "T", "T" }, { 1e9, "G", "G" },
	{ 1e6, "M", "M" },  { 1e3, "k", "k" },	{ 0, NULL, NULL },
};

/*
 * Minutes and more only from ten on, so that "61.2 s" does not become "1.02 min". A value that
 * rounds up to a thousand of its unit belongs to the next one: 999.6 µs is "1.00 ms".
 */
static const struct unit *unit_for(const struct unit *units, double value)
{
	const struct unit *u = units;

	while (u[1].name) {
		double first = u->size >= 60e9 && units == times ? 10 * u->size : u->size;

		if (value >= first * (1 - 0.0005))
			break;
		u++;
	}
	return u;
}

static struct units three_digits(const struct unit *units, uint64_t value, bool unicode)
{
	const struct unit *u = unit_for(units, value);
	double scaled = value / u->size;
	int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
	struct units out;

	snprintf(out.text, sizeof(out.text), "%.*f %s", u->size > 1 ? decimals : 0, scaled,
		 unicode ? u->name : u->ascii);
	return out;
}

struct units units_time(uint64_t ns, bool unicode)
{
	if (ns == UINT64_MAX)
		return UNKNOWN;
	return ns ? three_digits(times, ns, unicode) : (struct units){ "0" };
}

struct units units_bytes(uint64_t n)
{
	return n == UINT64_MAX ? UNKNOWN : three_digits(bytes, n, false);
}

struct units units_count(uint64_t n)
{
	struct units out;

	if (n == UINT64_MAX)
		return UNKNOWN;
	if (n >= 1000000)
		return three_digits(counts, n, false);
	snprintf(out.text, sizeof(out.text), "%llu", (unsigned long long)n);
	return out;
}

struct units units_share(double share)
{
	double percent = share * 100;
	struct units out;

	if (!isfinite(percent) || percent < 0 || percent > 1e4)
		return UNKNOWN;
	if (percent > 0 && percent < 0.05)
		return (struct units){ "<0.1 %" };
	snprintf(out.text, sizeof(out.text), "%.*f %%", percent == 0 || percent >= 99.95 ? 0 : 1,
		 percent);
	return out;
}

struct units units_factor(double x)
{
	struct units out;

	if (!isfinite(x) || x < 0)
		return UNKNOWN;
	if (x > 0 && x < 0.005)
		return (struct units){ "<0.01" };
	if (x >= 1e6) {
		snprintf(out.text, sizeof(out.text), "%.1e", x);
		return out;
	}
	snprintf(out.text, sizeof(out.text), "%.*f", x < 9.995 ? 2 : x < 99.95 ? 1 : 0, x);
	return out;
}

double units_ratio(uint64_t part, uint64_t whole)
{
	if (whole == 0 || whole == UINT64_MAX || part == UINT64_MAX)
		return -1;
	return (double)part / whole;
}
