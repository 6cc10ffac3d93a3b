/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define LOG_MAX 1024

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "",
	[LOG_LEVEL_WARN] = "warning: ",
	[LOG_LEVEL_INFO] = "",
	[LOG_LEVEL_DEBUG] = "debug: ",
};

/* The program's one setting that every room needs and none should have to pass on. */
static struct {
	enum log_level level;
	log_hook hook;
	void *ctx;
} log_to = { .level = LOG_LEVEL_INFO };

void log_set_level(enum log_level level)
{
	log_to.level = level;
}

void log_set_hook(log_hook hook, void *ctx)
{
	log_to.hook = hook;
	log_to.ctx = ctx;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char text[LOG_MAX];
	va_list ap;

	if (level > log_to.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_to.hook)
		log_to.hook(level, text, log_to.ctx);
	else /* one write, so that the lines of two processes do not mix */
		fprintf(stderr, "giltrace: %s%s\n", level_names[level], text);
	errno = saved;
}
