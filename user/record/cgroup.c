/* SPDX-License-Identifier: MIT */
#include "cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a process's group lies in the file system. */
struct group {
	char path[PATH_MAX]; /* of the group; shortened component by component on the way up */
	size_t root;	     /* length of the mount point, at which the way ends */
	bool unified;	     /* version 2 */
};

/* A group that has a quota. */
struct limited {
	struct group group;
	double cpus;
	uint64_t before; /* ns that it had been throttled when it was looked up */
};

struct cgroup_limits {
	struct limited *at;
	size_t n;
};

/* `list` holds `word` between commas. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = list; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, word, len) == 0 && (s[len] == ',' || s[len] == '\0'))
			return true;
	}
	return false;
}

/* The process's path within the hierarchy, from a line "number:controllers:path" of
 * /proc/PID/cgroup. */
static bool find_path(pid_t pid, bool unified, char path[PATH_MAX])
{
	char file_name[64], line[PATH_MAX + 128], *controllers, *own;
	FILE *file;
	bool found = false;

	snprintf(file_name, sizeof(file_name), pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", pid);
	file = fopen(file_name, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		controllers = strchr(line, ':');
		own = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!own)
			continue;
		*own++ = '\0';
		controllers++;
		found = unified ? *controllers == '\0' : has_word(controllers, "cpu");
		if (found)
			snprintf(path, PATH_MAX, "%s", own);
	}
	if (file)
		fclose(file);
	return found;
}

/*
 * A line of mountinfo: id parent major:minor root point options tags - type source superoptions. In
 * a container the mount shows only the part of the hierarchy below `root`.
 */
static bool use_mount(char *line, bool unified, const char *own, struct group *g)
{
	char root[PATH_MAX], point[PATH_MAX], type[64], options[1024] = "",
							*dash = strstr(line, " - ");
	size_t len;

	if (!dash || sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2 ||
	    sscanf(dash, " - %63s %*s %1023s", type, options) < 1)
		return false;
	if (unified ? strcmp(type, "cgroup2") != 0
		    : strcmp(type, "cgroup") != 0 || !has_word(options, "cpu"))
		return false;
	len = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(own, root, len) == 0 && (own[len] == '/' || own[len] == '\0'))
		own += len;
	g->root = strlen(point);
	g->unified = unified;
	return snprintf(g->path, sizeof(g->path), "%s%s", point, strcmp(own, "/") == 0 ? "" : own) <
	       (int)sizeof(g->path);
}

static bool find_group(pid_t pid, bool unified, struct group *g)
{
	char own[PATH_MAX], *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *file;

	if (!find_path(pid, unified, own))
		return false;
	file = fopen("/proc/self/mountinfo", "re");
	while (file && !found && getline(&line, &size, file) > 0)
		found = use_mount(line, unified, own, g);
	free(line);
	if (file)
		fclose(file);
	return found;
}

static FILE *open_in(const struct group *g, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", g->path, name);
	return fopen(path, "re");
}

static int64_t read_number(const struct group *g, const char *name)
{
	FILE *file = open_in(g, name);
	int64_t value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%" SCNd64, &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static double read_quota(const struct group *g)
{
	int64_t quota = -1, period = -1;
	FILE *file;

	if (g->unified) {
		file = open_in(g, "cpu.max"); /* "max 100000" where there is no quota */
		if (file && fscanf(file, "%" SCNd64 " %" SCNd64, &quota, &period) != 2)
			quota = -1;
		if (file)
			fclose(file);
	} else {
		quota = read_number(g, "cpu.cfs_quota_us");
		period = read_number(g, "cpu.cfs_period_us");
	}
	return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

/* Version 2 counts in µs, version 1 in ns. */
static uint64_t read_throttled(const struct group *g)
{
	const char *wanted = g->unified ? "throttled_usec" : "throttled_time";
	char key[64];
	uint64_t value, found = 0;
	FILE *file = open_in(g, "cpu.stat");

	if (!file)
		return 0;
	while (fscanf(file, "%63s %" SCNu64, key, &value) == 2)
		if (strcmp(key, wanted) == 0)
			found = g->unified ? value * 1000 : value;
	fclose(file);
	return found;
}

static int add_limited(struct cgroup_limits *l, const struct group *g, double cpus)
{
	struct limited *p = realloc(l->at, (l->n + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	l->at = p;
	l->at[l->n++] = (struct limited){ .group = *g, .cpus = cpus, .before = read_throttled(g) };
	return 0;
}

/* From the group up to the mount point. */
static int look_up(struct cgroup_limits *l, struct group *g)
{
	int err = 0;

	while (!err) {
		double cpus = read_quota(g);
		char *slash = strrchr(g->path, '/');

		if (cpus > 0)
			err = add_limited(l, g, cpus);
		if (!slash || (size_t)(slash - g->path) < g->root)
			break;
		*slash = '\0';
	}
	return err;
}

struct cgroup_limits *cgroup_limits_new(pid_t pid)
{
	struct cgroup_limits *l = calloc(1, sizeof(*l));
	int err = 0;

	for (int unified = 0; l && !err && unified <= 1; unified++) {
		struct group g;

		if (find_group(pid, unified, &g))
			err = look_up(l, &g);
	}
	if (!err)
		return l;
	cgroup_limits_free(l);
	return NULL;
}

void cgroup_limits_free(struct cgroup_limits *l)
{
	if (!l)
		return;
	free(l->at);
	free(l);
}

double cgroup_limits_cpus(const struct cgroup_limits *l)
{
	double cpus = 0;

	for (size_t i = 0; i < l->n; i++)
		if (cpus == 0 || l->at[i].cpus < cpus)
			cpus = l->at[i].cpus;
	return cpus;
}

uint64_t cgroup_limits_throttled(const struct cgroup_limits *l)
{
	uint64_t most = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t now = read_throttled(&l->at[i].group), before = l->at[i].before;

		if (now > before && now - before > most)
			most = now - before;
	}
	return most;
}
