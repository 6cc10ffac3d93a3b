/* SPDX-License-Identifier: MIT */
/* What each format's file gives to the table in render.c. Contracts as in struct renderer. */
#ifndef ANALYSIS_RENDER_FORMATS_H
#define ANALYSIS_RENDER_FORMATS_H

#include "render.h"

int text_report(const struct results *r, const struct render_options *o, FILE *out);
int text_comparison(const struct comparison *c, const struct render_options *o, FILE *out);
int json_report(const struct results *r, const struct render_options *o, FILE *out);
int json_comparison(const struct comparison *c, const struct render_options *o, FILE *out);
int csv_report(const struct results *r, const struct render_options *o, FILE *out);
int folded_report(const struct results *r, const struct render_options *o, FILE *out);
int folded_comparison(const struct comparison *c, const struct render_options *o, FILE *out);
int speedscope_report(const struct results *r, const struct render_options *o, FILE *out);
int pprof_report(const struct results *r, const struct render_options *o, FILE *out);
int flame_report(const struct results *r, const struct render_options *o, FILE *out);
int flame_comparison(const struct comparison *c, const struct render_options *o, FILE *out);

#endif
