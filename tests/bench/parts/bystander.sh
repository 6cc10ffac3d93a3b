# SPDX-License-Identifier: MIT
# What is paid by who is not traced. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

measure() {
	local storm="taskset -c 0 perf bench -f simple sched pipe -T -l $STORM"
	local calls="taskset -c 0 perf bench -f simple syscall basic"
	section "What a bystander pays" \
		"The same storm, not traced, while giltrace traces a program that sleeps. The hooks on sched_switch and sched_waking are always there; the one at the end of system calls is left out by --no-futex-calls."
	have perf || { echo "perf is not installed."; return; }
	{
		row "nobody traces" "$storm"
		row "giltrace record --no-futex-calls" "$(beside --no-futex-calls "$storm")"
		row "giltrace record" "$(beside "" "$storm")"
	} | compare 9 stdout s
	section "… for each system call" "\`perf bench syscall basic\`: ten million times getppid(), seconds."
	{
		row "nobody traces" "$calls"
		row "giltrace record --no-futex-calls" "$(beside --no-futex-calls "$calls")"
		row "giltrace record" "$(beside "" "$calls")"
	} | compare 7 stdout s
}

measure
