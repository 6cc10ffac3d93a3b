# SPDX-License-Identifier: MIT
# Probes at locks. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# The first CPython 3 whose own functions for its lock can be probed: "VERSION PATH".
probed_python() {
	local version python
	while read -r version python; do
		case $version in 2.*) continue ;; esac
		rm -f "$SCRATCH/probe.gt"
		"$GILTRACE" record -q --probe-locks -o "$SCRATCH/probe.gt" -- \
			"$python" workloads/python/count_threads.py 2 2000000 >/dev/null 2>&1 || continue
		"$GILTRACE" report --json "$SCRATCH/probe.gt" | "$PYTHON" -c 'import json, sys
locks = json.load(sys.stdin)["locks"]
sys.exit(not any(lock.get("hold", {}).get("source") == "probes" for lock in locks))' || continue
		echo "$version $python"
		return
	done < <(pythons)
	return 1
}

has_probes() {
	have readelf && readelf -n "$1" 2>/dev/null | grep -q 'Provider: gil'
}

probes_of_programs() {
	local workload="$O/workloads/gil_threads -t 2 -w 0.5" rate="$O/bench/lock_rate 100000"
	if ! has_probes "$O/workloads/gil_threads"; then
		echo "The workloads were built without USDT probes (systemtap-sdt-dev)."
		return
	fi
	{
		row untraced "$workload"
		row "giltrace record --no-usdt" "$(clean) $(record --no-usdt -- "$workload")"
		row "giltrace record" "$(clean) $(record -- "$workload")"
	} | compare 9 stdout:wall s "<=1.05:giltrace record"
	section "… a hundred thousand times a second" \
		"\`lock_rate\`: one thread takes a free lock a hundred thousand times, each time past three USDT probes and with some 10 µs of work: wall time by its own clock, seconds."
	{
		row untraced "$rate"
		row "giltrace record --no-usdt" "$(clean) $(record --no-usdt -- "$rate")"
		row "giltrace record" "$(clean) $(record -- "$rate")"
	} | compare 7 stdout:wall s
}

measure() {
	local version python script=workloads/python/count_threads.py
	section "Probes at locks" \
		"\`gil_threads -t 2\`, whose lock has USDT probes: wall time by its own clock, seconds."
	probes_of_programs
	section "Probes at an interpreter's lock" \
		"Two CPython threads, each counting to twenty million: wall time by the script's own clock, seconds."
	read -r version python < <(probed_python)
	if [ -z "${python:-}" ]; then
		echo "No CPython 3 was found whose lock can be probed."
		return
	fi
	printf 'CPython %s\n\n' "$version"
	{
		row untraced "$python $script 2 20000000"
		row "giltrace record" "$(clean) $(record -- "$python $script 2 20000000")"
		row "giltrace record --probe-locks" \
			"$(clean) $(record --probe-locks -- "$python $script 2 20000000")"
	} | compare 9 stdout s "<=1.05:giltrace record --probe-locks"
}

measure
