#!/bin/bash
# SPDX-License-Identifier: MIT
# What giltrace measures against what the workloads measure of themselves, and against itself.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

# These functions and what they allow are truth.py's.
RUN_TIME='ran()'
ALL_FOUND='all(any(t["tid"] == w["tid"] for t in threads) for w in truth["per_thread"])'
# 2 %, and for the clock calls around each wait half a microsecond.
LOCK_WAIT='all(waited(l, w, 500)
	for w in truth["locks"] for l in [own_lock(w["name"])])'

HOLD_EXACT='all(held([own_lock(w["name"])], w) for w in truth["locks"])'
HOLD_INFERRED='all(inferred(own_lock(w["name"]), w) for w in truth["locks"])'
IO_LATENCY='served(own_lock(truth["locks"][0]["name"]))'
# A waiter is charged to its holders for exactly as long as it waited.
PAIRS='all(sum(p["time"] for p in l["pairs"] if p["waiter"] == b["thread"]) == b["wait"]
	for l in locks for b in l["by_thread"])'

# Everything about a report that holds whatever was traced.
check_sound() {
	check_always 'lost == 0' 'r["losses"].get("unknown", 0) == 0' 'not r["losses"]["exceeded"]' \
		'all(off_by(t) <= 2000 for t in threads)' \
		'all(cpu_off_by(c, wall) <= 0.001 for c in r["cpus"])' \
		'max(r["audit"]["cpu_error"], r["audit"]["task_error"]) <= 0.001' \
		'abs(sum(p["histogram"]) - r["window"]["wall"]) <= 0.001 * wall or abs(sum(p["histogram"]) - r["window"]["active"]) <= 0.001 * wall' \
		'abs(sum(o["run"] for o in r["occupancy"]) - sum(t["run"] for t in threads)) <= 0.001 * wall' \
		'abs(sum(c["workload"] for c in r["cpus"]) - sum(t["run"] for t in threads)) <= 0.001 * wall'
	[ $# -eq 0 ] || check "$@"
}

# truth_of WORKLOAD OPTION… -- EXPRESSION…: traced with --truth; `truth` is what it wrote.
truth_of() {
	local program=$1 options=()
	needs_trace
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	TRACED=("$WORKLOADS/$program" "${options[@]}" --truth "$T/truth.json")
	EXPECTED=("$@")
	undisturbed truth_holds
}

truth_holds() {
	trace "${TRACE_OPTIONS[@]}" -- "${TRACED[@]}"
	want_status 0
	check_sound "${EXPECTED[@]}"
}

case_gil_threads() {
	truth_of gil_threads -t 4 -w 0.3 -- "$ALL_FOUND" "$RUN_TIME" "$LOCK_WAIT" "$HOLD_EXACT" "$PAIRS"
}

case_gil_threads_short_interval() {
	truth_of gil_threads -t 3 -w 0.2 -i 500 -- "$ALL_FOUND" "$RUN_TIME" "$LOCK_WAIT"
}

case_gil_procs() {
	truth_of gil_procs -t 2 -w 0.3 -- "$ALL_FOUND" "$RUN_TIME"
}

case_free_threads() {
	truth_of free_threads -t 2 -w 0.3 -- "$ALL_FOUND" "$RUN_TIME"
}

case_oversubscribed() {
	truth_of oversubscribed -t 8 -w 0.1 -- "$ALL_FOUND" "$RUN_TIME"
}

case_gil_io() {
	truth_of gil_io -t 8 -w 0.5 -- "$ALL_FOUND" "$RUN_TIME" "$HOLD_EXACT" "$PAIRS"
}

case_gil_convoy() {
	truth_of gil_convoy -t 2 -- "$ALL_FOUND" "$RUN_TIME" "$LOCK_WAIT" "$HOLD_EXACT" "$IO_LATENCY" "$PAIRS"
}

# Holds of 4 µs, some two hundred thousand of them; waits are as short, the clock calls around them are most of it.
case_gil_convoy_python_2() {
	truth_of gil_convoy -t 2 --style 2 -- "$ALL_FOUND" "$RUN_TIME" "$HOLD_EXACT" "$IO_LATENCY" "$PAIRS"
}

# Several locks under one name, or without any: their sums.
ALL_EXACT='held(locks, truth["locks"][0])'

case_gil_perinterp() {
	truth_of gil_perinterp -t 2 -w 0.3 -- "$ALL_FOUND" "$RUN_TIME" "$ALL_EXACT" 'len(locks) == 2' \
		'all(l.get("name") for l in locks)'
}

case_inferred_gil_threads_2() {
	TRACE_OPTIONS=(--no-usdt)
	truth_of gil_threads -t 2 -w 0.3 -- "$LOCK_WAIT" "$HOLD_INFERRED" "$PAIRS"
}

# Without probes, from who ran between hand-overs.
case_inferred_gil_threads() {
	TRACE_OPTIONS=(--no-usdt)
	truth_of gil_threads -t 4 -w 0.3 -- "$LOCK_WAIT" "$HOLD_INFERRED" "$PAIRS"
}

# Where both have one CPU, who is made to let go has lost it to the other before he could wait. Then only one thread ever
# waits, which makes no lock: an event, of as much waiting.
ONE_WAITS='(sum(t["lock"] + t["event"] > ms for w in truth["per_thread"] for t in threads if t["tid"] == w["tid"]) < 2
	and any(waited(e, w, 500) for e in events for w in truth["locks"]))'

case_inferred_gil_convoy() {
	TRACE_OPTIONS=(--no-usdt)
	truth_of gil_convoy -t 2 -- "($ONE_WAITS or $LOCK_WAIT and $HOLD_INFERRED and $IO_LATENCY)" "$PAIRS"
}

case_fine_grained() {
	truth_of fine_grained -t 2 -w 0.3 -- "$ALL_FOUND" "$RUN_TIME" "$ALL_EXACT"
}

# The workload's own wall time lies inside the window, and near it: but for what its first thread does before and after.
case_window() {
	truth_of free_threads -t 2 -w 0.3 -- 'r["window"]["start"] <= truth["start_ns"]' \
		'truth["end_ns"] <= r["window"]["end"]' \
		'all(t["end"] - r["window"]["start"] - truth["wall_ns"] < 0.1 * s + t["run"] + t["runnable"]
			for t in threads if t["tid"] == processes[0]["pid"])'
}

# perf's record of the same switches is an independent account of them: each thread's running time agrees with it
# to the time between the two hooks, whatever else the machine does; unless perf says that it lost some.
case_against_perf() {
	needs_trace
	needs_tool perf
	perf record -q -a -k CLOCK_MONOTONIC -e sched:sched_switch -o perf.data -- \
		"$GILTRACE" run --export "json:$T/report.json" -- "$WORKLOADS/oversubscribed" -t $((2 * CPUS)) -w 0.1 \
		>out 2>err || skip "perf cannot record here: $(tail -n 1 err)"
	perf script -i perf.data -F tid,cpu,time,event,trace --ns >switches 2>/dev/null
	"$PYTHON" "$HERE/perf_switches.py" report.json switches >differences && return
	! perf report --stats -i perf.data 2>/dev/null | grep -q LOST || skip "perf lost events: $(head -n 1 differences)"
	fail "$(cat differences)"
}

# ---- states ----

# A vfork parent waits uninterruptibly: that is "other", not a lock of the kernel.
case_vfork() {
	needs_trace
	trace -- "$PROGRAMS/vforks"
	want_status 5
	check_sound 'max(t["other"] for t in threads) > 180 * ms' 'max(t["kernel_lock"] for t in threads) < 50 * ms'
}

case_stopped_in_a_wait() {
	needs_trace
	trace -- "$PROGRAMS/stopped_wait"
	want_status 0
	# It says for how long it was stopped: 300 ms or more. Who has the mutex may lose his CPU, but not for so long.
	check_sound "any(t['event'] > 0 and 150 * ms < t['other'] <= $(cat out) for t in threads)" \
		'sum(t["lock"] for t in threads) < 150 * ms'
}

case_sleep_state() {
	needs_trace
	trace -- /bin/sleep 0.4
	want_status 0
	check_sound '0.39 * s < threads[0]["sleep"]' 'threads[0]["lock"] + threads[0]["event"] == 0'
}

case_io_state() {
	needs_trace
	trace -- /bin/sh -c 'sleep 0.4 | cat'
	want_status 0
	check_sound 'any(t["comm"] == "cat" and t["io"] > 0.35 * s for t in threads)'
}

case_waiting_for_a_child() {
	needs_trace
	trace -- /bin/sh -c '/bin/sleep 0.4; true'
	want_status 0
	check_sound 'any(t["comm"] == "sh" and t["other"] > 0.35 * s for t in threads)'
}

# ---- one path: live, and from the file ----

same_json() {
	cmp "$1" "$2" >&2 || fail "$1 and $2 differ"
}

case_record_then_report() {
	needs_trace
	needs_cpus 2
	serialized_trace
	"$GILTRACE" report --json trace.gt >first.json 2>err || fail "report failed"
	"$GILTRACE" report --json trace.gt >second.json 2>err || fail "report failed"
	same_json first.json second.json
	check_report first.json 'lost == 0'
}

case_live_and_replayed() {
	needs_trace
	trace -o trace.gt -- "$WORKLOADS/gil_threads" -t 4 -w 0.2
	want_status 0
	"$GILTRACE" report --json trace.gt >replayed.json || fail "report failed"
	same_json report.json replayed.json
}

case_json_to_stdout() {
	needs_trace
	run "$GILTRACE" run -o trace.gt --json -- "$WORKLOADS/free_threads" -t 2 -w 0.1 --truth truth.json
	want_status 0
	# The workload prints one line of its own on the same stdout, before the report.
	sed -n '/^{/,$p' out >live.json
	"$GILTRACE" report --json trace.gt >replayed.json || fail "report failed"
	same_json live.json replayed.json
}

case_options_after_the_trace() {
	needs_trace
	run "$GILTRACE" record -o trace.gt -- /bin/true
	want_status 0
	"$GILTRACE" report --json trace.gt >before.json || fail "report failed"
	"$GILTRACE" report trace.gt --json >after.json || fail "report failed"
	same_json before.json after.json
}

# A trace can be read by anyone who may read the file.
case_report_without_root() {
	needs_trace
	needs_tool setpriv
	run "$GILTRACE" record -o trace.gt -- "$WORKLOADS/gil_threads" -t 2 -w 0.1
	want_status 0
	install -m 755 "$GILTRACE" giltrace
	chmod 644 trace.gt
	"$GILTRACE" report --json trace.gt >root.json || fail "report failed"
	setpriv --reuid 65534 --regid 65534 --clear-groups ./giltrace report --json trace.gt >nobody.json ||
		fail "report as nobody failed"
	same_json root.json nobody.json
}

case_compare_traces() {
	needs_trace
	run "$GILTRACE" record -o threads.gt -- "$WORKLOADS/gil_threads" -t 2 -w 0.2
	want_status 0
	run "$GILTRACE" record -o procs.gt -- "$WORKLOADS/gil_procs" -t 2 -w 0.2
	want_status 0
	run "$GILTRACE" compare threads.gt procs.gt
	want_status 0
	grep -qi wall out || fail "no wall times$(echo; show_output)"
	run "$GILTRACE" compare --json threads.gt procs.gt
	want_status 0
	"$PYTHON" -m json.tool out >/dev/null || fail "no JSON$(echo; show_output)"
}

case_compare_commands() {
	needs_trace
	run "$GILTRACE" compare -- "$WORKLOADS/gil_threads" -t 2 -w 0.1 ::: "$WORKLOADS/gil_procs" -t 2 -w 0.1
	want_status 0
	cat out err | grep -qi wall || fail "no wall times$(echo; show_output)"
}

# The first run's probes are let go of in the kernel, for 0.2 s; the second run must not wait for a lock of it.
case_compare_leaves_the_second_run_alone() {
	needs_trace
	run "$GILTRACE" compare --json -- true ::: true
	want_status 0
	"$PYTHON" -c 'import json, sys; c = json.load(sys.stdin); sys.exit(c["changes"]["kernel_lock"]["b"] > 60e6)' <out ||
		fail "the second run waited in the kernel$(echo; show_output)"
}

case_csv() {
	needs_trace
	run "$GILTRACE" record -o trace.gt -- "$WORKLOADS/gil_threads" -t 2 -w 0.1
	want_status 0
	run "$GILTRACE" report --export csv:- trace.gt
	want_status 0
	"$PYTHON" -c 'import csv, sys; rows = list(csv.reader(sys.stdin)); sys.exit(len(rows) < 5)' <out ||
		fail "no table$(echo; show_output)"
}

# ---- gates ----

serialized_trace() {
	run "$GILTRACE" record -o trace.gt -- "$WORKLOADS/gil_threads" -t 2 -w 0.2
	want_status 0
	"$GILTRACE" report --json trace.gt >report.json || fail "report failed"
	check "$SERIALIZED"
	CALLED=$("$PYTHON" -c 'import json; print(json.load(open("report.json"))["verdict"]["class"])')
}

case_gates() {
	needs_trace
	needs_cpus 2
	serialized_trace
	run "$GILTRACE" report --fail-if "$CALLED" trace.gt
	want_status 100
	run "$GILTRACE" report --fail-if parallel trace.gt
	want_status 0
	run "$GILTRACE" report --min-parallelism 1.5 trace.gt
	want_status 100
	run "$GILTRACE" report --min-parallelism 0.1 trace.gt
	want_status 0
	run "$GILTRACE" run --min-parallelism 1.5 -- "$WORKLOADS/gil_threads" -t 2 -w 0.1
	want_status 100
	run "$GILTRACE" run --min-parallelism 1.5 -- /bin/sh -c 'exit 3'
	want_status 3
	# An inconclusive verdict fails any gate.
	run "$GILTRACE" run --fail-if serialized -d 0.2 -- /bin/sleep 0.5
	want_status 100
}

# ---- losses ----

# A ring of one page cannot hold a storm of switches: what is lost is counted by reason and said.
case_losses_are_told() {
	needs_trace
	needs_tool perf taskset
	trace -b 4096 -- taskset -c 0 perf bench sched pipe -T -l 30000
	want_status 0
	check 'lost == 0 or (r["losses"]["unknown"] > 0 and len(r["losses"]["reasons"]) > 0)' \
		'not r["losses"]["exceeded"] or v == "inconclusive"' \
		'all(off_by(t) <= 2000 for t in threads)'
}

case_no_loss_in_a_storm() {
	needs_trace
	needs_tool perf taskset
	trace -- taskset -c 0 perf bench sched pipe -T -l 100000
	want_status 0
	check_sound 'sum(t["switches_voluntary"] + t["switches_involuntary"] for t in threads) > 150000'
}

run_cases "$@"
