# SPDX-License-Identifier: MIT
# The machine that all this was measured on. Sourced by tests/bench/run.
# shellcheck shell=bash disable=SC2153,SC2154 # its variables

version_of() {
	have "$1" && "$@" 2>/dev/null | grep -m 1 .
}

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
memory=$(awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo)
echo "Measured on ${model:-$(uname -m)}, $(nproc) CPUs, $memory, Linux $(uname -r), with $("$GILTRACE" --version)."
echo "Beside it: $(version_of perf --version), $(version_of bpftrace --version), $(version_of trace-cmd --version)."
