# shellcheck shell=bash disable=SC2034 # SHAPES is for those that source this
# SPDX-License-Identifier: MIT
# Taking stacks and asking what is in them, for tests of stacks. Source after lib.sh.

SHAPES=$PROGRAMS/stack_shapes

needs_stacks() {
	needs_trace
	[ "$(uname -m)" = x86_64 ] || skip "stacks are taken on x86-64 only"
}

# record_stacks [OPTION…] -- CMD…: into t.gt, and its dump.
record_stacks() {
	run "$GILTRACE" record -o "$T/t.gt" "$@"
	want_status 0
	"$O/tests/tools/dump" "$T/t.gt" >"$T/t.dump" || fail "the trace cannot be read"
}

check_stacks() {
	"$PYTHON" "$HERE/stacks.py" "$T/t.dump" "$@" >&2 || exit 1
}
