#!/bin/bash
# SPDX-License-Identifier: MIT
# Stacks as other people's programs read them: pprof-format and speedscope's own schema (npm), flame graph programs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

# Of a scripted trace with stacks of every kind and with hostile names.
scripted() {
	"$O/tests/tools/script" "$SOURCE/tests/golden/stacks.events" "$T/trace.gt" || fail "no trace"
}

# export_stacks KIND FORMAT: the trace's, in out.FORMAT; its report in report.json.
export_stacks() {
	run "$GILTRACE" report --stacks "$1" --export "$2:$T/out.$2" --export "json:$T/report.json" "$T/trace.gt"
	want_status 0
}

decoded() {
	node "$HERE/formats.js" "$MODULES" "$1" "$T/out.$1" "$T/report.json" >&2 || exit 1
}

case_pprof_decodes() {
	needs_modules
	scripted
	export_stacks lock pprof
	decoded pprof
}

case_speedscope_validates() {
	needs_modules
	scripted
	local kind
	for kind in lock offcpu oncpu critical wake; do
		export_stacks $kind speedscope
		decoded speedscope
	done
}

# The sum of the lines, and that each ends in a number.
folded_sum() {
	awk '!/ [0-9]+$/ { exit 1 } { sum += $NF } END { printf "%.0f\n", sum }' "$T/out.folded"
}

case_folded_adds_up() {
	scripted
	export_stacks offcpu folded
	local sum
	sum=$(folded_sum) || fail "a line without a number"
	check "sum(t['runnable'] + t['lock'] + t['event'] + t['io'] + t['kernel_lock'] + t['sleep'] + t['other'] +
		t['unknown'] for t in threads) == $sum"
}

case_recorded_lock_time_adds_up() {
	needs_trace
	needs_modules
	"$GILTRACE" record -q -o "$T/trace.gt" -F 199 -- "$WORKLOADS/gil_threads" -t 4 -w 0.3 >"$T/out" 2>"$T/err" ||
		fail "no recording$(echo; show_output)"
	export_stacks lock folded
	check_always "sum(t['lock'] for t in threads) == $(folded_sum)" "sum(t['lock'] for t in threads) > 0"
	export_stacks lock pprof
	decoded pprof
	export_stacks oncpu speedscope
	decoded speedscope
}

case_flame_graph_program_draws_it() {
	local program=
	command -v inferno-flamegraph >/dev/null && program=inferno-flamegraph
	command -v flamegraph.pl >/dev/null && program=flamegraph.pl
	[ -n "$program" ] || skip "there is no flame graph program here (Debian has none)"
	scripted
	export_stacks lock folded
	run "$program" "$T/out.folded"
	want_status 0
	grep -q 'the_lock' "$T/out" || fail "no lock in what $program drew"
	"$PYTHON" -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$T/out" || fail "no XML"
}

# widest COMMAND…: bytes of the longest line it prints, which are columns in ASCII.
widest() {
	LC_ALL=C "$@" 2>"$T/err" | awk '{ if (length > most) most = length } END { print most }'
}

# COLUMNS as perf and others take it: before the terminal's own width, and only where it is a number.
case_columns_is_the_width() {
	scripted
	local width usual
	usual=$(widest "$GILTRACE" report "$T/trace.gt")
	for width in 60 160; do
		[ "$(widest env COLUMNS=$width "$GILTRACE" report "$T/trace.gt")" -le $width ] || fail "wider than $width"
	done
	[ "$(widest env COLUMNS=160 "$GILTRACE" report "$T/trace.gt")" -gt "$usual" ] || fail "not wider than usual"
	for width in '' 0 80x; do
		[ "$(widest env "COLUMNS=$width" "$GILTRACE" report "$T/trace.gt")" -eq "$usual" ] || fail "'$width' counts"
	done
	run env LC_ALL=C COLUMNS=60 "$PYTHON" "$HERE/terminal.py" -- "$GILTRACE" report --color never "$T/trace.gt"
	[ "$(tr -d '\r' <"$T/out" | widest cat)" -le 60 ] || fail "not heeded on a terminal"
}

case_no_samples_is_said() {
	sed 's/^meta stacks .*/meta stacks 1/' "$SOURCE/tests/golden/stacks.events" >"$T/events"
	"$O/tests/tools/script" "$T/events" "$T/trace.gt" || fail "no trace"
	run "$GILTRACE" report --stacks oncpu --export "folded:$T/out.folded" "$T/trace.gt"
	[ "$STATUS" -ne 0 ] || fail "exit status 0 without what was asked for"
	want_said 'this trace has no on-CPU samples; record with -F 99'
	[ ! -e "$T/out.folded" ] || fail "an empty file all the same"
}

run_cases "$@"
