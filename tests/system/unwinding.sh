#!/bin/bash
# SPDX-License-Identifier: MIT
# How far stacks reach: in other people's programs, and where something is in the way.
# shellcheck disable=SC2119,SC2317 # functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacks_lib.sh"

# reach_the_start KIND… -- CMD…: nearly all of their time is in complete stacks, and there is some.
reach_the_start() {
	local kinds=()
	while [ "$1" != -- ]; do
		kinds+=("$1")
		shift
	done
	trace --stacks oncpu,lock -F 499 "$@"
	want_status 0
	for kind in "${kinds[@]}"; do
		check "r['stacks']['kinds']['$kind']['ns'] > 0" \
			"r['stacks']['kinds']['$kind']['complete'] >= 0.95 * r['stacks']['kinds']['$kind']['ns']"
	done
	check 'sum(t["lock"] for t in threads) == r["stacks"]["kinds"]["lock"]["ns"]'
}

# Something that is neither all alike nor noise.
some_data() {
	seq 1 4000000 | sed 's/\(.\)\(.*\)/\2 is \1/' >"$T/data"
}

case_a_workload_reaches_the_start() {
	needs_stacks
	reach_the_start lock oncpu -- "$WORKLOADS/gil_threads" -t 4 -w 0.3
}

case_the_systems_python_reaches_the_start() {
	needs_stacks
	[ -x /usr/bin/python3 ] || skip "there is no /usr/bin/python3"
	cat >"$T/count.py" <<'END'
import threading

def count():
    for _ in range(4000000):
        pass

threads = [threading.Thread(target=count) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
END
	reach_the_start lock oncpu -- /usr/bin/python3 "$T/count.py"
}

case_sqlite3_reaches_the_start() {
	needs_stacks
	needs_tool sqlite3
	reach_the_start oncpu -- sqlite3 :memory: \
		'create table t (a, b); with recursive c (x) as (select 1 union all select x + 1 from c where x < 300000)
		insert into t select x * 7919 % 100003, x from c; create index i on t (a); select sum(b) from t order by a;'
}

case_xz_reaches_the_start() {
	needs_stacks
	needs_tool xz
	some_data
	reach_the_start oncpu -- xz -T2 -3 -k "$T/data"
}

case_pigz_reaches_the_start() {
	needs_stacks
	needs_tool pigz
	some_data
	reach_the_start lock oncpu -- pigz -p 2 -k "$T/data"
}

# Each wait in another place, some twenty thousand a second: too many to be unwound, but none to be weighed.
case_distinct_waits_by_the_thousand() {
	needs_stacks
	trace -- "$PROGRAMS/many_stacks" 20000 30000
	want_status 0
	check 'r["stacks"]["kinds"]["lock"]["ns"] == sum(t["lock"] for t in threads)' \
		'r["stacks"]["kinds"]["lock"]["ns"] > 0' 'r["stacks"]["copied"] > 100' \
		'0 < r["stacks"]["kinds"]["lock"]["complete"] <= r["stacks"]["kinds"]["lock"]["ns"]' \
		'r["stacks"]["kinds"]["lock"]["complete"] < r["stacks"]["kinds"]["lock"]["ns"] or not r["stacks"]["skipped"]'
	tr '\n' ' ' <"$T/err" | grep -q 'of lock time in complete stacks' || fail "not said: $(cat "$T/err")"
	"$PYTHON" -c 'import json, sys; sys.exit(not json.load(open(sys.argv[1]))["stacks"]["skipped"])' "$T/report.json" ||
		return 0
	tr '\n' ' ' <"$T/err" | grep -q 'not unwound, being too many at once' || fail "not said: $(cat "$T/err")"
}

case_a_program_replaced_on_disk() {
	needs_stacks
	cp "$SHAPES" "$T/prog"
	"$T/prog" callers 1000000 &
	wait_for 30 runs $! "$T/prog" || fail "it does not run"
	cp "$WORKLOADS/gil_threads" "$T/other"
	mv "$T/other" "$T/prog"
	record_stacks -d 1 -p $!
	kill $!
	check_stacks 'len(waits) > 50' 'all(w.stack.flags == COMPLETE for w in waits)' \
		'all({"first_caller", "second_caller"} & set(w.stack.names) for w in waits)'
}

case_frame_information_that_is_damaged() {
	needs_stacks
	needs_tool readelf
	cp "$SHAPES" "$T/prog"
	"$PYTHON" - "$T/prog" <<'END' || fail "cannot damage it"
import subprocess, sys

lines = subprocess.run(["readelf", "-SW", sys.argv[1]], capture_output=True, text=True, check=True).stdout.splitlines()
at = next(line.split("]", 1)[1].split() for line in lines if " .eh_frame " in line)
with open(sys.argv[1], "r+b") as file:
    file.seek(int(at[3], 16))
    size = int(at[4], 16)
    file.write(bytes(i * 73 % 251 for i in range(size)))
END
	record_stacks --stacks offcpu -- "$T/prog" callers 50
	check_stacks 'len(waits) >= 40' 'all(w.stack.flags in (BROKEN, TRUNCATED) for w in waits)' \
		'all(w.stack.names[-1] == "wait_here" for w in waits)'
	run "$GILTRACE" report --export "json:$T/report.json" "$T/t.gt"
	check 'r["stacks"]["kinds"]["offcpu"]["ns"] >= 40 * ms'
}

case_code_of_which_nothing_is_known() {
	needs_stacks
	record_stacks -- "$SHAPES" made 20
	check_stacks 'waits' 'all(w.stack.flags == BROKEN for w in waits)' \
		'all(w.stack.names[-1].startswith("[made") for w in waits)'
}

case_a_signal_handler_over_what_it_interrupted() {
	needs_stacks
	record_stacks -- "$SHAPES" handler 20
	check_stacks 'waits' 'all(w.stack.flags == COMPLETE for w in waits)' \
		'all(w.stack.names.index("handler") < w.stack.names.index("body") for w in waits)'
}

case_the_kernels_code_in_the_program() {
	needs_stacks
	record_stacks -F 499 -- "$SHAPES" clock 500
	check_stacks 'sum(any("clock_gettime" in n for n in s.stack.names) for s in samples if s.stack) > 10' \
		'sum(bool(s.stack and s.stack.flags == COMPLETE) for s in samples) >= 0.95 * len(samples)' \
		'sum(bool(s.stack and "ask_time" in s.stack.names) for s in samples) > 0.5 * len(samples)'
}

# CPython's list for perf: each function has a trampoline, and is shown once.
case_trampolines_of_cpython() {
	local python
	needs_stacks
	for python in /usr/bin/python3 /usr/bin/python3.1[2-9] /usr/local/bin/python3 ~/.pyenv/versions/3.1[2-9]*/bin/python3 ''; do
		[ -n "$python" ] || skip "there is no CPython that was built with -X perf"
		"$python" -X perf -c 'import sys; sys.exit(not sys.is_stack_trampoline_active())' 2>/dev/null && break
	done
	cat >"$T/calls.py" <<'END'
def innermost():
    return sum(i for i in range(200))

def middle():
    for _ in range(100):
        innermost()

for _ in range(400):
    middle()
END
	record_stacks -F 499 -- "$python" -X perf "$T/calls.py"
	check_stacks 'sum("middle" in s.stack.names for s in samples if s.stack) > 10' \
		'sum(bool(s.stack and s.stack.flags == COMPLETE) for s in samples) >= 0.9 * len(samples)' \
		'all(s.stack.names.count("middle") == 1 for s in samples if s.stack and "middle" in s.stack.names)' \
		'not any(n.startswith("py::") and n.split(":")[2] in s.stack.names for s in samples if s.stack for n in s.stack.names)'
}

run_cases "$@"
