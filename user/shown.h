/* SPDX-License-Identifier: MIT */
#ifndef USER_SHOWN_H
#define USER_SHOWN_H

#include <lib/escape.h>

/* A name as it may be shown on a terminal, for the argument list of a message. */
#define SHOWN(name) escape((name), &(struct escaped){ 0 })

#endif
