#!/bin/bash
# SPDX-License-Identifier: MIT
# Python frames in stacks: the functions and lines that Python itself tells, of every CPython that is found here.
# shellcheck disable=SC2119,SC2317 # functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacks_lib.sh"

# with_pythons CMD [ARG…]: with each CPython 3.8 to 3.13 here as $python.
with_pythons() {
	local seen=0
	for python in /usr/bin/python3.[0-9]* /usr/local/bin/python3.[0-9]* ~/.pyenv/versions/3.*/bin/python3; do
		[ -x "$python" ] || continue
		case $python in *-config | *t) continue ;; esac
		"$python" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 13))' || continue
		"$@" || fail "of $python"
		seen=$((seen + 1))
	done
	[ $seen -gt 0 ] || skip "there is no CPython 3.8 to 3.13"
}

standing_threads() {
	run "$GILTRACE" record --stacks offcpu -o "$T/t.gt" -- "$python" "$HERE/programs/frames.py" "$T/frames"
	want_status 0
	"$O/tests/tools/dump" "$T/t.gt" >"$T/t.dump" || fail "the trace cannot be read"
	"$PYTHON" "$HERE/frames.py" "$T/t.dump" "$T/frames" >&2
}

case_frames_are_those_that_python_tells() {
	needs_stacks
	with_pythons standing_threads
}

# Time by Python function: folded stacks in which it stands.
weight() {
	awk -v want=";$1;" 'index($0, want) { sum += $NF } { all += $NF } END { print all ? int(100 * sum / all) : 0 }' "$2"
}

counting_threads() {
	run "$GILTRACE" record --stacks critical -F 199 -o "$T/t.gt" -- "$python" "$HERE/programs/frames.py" "$T/frames"
	want_status 0
	for kind in lock critical oncpu; do
		"$GILTRACE" report --stacks $kind --export "folded:$T/$kind" "$T/t.gt" >"$T/out" 2>"$T/err" ||
			fail "no $kind: $(cat "$T/err")"
	done
	# Both are runnable all the time: about half of it each waits for the GIL and each has it.
	for kind in critical oncpu; do
		[ "$(weight counts_up "$T/$kind")" -ge 20 ] || fail "$kind: counts_up has $(weight counts_up "$T/$kind") %"
		[ "$(weight counts_down "$T/$kind")" -ge 20 ] || fail "$kind: counts_down has $(weight counts_down "$T/$kind") %"
	done
	grep -q ';counts_up;.*gil' "$T/lock" || fail "nobody waits for the GIL in counts_up"
	grep -q ';counts_down;\(.*;\)\?costs;.*gil' "$T/lock" || fail "nobody waits for the GIL in costs"
}

case_lock_and_critical_name_python_functions() {
	needs_stacks
	with_pythons counting_threads
}

case_a_forked_process_has_them_at_once() {
	needs_stacks
	cat >"$T/fork.py" <<-'EOF'
		import os, time
		def in_the_child():
		    time.sleep(0.01)
		time.sleep(0.3)
		for _ in range(20):
		    pid = os.fork()
		    if not pid:
		        in_the_child()
		        os._exit(0)
		    os.waitpid(pid, 0)
	EOF
	python=$PYTHON
	run "$GILTRACE" record --stacks offcpu -o "$T/t.gt" -- "$python" "$T/fork.py"
	want_status 0
	run "$GILTRACE" report --stacks offcpu --export folded:- "$T/t.gt"
	grep -q ';in_the_child;' "$T/out" || fail "no stack has in_the_child"
}

case_another_program_has_none() {
	needs_stacks
	python=$PYTHON
	run "$GILTRACE" record --stacks offcpu -o "$T/t.gt" -- "$python" -c \
		'import os, time; [time.sleep(0.1) for i in range(5)]; os.execv("/bin/sleep", ["sleep", "0.3"])'
	want_status 0
	run "$GILTRACE" report --stacks offcpu --export folded:- "$T/t.gt"
	grep -q '<module>' "$T/out" || fail "no Python frame before exec"
	grep -q ';\[sleep+0x' "$T/out" || fail "no stack of sleep"
	! grep ';\[sleep+0x' "$T/out" | grep -q '<module>' || fail "Python frames after exec"
}

run_cases "$@"
