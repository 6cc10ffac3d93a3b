/* SPDX-License-Identifier: MIT */
/*
 * How the frame of code without unwind information lies, by what the code does after a call: a
 * trampoline takes its frame down and returns at once, as those do that CPython makes for each
 * function with -X perf.
 */
#ifndef USER_UNWIND_EPILOGUE_H
#define USER_UNWIND_EPILOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind_rule.h"


/* The rule for a frame that `code` is returned to. False: the code goes on to do other things. */
bool unwind_epilogue(const uint8_t *code, size_t len, struct unwind_rule *out);

#endif
