#!/bin/bash
# SPDX-License-Identifier: MIT
# What is traced and how it is treated: its user, its streams, its signals, its exit status; -p, -a, -d.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

on_terminal() {
	"$PYTHON" "$HERE/terminal.py" "$@"
}

# ---- the user ----

# A user with groups beside his own, so that there is something to get wrong; nobody where there is none.
some_user() {
	local name uid
	while IFS=: read -r name _ uid _; do
		[ "$uid" -ne 0 ] && [ "$(id -G "$name" | wc -w)" -gt 1 ] && echo "$name" && return
	done </etc/passwd
	echo nobody
}

as_sudo_from() {
	env SUDO_USER="$1" SUDO_UID="$(id -u "$1")" SUDO_GID="$(id -g "$1")" "${@:2}"
}

case_runs_as_the_user_of_sudo() {
	local user
	needs_trace
	user=$(some_user)
	run as_sudo_from "$user" "$GILTRACE" run -- /bin/sh -c 'id -u; id -g; id -G; echo "$HOME"; grep CapEff /proc/self/status'
	want_status 0
	{
		id -u "$user"
		id -g "$user"
		id -G "$user"
		getent passwd "$user" | cut -d: -f6
		printf 'CapEff:\t0000000000000000\n'
	} >expected
	diff expected out >&2 || fail "user, group, groups, HOME or capabilities of $user are wrong"
}

case_stays_root_without_sudo() {
	needs_trace
	run "$GILTRACE" run -- /usr/bin/id -u
	want_status 0
	[ "$(cat out)" = 0 ] || fail "not root"
}

case_as_root() {
	needs_trace
	run as_sudo_from nobody "$GILTRACE" run --as-root -- /usr/bin/id -u
	want_status 0
	[ "$(cat out)" = 0 ] || fail "not root"
}

case_user_option() {
	needs_trace
	run "$GILTRACE" run --user nobody -- /usr/bin/id -un
	want_status 0
	[ "$(cat out)" = nobody ] || fail "not nobody"
	run "$GILTRACE" run --user no-such-user-here -- /bin/true
	[ "$STATUS" -eq 125 ] || [ "$STATUS" -eq 2 ] || fail "exit status $STATUS"
	want_said no-such-user-here
}

# A file that only root may execute is none that the user's command may be.
case_found_as_the_user() {
	needs_trace
	mkdir rootonly
	printf '#!/bin/sh\nexit 0\n' >rootonly/x
	chmod 755 rootonly/x
	chmod 700 rootonly
	run as_sudo_from nobody "$GILTRACE" run -- "$T/rootonly/x"
	[ "$STATUS" -eq 126 ] || [ "$STATUS" -eq 127 ] || fail "exit status $STATUS"
	want_clear
}

case_prints_the_resolved_path() {
	needs_trace
	run "$GILTRACE" run -- true
	want_status 0
	want_said "$(command -v -p true | sed 's,.*/,/,')"
}

# ---- exit statuses and streams ----

case_exit_statuses() {
	local status
	needs_trace
	for status in 0 1 2 77 100 125 255; do
		run "$GILTRACE" run -- /bin/sh -c "exit $status"
		want_status "$status"
	done
}

case_killed_by_a_signal() {
	needs_trace
	trace -- /bin/sh -c 'kill -KILL $$'
	want_status 137
	check 'r["exit"]["signal"] == 9'
	trace -- /bin/sh -c 'kill -SEGV $$'
	want_status 139
	trace -- /bin/sh -c 'exit 7'
	want_status 7
	check 'r["exit"]["code"] == 7'
}

case_exit_status_of_record() {
	needs_trace
	run "$GILTRACE" record -o trace.gt -- /bin/sh -c 'exit 11'
	want_status 11
	run "$GILTRACE" report trace.gt
	want_status 0
}

case_stdin_and_stdout_are_the_workloads() {
	needs_trace
	printf 'one\ntwo\n' | "$GILTRACE" run -- /bin/cat >out 2>err
	printf 'one\ntwo\n' | cmp - out >&2 || fail "stdin or stdout was changed"
	want_said 'single-threaded|inconclusive'
}

case_stderr_is_the_workloads_too() {
	needs_trace
	run "$GILTRACE" run -q -- /bin/sh -c 'echo from the workload >&2'
	want_status 0
	want_said 'from the workload'
}

# Nothing of giltrace's own is open in the workload.
case_no_descriptors_leak() {
	needs_trace
	/bin/sh -c 'ls /proc/self/fd' >expected
	run "$GILTRACE" run -- /bin/sh -c 'ls /proc/self/fd'
	want_status 0
	diff expected out >&2 || fail "other descriptors are open"
}

case_signal_dispositions_are_kept() {
	needs_trace
	/bin/sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status' >expected
	run "$GILTRACE" run -- /bin/sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status'
	want_status 0
	diff expected out >&2 || fail "signals are blocked or ignored"
}

# Some supervisors hand down SIGCHLD ignored: the kernel then keeps no exit status.
case_ignored_sigchld() {
	needs_trace
	run timeout 60 env --ignore-signal=CHLD "$GILTRACE" run -- /bin/sh -c 'trap; exit 7'
	want_status 7
}

# A trace that may not grow (ulimit -f) is giltrace's trouble, not its end, and not the command's.
case_trace_may_not_grow() {
	needs_trace
	run sh -c 'ulimit -f 8; exec "$@"' - "$GILTRACE" run -o t.gt -- "$PROGRAMS/fork_storm" 1000
	want_status 125
	want_said 'cannot write the trace: .*too large' 'what was written is kept'
}

case_working_directory_and_environment() {
	needs_trace
	GT_TEST_VARIABLE=kept run "$GILTRACE" run -- /bin/sh -c 'pwd; echo $GT_TEST_VARIABLE'
	want_status 0
	printf '%s\nkept\n' "$T" | diff - out >&2 || fail "directory or environment changed"
}

# Option parsing stops at the first word that is no option.
case_options_after_the_command_are_its_own() {
	needs_trace
	run "$GILTRACE" run /bin/echo --json -o x
	want_status 0
	[ "$(cat out)" = "--json -o x" ] || fail "$(show_output)"
	run "$GILTRACE" /bin/echo -p 1
	want_status 0
	[ "$(cat out)" = "-p 1" ] || fail "$(show_output)"
}

case_command_word_wins() {
	needs_trace
	printf '#!/bin/sh\necho mine\n' >report
	chmod 755 report
	PATH=$T:$PATH run "$GILTRACE" report
	want_status 2
	PATH=$T:$PATH run "$GILTRACE" -- report
	want_status 0
	[ "$(cat out)" = mine ] || fail "$(show_output)"
	run "$GILTRACE" ./report
	want_status 0
	[ "$(cat out)" = mine ] || fail "$(show_output)"
}

# ---- signals ----

case_ctrl_c_reaches_the_workload_once() {
	needs_trace
	on_terminal --expect ready --send '^C' -- "$GILTRACE" run --export "json:$T/report.json" -- \
		"$PROGRAMS/interrupted" >out 2>err
	grep -q 'counted 1' out || fail "$(show_output)"
	grep -q '== status 1$' out || fail "giltrace's status is not the workload's$(echo; show_output)"
	check 'wall > 0.4 * s'
}

case_second_ctrl_c_ends_giltrace() {
	needs_trace
	on_terminal --expect ready --send '^C' --taken giltrace --send '^C' --alive interrupted -- \
		"$GILTRACE" run -- "$PROGRAMS/interrupted" ignore 30000 >out 2>err
	grep -q 'alive interrupted yes' out || fail "the workload did not live on$(echo; show_output)"
}

case_ignored_ctrl_c() {
	needs_trace
	on_terminal --expect ready --send '^C' -- "$GILTRACE" run -- "$PROGRAMS/interrupted" ignore >out 2>err
	grep -q '== status 9$' out || fail "$(show_output)"
}

case_terminated() {
	local pid
	needs_trace
	"$GILTRACE" run --export "json:$T/report.json" -- /bin/sh -c 'echo $$ >pid; exec sleep 60' >out 2>err &
	pid=$!
	wait_for 30 test -s pid || fail "the workload did not start$(echo; show_output)"
	kill -TERM "$pid"
	wait "$pid"
	kill -0 "$(cat pid)" || fail "ending giltrace ended the workload"
	kill "$(cat pid)"
}

# There is something in trace.gt while it is written.
RECORDED=('wall > 0.4 * s' 'sum(t["run"] for t in threads) > 0.4 * s')
recorded_so_far() {
	"$GILTRACE" report --json trace.gt >report.json 2>err && ( check "${RECORDED[@]}" )
}

# kill -9: the workload lives, and what was recorded is readable.
case_killed_recorder() {
	local pid
	needs_trace
	"$GILTRACE" record -o trace.gt -- /bin/sh -c 'echo $$ >pid; exec "$0" 60000' "$PROGRAMS/busy_join" >out 2>err &
	pid=$!
	wait_for 60 recorded_so_far || fail "nothing is recorded$(echo; show_output)"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	kill -0 "$(cat pid)" || fail "killing giltrace killed the workload"
	"$GILTRACE" report --json trace.gt >report.json 2>err
	STATUS=$?
	want_status 0
	check "${RECORDED[@]}" 'all(off_by(t) <= 2000 for t in threads)'
	"$GILTRACE" report trace.gt >text 2>&1
	grep -qiE 'incomplete|did not finish|cut' text || fail "the report does not say that it is incomplete"
	kill "$(cat pid)"
}

# ---- which, and how long ----

case_duration_with_a_command() {
	needs_trace
	trace -d 0.5 -- /bin/sh -c 'sleep 3; echo went on; exit 9'
	want_status 9
	[ "$(cat out)" = "went on" ] || fail "$(show_output)"
	check '0.45 * s < wall < 2.5 * s'
}

case_attach() {
	needs_trace
	needs_cpus 2
	undisturbed attach_to_gil_threads
}

attach_to_gil_threads() {
	local pid
	"$WORKLOADS/gil_threads" -t 2 -w 1000 >/dev/null &
	pid=$!
	wait_for 30 used_cpu "$pid" 100 || fail "gil_threads does not count"
	trace -p "$pid" -d 1
	kill "$pid"
	want_status 0
	check '0.9 * s < wall < 5 * s' 'called("serialized", "cpu-starved contended")' 'lost == 0' 'all(off_by(t) <= 2000 for t in threads)' \
		"any(q['pid'] == $pid for q in processes)" 'any("the_gil" in l.get("name", "") for l in locks)'
}

# Threads that exist at attach are known with what they do, children too.
case_attach_follows_children() {
	local pid
	needs_trace
	/bin/sh -c '/bin/sleep 60 & /bin/sleep 60 & wait' &
	pid=$!
	wait_for 30 has_descended "$pid" 2 sleep || fail "no two children sleep"
	trace -p "$pid" -d 0.5
	# shellcheck disable=SC2046 # a list of numbers
	kill $(descended "$pid") "$pid"
	want_status 0
	check 'len(processes) == 3' 'sum(t["comm"] == "sleep" and t["sleep"] > 0.4 * s for t in threads) == 2'
}

case_attach_ends_with_the_process() {
	local pid
	needs_trace
	/bin/sleep 60 &
	pid=$!
	begin_trace -p "$pid"
	kill "$pid"
	end_trace
	want_status 0
	check 'wall < 30 * s'
}

# A child that was never reaped is no reason to go on.
case_attach_beside_a_zombie() {
	local pid
	needs_trace
	/bin/sh -c '/bin/true & exec /bin/sleep 60' &
	pid=$!
	wait_for 30 has_a_zombie "$pid" || fail "no zombie to attach beside"
	begin_trace -p "$pid"
	kill "$pid"
	end_trace
	want_status 0
	check 'wall < 30 * s'
}

has_a_zombie() {
	[ "$(ps -o stat= --ppid "$1")" = Z ]
}

# main() has ended, its thread has not.
case_attach_to_a_process_without_its_first_thread() {
	local pid
	needs_trace
	"$PROGRAMS/leader_gone" 60000 &
	pid=$!
	wait_for 30 used_cpu "$pid" 50 || fail "leader_gone does nothing"
	begin_trace -p "$pid"
	wait_for 30 used_cpu "$pid" $(($(cpu_of "$pid") + 200)) || fail "leader_gone does nothing more"
	kill "$pid"
	end_trace
	want_status 0
	check "any(t['tid'] != $pid and t['run'] > 0.1 * s for t in threads)" 'wall < 50 * s'
}

case_attach_to_two() {
	local a b
	needs_trace
	/bin/sleep 60 &
	a=$!
	/bin/sleep 60 &
	b=$!
	trace -p "$a,$b" -d 0.4
	want_status 0
	check 'len(processes) == 2'
	kill "$a" "$b"
}

case_attach_ctrl_c() {
	local pid
	needs_trace
	/bin/sleep 60 &
	pid=$!
	on_terminal --traces giltrace --send '^C' -- "$GILTRACE" -p "$pid" >out 2>err
	grep -q '== status 0$' out || fail "$(show_output)"
	kill -0 "$pid" || fail "the process that was watched is gone"
	kill "$pid"
}

# Whatever is born or ends while tasks are found is known once, or not at all; the process is known in any case.
case_attach_amid_births_and_ends() {
	local pid
	needs_trace
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		"$PROGRAMS/churn" 60000 &
		pid=$!
		wait_for 30 used_cpu $pid 20 || fail "churn does nothing"
		begin_trace -p $pid
		sleep 0.2
		kill -KILL $pid
		end_trace
		want_status 0
		check 'lost == 0' 'r["losses"]["unknown_share"] < 0.01' "any(q['pid'] == $pid for q in processes)" \
			'max(r["audit"]["cpu_error"], r["audit"]["task_error"]) < 0.01'
	done
}

case_attach_too_late() {
	local pid
	needs_trace
	sleep 0.05 & # there for who reads the options, and for nobody later
	pid=$!
	run timeout 60 "$GILTRACE" run -p "$pid"
	want_status 125
	want_said 'there is no such process|ended before tracing began'
}

# Ctrl-C (here SIGTERM, which no shell has its children ignore) while giltrace loads its programs: the
# command waits behind the gate and ends first.
case_ended_before_it_began() {
	local pid
	needs_trace
	setsid "$GILTRACE" run -- /bin/sleep 60 >"$T/out" 2>"$T/err" &
	pid=$!
	wait_for 30 grep -q running "$T/err" || fail "it never said what it runs$(echo; show_output)"
	kill -TERM -- "-$pid"
	wait "$pid"
	want_said 'was ended before tracing began|ended by signal 15'
	! grep -q 'No such process' "$T/err" || fail "it says what the kernel said$(echo; show_output)"
}

case_attach_quit() {
	local pid
	needs_trace
	/bin/sleep 60 &
	pid=$!
	begin_trace -p "$pid"
	kill -QUIT "$TRACER"
	end_trace
	[ "$STATUS" -eq 131 ] || fail "not ended by SIGQUIT$(echo; show_output)"
	check 'wall < 30 * s'
	kill "$pid"
}

case_attach_nohup() {
	local pid
	needs_trace
	/bin/sleep 60 &
	pid=$!
	nohup "$GILTRACE" run --export "json:$T/report.json" -p "$pid" -d 2 >out 2>err </dev/null &
	TRACER=$!
	wait_for 30 traces "$TRACER" || fail "it does not begin to trace$(echo; show_output)"
	kill -HUP "$TRACER"
	end_trace
	[ "$STATUS" -eq 0 ] || fail "ended by a hangup$(echo; show_output)"
	check 'wall > 1.9 * s'
	kill "$pid"
}

case_everything() {
	local a b
	needs_trace
	"$PROGRAMS/busy_join" 60000 &
	a=$!
	"$PROGRAMS/busy_join" 60000 &
	b=$!
	wait_for 30 used_cpu $a 10 || fail "busy_join does nothing"
	wait_for 30 used_cpu $b 10 || fail "busy_join does nothing"
	trace -a -d 0.7
	kill $a $b
	want_status 0
	check "{$a, $b} <= {q['pid'] for q in processes}" 'len(processes) > 2' \
		"not [q for q in processes if q.get('exe') == '$GILTRACE']" \
		'lost == 0' 'all(cpu_off_by(c, wall) <= 0.001 for c in r["cpus"])'
}

case_window_ends_with_the_command() {
	needs_trace
	trace -- /bin/sh -c '(/bin/sleep 20; true) & exit 0'
	want_status 0
	check 'wall < 15 * s'
}

case_wait_all() {
	needs_trace
	trace --wait-all -- /bin/sh -c '(/bin/sleep 0.8; true) & exit 6'
	want_status 6
	check 'wall > 0.75 * s'
}

# ---- lives of processes ----

case_exec_chain() {
	needs_trace
	trace -- /bin/sh -c 'exec /bin/sh -c "exec /bin/sh -c \"exit 5\""'
	want_status 5
	check 'len(processes) == 1' 'len(threads) == 1'
}

case_exec_by_another_thread() {
	needs_trace
	trace -- "$PROGRAMS/thread_exec" "$PROGRAMS/busy_join" 200
	want_status 0
	check 'len(processes) == 1' 'lost == 0' 'all(off_by(t) <= 2000 for t in threads)' \
		'any(t["run"] > 0.19 * s for t in threads)'
}

# Calls are counted for the program that made them, though the next one has its words at the same addresses.
case_calls_before_exec() {
	local dump=$O/tests/tools/dump
	needs_trace
	[ -x "$dump" ] || skip "tests/tools/dump is not built"
	run setarch -R "$GILTRACE" run -q -o t.gt -- "$PROGRAMS/exec_calls" 7 11
	want_status 0
	"$dump" t.gt | sed -n 's/.*futex-count.* op=0x1 .*count=//p' | sort -n | tr '\n' ' ' >counts
	[ "$(cat counts)" = "7 11 " ] || fail "counted: $(cat counts)"
}

case_thousand_children() {
	needs_trace
	trace -- "$PROGRAMS/fork_storm" 1000
	want_status 0
	check 'len(processes) == 1001' 'len(threads) == 1001' 'lost == 0' 'all(off_by(t) <= 2000 for t in threads)' \
		'max(r["audit"]["cpu_error"], r["audit"]["task_error"]) <= 0.001'
}

case_two_giltraces() {
	local first
	needs_trace
	needs_cpus 2
	"$GILTRACE" run --export json:first.json -- "$WORKLOADS/gil_threads" -t 2 -w 0.3 >first.out 2>first.err &
	first=$!
	trace -- "$WORKLOADS/gil_threads" -t 2 -w 0.3
	want_status 0
	wait "$first" || fail "the other one failed: $(cat first.err)"
	check 'len(processes) == 1' 'lost == 0'
	check_report first.json 'len(processes) == 1' 'lost == 0'
}

run_cases "$@"
