/* SPDX-License-Identifier: MIT */
/*
 * Files that giltrace writes, often as root into a directory of somebody else. They are made with
 * the permissions of the user behind sudo where those suffice and belong to that user, replace what
 * was there under its name (never through it), and follow a symbolic link only when root or that
 * user made it. Devices and pipes are written to as they are. Every function says itself what went
 * wrong, naming the file.
 */
#ifndef USER_OUTPUT_H
#define USER_OUTPUT_H

#include <stdio.h>

struct output;

/* Begin to write the file at `path` ("-": standard output); it appears, complete, at
 * output_commit(). 0 or -errno. */
int output_open(const char *path, struct output **out);
int output_standard(FILE *stream, struct output **out); /* stdout or stderr */
FILE *output_stream(const struct output *o);

/* `err`: what rendering met so far, or 0. Puts the file in place, or says why not. 0 or -errno. */
int output_commit(struct output *o, int err);
void output_free(struct output *o); /* what was not committed is gone; NULL ok */

/* An empty file for a trace, in place at once, because a trace is of use even when its recorder
 * died. fd or -errno. */
int output_create(const char *path);

/* A file without a name, on disk where possible: traces outgrow memory. fd or -errno. */
int output_temporary(void);

#endif
