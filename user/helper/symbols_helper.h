/* SPDX-License-Identifier: MIT */
/*
 * The process that names words (naming.h) and inspects images (inspect.h). How giltrace talks to
 * it: symbols_packet.h.
 */
#ifndef USER_SYMBOLS_HELPER_H
#define USER_SYMBOLS_HELPER_H

#include "helper.h"

/* A crash, or a filesystem that never answers, costs one answer. */
extern const struct helper_job symbols_helper;

#endif
