/* SPDX-License-Identifier: MIT */
/*
 * Looks like CPython 3.14.5 to whoever reads its file: the lock's functions by name, one of them
 * inlined into two others. The file is called like the source these are in: so they are found.
 */
#include <stdio.h>

const unsigned long Py_Version = 0x030e05f0;

volatile int lock;

void PyEval_SaveThread(void);
void PyEval_RestoreThread(void);
void PyEval_ReleaseThread(void);
void _Py_HandlePending(void);

static inline __attribute__((always_inline)) void drop_gil(void)
{
	__asm__ volatile("" ::: "memory");
	lock = 0;
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void take_gil(void)
{
	lock = 1;
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void PyEval_SaveThread(void)
{
	lock = 2;
	drop_gil();
}

__attribute__((noinline)) void PyEval_ReleaseThread(void)
{
	drop_gil();
}

__attribute__((noinline)) void PyEval_RestoreThread(void)
{
	take_gil();
}

__attribute__((noinline)) void _Py_HandlePending(void)
{
	void (*volatile release)(void) = drop_gil; /* a copy that is not inlined */

	release();
	take_gil();
}

int main(void)
{
	PyEval_SaveThread();
	PyEval_RestoreThread();
	PyEval_ReleaseThread();
	_Py_HandlePending();
	printf("%lx\n", Py_Version);
	return 0;
}
