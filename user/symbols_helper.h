/* SPDX-License-Identifier: MIT */
/*
 * The process that names words (naming.h), and how giltrace talks to it: one packet a question, one
 * packet an answer, over a SOCK_SEQPACKET pair.
 */
#ifndef USER_SYMBOLS_HELPER_H
#define USER_SYMBOLS_HELPER_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "helper.h"
#include "naming.h"

/* Behind it the exec's path and then its cwd, lengths without a NUL, which is not sent. */
struct symbols_question {
	uint64_t addr;
	uint64_t ino, start_code;
	uint32_t as;
	int32_t tgid;
	uint32_t dev;
	uint16_t path_len, cwd_len; /* path_len 0: nothing is known of the exec */
};

/* Behind it the name and then the image, likewise. */
struct symbols_reply {
	uint64_t addr;
	uint64_t image_offset;
	uint64_t shared_dev, shared_ino, shared_offset;
	uint32_t as;
	uint16_t name_len, image_len;
};

#define SYMBOLS_QUESTION_MAX (sizeof(struct symbols_question) + 2 * PATH_MAX)
#define SYMBOLS_REPLY_MAX (sizeof(struct symbols_reply) + NAMING_NAME_MAX + PATH_MAX)

/* A crash, or a filesystem that never answers, costs one name. */
extern const struct helper_job symbols_helper;

#endif
