#!/bin/bash
# SPDX-License-Identifier: MIT
# The same programs where they are disturbed: beside busy programs, on one CPU, under a quota, seen with the whole machine.
# A program may be called something else there only with a reason that the sentence gives. What each is called on an idle
# machine is tests/system/verdicts.sh's to check. DISTURB_PYTHONS="PATH ..." adds the threads of other interpreters,
# DISTURB_ALL=1 runs every program in every case, where else the most telling ones do.
# shellcheck disable=SC2119,SC2120,SC2317 # functions with optional arguments; called by name
CASE_SECONDS=${CASE_SECONDS:-900}
. "$(dirname "$0")/lib.sh"

# NAME: classes it has by itself: classes that it may have in want of CPUs: command. The window's start-up counts for
# short programs: a python that is alone for half of it, a thread that is done before the next one begins. And where CPUs
# are short as well, a lock may serialize less than half of such a run: contended, by the same lock.
ROWS=(
	"gil_threads: serialized: cpu-starved contended: $WORKLOADS/gil_threads -t 2 -w 0.1"
	"gil_procs: parallel: cpu-starved mixed: $WORKLOADS/gil_procs -t 2 -w 0.15"
	"free_threads: parallel: cpu-starved mixed: $WORKLOADS/free_threads -t 2 -w 0.15"
	"fine_grained: parallel: cpu-starved mixed: $WORKLOADS/fine_grained -t 2 -w 0.15"
	"gil_perinterp: parallel: cpu-starved mixed: $WORKLOADS/gil_perinterp -t 2 -w 0.15"
	"gil_io: io-bound: cpu-starved: $WORKLOADS/gil_io -t 8 -w 0.3"
	"imbalanced: imbalanced: cpu-starved single-threaded mixed: $WORKLOADS/imbalanced -w 0.2"
	"oversubscribed: cpu-starved: cpu-starved: $WORKLOADS/oversubscribed -t 8 -w 0.05"
	"busy_join: single-threaded imbalanced: cpu-starved: $PROGRAMS/busy_join 100"
	"turns: imbalanced single-threaded: cpu-starved mixed: $PROGRAMS/turns 40"
	"mutex_sleep: serialized: cpu-starved contended: $PROGRAMS/mutex_sleep 8"
	"late threads: parallel: cpu-starved mixed: $PROGRAMS/phases 20 150"
	"a short parallel phase: imbalanced: cpu-starved single-threaded mixed: $PROGRAMS/phases 150 20"
	"gil_poll: mixed: cpu-starved imbalanced single-threaded: $PROGRAMS/gil_poll 250"
	"python: serialized: cpu-starved contended: $PYTHON $SOURCE/workloads/python/count_threads.py 2 1500000"
)
for python in ${DISTURB_PYTHONS:-}; do
	ROWS+=("$python: serialized: cpu-starved contended: $python $SOURCE/workloads/python/count_threads.py 2 1500000")
done

HOGS=()
hogs() { # COUNT NICENESS
	local i
	for ((i = 0; i < $1; i++)); do
		timeout "$CASE_SECONDS" nice -n "$2" sh -c 'while :; do :; done' &
		HOGS+=($!)
	done
}

end_hogs() {
	[ ${#HOGS[@]} -eq 0 ] || kill "${HOGS[@]}" 2>/dev/null
	HOGS=()
}

leave() {
	end_hogs
	[ -z "${QUOTA:-}" ] || { echo $BASHPID >"$(dirname "$QUOTA")/cgroup.procs"; rmdir "$QUOTA"; }
}
trap leave EXIT

set_quota() { # THOUSANDTHS
	if [ -e "$QUOTA/cpu.max" ]; then
		echo "$(($1 * 100)) 100000" >"$QUOTA/cpu.max"
	else
		echo 100000 >"$QUOTA/cpu.cfs_period_us"
		echo $(($1 * 100)) >"$QUOTA/cpu.cfs_quota_us"
	fi
}

# A cgroup, of whichever version is mounted here, that may use so many thousandths of a CPU; everything from here on is
# in it.
quota() {
	local root
	if [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw cpu /sys/fs/cgroup/cgroup.subtree_control; then
		root=/sys/fs/cgroup
	elif [ -w /sys/fs/cgroup/cpu/cgroup.procs ]; then
		root=/sys/fs/cgroup/cpu
	else
		skip "no cgroup with a quota can be made here"
	fi
	mkdir "$root/giltrace-disturb-$BASHPID" 2>/dev/null || skip "no cgroup can be made here"
	QUOTA=$root/giltrace-disturb-$BASHPID
	set_quota "$1"
	echo $BASHPID >"$QUOTA/cgroup.procs"
}

# each_row FUNCTION…: called with NAME, ALONE, DISTURBED and COMMAND set, for each.
each_row() {
	local row rest
	for row in "${ROWS[@]}"; do
		NAME=${row%%: *} rest=${row#*: }
		ALONE=${rest%%: *} rest=${rest#*: }
		DISTURBED=${rest%%: *} rest=${rest#*: }
		read -ra COMMAND <<<"$rest"
		[ -x "${COMMAND[0]}" ] || continue
		"$@"
	done
}

# What the row may be called where its threads ran whenever they could, on CPUs of which one is slower than the other.
unequal() {
	case $ALONE in
	parallel) echo "$UNEQUAL" ;;
	imbalanced*) echo parallel ;; # where the slow CPU has the shorter part
	esac
}

# The row's verdict, behind what is given: "taskset -c 0".
verdict_here() {
	trace -- "$@" "${COMMAND[@]}"
	want_status 0
	check "'$NAME'" 'lost == 0 or lost_beside_others' "lost_beside_others or called('$ALONE', '$DISTURBED', '$(unequal)')"
}

row_is() { # NAME…: the row that each_row is at is one of them
	local name
	for name; do
		[ "$NAME" != "$name" ] || return 0
	done
	return 1
}

# Where two disturbances that all programs have had meet, these are enough.
TELLING=(gil_threads gil_procs free_threads imbalanced gil_poll python)
verdict_of_some() { # NAME…: of these rows only
	[ -n "${DISTURB_ALL:-}" ] || row_is "$@" || return 0
	verdict_here
}

case_as_it_is() {
	needs_trace
	needs_cpus 2
	each_row verdict_here
}

case_a_busy_program_for_each_cpu() {
	needs_trace
	needs_cpus 2
	hogs "$CPUS" 0
	each_row verdict_here
}

case_nice_busy_programs() {
	needs_trace
	needs_cpus 2
	hogs $((2 * CPUS)) 10
	each_row verdict_of_some "${TELLING[@]}"
}

case_few_busy_programs_of_each_niceness() {
	local count niceness pair=(gil_threads free_threads)
	needs_trace
	needs_cpus 2
	for niceness in 0 5 19; do
		for count in 1 2 3; do
			hogs $count $niceness
			echo "beside $count at nice $niceness"
			each_row verdict_of_some "${pair[(count + niceness) % 2]}"
			end_hogs
		done
	done
}

# A program that is kept to one CPU, and half-way to another: it may use two, but never both. The run's verdict knows
# the CPUs of all the time only, and says how long threads waited.
case_moved_to_another_cpu() {
	needs_trace
	needs_tool taskset
	needs_cpus 2
	# shellcheck disable=SC2016 # for the inner shell
	trace -- taskset -c 0 sh -c '"$0" 0 400 & sleep 0.15; taskset -acp 1 $! >moved; wait' "$PROGRAMS/phases"
	want_status 0
	[ -s moved ] || fail "it was not moved"
	check 'lost == 0' 'v in ("cpu-starved", "mixed")' 'p["starved_share"] >= 0.8' 'p["average"] <= 1.1' \
		'[q["verdict"]["class"] for q in processes if q["comm"] == "phases"] == ["cpu-starved"]' \
		'all(c["workload"] > 20 * ms for c in r["cpus"][:2])' 'sum(c["migrations_in"] for c in r["cpus"]) >= 2'
}

case_one_cpu() {
	needs_trace
	needs_tool taskset
	each_row verdict_here taskset -c 0
}

case_quota_of_half_a_cpu() {
	needs_trace
	quota 500
	each_row verdict_here
}

case_quota_of_one_and_a_half() {
	needs_trace
	needs_cpus 2
	quota 1500
	each_row verdict_of_some "${TELLING[@]}"
}

case_quota_beside_busy_programs() {
	needs_trace
	needs_cpus 2
	hogs "$CPUS" 0
	quota 1500
	each_row verdict_of_some "${TELLING[@]}"
}

# What the quota stopped before is not this run's. One thread never waits for a CPU while it has one.
case_quota_that_stopped_others_before() {
	needs_trace
	quota 100
	timeout 0.5 sh -c 'while :; do :; done'
	grep -qE '^throttled_(usec|time) [1-9]' "$QUOTA/cpu.stat" || fail "it did not stop anything"
	set_quota 20000
	trace -- sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done'
	want_status 0
	check 'lost == 0' 'p["starved_share"] <= 1 - p["average"] + 0.001'
}

# Each program's own verdict, where the whole machine is watched. A process does not know what others used.
verdict_of_process() {
	[ "$NAME" != gil_procs ] || return 0 # two processes, each of one thread
	check "'$NAME'" "process_called(${PIDS[$NAME]}, '$ALONE', '$DISTURBED', '$(unequal)')"
}

declare -A PIDS
run_untraced() {
	"${COMMAND[@]}" >/dev/null 2>&1 &
	PIDS[$NAME]=$!
	wait $!
}

case_whole_machine() {
	needs_trace
	needs_cpus 2
	begin_trace -a
	each_row run_untraced
	kill -INT "$TRACER"
	end_trace
	want_status 0
	each_row verdict_of_process
}

run_cases "$@"
