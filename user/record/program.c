/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* Without resolving links: the name under which a program runs may matter to it. */
static int make_absolute(const char *path, char out[PATH_MAX])
{
	char cwd[PATH_MAX];
	int n;

	while (path[0] == '.' && path[1] == '/')
		path += 2 + strspn(path + 2, "/");
	if (path[0] == '/')
		n = snprintf(out, PATH_MAX, "%s", path);
	else if (getcwd(cwd, sizeof(cwd)))
		n = snprintf(out, PATH_MAX, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path);
	else
		return errno;
	return n < PATH_MAX ? 0 : ENAMETOOLONG;
}

static int try_path(const char *dir, size_t dir_len, const char *name, char out[PATH_MAX])
{
	char path[PATH_MAX];
	int err;

	/* An empty entry of PATH is the current directory. */
	if (snprintf(path, sizeof(path), "%.*s%s%s", (int)dir_len, dir, dir_len ? "/" : "./",
		     name) >= (int)sizeof(path))
		return ENAMETOOLONG;
	err = check(path);
	return err ? err : make_absolute(path, out);
}

int program_find(const char *name, char path[PATH_MAX])
{
	const char *dir = getenv("PATH");
	int err = ENOENT;

	if (!*name)
		return ENOENT;
	if (strchr(name, '/')) {
		err = check(name);
		return err ? (err == ENOTDIR ? ENOENT : err) : make_absolute(name, path);
	}
	if (!dir)
		dir = "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		size_t len = strcspn(dir, ":");
		int now = try_path(dir, len, name, path);

		if (now == 0)
			return 0;
		/* "Not executable" says more than "not found", should nothing better turn up. */
		if (now == EACCES)
			err = now;
		if (!dir[len])
			return err;
		dir += len + 1;
	}
}

int program_exec(const char *path, char **argv)
{
	size_t argc = 0;
	char **shell;
	int err;

	execve(path, argv, environ);
	if (errno != ENOEXEC)
		return errno;
	while (argv[argc])
		argc++;
	shell = calloc(argc + 3, sizeof(*shell));
	if (!shell)
		return ENOMEM;
	shell[0] = "sh";
	shell[1] = (char *)path;
	for (size_t i = 1; i < argc; i++)
		shell[i + 1] = argv[i];
	execve("/bin/sh", shell, environ);
	err = errno;
	free(shell);
	return err;
}
