# shellcheck shell=bash disable=SC2034 # read by the files that source this
# SPDX-License-Identifier: MIT
# What the system tests share. A topic file sources this, defines case_NAME functions and ends with
# `run_cases "$@"`. Each case runs in a process of its own with a directory of its own ($T, where it starts), and
# fails at the first `fail`; it is ended with everything it started after CASE_SECONDS. With KEEP=DIR the directories
# of failed cases are kept there, their traces included.

set -u
O=${O:-build}
case $O in
/*) ;;
*) O=$PWD/$O ;;
esac
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(cd "$HERE/../.." && pwd)
GILTRACE=$O/giltrace
PROGRAMS=$O/tests/programs
WORKLOADS=$O/workloads
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=python3
# Only what hangs takes so long, on the slowest machine.
CASE_SECONDS=${CASE_SECONDS:-300}
CPUS=$(nproc)
export LC_ALL=C.UTF-8
# The tests say themselves who calls sudo.
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND DOAS_USER PKEXEC_UID NO_COLOR COLUMNS

# ---- outcomes ----

fail() {
	echo "$*" >&2
	exit 1
}

skip() {
	echo "$*" >"$T/.skip"
	exit 77
}

# ---- what a case needs ----

needs_trace() {
	[ -z "${SAN:-}" ] || skip "a sanitizer build is tested without root only"
	[ "$(id -u)" -eq 0 ] || skip "tracing needs root"
	[ -r /sys/kernel/btf/vmlinux ] || skip "the kernel has no BTF"
	[ ! -s "${RUN_DIR:-/nonexistent}/.cannot_trace" ] || skip "$(cat "$RUN_DIR/.cannot_trace")"
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

needs_cpus() {
	[ "$CPUS" -ge "$1" ] || skip "needs $1 CPUs"
}

needs_tool() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
	done
}

# ---- running giltrace ----

# trace [OPTION…] -- CMD…: its report in $T/report.json, its text in err, the workload's output in out; STATUS.
trace() {
	"$GILTRACE" run --export "json:$T/report.json" ${KEEP:+-o "$T/kept.gt"} "$@" >"$T/out" 2>"$T/err"
	STATUS=$?
}

# Run anything: out, err, STATUS.
run() {
	"$@" >"$T/out" 2>"$T/err"
	STATUS=$?
}

# begin_trace [OPTION…]: the same in the background; it traces when this returns. Its pid is in TRACER.
begin_trace() {
	"$GILTRACE" run --export "json:$T/report.json" ${KEEP:+-o "$T/kept.gt"} "$@" >"$T/out" 2>"$T/err" &
	TRACER=$!
	wait_for 30 traces "$TRACER" || fail "it does not begin to trace$(echo; show_output)"
}

end_trace() {
	wait "$TRACER"
	STATUS=$?
}

show_output() {
	echo "--- stdout"
	head -c 2000 "$T/out"
	echo "--- stderr"
	tail -c 3000 "$T/err"
}

want_status() {
	[ "$STATUS" -eq "$1" ] || fail "exit status $STATUS, not $1$(echo; show_output)"
}

# want_said WORD…: each is in what giltrace printed on stderr (patterns of grep -E, any case).
want_said() {
	local word
	for word; do
		grep -qiE -- "$word" "$T/err" || fail "nothing on stderr about '$word'$(echo; show_output)"
	done
}

# A message a user can act on: short, without a stack trace of any kind.
want_clear() {
	[ "$(wc -l <"$T/err")" -le "${1:-6}" ] || fail "too many lines$(echo; show_output)"
	want_said .
}

# check FILE EXPRESSION…: Python expressions over the JSON report, see report.py.
check_report() {
	"$PYTHON" -B "$HERE/report.py" "$@" >&2 || exit 1
}

check() {
	[ -s "$T/report.json" ] || fail "no report$(echo; show_output)"
	check_report "$T/report.json" "$@"
}

# The same for what holds on the busiest machine: not to be tried again.
NOT_AGAIN=3
check_always() {
	( check "$@" ) || exit $NOT_AGAIN
}

# ---- waiting for something to have happened, however long that takes here ----

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	while ! "$@" 2>/dev/null; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.05
	done
}

# traces PID: has this giltrace attached to the kernel?
traces() {
	cat "/proc/$1/fdinfo/"* 2>/dev/null | grep -q '^link_type:'
}

# asleep PID [THREADS]: it runs what it was told to, and all of its so many threads (one) sleep.
asleep() {
	local states
	[ "$(readlink "/proc/$1/exe")" != "$(readlink /proc/$$/exe)" ] || return 1
	states=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/task/"*/status)
	[ "$(grep -c S <<<"$states")" -eq "${2:-1}" ] && [ "$(wc -l <<<"$states")" -eq "${2:-1}" ]
}

# runs PID FILE: it has got as far as executing that.
runs() {
	[ "$(readlink "/proc/$1/exe")" = "$2" ]
}

# descended PID: its children and theirs.
descended() {
	local child
	for child in $(pgrep -P "$1"); do
		echo "$child"
		descended "$child"
	done
}

# has_descended PID COUNT COMM: so many of its children and theirs are called that, and sleep.
has_descended() {
	local pid count=0
	for pid in $(descended "$1"); do
		[ "$(cat "/proc/$pid/comm")" != "$3" ] || ! asleep "$pid" || count=$((count + 1))
	done
	[ $count -eq "$2" ]
}

# signal_taken PID SIGNAL: none of that number waits to be taken; a second one before that would be lost.
signal_taken() {
	local bit=$((1 << ($(kill -l "$2") - 1))) key mask
	while read -r key mask; do
		case $key in
		SigPnd: | ShdPnd:) [ $((0x$mask & bit)) -eq 0 ] || return 1 ;;
		esac
	done <"/proc/$1/status"
}

# The CPU time of PID so far, in ms.
cpu_of() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$1/stat"
}

# used_cpu PID MS: it has used so much.
used_cpu() {
	[ "$(cpu_of "$1")" -ge "$2" ]
}

# ---- a machine at rest ----

# Milliseconds that all CPUs were not idle so far, in steps of 10.
busy_now() {
	local user nice system irq softirq
	read -r _ user nice system _ _ irq softirq _ </proc/stat
	echo $(((user + nice + system + irq + softirq) * 10))
}

# Wait until others leave the CPUs alone for half a second, 4 s at most.
wait_idle() {
	local tries before after
	for ((tries = 0; tries < 8; tries++)); do
		before=$(busy_now)
		sleep 0.5
		after=$(busy_now)
		[ $(((after - before) / CPUS)) -lt 40 ] && return 0
	done
	return 1
}

# undisturbed FUNCTION: assertions that hold on an idle machine only get a second try, and the run says so.
undisturbed() {
	wait_idle
	( "$@" ) 2>"$T/.first"
	case $? in
	0) return 0 ;;
	"$NOT_AGAIN") fail "$(cat "$T/.first")" ;;
	77) exit 77 ;;
	esac
	echo "second try, the first one (load $(cut -d' ' -f1 /proc/loadavg)): $(head -n 1 "$T/.first")" \
		"$(grep -m 1 '^  sentence:' "$T/.first")" >>"$T/.note"
	wait_idle
	"$@"
}

# ---- a verdict that is known beforehand ----

# Where others use the CPUs it may be another one, with the reason told: called() of report.py. What depends on what
# else runs here says so: 'disturbed or …'.
# And where CPUs are short as well, a lock may serialize less than half of a run: contended, by the same lock.
SERIALIZED='called("serialized", "cpu-starved contended")'
UNEQUAL='mixed imbalanced single-threaded'
PARALLEL="called('parallel', 'cpu-starved mixed', '$UNEQUAL')"
# As many at once as the running times allow: the busiest of two of equal work has more of it on a slower CPU.
AT_ONCE='p["average"] >= 0.92 * sum(t["run"] for t in threads) / max(t["run"] for t in threads)'

NOT_SERIALIZED='v not in ("serialized", "contended")'
# What is waited for by locks stays small: a queue's mutex is a lock, the empty queue is not.
# Who has it may lose his CPU, he is runnable then, and everybody waits for that, the queue as well.
FEW_LOCK_WAITS='sum(l["wait"]["sum"] for l in locks) < 0.1 * (wall + sum(e["wait"]["sum"] for e in events))
	+ sum(t["runnable"] for t in threads)'

# Nothing lost, audited, and every thread's states add up: true of every report here.
SOUND='lost == 0'
AUDITED='max(r["audit"]["cpu_error"], r["audit"]["task_error"]) <= 0.001'
ADDS_UP='all(off_by(t) <= 2000 for t in threads)'

# verdict_of NEEDED_CPUS COMMAND… -- EXPRESSION…: trace it, with TRACE_OPTIONS, then check.
TRACE_OPTIONS=()
verdict_of() {
	local command=()
	needs_trace
	needs_cpus "$1"
	shift
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	TRACED=("${command[@]}")
	EXPECTED=("$@")
	export NOTES=$T/.note
	undisturbed verdict_holds
}

verdict_holds() {
	trace "${TRACE_OPTIONS[@]}" -- "${TRACED[@]}"
	want_status 0
	check_always "$SOUND" "$AUDITED" "$ADDS_UP"
	check "${EXPECTED[@]}"
}

# ---- running cases ----

# Can this machine trace at all? Asked once; the reason goes where needs_trace finds it.
probe_tracing() {
	[ "$(id -u)" -eq 0 ] && [ -z "${SAN:-}" ] && [ -r /sys/kernel/btf/vmlinux ] || return 0
	"$GILTRACE" doctor >"$RUN_DIR/.doctor" 2>&1 && return 0
	echo "giltrace doctor: $(grep -m 1 . "$RUN_DIR/.doctor")" >"$RUN_DIR/.cannot_trace"
}

run_one() {
	T=$RUN_DIR/$1
	cd "$T" || exit 1
	declare -F "case_$1" >/dev/null || fail "there is no such case"
	"case_$1"
}

run_cases() {
	local topic cases name status counts=(0 0 0)
	topic=$(basename "$0" .sh)
	if [ "${1:-}" = --case ]; then
		run_one "$2"
		exit 0
	fi
	RUN_DIR=$(mktemp -d)
	export RUN_DIR
	chmod 755 "$RUN_DIR"
	# shellcheck disable=SC2064 # the directory as it is now
	trap "rm -rf '$RUN_DIR'" EXIT
	[ -x "$GILTRACE" ] || { echo "FAIL $topic: $GILTRACE is not built"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
	probe_tracing
	cases=$(sed -n 's/^case_\([a-z0-9_]*\)() {.*/\1/p' "$0")
	# shellcheck disable=SC2086 # a list of names
	[ $# -gt 0 ] || set -- $cases
	for name; do
		mkdir "$RUN_DIR/$name"
		timeout -k 5 "$CASE_SECONDS" bash "$0" --case "$name" >"$RUN_DIR/$name/.log" 2>&1 </dev/null
		status=$?
		[ -s "$RUN_DIR/$name/.note" ] && sed "s/^/NOTE $topic\/$name: /" "$RUN_DIR/$name/.note"
		case $status in
		0)
			echo "ok   $topic/$name"
			counts[0]=$((counts[0] + 1))
			;;
		77)
			echo "SKIP $topic/$name: $(head -n 1 "$RUN_DIR/$name/.skip")"
			counts[2]=$((counts[2] + 1))
			;;
		*)
			[ "$status" -ne 124 ] || echo "not done after $CASE_SECONDS s" >>"$RUN_DIR/$name/.log"
			echo "FAIL $topic/$name: $(grep -m 1 . "$RUN_DIR/$name/.log")"
			sed 's/^/    /' "$RUN_DIR/$name/.log" | head -n 60
			counts[1]=$((counts[1] + 1))
			[ -z "${KEEP:-}" ] || cp -a "$RUN_DIR/$name" "$KEEP/"
			;;
		esac
	done
	echo "${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped"
	[ "${counts[1]}" -eq 0 ]
	exit
}
