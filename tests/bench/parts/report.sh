# SPDX-License-Identifier: MIT
# How fast a trace is read. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# One row: how fast this trace is read.
read_speed() {
	local line
	line=$("$O/bench/usage" taskset -c 0 "$GILTRACE" report "$2") || failed
	"$PYTHON" -c 'import json, os, subprocess, sys
label, path, giltrace, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split()
report = json.loads(subprocess.check_output([giltrace, "report", "--json", path]))
records, wall, rss = report["overhead"]["records"], float(words[1]), int(words[5])
print("| %s | %.2f | %.1f | %.2f | %.2f | %.1f |" % (label, records / 1e6, os.path.getsize(path) / 1e6, wall,
                                                  records / wall / 1e6, rss / 1024))' "$1" "$2" "$GILTRACE" "$line"
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
	local millions
	section "Reading a trace" \
		"\`giltrace report\` pinned to one CPU; goals: 5 million records a second, and memory that does not grow with the trace's length. The synthetic traces have the same 16 threads and 8 mutexes, and every record is a futex wait or a futex wake."
	echo "| trace | million records | file, MB | wall, s | million records/s | peak memory, MiB |"
	echo "|---|---|---|---|---|---|"
	for millions in 1 10 50; do
		"$O/bench/storm" ${millions}000000 2 "$SCRATCH/storm.gt" || { failed; continue; }
		read_speed "synthetic" "$SCRATCH/storm.gt"
		rm -f "$SCRATCH/storm.gt"
	done
	if have perf; then
		"$GILTRACE" record -q -o "$SCRATCH/trace.gt" -- \
			taskset -c 0 perf bench -f simple sched pipe -T -l 1000000 >/dev/null 2>&1
		read_speed "recorded, a storm of switches" "$SCRATCH/trace.gt"
	fi
	report_stacks
}

measure
