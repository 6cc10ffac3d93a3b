/* SPDX-License-Identifier: MIT */
/* The files that go into every flame graph as they are. */
#ifndef ANALYSIS_RENDER_FLAME_EMBED_H
#define ANALYSIS_RENDER_FLAME_EMBED_H

extern const char flame_embed_css[]; /* flame.css */
extern const char flame_embed_js[];  /* flame.js */

#endif
