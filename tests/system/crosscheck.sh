#!/bin/bash
# SPDX-License-Identifier: MIT
# What giltrace says of real runs against what others saw of the same run: the kernel's own counters, perf, cgroups,
# and the report's other tables. Tolerances and reasons: docs/method.md, "How the numbers are checked".
# CROSSCHECK_LOG=FILE keeps every difference.
# shellcheck disable=SC2016,SC2054,SC2094,SC2317 # scripts in quotes; commas of perf's; its own file names; called by name
. "$(dirname "$0")/lib.sh"

crosscheck() {
	"$PYTHON" -B "$HERE/crosscheck.py" "$T/report.json" "$@" >&2 || exit 1
}

# observe CMD…: giltrace's report and text of CMD, run by `books`, each thread of it writing its account.
observe() {
	"${RECORD[@]}" "$GILTRACE" run --export "json:$T/report.json" --export "text:$T/text" ${KEEP:+-o "$T/kept.gt"} -- \
		"$PROGRAMS/books" "${JOIN[@]}" "$T/books" "${STAT[@]}" \
		env "ACCOUNTS=$T/accounts" "LD_PRELOAD=$PROGRAMS/accounts.so" "$@" >"$T/out" 2>"$T/err" ||
		fail "exit status $?$(echo; show_output)"
}
RECORD=() JOIN=() STAT=()

# Against the kernel's accounts of each thread and of the whole tree, and against itself.
kernel_agrees() {
	needs_trace
	observe "$@"
	crosscheck accounts="$T/accounts" books="$T/books" text="$T/text"
}

# Switches that perf was not shown: who left a CPU is not who had come to it at the switch before.
gaps_in_perf() {
	perf script -i perf.data -F cpu,event,trace 2>/dev/null | awk '/sched_switch:/ {
		match($0, /prev_pid=[0-9]+/); left = substr($0, RSTART + 9, RLENGTH - 9)
		match($0, /next_pid=[0-9]+/); gaps += $1 in came && came[$1] != left
		came[$1] = substr($0, RSTART + 9, RLENGTH - 9)
	} END { print gaps + 0 }'
}

# Neither perf nor, on some machines, the kernel's tracepoints show everything: did both this time?
all_was_shown() {
	! perf report --stats -i perf.data 2>/dev/null | grep -q 'LOST' && [ "$(gaps_in_perf)" -eq 0 ] &&
		"$PYTHON" -c 'import json, sys; sys.exit(json.load(open("report.json"))["losses"]["repaired"])'
}

# Against perf's timeline of the same switches and wakings. Where some were not shown, a difference is nobody's fault:
# another two runs, then it is a skip.
perf_agrees() {
	local try
	needs_trace
	needs_tool perf
	perf sched record -q -k CLOCK_MONOTONIC -o perf.data true >out 2>err || skip "perf cannot record here: $(tail -n 1 err)"
	RECORD=(perf sched record -q -m 2048 -k CLOCK_MONOTONIC -o "$T/perf.data" --)
	for ((try = 0; try < 3; try++)); do
		rm -f accounts
		observe "$@"
		perf sched timehist -i perf.data -w -n --state >timehist 2>perf.err ||
			fail "perf sched timehist: $(tail -n 1 perf.err)"
		( crosscheck accounts="$T/accounts" books="$T/books" timehist="$T/timehist" ) 2>differences && return
		! all_was_shown || fail "$(cat differences)"
	done
	skip "events were lost on the way to perf, or not shown ($(gaps_in_perf) switches): $(head -n 1 differences)"
}

# Against counters that perf has the kernel keep for the command and its children.
counters_agree() {
	needs_trace
	needs_tool perf
	STAT=(perf stat -x, -o "$T/stat" -e "context-switches,cpu-migrations,task-clock,syscalls:sys_enter_futex")
	"${STAT[@]}" true >out 2>err || skip "perf stat cannot count here: $(tail -n 1 err)"
	observe "$@"
	crosscheck stat="$T/stat" books="$T/books"
}

# ---- the kernel's counters ----

case_gil_threads() { kernel_agrees "$WORKLOADS/gil_threads" -t 4 -w 0.1; }
case_gil_convoy() { kernel_agrees "$WORKLOADS/gil_convoy" -t 2 -w 0.2; }
case_gil_io() { kernel_agrees "$WORKLOADS/gil_io" -t 8 -w 0.2; }
case_fine_grained() { kernel_agrees "$WORKLOADS/fine_grained" -t 2 -w 0.1; }
case_heat() { kernel_agrees "$PROGRAMS/heat" heat.json; }
case_processes() { kernel_agrees "$WORKLOADS/gil_procs" -t 2 -w 0.1; }
case_python_threads() { kernel_agrees "$PYTHON" "$SOURCE/workloads/python/count_threads.py" 2 600000; }
case_python_processes() { kernel_agrees "$PYTHON" "$SOURCE/workloads/python/count_procs.py" 2 600000; }
case_sleepers() { kernel_agrees "$PROGRAMS/crowd" sleepers 4 500; }
case_short_lived_threads() { kernel_agrees "$PROGRAMS/crowd" short 1000; }

case_movers() {
	needs_cpus 2
	kernel_agrees "$PROGRAMS/crowd" movers 3 60
}

case_forks() { kernel_agrees sh -c 'i=0; while [ $i -lt 60 ]; do /bin/true; (:); i=$((i + 1)); done'; }

case_nice() {
	needs_tool nice
	kernel_agrees nice -n 10 "$WORKLOADS/oversubscribed" -t 4 -w 0.05
}

case_realtime() {
	needs_tool chrt
	chrt -r 5 true 2>/dev/null || skip "chrt may not set a real-time policy here"
	kernel_agrees chrt -r 5 "$WORKLOADS/gil_threads" -t 2 -w 0.05
}

case_pigz() {
	needs_tool pigz
	head -c 4000000 /dev/urandom >data
	kernel_agrees pigz -p 4 -c data
}

case_xz() {
	needs_tool xz
	head -c 600000 /dev/urandom >data
	kernel_agrees xz -T2 -0 --block-size=100000 -c data
}

case_sqlite() {
	needs_tool sqlite3
	kernel_agrees sqlite3 test.db 'create table t(a, b); with recursive n(i) as (select 1 union all
		select i + 1 from n where i < 60000) insert into t select i, i * 7919 % 10007 from n;
		create index x on t(b); select count(*), sum(a) from t where b > 5000;'
}

# ---- perf ----

case_perf_gil_threads() { perf_agrees "$WORKLOADS/gil_threads" -t 4 -w 0.1; }
case_perf_gil_io() { perf_agrees "$WORKLOADS/gil_io" -t 8 -w 0.1; }
case_perf_fine_grained() { perf_agrees "$WORKLOADS/fine_grained" -t 4 -w 0.05; }
case_perf_processes() { perf_agrees "$WORKLOADS/gil_procs" -t 3 -w 0.05; }
case_perf_forks() { perf_agrees sh -c 'i=0; while [ $i -lt 30 ]; do /bin/true; (:); i=$((i + 1)); done'; }
case_perf_short_lived_threads() { perf_agrees "$PROGRAMS/crowd" short 200; }

case_perf_movers() {
	needs_cpus 2
	perf_agrees "$PROGRAMS/crowd" movers 3 40
}

case_counters_gil_threads() { counters_agree "$WORKLOADS/gil_threads" -t 4 -w 0.1; }
case_counters_processes() { counters_agree "$WORKLOADS/gil_procs" -t 3 -w 0.05; }
case_counters_heat() { counters_agree "$PROGRAMS/heat" heat.json; }

# ---- cgroups ----

# make_group QUOTA: a cgroup of whichever version is mounted, with so many µs of each 10 ms, or `max`; prints it.
make_group() {
	local dir
	if [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw cpu /sys/fs/cgroup/cgroup.subtree_control; then
		dir=/sys/fs/cgroup/giltrace-cross-$$
		mkdir "$dir" && echo "$1 10000" >"$dir/cpu.max" && echo "$dir"
	elif [ -w /sys/fs/cgroup/cpu/cgroup.procs ]; then
		dir=/sys/fs/cgroup/cpu/giltrace-cross-$$
		mkdir "$dir" && echo 10000 >"$dir/cpu.cfs_period_us" &&
			echo "${1/max/-1}" >"$dir/cpu.cfs_quota_us" && echo "$dir"
	else
		echo "no cpu controller is mounted for writing" >&2
		return 1
	fi
}

# Where the time that GROUP used is told: with version 1 in a hierarchy of its own.
make_account() {
	local dir=/sys/fs/cgroup/cpuacct/giltrace-cross-$$
	if [ -e "$1/cpu.stat" ] && grep -q usage_usec "$1/cpu.stat"; then
		echo "$1"
	elif [ -e "$1/cpuacct.usage" ]; then
		echo "$1"
	else
		mkdir "$dir" && echo "$dir"
	fi
}

# In ns: what the group used, and how long it was kept from running.
usage_of() {
	if [ -e "$1/cpuacct.usage" ]; then cat "$1/cpuacct.usage"; else awk '$1 == "usage_usec" { print $2 * 1000 }' "$1/cpu.stat"; fi
}

throttled_of() {
	awk '$1 == "throttled_usec" { print $2 * 1000 } $1 == "throttled_time" { print $2 }' "$1/cpu.stat"
}

group_agrees() {
	local quota=$1 group account
	shift
	needs_trace
	group=$(make_group "$quota" 2>group.err) || skip "no cgroup can be made here: $(head -n 1 group.err)"
	account=$(make_account "$group" 2>group.err) || { rmdir "$group"; skip "no cgroup tells its time: $(head -n 1 group.err)"; }
	# shellcheck disable=SC2064 # the names as they are now
	trap "rmdir '$group' '$account' 2>/dev/null" EXIT
	JOIN=(-g "$group/cgroup.procs")
	[ "$group" = "$account" ] || JOIN+=(-g "$account/cgroup.procs")
	observe "$@"
	printf '{"books": %s, "usage": %s, "throttled": %s}\n' "$(cat books)" "$(usage_of "$account")" \
		"$(throttled_of "$group")" >group
	crosscheck accounts="$T/accounts" cgroup=group books=books
}

case_group_without_a_quota() { group_agrees max "$WORKLOADS/gil_procs" -t 2 -w 0.1; }

# 2 ms of each 10: a group that is kept from running most of the time, unless others take even more.
case_group_with_a_quota() {
	group_agrees 2000 "$WORKLOADS/free_threads" -t 2 -w 0.05
	"$PYTHON" -c 'import json, sys; sys.exit(not json.load(open("group"))["throttled"])' ||
		skip "others left the group less than its quota"
}

run_cases "$@"
