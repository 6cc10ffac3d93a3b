#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/fuzz/regress.sh: each fuzz target, built without a fuzzer, over what was found once (tests/fuzz/regress/TARGET)
# and over where fuzzing starts: its checks hold on both. The last line counts targets.
#   O=DIR   where everything was built (default: build)
set -u
cd "$(dirname "$0")/../.." || exit 2
export LC_ALL=C.UTF-8
# As in tests/fuzz/run.
export ASAN_OPTIONS=allocator_may_return_null=1:max_allocation_size_mb=512${ASAN_OPTIONS:+:$ASAN_OPTIONS}
O=${O:-build} passed=0 failed=0
O=$O tests/fuzz/seeds || {
	echo "FAIL fuzz: no seeds"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
shopt -s nullglob
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	if LSAN_OPTIONS=suppressions=tests/fuzz/lsan.supp:print_suppressions=0 timeout 100 "$O/tests/fuzz/$name" \
		tests/fuzz/regress/"$name"/* "$O/fuzz/seeds/$name"/* >"$work/log" 2>&1 </dev/null; then
		passed=$((passed + 1))
	else
		echo "FAIL fuzz: $name, status $?"
		tail -n 20 "$work/log" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
