/* SPDX-License-Identifier: MIT */
#include "invoker.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tools that make a user root and the variables in which they say who that user was. */
static const struct source {
	const char *uid, *gid, *name; /* NULL: not given by this tool */
} sources[] = {
	{ "SUDO_UID", "SUDO_GID", "SUDO_USER" },
	{ NULL, NULL, "DOAS_USER" },
	{ "PKEXEC_UID", NULL, NULL },
};

static int parse_id(const char *text, unsigned int *id)
{
	unsigned long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end || errno || value >= (unsigned int)-1) /* -1 means "unchanged" to setresuid() */
		return -EINVAL;
	*id = value;
	return 0;
}

static int add_groups(struct invoker *who)
{
	int room = 64;

	if (!who->name) {
		who->groups = malloc(sizeof(*who->groups));
		if (!who->groups)
			return -ENOMEM;
		who->groups[0] = who->gid;
		who->ngroups = 1;
		return 0;
	}
	for (;;) {
		gid_t *groups = realloc(who->groups, room * sizeof(*groups));

		if (!groups)
			return -ENOMEM;
		who->groups = groups;
		who->ngroups = room;
		if (getgrouplist(who->name, who->gid, groups, &who->ngroups) >= 0)
			return 0;
		room = who->ngroups > room ? who->ngroups : room * 2;
	}
}

/* `pw` NULL: the numbers are all there is. */
static int fill(struct invoker *who, const struct passwd *pw)
{
	int err;

	if (pw) {
		who->uid = pw->pw_uid;
		who->gid = pw->pw_gid;
		who->name = strdup(pw->pw_name);
		who->home = strdup(pw->pw_dir);
	}
	err = pw && (!who->name || !who->home) ? -ENOMEM : add_groups(who);
	if (err)
		invoker_free(who);
	return err;
}

static int from_source(const struct source *source, struct invoker *out)
{
	const char *name = source->name ? getenv(source->name) : NULL;
	const struct passwd *pw;
	unsigned int uid, gid;

	if (source->uid && parse_id(getenv(source->uid), &uid) != 0)
		return -EINVAL;
	pw = source->uid ? getpwuid(uid) : getpwnam(name);
	if (!pw) {
		/* A user without an entry is run with the numbers alone, where both are known. */
		if (!source->gid || parse_id(getenv(source->gid), &gid) != 0)
			return -EINVAL;
		out->uid = uid;
		out->gid = gid;
	}
	return fill(out, pw);
}

int invoker_find(struct invoker *out)
{
	memset(out, 0, sizeof(*out));
	if (geteuid() != 0)
		return 0;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		int err;

		if (!getenv(sources[i].uid ? sources[i].uid : sources[i].name))
			continue;
		err = from_source(&sources[i], out);
		if (err)
			return err;
		if (out->uid != 0)
			return 1;
		invoker_free(out);
		return 0;
	}
	return 0;
}

int invoker_named(const char *name, struct invoker *out)
{
	const struct passwd *pw = getpwnam(name);
	unsigned int uid;

	memset(out, 0, sizeof(*out));
	if (!pw && parse_id(name, &uid) == 0)
		pw = getpwuid(uid);
	return pw ? fill(out, pw) : -ENOENT;
}

int invoker_enter(const struct invoker *who, struct invoker_return *back)
{
	int err;

	back->gid = getegid();
	back->ngroups = getgroups(0, NULL);
	back->groups = calloc(back->ngroups > 0 ? back->ngroups : 1, sizeof(*back->groups));
	if (!back->groups)
		return -ENOMEM;
	back->ngroups = getgroups(back->ngroups, back->groups);
	if (back->ngroups >= 0 && setgroups(who->ngroups, who->groups) == 0 &&
	    setegid(who->gid) == 0 && seteuid(who->uid) == 0)
		return 0;
	err = -errno;
	invoker_leave(back);
	return err;
}

void invoker_leave(struct invoker_return *back)
{
	/* The saved user id is still root's, so this can fail only where going on would be wrong
	 * anyway. */
	if (seteuid(0) != 0 || setegid(back->gid) != 0 ||
	    (back->ngroups >= 0 && setgroups(back->ngroups, back->groups) != 0 && errno != EPERM))
		abort();
	free(back->groups);
	back->groups = NULL;
}

void invoker_free(struct invoker *who)
{
	free(who->name);
	free(who->home);
	free(who->groups);
	memset(who, 0, sizeof(*who));
}
