/* SPDX-License-Identifier: MIT */
/* Exit statuses besides the workload's own. Where several apply: usage, failed, the workload's, the
 * gate. */
#ifndef USER_STATUS_H
#define USER_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_USAGE = 2,
	STATUS_GATE = 100,     /* --min-parallelism, --fail-if */
	STATUS_FAILED = 125,   /* giltrace itself */
	STATUS_NO_EXEC = 126,  /* the command cannot be executed */
	STATUS_NOT_FOUND = 127 /* there is no such command */
};

#endif
