# SPDX-License-Identifier: MIT
# How fast a trace is read. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# The quickest of three runs.
best() {
	for _ in 1 2 3; do
		"$O/bench/usage" "$@" || failed
	done | sort -g -k 2 | head -n 1
}

# One row: how fast this trace is read, on one CPU and on all. read_speed LABEL FILE RECORDS
read_speed() {
	local one all
	one=$(best taskset -c 0 "$GILTRACE" report "$2")
	all=$(best "$GILTRACE" report "$2")
	"$PYTHON" -c 'import os, sys
label, path, records, one, all = *sys.argv[1:3], int(sys.argv[3]), sys.argv[4].split(), sys.argv[5].split()
size = os.path.getsize(path)
walls = [float(words[1]) for words in (one, all)]
print("| %s | %.2f | %.1f | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f | %.1f |" % (
    label, records / 1e6, size / 1e6, size / records, walls[0], records / walls[0] / 1e6, walls[1],
    records / walls[1] / 1e6, int(one[5]) / 1024, int(all[5]) / 1024))' "$1" "$2" "$3" "$one" "$all"
}

# Of the synthetic trace's records a quarter are waits, each with two stacks that no other wait has.
report_stacks() {
	local kind trace=$SCRATCH/stacks.gt
	section "Flame graphs of many stacks" \
		"\`giltrace report --export\` of a hundred thousand waits, each with a stack of its own and its waker's below that, 24 frames each: wall time, seconds; goal: less than 2."
	"$O/bench/storm" 400000 2 "$trace" 100000 || { failed; return; }
	{
		row "no export" "$GILTRACE report -q $trace >/dev/null"
		for kind in folded flame speedscope pprof; do
			row "$kind" "$GILTRACE report -q --export $kind:$SCRATCH/export $trace >/dev/null"
		done
	} | compare 5 wall s "<2s:folded" "<2s:flame" "<2s:speedscope" "<2s:pprof"
	rm -f "$SCRATCH/export"
	"$GILTRACE" report -q --export "folded:$SCRATCH/export" "$trace" >/dev/null || failed
	printf '\nDistinct stacks, by the lines of folded: %d.\n' "$(wc -l <"$SCRATCH/export")"
	rm -f "$SCRATCH/export" "$trace"
}

measure() {
	local records
	section "Reading a trace" \
		"\`giltrace report\` pinned to one CPU, and on all $(nproc), the quickest of three runs; goals: 10 million records a second on one, and memory that does not grow with the trace's length. The synthetic traces have the same 16 threads and 8 mutexes, and every record is a futex wait or a futex wake."
	echo "| trace | million records | file, MB | bytes a record | one CPU: wall, s | million records/s | all CPUs: wall, s | million records/s | peak memory, one CPU, MiB | all |"
	echo "|---|---|---|---|---|---|---|---|---|---|"
	for records in 100000 1000000 10000000 100000000; do
		"$O/bench/storm" $records 2 "$SCRATCH/storm.gt" || { failed; continue; }
		read_speed "synthetic" "$SCRATCH/storm.gt" $records
		rm -f "$SCRATCH/storm.gt"
	done
	if have perf; then
		"$GILTRACE" record -q -o "$SCRATCH/trace.gt" -- \
			taskset -c 0 perf bench -f simple sched pipe -T -l 1000000 >/dev/null 2>&1
		read_speed "recorded, a storm of switches" "$SCRATCH/trace.gt" \
			"$("$GILTRACE" report --json "$SCRATCH/trace.gt" |
				"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["overhead"]["records"])')"
	fi
	report_stacks
}

measure
