/* SPDX-License-Identifier: MIT */
/* What a process that reads hostile files may still do, should they take it over. */
#ifndef USER_CONFINE_H
#define USER_CONFINE_H

/*
 * From now on this process can read files, other processes' memory and the sockets it has, and
 * nothing else: it keeps the capabilities to read, and system calls to write a file, to start a
 * program, to signal or attach to a process, to reach the network or to change the kernel fail with
 * EPERM. Children inherit it. 0 or -errno; what was given up until then stays so.
 */
int confine(void);

#endif
