# SPDX-License-Identifier: MIT
# Threads that fight for a GIL. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

measure() {
	local workload="$O/workloads/gil_threads -t 4 -w 0.5"
	section "A GIL workload" "\`gil_threads -t 4\`: wall time by its own clock, seconds."
	{
		row untraced "$workload"
		row "giltrace record" "$(clean) $(record -- "$workload")"
	} | compare 21 stdout:wall s "<=1.01:giltrace record"
}

measure
