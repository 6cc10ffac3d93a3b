# SPDX-License-Identifier: MIT
# Does a report grow faster than what it is about? Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# world LABEL RECORDS FILE: a row, with and without the JSON report, which has what the text leaves out.
world() {
	local text json
	text=$("$O/bench/usage" taskset -c 0 "$GILTRACE" report -q "$3") || failed
	json=$("$O/bench/usage" taskset -c 0 "$GILTRACE" report -q --export "json:$SCRATCH/report.json" "$3") || failed
	"$PYTHON" -c 'import os, sys
label, records, path, report, text, json = *sys.argv[1:5], sys.argv[5].split(), sys.argv[6].split()
records = int(records)
print("| %s | %.1f | %.0f | %.1f | %.0f | %.1f | %.1f |" % (
    label, os.path.getsize(path) / records, float(text[1]) / records * 1e9, int(text[5]) / 1024,
    float(json[1]) / records * 1e9, int(json[5]) / 1024, os.path.getsize(report) / 1e6))' \
		"$1" "$2" "$3" "$SCRATCH/report.json" "$text" "$json"
	rm -f "$3"
}

table() {
	echo "| | bytes a record | text: wall, ns a record | peak memory, MiB | JSON: wall, ns a record | peak memory, MiB | its size, MB |"
	echo "|---|---|---|---|---|---|---|"
}

measure() {
	local n cpus threads trace=$SCRATCH/world.gt
	# All threads live to the end: no exec, no exit of a process.
	local features=mutex,gil,master,rwlock,queue,barrier,io,sleep,kernel,preempt,foreign,pin,probes
	section "Larger machines" \
		"\`giltrace report\` on one CPU, as text and as JSON, of a million records of a synthetic storm with eight threads on each of so many CPUs, and with so many mutexes on 2 and on 64; then of 300 thousand records of simulated worlds with so many threads on 8 CPUs, and of the largest. Goal: time and memory follow records and the report's size, none faster than n log n."
	table
	for n in 2 8 64 256 1024; do
		"$O/bench/storm" 1000000 $n "$trace" || { failed; continue; }
		world "$n CPUs, $((8 * n)) threads" 1000000 "$trace"
	done
	for cpus in 2 64; do
		for n in 8 1000 100000; do
			"$O/bench/storm" 1000000 $cpus "$trace" 0 $n || { failed; continue; }
			world "$cpus CPUs, $((8 * cpus)) threads, $n mutexes" 1000000 "$trace"
		done
	done
	while read -r cpus threads; do
		"$O/tests/sim" --write "$trace" --seed 7 --records 300000 --cpus "$cpus" --threads "$threads" --processes 4 \
			--features "$features" --damage whole >/dev/null || { failed; continue; }
		world "simulated, $cpus CPUs, $threads threads" 300000 "$trace"
	done <<'END'
8 10
8 100
8 1000
8 10000
8 100000
1024 64
1024 100000
END
	rm -f "$SCRATCH/report.json"
}

measure
