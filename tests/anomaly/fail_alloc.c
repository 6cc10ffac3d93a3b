/* SPDX-License-Identifier: MIT */
/* The program's own malloc() is what libraries get, too: jansson, zstd, protobuf-c, the C library's streams. */
#include <errno.h>
#include <dlfcn.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

#if defined(__SANITIZE_ADDRESS__)
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *old);

static struct {
	_Atomic uint64_t count; /* reports are made by several threads */
	uint64_t nth;
	bool on;
	_Atomic int64_t live;
} state;

void fail_allocation(uint64_t nth, bool on)
{
	state.count = 0;
	state.nth = nth;
	state.on = on;
}

uint64_t fail_allocations(void)
{
	return state.count;
}

int64_t fail_live(void)
{
	return state.live;
}

static bool fails(void)
{
	uint64_t at = ++state.count;

	if (!state.nth || at < state.nth || (at > state.nth && !state.on))
		return false;
	errno = ENOMEM;
	return true;
}

static void *made(void *memory)
{
	state.live += memory != NULL;
	return memory;
}

void *malloc(size_t size)
{
	return fails() ? NULL : made(REAL(malloc)(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : made(REAL(calloc)(n, size));
}

void *realloc(void *old, size_t size)
{
	void *memory;

	if (fails())
		return NULL;
	memory = REAL(realloc)(old, size);
	state.live += (memory != NULL) - (old && (memory || !size));
	return memory;
}

void free(void *old)
{
	state.live -= old != NULL;
	REAL(free)(old);
}

/*
 * jansson's parser (2.14) does not look whether it got memory for the text at hand: what it parses
 * then is another text, or it ends the program. So it fails as a whole, as it should.
 */
json_t *json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
	json_t *(*real)(const char *, size_t, size_t, json_error_t *);
	uint64_t count, nth;
	json_t *value;

	if (fails()) {
		memset(error, 0, sizeof(*error));
		error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
		return NULL;
	}
	count = state.count;
	nth = state.nth;
	state.nth = 0;
	real = (json_t * (*)(const char *, size_t, size_t, json_error_t *))(uintptr_t)
		dlsym(RTLD_NEXT, "json_loadb");
	value = real(text, len, flags, error);
	state.count = count;
	state.nth = nth;
	return value;
}
