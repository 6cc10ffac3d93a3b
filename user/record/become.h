/* SPDX-License-Identifier: MIT */
#ifndef USER_BECOME_H
#define USER_BECOME_H

struct invoker;

/*
 * Turn this process, root until now, into that user for good: groups, ids, HOME, USER and LOGNAME.
 * Verified: when it returns 0, root cannot be regained. A positive errno otherwise; the caller must
 * then end.
 */
int become(const struct invoker *who);

#endif
