/* SPDX-License-Identifier: MIT */
/* What a process that reads hostile files may still do, should they take it over. */
#ifndef USER_CONFINE_H
#define USER_CONFINE_H

/*
 * Bytes of its own that such a process may have: twice the largest file that is read. Libraries make
 * tables as large as a file says (libdw: as many registers as an unwinding rule names, 2^32 or
 * more). A file that wants more is one whose answers are missing.
 */
#define CONFINE_MEMORY (1ull << 30)

/*
 * From now on this process has at most that much memory, or less where a lower limit is set already.
 * Children inherit it.
 */
void confine_memory(void);

/*
 * From now on this process can read files, other processes' memory and the sockets it has, and
 * nothing else: it keeps the capabilities to read, and system calls to write a file, to start a
 * program, to signal or attach to a process, to reach the network or to change the kernel fail with
 * EPERM. Children inherit it. 0 or -errno; what was given up until then stays so.
 */
int confine(void);

#endif
