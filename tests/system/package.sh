#!/bin/bash
# SPDX-License-Identifier: MIT
# What is shipped: installing, the manual, the documents.
# shellcheck disable=SC2016,SC2119,SC2317 # scripts in quotes; functions with optional arguments; called by name
. "$(dirname "$0")/lib.sh"

case_install() {
	make -s -C "$SOURCE" O="$O" SAN="${SAN:-}" DESTDIR="$T/root" PREFIX=/usr install >out 2>err ||
		fail "make install failed$(echo; show_output)"
	[ -x root/usr/bin/giltrace ] || fail "no /usr/bin/giltrace"
	[ -f root/usr/share/man/man1/giltrace.1 ] || fail "no manual"
	[ -x root/usr/lib/giltrace/workloads/gil_threads ] || fail "no workloads"
	root/usr/bin/giltrace --version >out || fail "what was installed does not run"
}

# Every option and command that --help tells is in the manual, and the other way round.
case_manual_and_help_agree() {
	local word page=$SOURCE/man/giltrace.1
	for word in "" run record report compare doctor; do
		# shellcheck disable=SC2086 # no word at all for the general help
		"$GILTRACE" help $word || fail "help $word failed"
	done | grep -oE -- '(^|[ ,])--[a-z][a-z-]+' | tr -d ' ,' | sort -u >options
	[ "$(wc -l <options)" -ge 10 ] || fail "only $(wc -l <options) options in the help"
	sed 's/Fl -\([a-z]\)/--\1/g' "$page" >manual # mdoc's way to write a long option
	while read -r word; do
		grep -qF -- "$word" manual || fail "$word is not in the manual"
	done <options
	grep -oE -- '(^|[^a-z-])--[a-z][a-z-]+' manual | sed 's/^[^-]//' | sort -u | while read -r word; do
		case $word in --help | --version | --truth | --style) continue ;; esac
		grep -qxF -- "$word" options || fail "$word is in the manual only"
	done
}

# Links between the documents lead somewhere.
case_links() {
	local document link
	for document in "$SOURCE"/*.md "$SOURCE"/docs/*.md "$SOURCE"/workloads/*.md; do
		grep -oE '\]\([^)#:]+' "$document" | cut -c3- | while read -r link; do
			[ -e "$(dirname "$document")/$link" ] || fail "$document: no $link"
		done || exit 1
	done
}

case_manual_is_well_formed() {
	needs_tool man
	man -l -E UTF-8 --warnings -Tutf8 "$SOURCE/man/giltrace.1" >/dev/null 2>err || fail "man failed: $(cat err)"
	[ ! -s err ] || fail "$(head -n 5 err)"
}

run_cases "$@"
