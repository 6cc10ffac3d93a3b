#!/bin/bash
# SPDX-License-Identifier: MIT
# What goes wrong, and what giltrace says then: a clear line, the right exit status, and nothing lost that was there.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

# refused STATUS WORD… -- ARGUMENT…: giltrace ARGUMENT… says these words and exits so.
refused() {
	local status=$1 words=()
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run "$GILTRACE" "$@"
	want_status "$status"
	want_clear
	want_said ${words[@]+"${words[@]}"}
	[ ! -s out ] || fail "something on stdout$(echo; show_output)"
}

# ---- the command line: no root needed ----

case_unknown_option() {
	refused 2 no-such-option -- run --no-such-option /bin/true
	refused 2 no-such-option -- --no-such-option
	refused 2 z -- run -z /bin/true
	refused 2 no-such-option -- report --no-such-option x
}

case_number_with_trailing_letters() {
	refused 2 '5x' -- run -d 5x /bin/true
	refused 2 '12a' -- -p 12a
	refused 2 '1.5q' -- report --min-parallelism 1.5q x
	refused 2 'many' -- run -b many /bin/true
}

case_numbers_out_of_range() {
	refused 2 -- run -d -1 /bin/true
	refused 2 -- run -d nan /bin/true
	refused 2 -- -p 0
	refused 2 -- -p -5
	refused 2 -- -p 99999999999999999999
	refused 2 -- run -b 0 /bin/true
	refused 2 -- -p ''
	refused 2 -- -p 1,,2
}

case_option_without_its_value() {
	refused 2 '-d' -- run -d
	refused 2 '-o' -- run -o
}

case_nothing_to_do() {
	refused 2 -- run
	refused 2 -- run --
	refused 2 -- record -o x
	refused 2 -- report
	refused 2 -- compare
	refused 2 -- compare one
}

case_no_arguments() {
	run "$GILTRACE"
	want_status 2
	want_said usage
}

case_pid_and_command() {
	refused 2 '-p' -- run -p $$ -- /bin/true
	refused 2 '-a' -- run -a -- /bin/true
	refused 2 -- run -a -p $$
}

case_unknown_words_for_options() {
	refused 2 nonsense -- report --fail-if nonsense x
	refused 2 nonsense -- report --export nonsense:x x
	refused 2 -- report --export json x
	refused 2 nonsense -- report --color nonsense x
}

case_record_without_file() {
	refused 2 '-o' -- record -- /bin/true
}

case_help_and_version() {
	local word
	run "$GILTRACE" --help
	want_status 0
	grep -qi usage out || fail "no usage on stdout"
	run "$GILTRACE" --version
	want_status 0
	grep -qE '[0-9]+\.[0-9]+' out || fail "no version"
	for word in run record report compare doctor; do
		run "$GILTRACE" help "$word"
		want_status 0
		grep -q "$word" out || fail "help $word does not speak of it"
		run "$GILTRACE" "$word" --help
		want_status 0
	done
	refused 2 nonsense -- help nonsense
}

# ---- traces: no root needed ----

case_no_such_trace() {
	refused 125 missing.gt 'no such file' -- report missing.gt
	refused 125 missing.gt -- compare missing.gt missing.gt
	refused 125 -- report /
}

case_empty_trace() {
	: >empty.gt
	refused 125 empty.gt 'empty|no (whole )?records|nothing' -- report empty.gt
}

case_random_bytes() {
	local size
	for size in 1 7 64 4096 1000000; do
		head -c "$size" /dev/urandom >random.gt
		refused 125 random.gt 'not a .*trace' -- report random.gt
	done
}

case_other_kinds_of_file() {
	refused 125 'not a .*trace' -- report /bin/sh
	refused 125 -- report /dev/zero
	refused 125 -- report /dev/null
	mkfifo pipe
	: >pipe &
	run timeout 10 "$GILTRACE" report pipe
	wait
	want_status 125
	want_clear
}

# A trace to spoil: made from a script, so that neither root nor a kernel is needed.
some_trace() {
	"$O/tests/tools/script" "$SOURCE/tests/golden/gil.events" whole.gt || fail "no trace to begin with"
}

# A cut trace is either told to be incomplete, or told to hold nothing: never a crash, never silence.
case_cut_traces() {
	local size length
	some_trace
	size=$(stat -c %s whole.gt)
	for length in 1 8 16 32 63 64 65 128 200 400 $((size / 4)) $((size / 2)) $((size - 100)) $((size - 1)); do
		if [ "$length" -le 0 ] || [ "$length" -ge "$size" ]; then
			continue
		fi
		head -c "$length" whole.gt >cut.gt
		run "$GILTRACE" report cut.gt
		[ "$STATUS" -eq 0 ] || [ "$STATUS" -eq 125 ] || fail "cut to $length: status $STATUS$(echo; show_output)"
		if [ "$STATUS" -eq 0 ]; then
			cat out err | grep -qiE 'incomplete|did not finish|cut|damaged' ||
				fail "cut to $length of $size: the report does not say so$(echo; show_output)"
		else
			want_clear
		fi
	done
}

# Every kind of damage in a byte: a clear refusal or a report, never a crash.
case_damaged_traces() {
	local size seed
	some_trace
	size=$(stat -c %s whole.gt)
	for seed in $(seq 1 40); do
		"$PYTHON" - "$seed" <<'END'
import random, sys
random.seed(int(sys.argv[1]))
data = bytearray(open("whole.gt", "rb").read())
for _ in range(random.choice((1, 1, 3, 50))):
    at = random.randrange(min(len(data), random.choice((64, 512, len(data)))))
    data[at] = random.choice((0, 1, 0x7f, 0x80, 0xff, random.randrange(256)))
open("damaged.gt", "wb").write(data)
END
		run timeout 20 "$GILTRACE" report --json damaged.gt
		[ "$STATUS" -eq 0 ] || [ "$STATUS" -eq 125 ] ||
			fail "damage $seed: status $STATUS$(echo; show_output)"
	done
}

# The header's major version is the 16 bits after its magic (docs/trace-format.md).
case_newer_trace() {
	some_trace
	printf '\xff\x7f' | dd of=whole.gt bs=1 seek=8 conv=notrunc 2>/dev/null
	refused 125 'newer|version' -- report whole.gt
}

case_report_to_a_full_disk() {
	[ -w /dev/full ] || skip "there is no /dev/full"
	some_trace
	"$GILTRACE" report whole.gt >/dev/full 2>err
	STATUS=$?
	: >out
	want_status 125
	want_said 'no space'
	run "$GILTRACE" report --export json:/dev/full whole.gt
	want_status 125
	want_said '/dev/full' 'no space'
}

case_export_into_a_missing_directory() {
	some_trace
	refused 125 'missing/report.json' 'no such' -- report --export json:missing/report.json whole.gt
}

case_reader_goes_away() {
	some_trace
	"$GILTRACE" report --json whole.gt 2>err | head -c 10 >out
	STATUS=${PIPESTATUS[0]}
	case $STATUS in
	0 | 125 | 141) ;;
	*) fail "status $STATUS$(echo; show_output)" ;;
	esac
}

# ---- the command ----

case_no_such_command() {
	needs_trace
	refused 127 no-such-command-here -- run no-such-command-here
	refused 127 ./no-such-command-here -- ./no-such-command-here
	refused 127 no-such-command-here -- record -o trace.gt -- no-such-command-here
}

case_not_executable() {
	needs_trace
	echo data >plain
	refused 126 plain -- run ./plain
	mkdir directory
	refused 126 directory -- run ./directory
	printf '#!/no/such/interpreter\n' >script
	chmod 755 script
	run "$GILTRACE" run ./script
	[ "$STATUS" -eq 126 ] || [ "$STATUS" -eq 127 ] || fail "status $STATUS$(echo; show_output)"
}

# What has no "#!" is the shell's, as it is for any program that launches another.
case_script_without_interpreter() {
	needs_trace
	echo 'exit 3' >script
	chmod 755 script
	run "$GILTRACE" run ./script
	want_status 3
}

case_empty_command() {
	needs_trace
	run "$GILTRACE" run ''
	[ "$STATUS" -eq 127 ] || [ "$STATUS" -eq 2 ] || fail "status $STATUS$(echo; show_output)"
	want_clear
}

case_process_that_is_gone() {
	local pid
	needs_trace
	/bin/true &
	pid=$!
	wait "$pid"
	refused 125 "$pid" -- -p "$pid" -d 0.1
	refused 125 -- -p 4194304 -d 0.1
}

# ---- privileges ----

# without_root ARGUMENT…: as nobody, in a directory anyone may read.
without_root() {
	needs_root
	needs_tool setpriv
	install -m 755 "$GILTRACE" giltrace
	run setpriv --reuid 65534 --regid 65534 --clear-groups ./giltrace "$@"
}

case_no_root() {
	without_root run /bin/true
	want_status 125
	want_said 'root|privilege|capabilit|sudo'
	want_clear
}

case_process_of_another_user() {
	without_root -p 1 -d 0.1
	want_status 125
	want_said 'root|privilege|capabilit|sudo|permi'
	want_clear
}

case_doctor_without_root() {
	without_root doctor
	[ "$STATUS" -lt 126 ] || fail "status $STATUS"
	cat out err >both
	grep -qiE 'root|privilege|capabilit' both || fail "$(show_output)"
}

# Root, but without what it takes: doctor says which, and tracing is refused before anything is run.
case_capabilities_missing() {
	needs_trace
	needs_tool setpriv
	run setpriv --bounding-set -bpf,-sys_admin "$GILTRACE" doctor
	want_status 1
	grep -q '^privileges  *no .*CAP_BPF no, CAP_PERFMON yes' out || fail "$(show_output)"
	run setpriv --bounding-set -bpf,-sys_admin "$GILTRACE" run /bin/sh -c 'echo ran >ran'
	want_status 125
	want_said 'CAP_BPF'
	[ ! -e ran ] || fail "the command ran untraced"
}

case_doctor() {
	needs_trace
	run "$GILTRACE" doctor
	want_status 0
	grep -qi btf out || fail "$(show_output)"
}

# A mount namespace in which SCRIPT has made the machine look different.
elsewhere() {
	needs_tool unshare
	unshare -m true 2>/dev/null || skip "no mount namespace can be made here"
	run unshare -m --propagation private /bin/sh -c "$1"' && shift && exec "$@"' sh "$@"
}

case_no_btf() {
	needs_trace
	elsewhere 'mount -t tmpfs none /sys/kernel/btf' "$GILTRACE" run /bin/true
	want_status 125
	want_said BTF
	elsewhere 'mount -t tmpfs none /sys/kernel/btf' "$GILTRACE" doctor
	cat out err | grep -q BTF || fail "doctor does not say it$(echo; show_output)"
}

case_lockdown() {
	needs_trace
	elsewhere 'mount -t tmpfs none /sys/kernel/security && echo "none integrity [confidentiality]" >/sys/kernel/security/lockdown' \
		"$GILTRACE" doctor
	cat out err | grep -qi lockdown || fail "doctor does not say it$(echo; show_output)"
}

# ---- output files ----

case_output_in_a_missing_directory() {
	needs_trace
	refused 125 'missing/trace.gt' 'no such' -- record -o missing/trace.gt -- /bin/sh -c 'echo ran >ran'
	[ ! -e ran ] || fail "the command ran though its trace could not be kept"
}

# The workload runs to its end, its trace is kept as far as it went, and the failure is giltrace's.
case_full_disk() {
	needs_trace
	needs_tool perf
	mkdir small
	elsewhere 'mount -t tmpfs -o size=64k none small' /bin/sh -c '
		"$0" record -o small/trace.gt -- /bin/sh -c "perf bench sched pipe -T -l 50000 >/dev/null; echo ran >ran"
		status=$?
		"$0" report small/trace.gt >report.txt 2>&1
		echo "report $?" >report.status
		exit $status' "$GILTRACE"
	want_status 125
	want_said 'no space'
	[ -e ran ] || fail "the workload did not run to its end"
	grep -q 'report 0' report.status || fail "what was recorded is not readable: $(cat report.txt)"
	grep -qiE 'incomplete|did not finish|cut' report.txt || fail "the report does not say that it is incomplete"
}

case_output_over_a_link() {
	needs_trace
	echo precious >precious
	ln -s precious trace.gt
	chown -h 65534 trace.gt
	chmod 1777 .
	run env SUDO_UID=65534 SUDO_GID=65534 SUDO_USER=nobody "$GILTRACE" record -o trace.gt -- /bin/true
	[ "$(head -c 8 precious)" = precious ] || fail "a user's link was followed by root"
}

# ---- awkward workloads ----

case_closes_its_streams() {
	needs_trace
	trace -- /bin/sh -c 'exec 0<&- 1>&- 2>&-; sleep 0.2; exit 3'
	want_status 3
	check 'wall > 0.19 * s'
}

# The trace must not end up as the workload's standard output. Without a stderr the text report cannot be
# written, which is giltrace's own failure; the JSON report can.
case_started_with_closed_streams() {
	needs_trace
	"$GILTRACE" run --export "json:$T/report.json" -- /bin/sh -c 'echo x; exit 4' 0<&- 1>&- 2>err
	STATUS=$?
	: >out
	want_status 4
	check 'len(processes) == 1'
	"$GILTRACE" run --export "json:$T/report.json" -- /bin/sh -c 'echo x; exit 4' 0<&- 1>&- 2>&-
	STATUS=$?
	want_status 125
	check 'len(processes) == 1'
}

case_hostile_names() {
	needs_trace
	cp "$PROGRAMS/busy_join" "$(printf 'a\033[31m\n"b')"
	run "$GILTRACE" run --color never --export "json:$T/report.json" -- "./$(printf 'a\033[31m\n"b')" 30
	want_status 0
	! grep -q "$(printf '\033')" err || fail "an escape sequence of the workload reached the terminal"
	! grep -q "$(printf '\033')" report.json || fail "an escape sequence of the workload is in the JSON report"
	check 'any("[31m" in q["comm"] for q in processes)'
}

case_many_arguments() {
	needs_trace
	run "$GILTRACE" run -- /bin/echo $(seq 1 20000)
	want_status 0
	[ "$(wc -w <out)" -eq 20000 ] || fail "arguments were lost"
}

run_cases "$@"
