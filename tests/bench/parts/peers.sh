# SPDX-License-Identifier: MIT
# The same programs under other tracers that tell something of what giltrace tells. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

# What a line of bpftrace can say of waiting: how long each thread was off the CPU.
# shellcheck disable=SC2016 # its variables
off_cpu='$since = @since[args->next_pid]; if ($since) { @off[args->next_pid] = hist(nsecs - $since); }'
off_cpu="tracepoint:sched:sched_switch { $off_cpu @since[args->prev_pid] = nsecs; }"

# Its -c wants a path and no shell, and does not say when it has attached before it starts the command.
under_bpftrace() {
	printf '%s\n' "$1" >"$SCRATCH/command"
	echo "bpftrace -q -o $SCRATCH/bpftrace.out -e '$off_cpu' -c '/bin/bash $SCRATCH/command' 2>$SCRATCH/why"
}

# against TITLE WORDS ROUNDS NUMBER COMMAND [GOAL…]: one program, untraced and under each tracer.
against() {
	local rounds=$3 number=$4 command=$5 tool
	section "$1" "$2"
	shift 5
	tool=$(offcputime)
	{
		row untraced "$command"
		row "empty BPF programs" "$O/bench/empty_bpf -f $command"
		row "giltrace record" "$(clean) $(record -- "$command")"
		row "giltrace record --no-stacks" "$(clean) $(record --no-stacks -- "$command")"
		! have perf || row "perf sched record" "$(clean) $(perf_record -- "$command")"
		! have bpftrace || row "bpftrace, off-CPU time by thread" "$(under_bpftrace "$command")"
		[ -z "$tool" ] || row "${tool##*/}" "$(under_offcputime "$tool" "$command" everybody)"
		! have perf || row "perf trace -s" "perf trace -s -o $SCRATCH/perf.out $command"
	} | compare "$rounds" "$number" s "$@"
}

measure() {
	local threads usage="$O/bench/usage"
	if have perf; then
		against "Beside other tracers: a storm of switches" \
			"\`taskset -c 0 perf bench sched pipe -T -l 30000\`, seconds by its own clock." \
			9 stdout "taskset -c 0 perf bench -f simple sched pipe -T -l 30000" \
			"<1:giltrace record:perf sched record" "<1:giltrace record:perf trace -s" \
			"<1:giltrace record:bpftrace, off-CPU time by thread" "<1:giltrace record:offcputime"
		against "… messages between forty processes" \
			"\`perf bench sched messaging -g 1 -l 400\`, seconds by its own clock." \
			5 stdout "perf bench -f simple sched messaging -g 1 -l 400"
	fi
	if have stress-ng; then
		against "… futexes" "\`stress-ng --futex 1 --futex-ops 50000\`, seconds from start to end." \
			5 stdout:wall "$usage stress-ng -q --futex 1 --futex-ops 50000"
	fi
	for threads in 2 4 16; do
		against "… gil_threads -t $threads" "Wall time by its own clock, seconds." \
			5 stdout:wall "$O/workloads/gil_threads -t $threads -w $("$PYTHON" -c "print(1 / $threads)")"
	done
	against "… two counting threads of $("$PYTHON" -V)" "Wall time by the script's own clock, seconds." \
		5 stdout "$PYTHON workloads/python/count_threads.py 2 20000000"
	against "… a build" "\`make -j2\` of the simulator of this project, some thirty files, seconds from start to end." \
		3 stdout:wall "$usage $HERE/rebuild $O/bench/rebuilt"
	if have sqlite3; then
		against "… sqlite3" "A table of 600,000 rows, an index, two queries: seconds from start to end." \
			5 stdout:wall "$usage sqlite3 -init $HERE/sqlite3.sql :memory: .quit"
	fi
}

measure
