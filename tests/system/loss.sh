#!/bin/bash
# SPDX-License-Identifier: MIT
# What happens where there is not room for everything, or no time: what is lost is counted, to the record, and what
# was recorded stays.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

DUMP=$O/tests/tools/dump
STORM=$PROGRAMS/storm

needs_dump() {
	needs_trace
	[ -x "$DUMP" ] || skip "tests/tools/dump is not built"
}

# losses CHECK [FILE]: over the trace t.gt, see losses.py.
losses() {
	"$DUMP" t.gt >t.txt || fail "the trace cannot be read"
	"$PYTHON" "$HERE/losses.py" "$1" t.txt "${2:-}" >losses.out || fail "$(cat losses.out)"
	cat losses.out
}

report_of() {
	"$GILTRACE" report --json "$1" >report.json 2>err || fail "no report of $1: $(cat err)"
}

# Keep every CPU out of idle, so that a storm's records are switches and wakings and nothing else.
never_idle() {
	local cpu
	HOGS=()
	for ((cpu = 0; cpu < $(nproc --all); cpu++)); do
		taskset -c "$cpu" chrt -i 0 sh -c 'while :; do :; done' 2>/dev/null &
		HOGS+=($!)
	done
}

end_hogs() {
	kill "${HOGS[@]}"
	wait "${HOGS[@]}" 2>/dev/null
}

# stopped_for SECONDS PID…: are stopped so long.
stopped_for() {
	local seconds=$1
	shift
	kill -STOP "$@"
	sleep "$seconds"
	kill -CONT "$@"
}

# ---- rings ----

# The threads nap when the storm is over, 10 times 20 ms: of that, nothing but the first nap may be unknown.
NAPS_KNOWN='all(t["sleep"] > 175 * ms and t["unknown"] < [w for w in truth["threads"] if w["tid"] == t["tid"]][0]["rest"]
	- [w for w in truth["threads"] if w["tid"] == t["tid"]][0]["begun"] - 125 * ms + 25 * ms
	for t in threads if t["tid"] in [w["tid"] for w in truth["threads"]])'

case_counted_to_the_record() {
	needs_dump
	needs_tool perf chrt taskset
	never_idle
	run perf stat -a -x, -o perf.txt \
		-e sched:sched_switch --filter 'prev_comm == "storm" || next_comm == "storm"' \
		-e sched:sched_waking --filter 'comm == "storm"' \
		"$GILTRACE" record -b 4K --no-stacks -o t.gt -- "$STORM" truth.json 300
	end_hogs
	want_status 0
	losses counted perf.txt
	losses told
	losses books truth.json
	report_of t.gt
	check 'v == "inconclusive"' 'r["losses"]["exceeded"]' 'all(off_by(t) <= 2000 for t in threads)' \
		'len(threads) == 3' '{w["tid"] for w in truth["threads"]} < {t["tid"] for t in threads}' "$NAPS_KNOWN"
}

run_cases "$@"
