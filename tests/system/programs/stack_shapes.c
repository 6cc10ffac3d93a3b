/* SPDX-License-Identifier: MIT */
/*
 * Waits that are hard to unwind or to tell apart. Usage: stack_shapes WHAT [ROUNDS]
 *   callers  two callers take turns to wait in one function, at the same depth
 *   hole     a caller whose array was never touched
 *   deep     waits under more stack than anybody copies
 *   nowhere  waits with a stack pointer that points at nothing
 *   signal   waits in a signal handler, on a stack of its own
 *   handler  waits in a signal handler, on the stack of whom it interrupted
 *   made     waits under code made at run time, of which nothing is known
 *   brief    waits once and exits at once
 *   burn     computes for ROUNDS ms
 *   clock    asks for the time for ROUNDS ms, which the kernel's code in the program answers
 */
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "small.h"

/* Functions are to keep their frames and their names: nothing merged, cloned, inlined or made a
 * jump of. */
#define FRAME __attribute__((noipa))
#define STAY __asm__ volatile("" ::: "memory")

static uint32_t word;

FRAME static void wait_here(void)
{
	struct timespec ts = { 0, MS };

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
	STAY;
}

FRAME static void first_caller(void)
{
	wait_here();
	STAY;
}

FRAME static void second_caller(void)
{
	wait_here();
	STAY;
}

FRAME static void over_a_hole(void)
{
	char untouched[40000];

	__asm__ volatile("" ::"r"(untouched) : "memory");
	wait_here();
	STAY;
}

FRAME static void descend(long levels)
{
	char touched[1024];

	memset(touched, (int)levels, sizeof(touched));
	__asm__ volatile("" ::"r"(touched) : "memory");
	if (levels)
		descend(levels - 1);
	else
		wait_here();
	STAY;
}

FRAME static void from_nowhere(void)
{
#ifdef __x86_64__
	struct timespec ts = { 0, MS };
	register void *timeout __asm__("r10") = &ts;
	long result;

	__asm__ volatile("mov %%rsp, %%r12\n\tmov $0x1000, %%rsp\n\tsyscall\n\tmov %%r12, %%rsp"
			 : "=a"(result)
			 : "0"(SYS_futex), "D"(&word), "S"(FUTEX_WAIT_PRIVATE), "d"(0), "r"(timeout)
			 : "rcx", "r11", "r12", "memory");
#endif
}

FRAME static void handler(int signal)
{
	wait_here();
	STAY;
}

static void in_a_signal(void)
{
	static char other[64 << 10];
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaltstack(&(stack_t){ .ss_sp = other, .ss_size = sizeof(other) }, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static void under_a_signal(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
}

static void under_made_code(void)
{
	/* push %rbp; xor %ebp, %ebp; call *%rdi; nop; pop %rbp; ret */
	static const uint8_t code[] = { 0x55, 0x31, 0xed, 0xff, 0xd7, 0x90, 0x5d, 0xc3 };
	static void (*made)(void (*)(void));

	if (!made) {
		void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memcpy(at, code, sizeof(code));
		memcpy(&made, &at, sizeof(made));
	}
	made(wait_here);
}

FRAME static void ask_time(uint64_t ns)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ns;

	while (clock_now(CLOCK_MONOTONIC) < end)
		;
	STAY;
}

static const char *what;
static long rounds;

static void *body(void *unused)
{
	for (long i = 0; i < rounds; i++) {
		if (!strcmp(what, "callers"))
			i % 2 ? second_caller() : first_caller();
		else if (!strcmp(what, "hole"))
			over_a_hole();
		else if (!strcmp(what, "deep"))
			descend(400);
		else if (!strcmp(what, "nowhere"))
			from_nowhere();
		else if (!strcmp(what, "signal"))
			in_a_signal();
		else if (!strcmp(what, "handler"))
			under_a_signal();
		else if (!strcmp(what, "made"))
			under_made_code();
		else if (!strcmp(what, "brief"))
			first_caller();
	}
	if (!strcmp(what, "burn"))
		burn(rounds * MS);
	if (!strcmp(what, "clock"))
		ask_time(rounds * MS);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	what = argc > 1 ? argv[1] : "callers";
	rounds = number(argc, argv, 2, 1);
	if (!strcmp(what, "brief")) {
		body(NULL);
		_exit(0);
	}
	start(&thread, body, NULL);
	pthread_join(thread, NULL);
	return 0;
}
