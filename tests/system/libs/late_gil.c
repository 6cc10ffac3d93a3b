/* SPDX-License-Identifier: MIT */
/* A lock with USDT probes as those of workloads/gil.h, in a library to be loaded late. */
#include <pthread.h>

static pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;

#if __has_include(<sys/sdt.h>)
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#define PROBE_SEMAPHORE(name)                                                                      \
	extern volatile unsigned short gil_##name##_semaphore;                                     \
	volatile unsigned short gil_##name##_semaphore __attribute__((section(".probes")))
#define PROBE(name, lock)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(gil_##name##_semaphore, 0))                                   \
			STAP_PROBE1(gil, name, lock);                                              \
	} while (0)
PROBE_SEMAPHORE(request);
PROBE_SEMAPHORE(acquired);
PROBE_SEMAPHORE(released);

/* How many of the three probes somebody traces; -1: it was built without. */
int late_gil_traced(void);
int late_gil_traced(void)
{
	return !!gil_request_semaphore + !!gil_acquired_semaphore + !!gil_released_semaphore;
}
#else
#define PROBE(name, lock) ((void)(lock))

int late_gil_traced(void);
int late_gil_traced(void)
{
	return -1;
}
#endif

void late_gil_hold(void (*work)(void));
void late_gil_hold(void (*work)(void))
{
	PROBE(request, &the_lock);
	pthread_mutex_lock(&the_lock);
	PROBE(acquired, &the_lock);
	work();
	PROBE(released, &the_lock);
	pthread_mutex_unlock(&the_lock);
}
