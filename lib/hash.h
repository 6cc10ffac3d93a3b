/* SPDX-License-Identifier: MIT */
/*
 * Where tables look for what they hold. Addresses, numbers and names come from traced programs and
 * trace files: with a known function somebody could choose them so that all have one home, and
 * every look would be a walk through the whole table. So the function is this process's own.
 *
 * Two words are multiplied and the halves of the product put together; what is multiplied is
 * disguised by the secret. Nothing that a table's order depends on may be shown unsorted.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 hash_product;

/* Drawn before main() begins, and never changed but by tests. */
extern uint64_t hash_secret[2];

static inline uint64_t hash_pair(uint64_t a, uint64_t b)
{
	hash_product p = (hash_product)(a ^ hash_secret[0]) * (b ^ hash_secret[1]);

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_number(uint64_t n)
{
	return hash_pair(n, 0);
}

uint64_t hash_bytes(uint64_t start, const void *bytes, size_t len);

#endif
