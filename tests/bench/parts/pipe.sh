# SPDX-License-Identifier: MIT
# The worst case of a scheduler tracer. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

measure() {
	local storm="perf bench -f simple sched pipe -T -l $STORM"
	section "A storm of switches on one CPU" \
		"\`taskset -c 0 perf bench sched pipe -T -l $STORM\`: two threads that do nothing but wake each other, seconds by its own clock. No tracer has a worse case. The empty programs do nothing on the tracepoints that giltrace uses: with those at the end of futex calls, and without them, as with --no-futex-calls."
	have perf || { echo "perf is not installed."; return; }
	{
		row untraced "taskset -c 0 $storm"
		row "empty BPF programs" "$O/bench/empty_bpf taskset -c 0 $storm"
		row "empty BPF programs, futex exits too" "$O/bench/empty_bpf -f taskset -c 0 $storm"
		row "giltrace record" "$(clean) $(record -- taskset -c 0 "$storm")"
		row "giltrace record --no-futex-calls" "$(clean) $(record --no-futex-calls -- taskset -c 0 "$storm")"
		row "perf sched record" "$(clean) $(perf_record -- taskset -c 0 "$storm")"
	} | compare 9 stdout s "<=1.05:giltrace record:empty BPF programs, futex exits too" \
		"<=1.05:giltrace record --no-futex-calls:empty BPF programs"
}

measure
