/* SPDX-License-Identifier: MIT */
/* A pool of four threads with nothing to do but a word now and then, while main computes. */
#include "small.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job = PTHREAD_COND_INITIALIZER;
static int jobs;
static bool closed;

static void *serve(void *unused)
{
	pthread_mutex_lock(&mutex);
	while (!closed) {
		while (!jobs && !closed)
			pthread_cond_wait(&job, &mutex);
		if (jobs)
			jobs--;
	}
	pthread_mutex_unlock(&mutex);
	return unused;
}

int main(void)
{
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		start(&thread[i], serve, NULL);
	for (int i = 0; i < 40; i++) {
		burn(15 * MS);
		pthread_mutex_lock(&mutex);
		jobs++;
		pthread_cond_signal(&job);
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	closed = true;
	pthread_cond_broadcast(&job);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
