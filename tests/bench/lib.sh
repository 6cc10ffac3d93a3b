# SPDX-License-Identifier: MIT
# What the parts of tests/bench/run share.
# shellcheck shell=bash disable=SC2153,SC2154,SC2317 # variables of tests/bench/run; called by its parts

# Sections run in subshells of a pipeline: that one failed is kept in a file.
failed() {
	: >"$SCRATCH/failed"
}

section() {
	printf '\n### %s\n\n' "$1"
	[ $# -lt 2 ] || printf '%s\n\n' "$2"
}

row() {
	printf '%s\t%s\n' "$1" "$2"
}

# compare DEFAULT_ROUNDS NUMBER UNIT [GOAL…]: rows on stdin.
compare() {
	local rounds=${ROUNDS:-$1}
	shift
	"$PYTHON" "$HERE"/interleave.py "$RAW" "$rounds" "$@" || failed
}

have() {
	command -v "$1" >/dev/null 2>&1
}

record() {
	echo "$GILTRACE record -q -o $SCRATCH/trace.gt $*"
}

perf_record() {
	echo "perf sched record -o $SCRATCH/perf.data $*"
}

# A trace is deleted before the next run so that no run pays for the last one's pages.
clean() {
	echo "rm -f $SCRATCH/trace.gt $SCRATCH/perf.data;"
}

# Run a command while giltrace traces something that sleeps, and end that afterwards.
beside() {
	cat <<END
exec 3< <(exec $GILTRACE record -q -o $SCRATCH/beside.gt $1 -- /bin/sh -c 'echo \$\$; exec sleep 100'); read -r sleeper <&3; $2; status=\$?; kill \$sleeper; cat <&3; exit \$status
END
}

pythons() {
	local python version seen=" "
	for python in /usr/bin/python3 /usr/bin/python2.7 /usr/local/bin/python[23] ~/.pyenv/versions/*/bin/python; do
		[ -x "$python" ] || continue
		version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
		case $seen in *" $version "*) continue ;; esac
		seen="$seen$version "
		echo "$version $python"
	done
}

# bcc's offcputime, by libbpf or else with its own compiler. Where it does not run at all, why not.
offcputime() {
	local tool
	: >"$SCRATCH/why"
	for tool in offcputime offcputime-bpfcc; do
		have "$tool" || continue
		timeout 30 "$(command -v "$tool")" -p $$ 1 >/dev/null 2>"$SCRATCH/why" && { command -v "$tool"; return; }
	done
	return 1
}

# Run a command that waits until offcputime watches it, which not every version says: until it holds what hangs
# programs on events. With job control, or it would not hear the signal that ends it. under_offcputime TOOL COMMAND
# [everybody]: the command alone, or the whole machine, as it must be for programs that fork.
under_offcputime() {
	local whom="-p \$it"
	[ "${3:-}" != everybody ] || whom=
	tr '\n' ';' <<END
set -m; rm -f $SCRATCH/go; mkfifo $SCRATCH/go; (read -r _ <$SCRATCH/go; exec $2) & it=\$!
$1 $whom >$SCRATCH/offcpu 2>$SCRATCH/why & tool=\$!
for n in {1..200}; do ls -l /proc/\$tool/fd | grep -q -e link -e perf_event && break; sleep 0.1; done
ls -l /proc/\$tool/fd | grep -q -e link -e perf_event || { kill \$it \$tool; exit 1; }
sleep 0.5; echo >$SCRATCH/go; wait \$it; status=\$?; kill -INT \$tool; sleep 0.5; kill \$tool 2>/dev/null; wait \$tool
exit \$status
END
}
