/* SPDX-License-Identifier: MIT */
/*
 * A script is read, checked and changed as a script, so it is a file of its own; the assembler puts
 * it into the program. The Makefile knows that this object depends on both files.
 */
#include "flame_embed.h"

#define EMBED(symbol, file)                                                                        \
	__asm__(".pushsection .rodata\n"                                                           \
		".global " #symbol "\n" #symbol ":\n"                                              \
		".incbin \"analysis/render/" file "\"\n"                                           \
		".byte 0\n"                                                                        \
		".popsection\n")

EMBED(flame_embed_css, "flame.css");
EMBED(flame_embed_js, "flame.js");
