/* SPDX-License-Identifier: MIT */
#include "become.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/invoker.h"

/* With the securebit NO_SETUID_FIXUP capabilities outlive the change of user. */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return true;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].effective || data[i].permitted)
			return true;
	return false;
}

static bool is_only(const struct invoker *who)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		return false;
	return ruid == who->uid && euid == who->uid && suid == who->uid && rgid == who->gid &&
	       egid == who->gid && sgid == who->gid;
}

int become(const struct invoker *who)
{
	if (setgroups(who->ngroups, who->groups) != 0 ||
	    setresgid(who->gid, who->gid, who->gid) != 0 ||
	    setresuid(who->uid, who->uid, who->uid) != 0)
		return errno;
	if (!is_only(who))
		return EPERM;
	if (who->uid != 0 && (has_capabilities() || setuid(0) == 0 || seteuid(0) == 0))
		return EPERM;
	if (setenv("HOME", who->home ? who->home : "/", 1) != 0)
		return errno;
	if (who->name &&
	    (setenv("USER", who->name, 1) != 0 || setenv("LOGNAME", who->name, 1) != 0))
		return errno;
	return 0;
}
