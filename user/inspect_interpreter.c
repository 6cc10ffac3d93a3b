/* SPDX-License-Identifier: MIT */
#include "inspect_interpreter.h"

#include <string.h>

void inspect_interpreter(const struct inspect_elf *e, unsigned int want, struct inspect_image *img)
{
}

bool inspect_interpreter_named(const char *name)
{
	static const char *const parts[] = { "python", "pypy", "ruby", "ocaml" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(name, parts[i]))
			return true;
	}
	return false;
}
