/* SPDX-License-Identifier: MIT */
/* The kernel side's tables that --table sizes. */
#ifndef USER_TABLES_H
#define USER_TABLES_H

/* In the order of their names in opts_values.c and of their maps in record/probes_load.c. */
enum table {
	TABLE_TARGETS,	    /* processes asked for and left out */
	TABLE_FOUND_IDS,    /* processes and address spaces found at attach */
	TABLE_FUTEX_CALLS,  /* counts of futex calls */
	TABLE_STACKS_KNOWN, /* stacks that are known again */
	TABLE_PYTHONS,	    /* address spaces that run CPython */
	TABLES
};

#endif
