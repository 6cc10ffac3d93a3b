#!/bin/bash
# SPDX-License-Identifier: MIT
# Real interpreters: threads that count are serialized by the interpreter's global lock, which is named; processes that
# count are not, and share no lock. Debian's, stripped, and every CPython that is found.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
CASE_SECONDS=${CASE_SECONDS:-900} # a case may be about ten interpreters
. "$(dirname "$0")/lib.sh"

# CPython 2.7 switches so often that not every stack can be copied, which costs frames and no time.
SOUND='sum(n for why, n in r["losses"]["reasons"].items() if why != "stack") == 0'

LOADS=$SOURCE/workloads
DUMP=$O/tests/tools/dump

# one_lock KIND NAME IMAGE: threads are serialized by it.
one_lock() {
	echo "(lambda l: l['kind'] == '$1' and \"$2\" in l['name'] and '$3' in l['image'] and l['explains_serialized'] >= 0.9)(locks[0])"
}

NO_LOCK_SHARED='all(len(l["processes"]) == 1 for l in locks)'

# lock_each KIND: every process has its own.
lock_each() {
	echo "sorted(l['processes'] for l in locks if l['kind'] == '$1') == sorted([q['id']] for q in processes)"
}

# Where the places to probe are not all known, that is said and the holds are inferred.
SAID_TO_BE_INFERRED='locks[0]["hold"]["source"] == "inferred" and len(r["notes"]) > 0'

# ---- Debian's: what runs, for about half a second ----

needs_debian_python() {
	[ -x /usr/bin/python3 ] || skip "/usr/bin/python3 is not installed"
}

OCAML=(ocaml -I +unix -I +threads unix.cma threads.cma)

# of NAME threads|processes FUNCTION: call it with the interpreter's command in COMMAND, its lock in KIND, NAME, IMAGE.
of() {
	case $1-$2 in
	python-threads) COMMAND=(/usr/bin/python3 "$LOADS/python/count_threads.py") ;;
	python-processes) COMMAND=(/usr/bin/python3 "$LOADS/python/count_procs.py" 2 20000000) ;;
	pypy-threads) COMMAND=(pypy3 "$LOADS/python/count_threads.py" 2 500000000) ;;
	pypy-processes) COMMAND=(pypy3 "$LOADS/python/count_procs.py" 2 2000000000) ;;
	ruby-threads) COMMAND=(ruby "$LOADS/ruby/count_threads.rb" 2 40000000) ;;
	ruby-processes) COMMAND=(ruby "$LOADS/ruby/count_procs.rb" 2 60000000) ;;
	ocaml-threads) COMMAND=("${OCAML[@]}" "$LOADS/ocaml/count_threads.ml" 2 50000000) ;;
	ocaml-processes) COMMAND=("${OCAML[@]}" "$LOADS/ocaml/count_procs.ml" 2 100000000) ;;
	esac
	case $1 in
	python) KIND=cpython-gil NAME=_PyRuntime+ IMAGE=python3 OWNER=python ;;
	pypy) KIND=pypy-gil NAME=libpypy IMAGE=libpypy OWNER=pypy ;;
	ruby) KIND=ruby-gvl NAME="Ruby's GVL" IMAGE=ruby OWNER=ruby ;;
	ocaml) KIND=ocaml-master NAME='' IMAGE=dllthreads OWNER=ocaml ;;
	esac
	shift 2
	needs_trace
	needs_tool "${COMMAND[0]}"
	"$@"
}

# Alone, on one CPU, and beside others that take the CPUs: it is the same lock.
threads_anywhere() {
	local lock hogs=() i
	lock=$(one_lock "$KIND" "$NAME" "$IMAGE")
	verdict_of 2 "${COMMAND[@]}" -- "$SERIALIZED" "$lock" 'p["average"] <= 1.2'
	trace -- taskset -c 0 "${COMMAND[@]}"
	check "$SOUND" 'v == "cpu-starved"' "$lock"
	for ((i = 0; i < CPUS; i++)); do
		timeout 60 sh -c 'while :; do :; done' &
		hogs+=($!)
	done
	trace -- "${COMMAND[@]}"
	kill "${hogs[@]}"
	check "$SOUND" "$lock"
}

# A lock that nobody waited for has no word: its image is the interpreter's, $OWNER.
processes_apart() {
	verdict_of 2 "${COMMAND[@]}" -- "$PARALLEL" "$NO_LOCK_SHARED"
	TRACE_OPTIONS=(--probe-locks)
	verdict_of 2 "${COMMAND[@]}" -- "$PARALLEL" "$NO_LOCK_SHARED" "$(lock_each "$KIND")" \
		"all(l['waits'] == 0 and '$OWNER' in l['image'] for l in locks if l['kind'] == '$KIND')"
}

# The same verdict, and a note that says what cannot be probed, in the JSON and in the text.
threads_probed_in_part() {
	TRACE_OPTIONS=(--probe-locks)
	verdict_of 2 "${COMMAND[@]}" -- "$SERIALIZED" "$(one_lock "$KIND" "$NAME" "$IMAGE")" "$SAID_TO_BE_INFERRED"
	want_said "^note: .*(probed|stripped)"
}

case_python_threads() {
	needs_debian_python
	of python threads threads_anywhere
	verdict_of 2 "${COMMAND[@]}" -- 'p["average"] <= 1.2' 'v != "serialized" or "_PyRuntime" in r["verdict"]["sentence"]'
}

case_python_threads_probed() {
	needs_debian_python
	of python threads threads_probed_in_part
}

case_python_processes() {
	needs_debian_python
	of python processes processes_apart
}

case_python_io() {
	needs_debian_python
	verdict_of 2 /usr/bin/python3 "$LOADS/python/io_threads.py" -- 'called("io-bound")'
}

case_pypy_threads() {
	of pypy threads threads_anywhere
}

case_pypy_threads_probed() {
	of pypy threads threads_probed_in_part
}

case_pypy_processes() {
	of pypy processes processes_apart
}

case_ruby_threads() {
	of ruby threads threads_anywhere
}

case_ruby_threads_probed() {
	of ruby threads threads_probed_in_part
}

case_ruby_processes() {
	of ruby processes processes_apart
}

case_ocaml_threads() {
	of ocaml threads threads_anywhere
}

case_ocaml_threads_probed() {
	of ocaml threads threads_probed_in_part
}

case_ocaml_processes() {
	of ocaml processes processes_apart
}

# Who waits for work in a Ruby waits on the words that the GVL is waited for on, and yet for no lock.
case_ruby_idle_pool() {
	needs_tool ruby
	verdict_of 1 ruby "$SOURCE/tests/system/programs/idle_pool.rb" -- "$NOT_SERIALIZED" "$FEW_LOCK_WAITS"
}

# ---- every other CPython ----

# Its version and where it really is: what is on PATH may be a script that finds it. Nothing for a PyPy.
WHO_IS='import sys
if not hasattr(sys, "pypy_version_info"):
    print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.executable))'

# Prints the first of each version, but for Debian's own, whose cases are above.
find_pythons() {
	local python version where seen=' ' folders=()
	IFS=: read -ra folders <<<"$PATH"
	for python in ~/.pyenv/versions/*/bin/python ~/.asdf/installs/python/*/bin/python /opt/python/*/bin/python \
		~/.local/share/mise/installs/python/*/bin/python ~/.local/share/uv/python/*/bin/python \
		"${folders[@]/%//python2.7}" "${folders[@]/%//python3.6}" "${folders[@]/%//python3.7}" \
		"${folders[@]/%//python3.8}" "${folders[@]/%//python3.9}" "${folders[@]/%//python3.10}" \
		"${folders[@]/%//python3.11}" "${folders[@]/%//python3.12}" "${folders[@]/%//python3.13}"; do
		[ -x "$python" ] || continue
		read -r version where < <("$python" -c "$WHO_IS" 2>/dev/null) || continue
		[ "$(readlink -f "$where")" != "$(readlink -f /usr/bin/python3)" ] || continue
		case $seen in *" $version "*) continue ;; esac
		seen="$seen$version "
		echo "$where"
	done
}

# each_python FUNCTION: called with every CPython in turn.
each_python() {
	local python found=()
	needs_trace
	needs_cpus 2
	mapfile -t found < <(find_pythons)
	[ ${#found[@]} -gt 0 ] || skip "no CPython was found but Debian's own"
	for python in "${found[@]}"; do
		echo "$python"
		"$1" "$python"
	done
}

COUNT_THREADS=("$LOADS/python/count_threads.py" 2 5000000)

# Its lock lies in _PyRuntime, in static variables before 3.7, and on the heap in 2.7. Python 2 wakes who waits at every
# release, hundreds of thousands of times a second, and the scheduler may keep both on the waker's CPU: they wait for that
# CPU then more than for the lock, one at a time all the same.
python_threads() {
	if [ "$("$1" -c 'import sys; print(sys.version_info[0])')" = 2 ]; then
		verdict_of 2 "$1" "${COUNT_THREADS[@]}" -- 'v != "parallel"' 'p["average"] <= 1.2' \
			'all(l["kind"] == "cpython-gil" and "Python 2" in l["name"] for l in locks)'
		return
	fi
	verdict_of 2 "$1" "${COUNT_THREADS[@]}" -- "$SERIALIZED" 'locks[0]["kind"] == "cpython-gil"' \
		'locks[0]["explains_serialized"] >= 0.9' 'any(w in locks[0]["name"] for w in ("_PyRuntime+", "switch_", "gil_"))' \
		'"python" in locks[0]["image"]'
}

case_cpythons_threads() {
	each_python python_threads
}

python_processes() {
	verdict_of 2 "$1" "$LOADS/python/count_procs.py" 2 15000000 -- "$PARALLEL" "$NO_LOCK_SHARED"
}

case_cpythons_processes() {
	each_python python_processes
}

python_processes_probed() {
	TRACE_OPTIONS=(--probe-locks)
	verdict_of 2 "$1" "$LOADS/python/count_procs.py" 2 15000000 -- "$PARALLEL" "$NO_LOCK_SHARED" \
		"$(lock_each cpython-gil)" 'sum(l["waits"] for l in locks) == 0'
}

case_cpythons_processes_probed() {
	each_python python_processes_probed
}

# Has it a symbol of what takes its lock?
has_symbols() {
	local file
	file=$("$1" -c 'import sys
print(([f for f in open("/proc/self/maps").read().split() if "libpython" in f] or [sys.executable])[0])')
	readelf -sW "$file" | grep -qE ' take_gil(\.|$)'
}

# It begins to count when it has surely been looked at and its probes are set.
LATER='import sys, time
time.sleep(0.4)
sys.argv = sys.argv[1:]
exec(open(sys.argv[0]).read())'

probed_threads_hold() {
	trace --probe-locks -o probed.gt -- "$PROBED" -c "$LATER" "${COUNT_THREADS[@]}"
	want_status 0
	check "$SOUND" 'locks[0]["kind"] == "cpython-gil"' 'locks[0]["explains_serialized"] >= 0.9'
	if ! has_symbols "$PROBED"; then
		check "$SAID_TO_BE_INFERRED"
		return
	fi
	"$DUMP" probed.gt >dumped
	"$PYTHON" "$HERE/probed_waits.py" dumped report.json >&2 || exit 1
}

python_threads_probed() {
	PROBED=$1
	undisturbed probed_threads_hold
}

case_cpythons_threads_probed() {
	needs_tool readelf
	each_python python_threads_probed
}

# ---- two at once ----

# With a CPU for each of them they are; threads of two pythons on two CPUs that others use as well are in want of them.
# two_serialized PIDS: an expression, of a list of pids as Python has it.
two_serialized() {
	echo "(lambda two: len(two) == 2 and all(process_called(pid, 'serialized', 'cpu-starved contended') for pid in two))($1)"
}
PYTHONS='[q["pid"] for q in processes if "python" in q["comm"]]'

# Both are counted under -a with everything else that runs here.
case_two_pythons_of_all() {
	needs_trace
	needs_cpus 2
	needs_debian_python
	undisturbed two_pythons_hold
}

two_pythons_hold() {
	local children=() i
	for i in 1 2; do
		/usr/bin/python3 "$LOADS/python/count_threads.py" 2 1000000000 >/dev/null &
		children+=($!)
	done
	"$GILTRACE" -a -d 1 --export "json:$T/report.json" >"$T/out" 2>"$T/err"
	STATUS=$?
	kill "${children[@]}" 2>/dev/null
	want_status 0
	# Who has the GIL is asked for it after 5 ms, of which he has run for some.
	check "$SOUND" "(lambda runs: len(runs) == 2 and all(l['waits'] >= min(20, runs[l['processes'][0]] / (20 * ms)) > 0
		for l in locks if l['kind'] == 'cpython-gil' and l['processes'][0] in runs))(
		{q['id']: q['run'] for q in processes if q['pid'] in (${children[0]}, ${children[1]})})" "$NO_LOCK_SHARED" \
		"sum(q['id'] in l['processes'] for l in locks if l['kind'] == 'cpython-gil' for q in processes
			if q['pid'] in (${children[0]}, ${children[1]})) == 2" \
		"$(two_serialized "[${children[0]}, ${children[1]}]")"
}

case_two_pythons_under_one_shell() {
	needs_debian_python
	verdict_of 2 /bin/sh -c "/usr/bin/python3 '$LOADS/python/count_threads.py' & /usr/bin/python3 '$LOADS/python/count_threads.py'; wait" -- \
		'called("parallel mixed")' \
		"$(two_serialized "$PYTHONS")" \
		'len([l for l in locks if l["kind"] == "cpython-gil"]) == 2'
}

run_cases "$@"
