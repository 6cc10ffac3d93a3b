# SPDX-License-Identifier: MIT
# Stacks and samples. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# What became of the stacks of the last run recorded.
stacks_known() {
	"$GILTRACE" report --json "$SCRATCH/trace.gt" | "$PYTHON" -c 'import json, sys
stacks = json.load(sys.stdin)["stacks"]
copied, known = stacks["copied"], stacks["known"]
print("\nOf the last run of %s: %d stacks copied, %d known again (%.1f %%), %d left out." %
      (sys.argv[1], copied, known, 100 * known / max(copied + known, 1), stacks["skipped"]))' "$1" || failed
}

stacks_offcpu() {
	local storm="taskset -c 0 perf bench -f simple sched pipe -T -l $STORM" tool
	section "Stacks of every wait in a storm of switches" \
		"The storm of \`pipe\`, seconds by its own clock, beside bcc's offcputime, which counts in the kernel and copies no stacks: it follows frame pointers."
	have perf || { echo "perf is not installed."; return; }
	tool=$(offcputime)
	{
		row untraced "$storm"
		[ -z "$tool" ] || row "${tool##*/} -p" "$(under_offcputime "$tool" "$storm")"
		row "giltrace record" "$(clean) $(record -- "$storm")"
		row "giltrace record --no-stacks" "$(clean) $(record --no-stacks -- "$storm")"
		row "giltrace record --stacks offcpu" "$(clean) $(record --stacks offcpu -- "$storm")"
	} | compare 7 stdout s "<=1.50:giltrace record --stacks offcpu"
	stacks_known "giltrace record --stacks offcpu"
	[ -n "$tool" ] || printf '\nNo offcputime runs here. %s\n' "$(tail -n 1 "$SCRATCH/why")"
}

measure() {
	local workload="$O/workloads/gil_threads -t 4 -w 0.25"
	local script="$PYTHON workloads/python/count_threads.py 2 20000000"
	section "Stacks of waits for locks" "\`gil_threads -t 4\`: wall time by its own clock, seconds."
	{
		row untraced "$workload"
		row "giltrace record --no-stacks" "$(clean) $(record --no-stacks -- "$workload")"
		row "giltrace record" "$(clean) $(record -- "$workload")"
	} | compare 9 stdout:wall s "<=1.05:giltrace record"
	stacks_known "giltrace record"
	section "… and of CPython, and samples" \
		"Two threads of $("$PYTHON" -V), each counting to twenty million: wall time by the script's own clock, seconds."
	{
		row untraced "$script"
		row "giltrace record --no-stacks" "$(clean) $(record --no-stacks -- "$script")"
		row "giltrace record -F 99" "$(clean) $(record -F 99 -- "$script")"
		row "giltrace record" "$(clean) $(record -- "$script")"
	} | compare 9 stdout s "<=1.05:giltrace record" "noise:giltrace record -F 99:giltrace record"
	stacks_known "giltrace record"
	stacks_offcpu
}

measure
