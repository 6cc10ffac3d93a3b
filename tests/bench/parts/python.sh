# SPDX-License-Identifier: MIT
# Every CPython that is found. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# Two threads that count under CPython 2.7 meet over a million times a second: its wall time is chaotic.
measure() {
	local version python goal rounds script=workloads/python/count_threads.py
	section "CPython" "Two threads, each counting to twenty million: wall time by the script's own clock, seconds."
	while read -r version python; do
		case $version in
		2.*) goal=1.10 rounds=15 ;;
		*) goal=1.01 rounds=11 ;;
		esac
		printf 'CPython %s\n\n' "$version"
		{
			row untraced "$python $script 2 20000000"
			row "giltrace record" "$(clean) $(record -- "$python $script 2 20000000")"
		} | compare "$rounds" stdout s "<=$goal:giltrace record"
		case $version in
		2.*)
			echo
			"$GILTRACE" report --json "$SCRATCH/trace.gt" | "$PYTHON" -c 'import json, sys
report = json.load(sys.stdin)
calls = sum(row["count"] for row in report["futex_calls"])
lost = report["losses"]["reasons"]
stacks = lost.pop("stack")
print("Of the last run: %.2f million futex calls a second, %d records lost, %d stacks left out." %
      (calls * 1e3 / report["window"]["wall"], sum(lost.values()), stacks))'
			;;
		esac
		echo
	done < <(pythons)
}

measure
