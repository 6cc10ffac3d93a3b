/* SPDX-License-Identifier: MIT */
#include "lib/hash.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

uint64_t hash_secret[2];

/* Where the kernel gives none yet, or the call is forbidden: what it gave at exec, disguised. */
static void fall_back(void)
{
	const void *given =
		(const void *)getauxval(AT_RANDOM); /* 16 bytes, as many as are wanted */

	if (given)
		memcpy(hash_secret, given, sizeof(hash_secret));
	hash_secret[0] = (hash_secret[0] ^ (uintptr_t)&hash_secret) * 0x9e3779b97f4a7c15ULL;
	hash_secret[1] = (hash_secret[1] ^ (uintptr_t)given) * 0xd1342543de82ef95ULL;
}

/* A factor should have ones in both halves and be odd, as hash_number() multiplies by it. */
static __attribute__((constructor)) void draw(void)
{
	if (getrandom(hash_secret, sizeof(hash_secret), GRND_NONBLOCK) != sizeof(hash_secret))
		fall_back();
	hash_secret[1] |= 1ULL << 63 | 1;
}

uint64_t hash_bytes(uint64_t start, const void *bytes, size_t len)
{
	const char *at = bytes;
	uint64_t h = hash_pair(start, len), word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		h = hash_pair(h, word);
	}
	word = 0;
	memcpy(&word, at, len);
	return hash_pair(h, word);
}
