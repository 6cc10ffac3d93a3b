/* SPDX-License-Identifier: MIT */
/* What this kernel and these privileges allow: one table, for giltrace doctor and for messages of
 * failure. */
#ifndef USER_FEATURES_H
#define USER_FEATURES_H

#include <stddef.h>

enum feature_state { FEATURE_YES, FEATURE_NO, FEATURE_UNKNOWN };

#define FEATURE_DETAIL_MAX 160

struct feature {
	const char *name;
	/* May put what it found, in a few words, into `detail`. */
	enum feature_state (*probe)(char detail[FEATURE_DETAIL_MAX]);
	const char *without; /* what is wrong when nothing can be traced without it; NULL: tracing
				works without */
	const char *lost;    /* what is lost without it */
	const char *remedy;  /* what to do */
};

/* Row `index`, or NULL after the last. Probing wants libbpf quiet: features_probe() does that. */
const struct feature *features_at(size_t index);
enum feature_state features_probe(const struct feature *f, char detail[FEATURE_DETAIL_MAX]);

/* May this process trace? 0, or -EPERM after saying what to do. */
int features_check_privileges(void);

/* Why loading BPF failed with `err` (-errno): the first needed row that is missing, in one line on
 * stderr. */
void features_explain_load_failure(int err);

#endif
