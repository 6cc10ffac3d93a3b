#!/bin/bash
# SPDX-License-Identifier: MIT
# The same programs where they are disturbed: beside busy programs, on one CPU, under a quota, seen with the whole machine.
# A program may be called something else there only with a reason that the sentence gives. What each is called on an idle
# machine is tests/system/verdicts.sh's to check. DISTURB_PYTHONS="PATH ..." adds the threads of other interpreters.
# shellcheck disable=SC2317 # called by name
CASE_SECONDS=${CASE_SECONDS:-240}
. "$(dirname "$0")/lib.sh"

# NAME: classes it has by itself: classes that it may have in want of CPUs: command. The window's start-up counts for
# short programs: a python that is alone for half of it, a thread that is done before the next one begins.
ROWS=(
	"gil_threads: serialized: cpu-starved: $WORKLOADS/gil_threads -t 2 -w 0.1"
	"gil_procs: parallel: cpu-starved: $WORKLOADS/gil_procs -t 2 -w 0.15"
	"free_threads: parallel: cpu-starved: $WORKLOADS/free_threads -t 2 -w 0.15"
	"fine_grained: parallel: cpu-starved: $WORKLOADS/fine_grained -t 2 -w 0.15"
	"gil_perinterp: parallel: cpu-starved: $WORKLOADS/gil_perinterp -t 2 -w 0.15"
	"gil_io: io-bound: cpu-starved: $WORKLOADS/gil_io -t 8 -w 0.4"
	"imbalanced: imbalanced: cpu-starved single-threaded mixed: $WORKLOADS/imbalanced -w 0.2"
	"oversubscribed: cpu-starved: cpu-starved: $WORKLOADS/oversubscribed -t 8 -w 0.05"
	"busy_join: single-threaded imbalanced: cpu-starved: $PROGRAMS/busy_join"
	"turns: imbalanced single-threaded: cpu-starved mixed: $PROGRAMS/turns"
	"mutex_sleep: serialized: cpu-starved: $PROGRAMS/mutex_sleep"
	"gil_poll: mixed: cpu-starved imbalanced single-threaded: $PROGRAMS/gil_poll"
	"python: serialized: cpu-starved: $PYTHON $SOURCE/workloads/python/count_threads.py 2 1500000"
)
for python in ${DISTURB_PYTHONS:-}; do
	ROWS+=("$python: serialized: cpu-starved: $python $SOURCE/workloads/python/count_threads.py 2 1500000")
done

# What must be in the sentence of a verdict that the program has here only.
REASON='"other programs used" in t or "a quota of" in t or " of %d CPUs for" % len(r["cpus"]) in t'
REASON_OF_MIXED='"% starved" in t'

HOGS=()
hogs() { # COUNT NICENESS
	local i
	for ((i = 0; i < $1; i++)); do
		timeout "$CASE_SECONDS" nice -n "$2" sh -c 'while :; do :; done' &
		HOGS+=($!)
	done
}

leave() {
	[ ${#HOGS[@]} -eq 0 ] || kill "${HOGS[@]}" 2>/dev/null
	[ -z "${QUOTA:-}" ] || { echo $BASHPID >"$(dirname "$QUOTA")/cgroup.procs"; rmdir "$QUOTA"; }
}
trap leave EXIT

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
	if [ -e "$QUOTA/cpu.max" ]; then
		echo "$(($1 * 100)) 100000" >"$QUOTA/cpu.max"
	else
		echo 100000 >"$QUOTA/cpu.cfs_period_us"
		echo $(($1 * 100)) >"$QUOTA/cpu.cfs_quota_us"
	fi
	echo $BASHPID >"$QUOTA/cgroup.procs"
}

# each_row FUNCTION…: called with NAME, ALONE, DISTURBED (as Python lists) and COMMAND set, for each.
each_row() {
	local row rest
	for row in "${ROWS[@]}"; do
		NAME=${row%%: *} rest=${row#*: }
		ALONE="'${rest%%: *}'.split()" rest=${rest#*: }
		DISTURBED="'${rest%%: *}'.split()" rest=${rest#*: }
		read -ra COMMAND <<<"$rest"
		[ -x "${COMMAND[0]}" ] || continue
		"$@"
	done
}

# The row's verdict, behind what is given: "taskset -c 0".
verdict_here() {
	trace -- "$@" "${COMMAND[@]}"
	want_status 0
	check "'$NAME'" 'lost == 0' "v in $ALONE + $DISTURBED" \
		"v in $ALONE or (lambda t: $REASON or v == 'mixed' and $REASON_OF_MIXED or v in ('imbalanced', 'single-threaded'))(r['verdict']['sentence'])"
}

case_as_it_is() {
	needs_trace
	needs_cpus 2
	wait_idle
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
	each_row verdict_here
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
	each_row verdict_here
}

case_quota_beside_busy_programs() {
	needs_trace
	needs_cpus 2
	hogs "$CPUS" 0
	quota 1500
	each_row verdict_here
}

# Each program's own verdict, where the whole machine is watched. A process does not know what others used.
verdict_of_process() {
	[ "$NAME" != gil_procs ] || return 0 # two processes, each of one thread
	check "'$NAME'" "[q['verdict']['class'] in $ALONE + $DISTURBED for q in processes if q['pid'] == ${PIDS[$NAME]}] == [True]"
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
	local watcher
	trace -a &
	watcher=$!
	sleep 2
	each_row run_untraced
	kill -INT "$(pgrep -P $watcher | head -n 1)"
	wait $watcher
	each_row verdict_of_process
}

run_cases "$@"
