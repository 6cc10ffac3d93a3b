/* SPDX-License-Identifier: MIT */
/* A producer and its consumers with a queue under one mutex and one condition variable. queue [CONSUMERS] */
#include "small.h"

enum { ITEMS = 400 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int waiting_items;
static bool closed;

static void *consume(void *unused)
{
	for (;;) {
		pthread_mutex_lock(&mutex);
		while (!waiting_items && !closed)
			pthread_cond_wait(&filled, &mutex);
		if (!waiting_items)
			break;
		waiting_items--;
		pthread_mutex_unlock(&mutex);
		burn(MS);
	}
	pthread_mutex_unlock(&mutex);
	return unused;
}

int main(int argc, char **argv)
{
	long consumers = number(argc, argv, 1, 1);
	pthread_t thread[64];

	for (long i = 0; i < consumers && i < 64; i++)
		start(&thread[i], consume, NULL);
	for (int i = 0; i < ITEMS; i++) {
		burn(2 * MS);
		pthread_mutex_lock(&mutex);
		waiting_items++;
		pthread_cond_signal(&filled);
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	closed = true;
	pthread_cond_broadcast(&filled);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < consumers && i < 64; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
