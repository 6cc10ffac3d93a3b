/* SPDX-License-Identifier: MIT */
/*
 * Opening the files that processes map. Paths come from traced programs: only regular files are
 * ever opened for reading (opening a device or a pipe may act or block), and a file counts only if
 * it is the one meant.
 */
#ifndef USER_IMAGE_FILE_H
#define USER_IMAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/helper/maps.h"

/* An open descriptor of the regular file at `path`, the caller's to close, or -errno. */
int image_file_open(const char *path);

/* Is `fd` the inode that the kernel calls `ino` on device `dev` (major << 20 | minor)? */
bool image_file_is(int fd, uint32_t dev, uint64_t ino);

/* The same, of the program that process `pid` runs. */
bool image_file_is_exe(pid_t pid, uint32_t dev, uint64_t ino);

/*
 * Open the file of mapping `e` of process `pid`: exactly what is mapped, where the kernel allows
 * it, else by its path as the process or as we see it, if that is still the same file. -ENOENT when
 * it is not.
 */
int image_file_open_mapped(pid_t pid, const struct maps *m, const struct maps_entry *e);

#endif
