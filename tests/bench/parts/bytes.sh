# SPDX-License-Identifier: MIT
# How large a trace is, beside what others write of the same program. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

events="-e sched:sched_switch -e sched:sched_waking"

# size LABEL TRACER FILE RECORDS: a row.
size() {
	"$PYTHON" -c 'import os, sys
label, tracer, path, records = sys.argv[1:]
size, records = os.path.getsize(path), int(records)
print("| %s | %s | %d | %d | %.2f |" % (label, tracer, records, size, size / records))' "$@" || failed
}

of_giltrace() {
	rm -f "$SCRATCH/trace.gt"
	# shellcheck disable=SC2086 # a command line
	"$GILTRACE" record -q -o "$SCRATCH/trace.gt" -- $2 >/dev/null 2>&1
	size "$1" "giltrace" "$SCRATCH/trace.gt" "$("$GILTRACE" report --json "$SCRATCH/trace.gt" |
		"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["overhead"]["records"])')"
}

of_perf() {
	have perf || return
	# shellcheck disable=SC2086 # command lines
	perf record -q -c 1 $events -o "$SCRATCH/perf.data" -- $2 >/dev/null 2>&1
	size "$1" perf.data "$SCRATCH/perf.data" "$(perf script -i "$SCRATCH/perf.data" 2>/dev/null | wc -l)"
}

of_trace_cmd() {
	[ -z "$no_trace_cmd" ] || return
	# shellcheck disable=SC2086 # command lines
	trace-cmd record -q -F -c $events -o "$SCRATCH/trace.dat" $2 >/dev/null 2>&1
	size "$1" trace.dat "$SCRATCH/trace.dat" "$(trace-cmd report -i "$SCRATCH/trace.dat" 2>/dev/null | wc -l)"
}

# Why trace-cmd cannot be asked, if so.
why_no_trace_cmd() {
	have trace-cmd || { echo "it is not installed"; return; }
	# shellcheck disable=SC2086 # command lines
	trace-cmd record -q $events -o "$SCRATCH/trace.dat" true 2>&1 >/dev/null | tr -s '\n ' ' '
}

measure() {
	local label command
	no_trace_cmd=$(why_no_trace_cmd)
	section "Bytes a record" \
		"On disk, everything in the file included; goal for giltrace: at most 8. perf and trace-cmd record switches and wakings, without stacks; giltrace what it records by default."
	echo "| trace of | by | records | bytes | bytes a record |"
	echo "|---|---|---|---|---|"
	while IFS=$'\t' read -r label command; do
		of_giltrace "$label" "$command"
		of_perf "$label" "$command"
		of_trace_cmd "$label" "$command"
	done < <(
		! have perf || row "the storm" "taskset -c 0 perf bench sched pipe -T -l $STORM"
		row "gil_threads -t 4" "$O/workloads/gil_threads -t 4"
		row "oversubscribed -t 16" "$O/workloads/oversubscribed -t 16 -w 0.3"
		row "two threads of $("$PYTHON" -V)" "$PYTHON workloads/python/count_threads.py 2 20000000"
		row "a thousand processes" "$O/tests/programs/fork_storm 1000"
	)
	[ -z "$no_trace_cmd" ] || printf '\nNothing by trace-cmd: %s\n' "$no_trace_cmd"
}

measure
