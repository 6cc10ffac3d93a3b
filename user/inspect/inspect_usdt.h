/* SPDX-License-Identifier: MIT */
/* Static probes (USDT) of provider "gil", which programs with a lock of their own may have. */
#ifndef USER_INSPECT_USDT_H
#define USER_INSPECT_USDT_H

#include <stdbool.h>
#include <stdint.h>

#include "inspect.h"
#include "inspect_elf.h"

/* Where symbol `name` (of `len` bytes) lies; false: unknown. */
typedef bool (*inspect_usdt_symbol)(void *ctx, const char *name, size_t len, uint64_t *vaddr);

/*
 * Read the first argument of a probe at `location`, as the assembler of `machine` wrote it
 * ("8@-24(%rbp) 4@$1"), into arg, reg, size and value of `site`. False, with arg GT_ARG_NONE, when
 * it is none that the kernel side could find.
 */
bool inspect_usdt_argument(const char *text, uint16_t machine, uint64_t location,
			   inspect_usdt_symbol symbol, void *ctx, struct gt_wire_lock_site *site);

/* Add the image's probes to its places, and notes about those that cannot be used. */
void inspect_usdt(const struct inspect_elf *e, struct inspect_image *img);

#endif
