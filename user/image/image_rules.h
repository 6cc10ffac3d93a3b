/* SPDX-License-Identifier: MIT */
/*
 * Call frame information of an ELF file (.eh_frame, .debug_frame), decoded by elfutils when first
 * asked for and kept in the form that unwinding reads.
 */
#ifndef USER_IMAGE_RULES_H
#define USER_IMAGE_RULES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "user/unwind/unwind_rule.h"

struct image_rules;

/*
 * Of `elf` and `debug` (which may be NULL, and may come later), both the caller's and alive as
 * long. NULL: out of memory.
 */
struct image_rules *image_rules_new(Elf *elf);
void image_rules_debug(struct image_rules *r, Dwarf *debug);

/* The rule at `vaddr`; NULL: there is none, or one that cannot be understood. Valid until the next
 * call. */
const struct unwind_rule *image_rules_find(struct image_rules *r, uint64_t vaddr);

void image_rules_free(struct image_rules *r); /* NULL ok */

#endif
