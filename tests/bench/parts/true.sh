# SPDX-License-Identifier: MIT
# Start and end. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# Where the time of a short run goes, from what it tells of itself.
start_split() {
	for _ in 1 2 3 4 5 6 7 8 9; do
		"$GILTRACE" run --json true 2>/dev/null || failed
	done | "$PYTHON" -c 'import json, statistics, sys
text, decoder, told = sys.stdin.read(), json.JSONDecoder(), []
while text.strip():
    report, end = decoder.raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    told.append((report["overhead"]["startup"], report["window"]["wall"], report["overhead"]["collector_cpu"]))
print("\nMedians of %d more runs: %.0f ms until the command starts, %.1f ms for the command; the collector used "
      "%.0f ms of CPU time." % ((len(told),) + tuple(statistics.median(times) / 1e6 for times in zip(*told))))' ||
		failed
}

measure() {
	section "Tracing next to nothing" "\`true\`, from start to end of everything: wall time, seconds."
	{
		if have perf; then
			row "perf sched record" "$(clean) $(perf_record -- true) >/dev/null 2>&1"
		fi
		row "giltrace run" "$GILTRACE run true >/dev/null 2>&1"
		row "giltrace run --no-stacks" "$GILTRACE run --no-stacks true >/dev/null 2>&1"
		row "giltrace run --no-futex-calls" "$GILTRACE run --no-futex-calls true >/dev/null 2>&1"
		row "true alone" "/bin/true"
	} | compare 21 wall s "<1:giltrace run"
	start_split
}

measure
