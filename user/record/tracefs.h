/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the kernel's static tracepoints. They stand in tracefs, which is not mounted everywhere; a mount
 * of our own that is attached nowhere shows them without changing anything for anybody.
 */
#ifndef USER_TRACEFS_H
#define USER_TRACEFS_H

/* A directory of tracefs, or -errno. The caller closes it. */
int tracefs_open(void);

/* The number of tracepoint `group`/`event` for perf_event_open(), or -errno (-ENOENT: this kernel has none). */
int tracefs_event_id(int tracefs, const char *group, const char *event);

#endif
