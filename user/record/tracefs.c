/* SPDX-License-Identifier: MIT */
#include "tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/parse.h"

int tracefs_open(void)
{
	int fs, dir, err = 0;

	fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		err = -errno;
	dir = err ? -1 : fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (!err && dir < 0)
		err = -errno;
	close(fs);
	return err ? err : dir;
}

int tracefs_event_id(int tracefs, const char *group, const char *event)
{
	char path[128], text[32];
	uint64_t id;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "events/%s/%s/id", group, event);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 0, INT32_MAX, &id) ? -EIO : (int)id;
}
