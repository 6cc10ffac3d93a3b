#!/bin/bash
# SPDX-License-Identifier: MIT
# Stacks: whose they are, that none is taken for another, and what is said where they cannot be had.
# shellcheck disable=SC2119,SC2317 # functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacks_lib.sh"

# Copied or known again: each use of a stack was one of the two.
ADDS_UP='meta["stacks_copied"] + meta.get("stacks_known", 0) == len(of) + sum(s.stack is not None for s in samples)'

case_two_callers_at_one_depth_are_told_apart() {
	needs_stacks
	record_stacks -- "$SHAPES" callers 200
	check_stacks "$ADDS_UP" 'len(waits) >= 190' 'all(w.stack.flags == COMPLETE for w in waits)' \
		'all(("first_caller" in w.stack.names) != ("second_caller" in w.stack.names) for w in waits)' \
		'len(waits) < 200 or all(("first_caller" in w.stack.names) == (i % 2 == 0) for i, w in enumerate(waits))' \
		'abs(sum("first_caller" in w.stack.names for w in waits) - 100) <= 200 - len(waits)'
}

# Until the helper has answered, the same wait is copied again: a busy machine takes its time.
copied_once() {
	record_stacks -- "$SHAPES" callers 1500
	check_stacks "$ADDS_UP" 'len(waits) >= 1400' 'meta["stacks_known"] > meta["stacks_copied"]'
}

case_the_same_wait_is_copied_once() {
	needs_stacks
	undisturbed copied_once
}

case_an_array_never_touched_is_no_end() {
	needs_stacks
	record_stacks -- "$SHAPES" hole 20
	check_stacks "$ADDS_UP" 'waits' 'all(w.stack.flags == COMPLETE for w in waits)' \
		'all("over_a_hole" in w.stack.names and "body" in w.stack.names for w in waits)'
}

case_deeper_than_the_copy_is_said() {
	needs_stacks
	record_stacks -- "$SHAPES" deep 3
	check_stacks "$ADDS_UP" 'waits' 'all(w.stack.flags == TRUNCATED for w in waits)' \
		'all(w.stack.names.count("descend") >= 20 for w in waits)'
}

case_a_stack_pointer_to_nowhere() {
	needs_stacks
	record_stacks -- "$SHAPES" nowhere 20
	check_stacks "$ADDS_UP" 'waits' 'all(not w.stack.flags & COMPLETE for w in waits)' \
		'all(w.stack.names[0] == "from_nowhere" for w in waits)'
}

case_a_signal_handler_on_its_own_stack() {
	needs_stacks
	record_stacks -- "$SHAPES" signal 20
	check_stacks "$ADDS_UP" 'waits' 'all("handler" in w.stack.names for w in waits)'
}

case_processes_that_exit_at_once() {
	needs_stacks
	# shellcheck disable=SC2016 # for the inner shell
	record_stacks -- /bin/sh -c 'i=0; while [ $i -lt 40 ]; do "$0" brief; i=$((i + 1)); done' "$SHAPES"
	check_stacks "$ADDS_UP" 'len(of) >= 30' 'all(w.stack.flags == COMPLETE for w in waits)' 'waits'
}

case_who_wakes_by_a_futex_has_a_stack() {
	needs_stacks
	record_stacks -- "$PROGRAMS/mutex_sleep"
	check_stacks "$ADDS_UP" 'sum(u.what == "waking" and "nap" in u.stack.names for u in of) >= 50' \
		'all("futex" in u.by for u in of)'
}

case_offcpu_has_the_kernels_part() {
	needs_stacks
	record_stacks --stacks offcpu -- "$PROGRAMS/mutex_sleep"
	check_stacks "$ADDS_UP" 'sum("sleep_ns" in u.stack.names for u in of) >= 90' \
		'all(u.stack.kernel for u in of if u.what == "switch" and not u.stack.flags & SKIPPED)' \
		'all(u.stack.kernel[0] == "__schedule" for u in of if u.stack.kernel)' \
		'all(not u.stack.kernel for u in of if u.what == "waking")'
}

case_all_kinds_that_were_asked_for_are_there() {
	needs_stacks
	run "$GILTRACE" record --stacks oncpu,offcpu --stacks wake -o "$T/t.gt" -- "$PROGRAMS/mutex_sleep"
	want_status 0
	for kind in lock offcpu oncpu wake; do
		run "$GILTRACE" report --stacks $kind --export "folded:$T/$kind.folded" "$T/t.gt"
		want_status 0
	done
	[ -s "$T/lock.folded" ] && [ -s "$T/offcpu.folded" ] && [ -s "$T/wake.folded" ] || fail "nothing was drawn"
	run "$GILTRACE" report --stacks lock,offcpu "$T/t.gt"
	want_status 2
	want_said 'one kind'
}

case_samples_add_up_to_the_time() {
	needs_stacks
	record_stacks -F 199 -- "$SHAPES" burn 1000
	check_stacks "$ADDS_UP" '0.75e9 < sum(s.period for s in samples) < 1.25e9' \
		'sum("burn" in s.stack.names or "body" in s.stack.names for s in samples) > 0.9 * len(samples)'
}

# Frames and names are told at the end, and then the counts of calls: each behind what came before it.
in_order() {
	trace --futex-calls -- "$PYTHON" -c 'import threading; [threading.Thread(target=sum, args=(range(9**6),)).start() for _ in "12"]'
	check 'r["futex_calls"]' 'r["losses"]["disordered"] == 0'
}

case_what_is_told_last_is_in_order() {
	needs_stacks
	undisturbed in_order
}

case_none_unless_wanted() {
	needs_stacks
	record_stacks --no-stacks -- "$SHAPES" callers 20
	check_stacks 'not of' 'not samples' 'not told' '"stacks_copied" not in meta' '"stacks" not in meta'
	run "$GILTRACE" record --no-stacks --stacks lock -o "$T/x.gt" -- "$SHAPES"
	want_status 2
	want_said 'exclude each other'
}

run_cases "$@"
