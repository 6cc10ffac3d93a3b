#!/bin/bash
# SPDX-License-Identifier: MIT
# What giltrace says of real programs, each with an answer that is known beforehand.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

# The lock is known whatever the verdict is; a sentence that blames one blames this.
NAMED_LOCK='"the_gil" in locks[0]["name"] and locks[0]["kind"] == "gil" and locks[0]["explains_serialized"] >= 0.9'
BLAMED='v != "serialized" or r["verdict"]["lock"] == locks[0]["id"] and locks[0]["name"] in r["verdict"]["sentence"]'

case_gil_threads_2() {
	verdict_of 2 "$WORKLOADS/gil_threads" -t 2 -w 0.5 -- "$SERIALIZED" "$NAMED_LOCK" "$BLAMED" \
		'p["average"] <= 1.10'
}

case_gil_threads_4() {
	verdict_of 2 "$WORKLOADS/gil_threads" -t 4 -w 0.3 -- "$SERIALIZED" "$NAMED_LOCK" "$BLAMED" \
		'p["average"] <= 1.10'
}

# Where no CPU is idle nobody can run side by side, whatever he waits for; the GIL is known all the same.
KNOWN_GIL='any(l["kind"] == "gil" and l["waits"] >= 20 for l in locks)'

case_gil_threads_one_cpu() {
	verdict_of 1 taskset -c 0 "$WORKLOADS/gil_threads" -t 2 -w 0.5 -- 'v == "cpu-starved"' "$KNOWN_GIL"
}

case_gil_threads_crowded() {
	local hogs=() i
	needs_trace
	for ((i = 0; i < CPUS; i++)); do
		timeout 30 sh -c 'while :; do :; done' &
		hogs+=($!)
	done
	trace -- "$WORKLOADS/gil_threads" -t 2 -w 0.5
	kill "${hogs[@]}"
	want_status 0
	check "$SOUND" "$AUDITED" "$ADDS_UP" 'v in ("serialized", "cpu-starved", "contended", "mixed")' "$KNOWN_GIL"
}

case_gil_procs() {
	verdict_of 2 "$WORKLOADS/gil_procs" -t 2 -w 0.5 -- "$PARALLEL" "disturbed or $AT_ONCE" \
		'sum(l["waits"] for l in locks) == 0'
}

case_free_threads() {
	verdict_of 2 "$WORKLOADS/free_threads" -t 2 -w 0.5 -- "$PARALLEL" "disturbed or $AT_ONCE"
}

# So short that what giltrace itself does beside it would be seen in the verdict.
case_free_threads_for_a_moment() {
	verdict_of 2 "$WORKLOADS/free_threads" -t 2 -w 0.1 -- "$PARALLEL" 'r["overhead"]["window_cpu"] < 0.5 * wall'
}

# All CPUs first, then one of them: it lacks those that it was once allowed.
case_moved_to_one_cpu() {
	needs_trace
	needs_cpus 2
	needs_tool taskset
	trace -- sh -c '"$0" -t 2 -w 0.6 & p=$!; sleep 0.2; taskset -a -c -p 0 $p >/dev/null; wait $p' \
		"$WORKLOADS/free_threads"
	want_status 0
	check "$SOUND" 'v == "cpu-starved"' '"held to 1 of " in r["verdict"]["sentence"]'
}

case_fine_grained() {
	verdict_of 2 "$WORKLOADS/fine_grained" -t 2 -w 0.5 -- "$PARALLEL"
}

# A thousand milliseconds of reads per thread: overlapped they take about one second, not eight. The clock would tell of
# a slow machine as well; that threads wait for their reads at once tells of overlapping only.
case_gil_io() {
	verdict_of 2 "$WORKLOADS/gil_io" -t 8 -w 0.5 -- 'called("io-bound")' \
		'sum(t["io"] for t in threads) > 3 * wall'
}

case_gil_perinterp() {
	verdict_of 2 "$WORKLOADS/gil_perinterp" -t 2 -w 0.5 -- "$PARALLEL" 'sum(l["waits"] for l in locks) == 0'
}

case_imbalanced() {
	verdict_of 2 "$WORKLOADS/imbalanced" -w 0.5 -- 'called("imbalanced", "cpu-starved single-threaded mixed")'
}

case_oversubscribed() {
	verdict_of 2 "$WORKLOADS/oversubscribed" -t $((4 * CPUS)) -w 0.2 -- 'v == "cpu-starved"'
}

case_spin() {
	verdict_of 2 "$WORKLOADS/spin" -t 2 -w 0.3 -- 'v != "serialized"' 'sum(l["waits"] for l in locks) == 0' \
		'any("spinning" in line for line in r["verdict"]["evidence"])'
}

# ---- a futex wait is not a lock wait ----


case_busy_join() {
	verdict_of 1 "$PROGRAMS/busy_join" -- "$NOT_SERIALIZED" 'any(e["kind"] == "join" for e in events)' \
		'sum(l["waits"] for l in locks) == 0'
}

case_busy_join_one_cpu() {
	verdict_of 1 taskset -c 0 "$PROGRAMS/busy_join" -- "$NOT_SERIALIZED" 'sum(l["waits"] for l in locks) == 0'
}


case_queue() {
	verdict_of 2 "$PROGRAMS/queue" 1 -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS" 'any(e["waits"] >= 20 for e in events)'
}

case_queue_pool() {
	verdict_of 2 "$PROGRAMS/queue" 4 -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS"
}

case_queue_one_cpu() {
	verdict_of 1 taskset -c 0 "$PROGRAMS/queue" 1 -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS"
}

case_idle_pool() {
	verdict_of 1 "$PROGRAMS/idle_pool" -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS" 'any(e["waits"] > 0 for e in events)'
}

case_idle_pool_one_cpu() {
	verdict_of 1 taskset -c 0 "$PROGRAMS/idle_pool" -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS"
}

# ---- several locks at once ----

# Each of heat's locks, found under its own name with its kind, its waits as the program's clock has them, in the
# order of their waits; its queue's condition variable is an event. The queue's mutex is waited for where its holder
# loses his CPU. That a semaphore is a lock shows where its waiters could go on side by side, on an idle CPU: where
# others leave none it is unproven.
HEAT='(lambda found: found.pop("queue_mutex", "mutex") == "mutex" and found == {"hot_mutex": "mutex",
	"warm_mutex": "mutex", "cold_mutex": "mutex", "the_rwlock": "rwlock", "the_semaphore": "semaphore"})(
	dict((l["name"].split("+")[0], l["kind"]) for l in locks + unproven if l["wait"]["sum"] > ms))'
UNPROVEN='[dict(e, kind="semaphore") for e in events if e["kind"] == "unproven" and e["name"].split("+")[0] == "the_semaphore"
	and sum(c["idle"] for c in r["cpus"]) < 0.5 * wall]'
HEAT=${HEAT/unproven/$UNPROVEN}
HEAT_WAITS='all(waited(l, w, 20000)
	for w in truth["locks"] for l in locks + events if l.get("name", "").split("+")[0] == w["name"])'
HEAT_ORDER='(lambda order: order == sorted(order, key=lambda l: -l["wait"]["sum"]))(locks)'
HEAT_QUEUE='[e for e in events if e.get("name", "").startswith("queue_filled") and e["kind"] == "queue"]'

case_heat() {
	verdict_of 2 "$PROGRAMS/heat" truth.json -- "$HEAT" "$HEAT_WAITS" "$HEAT_ORDER" "$HEAT_QUEUE"
}

# ---- the verdict table's own cases ----

case_one_after_another() {
	needs_trace
	needs_tool gzip
	head -c 6000000 /dev/urandom >input
	verdict_of 2 /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do gzip -c input >/dev/null; done' -- \
		'v != "parallel"' "$NOT_SERIALIZED" 'len(processes) == 9'
}

case_alternating_by_barrier() {
	verdict_of 2 "$PROGRAMS/turns" -- 'called("imbalanced", "cpu-starved single-threaded mixed")'
}

case_gil_fed_by_reads() {
	verdict_of 2 "$PROGRAMS/gil_fed" -- 'called("io-bound")' \
		'r["window"]["active"] <= sum(t["run"] + t["runnable"] for t in threads) < 0.5 * sum(t["io"] for t in threads)'
}

case_gil_worker_and_polling_main() {
	verdict_of 2 "$PROGRAMS/gil_poll" -- 'called("mixed", "cpu-starved imbalanced single-threaded")' 'p["gain_bound"] < 1.06 + 0.04'
}

case_mutex_held_across_sleep() {
	verdict_of 2 "$PROGRAMS/mutex_sleep" -- "$SERIALIZED" "$BLAMED" \
		'"sleepers_mutex" in locks[0]["name"]' \
		'p["average"] < 0.3'
}

case_two_pinned_to_one_cpu() {
	verdict_of 1 "$PROGRAMS/pinned" -- 'v == "cpu-starved"'
}

case_taskset_one_cpu() {
	verdict_of 1 taskset -c 0 "$WORKLOADS/free_threads" -t 2 -w 0.3 -- 'v == "cpu-starved"'
}

# A cgroup with a quota of one CPU, of whichever version is mounted here; prints its directory.
make_quota() {
	local dir
	if [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw cpu /sys/fs/cgroup/cgroup.subtree_control; then
		dir=/sys/fs/cgroup/giltrace-test-$$
		mkdir "$dir" && echo "100000 100000" >"$dir/cpu.max" && echo "$dir"
	elif [ -w /sys/fs/cgroup/cpu/cgroup.procs ]; then
		dir=/sys/fs/cgroup/cpu/giltrace-test-$$
		mkdir "$dir" && echo 100000 >"$dir/cpu.cfs_period_us" && echo 100000 >"$dir/cpu.cfs_quota_us" &&
			echo "$dir"
	else
		false
	fi
}

in_quota() {
	QUOTA=$(make_quota 2>"$T/quota.err") || skip "no cgroup with a quota can be made here: $(head -n 1 "$T/quota.err")"
	trap 'echo $$ >"$(dirname "$QUOTA")/cgroup.procs"; rmdir "$QUOTA"' EXIT
	echo $$ >"$QUOTA/cgroup.procs"
	"$@"
}

case_quota_of_one_cpu() {
	needs_trace
	needs_cpus 2
	wait_idle
	in_quota trace -- "$WORKLOADS/free_threads" -t 2 -w 0.4
	want_status 0
	check "$SOUND" 'v == "cpu-starved"' 'abs(r["machine"]["cpu_quota"] - 1) < 0.01'
}

# ---- next to nothing ----

# How much of it there is decides between these: the program's start takes more on a CPU that others use, and the window
# ends when giltrace has seen the end, before which the run was idle.
NEXT_TO_NOTHING='called("single-threaded inconclusive io-bound")'

case_true() {
	verdict_of 1 /bin/true -- "$NEXT_TO_NOTHING"
}

case_sleep() {
	verdict_of 1 /bin/sleep 0.3 -- "$NEXT_TO_NOTHING" 'wall > 0.29 * s'
}

run_cases "$@"
