/* SPDX-License-Identifier: MIT */
/*
 * Messages for the person at the terminal. Whoever knows the context reports an error, once;
 * callers pass the error on. Names from traced programs go through escape() first.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `text` is one message without prefix and newline. */
typedef void (*log_hook)(enum log_level level, const char *text, void *ctx);

/* Print messages up to this level; LOG_LEVEL_INFO when never called. */
void log_set_level(enum log_level level);

/* Send messages to `hook` instead of stderr; NULL goes back. */
void log_set_hook(log_hook hook, void *ctx);

/* One message, up to 1 KiB, longer ones are cut. errno is left as it was. */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
