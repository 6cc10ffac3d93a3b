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

# stopped_for SECONDS PID…: are stopped so long, or longer where sleep is late: for STOPPED ns.
stopped_for() {
	local seconds=$1
	shift
	STOPPED=$(date +%s%N)
	kill -STOP "$@"
	sleep "$seconds"
	kill -CONT "$@"
	STOPPED=$(($(date +%s%N) - STOPPED))
}

# Until what FILE says of itself is there: the program came to its end.
wait_for_file() {
	wait_for 60 test -s "$1" || fail "$1 is not there after 60 s$(echo; show_output)"
}

# ---- rings ----

# perf counts what there was to record: on all CPUs, so of a name that no other storm has.
COUNTED_STORM=./storm$$
COUNTED=(perf stat -a -x, -o perf.txt
	-e sched:sched_switch --filter "prev_comm == \"storm$$\" || next_comm == \"storm$$\""
	-e sched:sched_waking --filter "comm == \"storm$$\""
	"$GILTRACE" record --no-stacks -o t.gt)

# For the storm's two threads, whom the program tells of as `w`.
STORM_THREADS='all(%s for w in truth["threads"] for t in threads if t["tid"] == w["tid"])'
# They nap when the storm is over, 50 times 20 ms. A CPU tells of its last loss with its next record, and there is room
# for that when the collector has had a CPU: of the naps, the first half may be unknown.
NAPS=50
# shellcheck disable=SC2059 # it is a format
NAPS_KNOWN=$(printf "$STORM_THREADS" \
	't["sleep"] > 450 * ms and t["unknown"] < w["rest"] - w["begun"] + 400 * ms')

case_counted_to_the_record() {
	needs_dump
	needs_tool perf chrt taskset
	never_idle
	cp "$STORM" "$COUNTED_STORM"
	run "${COUNTED[@]}" -b 4K -- "$COUNTED_STORM" truth.json 500 $NAPS
	end_hogs
	want_status 0
	losses lossy
	losses counted perf.txt
	losses told
	losses books truth.json
	report_of t.gt
	check 'v == "inconclusive"' 'r["losses"]["exceeded"]' 'all(off_by(t) <= 2000 for t in threads)' \
		'len(threads) == 3' '{w["tid"] for w in truth["threads"]} < {t["tid"] for t in threads}' "$NAPS_KNOWN"
}

# stalled SECONDS OPTION…: the collector is stopped so long, half a second into a storm.
stalled() {
	local seconds=$1 perf
	shift
	cp "$STORM" "$COUNTED_STORM"
	never_idle
	rm -f truth.json out
	"${COUNTED[@]}" "$@" -- "$COUNTED_STORM" truth.json 2500 $NAPS >out 2>err &
	perf=$!
	wait_for_file out
	sleep 0.3
	stopped_for "$seconds" "$(pgrep -P "$perf")"
	wait "$perf"
	STATUS=$?
	end_hogs
	want_status 0
	losses counted perf.txt
	losses told
	losses books truth.json
	report_of t.gt
	# shellcheck disable=SC2059 # it is a format
	check 'all(off_by(t) <= 2000 for t in threads)' 'len(threads) == 3' \
		"$(printf "$STORM_THREADS" "t['unknown'] < $STOPPED + 0.6 * s and t['sleep'] > 450 * ms")" \
		'r["losses"]["exceeded"] == (v == "inconclusive")'
}

case_stalled_collector() {
	needs_dump
	needs_tool perf chrt taskset pgrep
	stalled 1
	stalled 1 -b 1M
	losses lossy
	check 'v == "inconclusive"'
}

# Threads are born, named and end while there is no room for anything: none is missing from the report.
case_births_in_a_full_ring() {
	needs_trace
	trace -b 4K --no-stacks -- "$PROGRAMS/many" 3000 0 16
	want_status 0
	check 'lost > 0' 'len(threads) == 3001' 'len(processes) == 1' \
		'all(t["comm"] == "many" for t in threads)' 'all(off_by(t) <= 2000 for t in threads)'
}

# ---- many at once ----

case_pool_of_short_lives() {
	needs_trace
	trace --no-stacks -- "$PROGRAMS/many" 5000 0 16
	want_status 0
	check 'lost == 0' 'len(threads) == 5001' 'len(processes) == 1' "$AUDITED" "$ADDS_UP"
}

case_storm_of_strangers() {
	local storm
	needs_trace
	(while "$PROGRAMS/fork_storm" 200; do :; done) &
	storm=$!
	trace -- "$WORKLOADS/gil_threads" -t 2 -w 0.3
	kill "$storm"
	wait "$storm" 2>/dev/null
	want_status 0
	check 'lost == 0' 'len(processes) == 1' "$AUDITED" "$ADDS_UP"
}

# Where numbers of processes come round, a process is still itself.
case_numbers_used_again() {
	needs_trace
	needs_tool unshare
	unshare -pf --mount-proc sh -c 'echo 400 >/proc/sys/kernel/pid_max' 2>/dev/null &&
		[ "$(cat /proc/sys/kernel/pid_max)" -ne 400 ] || skip "no pid namespace has a limit of its own here"
	run unshare -pf --mount-proc sh -c 'echo 400 >/proc/sys/kernel/pid_max; exec "$@"' sh \
		"$GILTRACE" run --no-stacks --export "json:$T/report.json" -- "$PROGRAMS/fork_storm" 1000
	want_status 0
	check 'lost == 0' 'len(processes) == 1001' 'len({q["pid"] for q in processes}) < 400' "$AUDITED" "$ADDS_UP"
}

# All that sleep are told of at once, in rings that have room for a few.
case_attach_to_more_than_a_ring_holds() {
	local pid
	needs_trace
	"$PROGRAMS/many" 2000 60000 &
	pid=$!
	wait_for 60 asleep "$pid" 2001 || fail "they do not sleep"
	trace -b 4K --no-stacks -p "$pid" -d 0.3
	kill "$pid"
	want_status 0
	check 'lost == 0' 'len(threads) == 2001' 'all(t["sleep"] + t["event"] > 0.99 * wall for t in threads)' \
		"$ADDS_UP" "$AUDITED"
}

# ---- tables ----

case_more_descendants_than_targets() {
	local shell
	needs_trace
	sh -c 'sh -c "for i in \$(seq 40); do sleep 60 & done; wait" & wait' &
	shell=$!
	wait_for 60 has_descended "$shell" 40 sleep || fail "they do not sleep"
	trace --table targets=8 -p "$shell" -d 0.2
	pkill -P "$(pgrep -P "$shell")" 2>/dev/null
	want_status 0
	check 'lost == 0' 'len(processes) == 42'
}

case_table_of_found_full() {
	local pid
	needs_trace
	"$PROGRAMS/many" 20 60000 &
	pid=$!
	wait_for 60 asleep "$pid" 21 || fail "they do not sleep"
	trace --table found_ids=1 -p "$pid" -d 0.2
	kill "$pid"
	want_status 0
	check 'len(threads) == 21' 'r["losses"]["reasons"]["found_table"] == 21'
	grep -q 'found_table 21' out || fail "the text does not say so$(echo; show_output)"
}

# Counted calls and those that found no room are those there were.
case_table_of_calls_full() {
	local all some
	needs_dump
	"$GILTRACE" record -q --no-stacks -o t.gt -- "$PROGRAMS/exec_calls" 7 11 >out 2>err || fail "$(show_output)"
	all=$("$DUMP" t.gt | sed -n 's/.*futex-count.* count=//p' | paste -sd+ | bc)
	"$GILTRACE" record -q --no-stacks --table futex_calls=1 -o t.gt -- "$PROGRAMS/exec_calls" 7 11 >out 2>err ||
		fail "$(show_output)"
	some=$("$DUMP" t.gt | sed -n 's/.*futex-count.* count=//p;s/^meta loss futex_map //p' | paste -sd+ | bc)
	[ "$all" -ge 18 ] || fail "only $all calls"
	[ "$all" = "$some" ] || fail "$all calls, but $some with a table that is full"
	report_of t.gt
	check 'r["losses"]["reasons"]["futex_map"] > 0' 'r["losses"].get("unknown", 0) == 0'
}

# ---- what no workload can be asked for ----

# kernel_side TEST: see tests/tools/kernel_side.c.
kernel_side() {
	local try
	needs_trace
	[ -x "$O/tests/tools/kernel_side" ] || skip "tests/tools/kernel_side is not built"
	for try in 1 2 3; do
		run "$O/tests/tools/kernel_side" "$1"
		[ "$STATUS" = 77 ] || break
	done
	[ "$STATUS" != 77 ] || skip "$(cat err)"
	want_status 0
}

case_ends_not_shown() {
	kernel_side ends
}

case_switch_not_shown_behind_a_loss() {
	kernel_side between
}

case_closing_counts_once() {
	kernel_side closing
}

# ---- helpers and the recorder itself ----

# Names are missing, and nothing else.
case_helpers_stopped() {
	local giltrace helpers
	needs_trace
	needs_tool pgrep
	"$GILTRACE" run --export "json:$T/report.json" -- "$WORKLOADS/gil_threads" -t 2 -w 0.5 >out 2>err &
	giltrace=$!
	while ! helpers=$(pgrep -P "$giltrace" '^giltrace-') && kill -0 "$giltrace"; do :; done
	# shellcheck disable=SC2086 # a list of numbers
	kill -STOP $helpers $(for pid in $helpers; do pgrep -P "$pid"; done)
	wait "$giltrace"
	STATUS=$?
	want_status 0
	check 'lost == r["losses"]["reasons"]["stack"]' 'r["losses"].get("unknown", 0) == 0' 'r["losses"]["disordered"] == 0' \
		'[l["waits"] > 10 for l in locks] == [True]' "$ADDS_UP" "$AUDITED"
	for pid in $helpers; do
		[ ! -d "/proc/$pid" ] || fail "helper $pid is left behind"
	done
}

# There is something in t.gt while it is written.
RECORDED=('wall > 0.3 * s' 'len(threads) == 3')
recorded_so_far() {
	"$GILTRACE" report --export "json:$T/report.json" t.gt >"$T/out" 2>"$T/err" && ( check "${RECORDED[@]}" )
}

# The program's pid, as giltrace's child.
find_storm() {
	wait_for 30 pgrep -P "$1" -x storm >storm.pid || fail "no storm$(echo; show_output)"
}

goes_on() {
	kill -0 "$(cat storm.pid)" && [ ! -e truth.json ] || fail "the program did not go on"
	kill "$(cat storm.pid)"
}

case_recorder_killed() {
	local giltrace
	needs_trace
	needs_tool pgrep
	"$GILTRACE" record -o t.gt -- "$STORM" truth.json 30000 >out 2>err &
	giltrace=$!
	wait_for_file out
	find_storm $giltrace
	wait_for 25 recorded_so_far || fail "nothing is recorded$(echo; show_output)"
	kill -KILL "$giltrace"
	wait "$giltrace" 2>/dev/null
	goes_on
	run "$GILTRACE" report --export "json:$T/report.json" t.gt
	want_status 0
	grep -qi incomplete out || fail "the report does not say so$(echo; show_output)"
	check 'r["losses"]["incomplete"]' "${RECORDED[@]}" "$ADDS_UP"
}

# ended_by SIGNAL STATUS: the recording is whole, and the program goes on.
ended_by() {
	local giltrace
	rm -f truth.json t.gt out
	"$GILTRACE" record -o t.gt -- "$STORM" truth.json 60000 >out 2>err &
	giltrace=$!
	wait_for_file out
	find_storm $giltrace
	sleep 0.3
	kill "-$1" "$giltrace"
	if [ "$1" = INT ]; then
		wait_for 30 signal_taken "$giltrace" INT || fail "SIGINT is not taken"
		kill -INT "$giltrace"
	fi
	wait "$giltrace"
	STATUS=$?
	want_status "$2"
	goes_on
	report_of t.gt
	check 'not r["losses"]["incomplete"]' 'lost == 0' 'wall > 0.2 * s' "$ADDS_UP" "$AUDITED"
}

case_recorder_ended() {
	needs_trace
	needs_tool pgrep
	ended_by TERM 143
	ended_by HUP 129
	ended_by INT 130
}

case_program_killed() {
	local giltrace
	needs_trace
	needs_tool pgrep
	"$GILTRACE" run --export "json:$T/report.json" -- "$STORM" truth.json 60000 >out 2>err &
	giltrace=$!
	wait_for_file out
	sleep 0.3
	pkill -KILL -P "$giltrace" storm
	wait "$giltrace"
	STATUS=$?
	want_status 137
	check 'lost == 0' 'len(threads) == 3' 'r["exit"] == {"signal": 9}' "$ADDS_UP" "$AUDITED"
}

# ---- where the trace goes ----

case_file_size_limit() {
	needs_trace
	run bash -c 'ulimit -f 64; exec "$@"' bash "$GILTRACE" record -o t.gt -- "$STORM" truth.json 1000
	want_status 125
	want_said 'file too large' 'kept'
	[ -s truth.json ] || fail "the program did not run to its end"
	run "$GILTRACE" report --export "json:$T/report.json" t.gt
	want_status 0
	# How far the file goes is the machine's affair: its first thread is there.
	check 'r["losses"]["incomplete"]' 'len(threads) >= 1' "$ADDS_UP"
}

case_directory_removed() {
	needs_trace
	mkdir gone
	run "$GILTRACE" record -o gone/t.gt -- sh -c 'rm -r gone; sleep 0.2; exit 3'
	want_status 125
	want_said 'gone/t.gt' 'removed'
	mkdir gone
	run "$GILTRACE" run -o gone/t.gt --export "json:$T/report.json" -- sh -c 'rm -r gone; sleep 0.2; exit 3'
	want_status 125
	check 'wall > 0.19 * s'
}

run_cases "$@"
