# SPDX-License-Identifier: MIT
# How large a trace is. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

measure() {
	section "Bytes a record" "On disk, everything in the file included; goal: at most 12."
	echo "| trace of | records | bytes | bytes a record |"
	echo "|---|---|---|---|"
	local name
	while IFS=$'\t' read -r name command; do
		rm -f "$SCRATCH/trace.gt"
		# shellcheck disable=SC2086 # a command line
		"$GILTRACE" record -q -o "$SCRATCH/trace.gt" -- $command >/dev/null 2>&1
		"$GILTRACE" report --json "$SCRATCH/trace.gt" | "$PYTHON" -c 'import json, os, sys
cost, size = json.load(sys.stdin)["overhead"], os.path.getsize(sys.argv[2])
print("| %s | %d | %d | %.2f |" % (sys.argv[1], cost["records"], size, size / cost["records"]))' \
			"$name" "$SCRATCH/trace.gt" || failed
	done < <(
		have perf && row "the storm" "taskset -c 0 perf bench sched pipe -T -l $STORM"
		row "gil_threads -t 4" "$O/workloads/gil_threads -t 4"
		row "oversubscribed -t 16" "$O/workloads/oversubscribed -t 16 -w 0.3"
		row "a thousand processes" "$O/tests/programs/fork_storm 1000"
	)
}

measure
