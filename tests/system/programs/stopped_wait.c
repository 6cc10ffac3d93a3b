/* SPDX-License-Identifier: MIT */
/*
 * A child stops its parent for 300 ms while the parent's thread waits for a condition, and lets it go on: the
 * time stopped is no waiting for the condition. Prints how long it was stopped at most, in ns.
 */
#include <signal.h>
#include <sys/wait.h>
#include "small.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool go;

static void *wait_for_it(void *unused)
{
	pthread_mutex_lock(&mutex);
	while (!go)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return unused;
}

static pid_t stop_and_continue(pid_t who)
{
	pid_t pid = fork();
	uint64_t before;

	if (pid)
		return pid;
	sleep_ns(100 * MS);
	before = clock_now(CLOCK_MONOTONIC);
	kill(who, SIGSTOP);
	sleep_ns(300 * MS);
	kill(who, SIGCONT);
	printf("%llu\n", (unsigned long long)(clock_now(CLOCK_MONOTONIC) - before));
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	pid_t child = stop_and_continue(getpid());
	pthread_t thread;

	start(&thread, wait_for_it, NULL);
	waitpid(child, NULL, 0);
	pthread_mutex_lock(&mutex);
	go = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, NULL);
	return 0;
}
