#!/bin/bash
# SPDX-License-Identifier: MIT
# Lock probes: every passing of a probe is a record, whenever and however the program comes to be traced; where a
# probe cannot be had there is a note and nothing else is lost; nothing is left behind.
# shellcheck disable=SC2119,SC2317 # functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

DUMP=$O/tests/tools/dump

needs_probes() {
	needs_trace
	needs_tool readelf
	readelf -n "$WORKLOADS/gil_threads" 2>/dev/null | grep -q 'Provider: gil' ||
		skip "the workloads have no USDT probes: systemtap-sdt-dev was not there"
}

# records TRACE ROLE: how many threads passed a probe of that role.
records() {
	"$DUMP" "$1" | awk -v role="role=$2" '$3 == "lock" { for (i = 4; i <= NF; i++) n += $i == role } END { print n + 0 }'
}

notes() {
	"$DUMP" "$1" | grep ' note ' || true
}

# Nothing went missing on the way: a count can be exact.
want_nothing_lost() {
	! "$DUMP" "$1" | grep -q ' lost ' || fail "records were lost"
}

# truth_of FILE FIELD: the sum over the workload's own account of its locks.
truth_of() {
	"$PYTHON" -c 'import json, sys
print(sum(lock[sys.argv[2]] for lock in json.load(open(sys.argv[1]))["locks"]))' "$1" "$2"
}

want_same() {
	[ "$1" -eq "$2" ] || fail "$3: $1, not $2"
}

# want_exact TRACE TRUTH: one record for each time that a lock was taken, and one for each that it was let go of.
want_exact() {
	local taken
	taken=$(truth_of "$2" acquisitions)
	[ "$taken" -gt 0 ] || fail "the workload took no lock"
	want_nothing_lost "$1"
	want_same "$(records "$1" request)" "$taken" requests
	want_same "$(records "$1" acquired)" "$taken" acquisitions
	want_same "$(records "$1" released)" "$taken" releases
}

# record NAME [OPTION…] -- CMD…: into NAME.gt.
record() {
	local name=$1
	shift
	run "$GILTRACE" record -o "$name.gt" "$@"
}

# ---- counting ----

case_counts_what_the_program_counts() {
	needs_probes
	record x -- "$WORKLOADS/gil_threads" -t 2 -w 0.3 --truth truth.json
	want_status 0
	want_exact x.gt truth.json
	"$DUMP" x.gt | grep -q 'lock-site .*role=acquired flags=0x1 interpreter=0 name=gil:acquired' ||
		fail "no record of the place"
}

# Each process has its lock at the same address: what matters is that each passing is one record.
case_counts_in_processes() {
	needs_probes
	record x --wait-all -- "$WORKLOADS/gil_procs" -t 2 -w 0.2 --truth truth.json
	want_status 0
	want_exact x.gt truth.json
}

case_no_usdt() {
	needs_probes
	record x --no-usdt -- "$WORKLOADS/gil_threads" -t 2 -w 0.1
	want_status 0
	want_same "$(records x.gt acquired)" 0 "acquisitions with --no-usdt"
	! "$DUMP" x.gt | grep -q ' lock-site ' || fail "a place was probed"
}

case_library_loaded_late() {
	needs_probes
	record x -- "$PROGRAMS/late_gil" "$PROGRAMS/late_gil.so" count 500
	want_status 0
	want_nothing_lost x.gt
	want_same "$(records x.gt acquired)" 500 acquisitions
	want_same "$(records x.gt released)" 500 releases
}

case_attached_to_what_runs() {
	local pid
	needs_probes
	"$PROGRAMS/late_gil" "$PROGRAMS/late_gil.so" count 500 &
	pid=$!
	record x -p $pid
	wait $pid || fail "the program failed"
	want_status 0
	want_same "$(records x.gt acquired)" 500 acquisitions
}

# Both run the same file and pass the same probes; one is traced.
case_strangers_are_not_recorded() {
	local pid
	needs_probes
	"$WORKLOADS/gil_threads" -t 2 -w 1000 >/dev/null &
	pid=$!
	record x -- "$WORKLOADS/gil_threads" -t 2 -w 0.2 --truth truth.json
	kill $pid
	want_status 0
	want_exact x.gt truth.json
}

# ---- nothing stays behind ----

# watched COMMAND…: run it on a process that watches its probes' semaphores; what that says is in watched.
watched() {
	local pid
	mkfifo hold
	"$PROGRAMS/late_gil" "$PROGRAMS/late_gil.so" watch gone <hold >watched &
	pid=$!
	exec 7>hold
	"$@" $pid
	exec 7>&-
	wait $pid || fail "the watched program failed"
}

is_traced() {
	wait_for 30 grep -q '^traced' watched || fail "it is not traced$(echo; show_output)"
}

trace_for_a_while() {
	begin_trace -p "$1"
	is_traced
	kill -INT $TRACER
	end_trace
	want_status 0
}

kill_while_it_traces() {
	local tracer
	"$GILTRACE" record -o killed.gt -p "$1" >/dev/null 2>&1 &
	tracer=$!
	is_traced
	kill -KILL $tracer
	wait $tracer 2>/dev/null
}

case_semaphores_after_the_end() {
	needs_probes
	watched trace_for_a_while
	[ "$(tail -n 1 watched)" = "most 3, now 0" ] || fail "$(cat watched)"
}

case_semaphores_after_a_kill() {
	needs_probes
	watched kill_while_it_traces
	[ "$(tail -n 1 watched)" = "most 3, now 0" ] || fail "$(cat watched)"
}

# ---- odd files ----

# damage FILE WHAT: spoil its probes' notes, or what finds them, without touching what runs.
damage() {
	"$PYTHON" - "$1" "$2" <<'END'
import random, struct, sys

path, what = sys.argv[1:]
data = bytearray(open(path, "rb").read())
shoff, = struct.unpack_from("<Q", data, 0x28)
shentsize, shnum, shstrndx = struct.unpack_from("<HHH", data, 0x3a)
sections = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * shentsize) for i in range(shnum)]
names = sections[shstrndx][4]
notes = next(s for s in sections
             if data[names + s[0]:].startswith(b".note.stapsdt\0"))
offset, size = notes[4], notes[5]
random.seed(5)
if what == "sections":
    struct.pack_into("<Q", data, 0x28, 0)
    struct.pack_into("<HHH", data, 0x3a, 0, 0, 0)
elif what == "table":  # the table of sections, filled with noise
    for i in range(shoff, shoff + shnum * shentsize):
        data[i] = random.randrange(256)
elif what == "noise":
    for i in range(offset, offset + size):
        data[i] = random.randrange(256)
elif what == "places":  # each probe is where no code is: in the header
    at = offset
    while at < offset + size:
        namesz, descsz, _ = struct.unpack_from("<III", data, at)
        desc = at + 12 + (namesz + 3 & ~3)
        location, base, semaphore = struct.unpack_from("<QQQ", data, desc)
        struct.pack_into("<QQQ", data, desc, 0x7fffffff0000, base, semaphore)
        at = desc + (descsz + 3 & ~3)
open(path, "wb").write(data)
END
}

# The program runs as ever, and there is a report.
want_unharmed() {
	want_status 0
	"$DUMP" x.gt >dumped || fail "the trace cannot be read"
	[ "$(truth_of truth.json acquisitions)" -gt 0 ] || fail "the workload did not do its work"
	run "$GILTRACE" report --json x.gt
	want_status 0
	check_report out 'len(threads) >= 3'
}

# want_noted PATTERN: both reports of x.gt say so.
want_noted() {
	run "$GILTRACE" report --json x.gt
	check_report out 'len(r["notes"]) > 0'
	run "$GILTRACE" report x.gt
	sed -n '/^note: /,/^$/p' out | tr -s '\n ' ' ' | grep -qE "$1" || fail "no note of it in the report$(echo; show_output)"
}

damaged_one() {
	cp "$WORKLOADS/gil_threads" odd
	damage odd "$1" || fail "cannot damage the file"
	record x -- ./odd -t 2 -w 0.1 --truth truth.json
	want_unharmed
	want_same "$(records x.gt acquired)" 0 "acquisitions of a program with spoilt probes"
}

case_without_sections() {
	needs_probes
	damaged_one sections
	want_noted "no sections"
}

case_with_a_spoilt_table() {
	needs_probes
	damaged_one table
	want_noted "no sections"
}

case_with_spoilt_notes() {
	needs_probes
	damaged_one noise
}

case_with_places_outside() {
	needs_probes
	damaged_one places
	notes x.gt | grep -q . || fail "no note about the places"
	want_noted "leads nowhere|probed"
}

# Its file is gone, or is another's, when giltrace comes: what runs is what counts.
running_without_its_file() {
	local pid
	cp "$WORKLOADS/gil_threads" gone
	./gone -t 2 -w 1000 >/dev/null &
	pid=$!
	wait_for 30 used_cpu $pid 50 || fail "it does not run"
	"$@" gone
	record x -d 1 -p $pid
	kill $pid
	want_status 0
	[ "$(records x.gt acquired)" -gt 10 ] || fail "$(records x.gt acquired) acquisitions$(echo; notes x.gt)"
}

replace() {
	cp /bin/true other
	mv other "$1"
}

case_deleted_while_it_runs() {
	needs_probes
	running_without_its_file rm
}

case_replaced_while_it_runs() {
	needs_probes
	running_without_its_file replace
}

# ---- other places ----

# in_mounts COMMAND: a shell in a mount namespace of its own, so that nothing has to be cleaned up.
in_mounts() {
	run unshare -m --propagation private sh -ec "$1"
}

# One file, seen by way of two overlays: two files to look at, one to the kernel, which then runs both probes.
case_one_file_in_two_overlays() {
	needs_probes
	needs_tool unshare
	mkdir low top one two
	cat >mounts <<'END'
mount -t tmpfs none top
mkdir top/a top/b top/c top/d
mount -t overlay -o lowerdir=low,upperdir=top/a,workdir=top/b none one
mount -t overlay -o lowerdir=low,upperdir=top/c,workdir=top/d none two
END
	cp "$PROGRAMS/late_gil.so" low/
	in_mounts '. ./mounts'
	[ "$STATUS" -eq 0 ] || skip "no overlay can be mounted: $(head -n 1 err)"
	record x -- unshare -m --propagation private sh -ec ". ./mounts
		mkfifo one.in two.in
		$PROGRAMS/late_gil one/late_gil.so watch <one.in >one.out &
		$PROGRAMS/late_gil two/late_gil.so watch <two.in >two.out &
		exec 8>one.in 9>two.in
		until grep -q traced one.out && grep -q traced two.out; do sleep 0.1; done
		$PROGRAMS/late_gil one/late_gil.so count 300
		$PROGRAMS/late_gil two/late_gil.so count 300
		exec 8>&- 9>&-
		wait"
	want_status 0
	want_nothing_lost x.gt
	"$DUMP" x.gt | grep -q 'lock-site .*/two/late_gil.so' || fail "the second was not probed: nothing is tested"
	want_same "$(records x.gt acquired)" 600 acquisitions
}

case_in_another_mount_namespace() {
	needs_probes
	needs_tool unshare
	mkdir own
	in_mounts 'mount -t tmpfs none own'
	[ "$STATUS" -eq 0 ] || skip "nothing can be mounted: $(head -n 1 err)"
	record x -- unshare -m --propagation private sh -ec "mount -t tmpfs none own
		cp $PROGRAMS/late_gil.so own/
		exec $PROGRAMS/late_gil own/late_gil.so count 300"
	want_status 0
	want_same "$(records x.gt acquired)" 300 acquisitions
}

run_cases "$@"
