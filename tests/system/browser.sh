#!/bin/bash
# SPDX-License-Identifier: MIT
# Flame graphs, and speedscope with our file in it, driven in a real Chromium: tests/browser/ has what is done there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

CHROMIUM=/usr/bin/chromium

# draw SCENE [FORMAT]: into $T/SCENE.FORMAT, flame unless told.
draw() {
	# It keeps what it made until it ends.
	ASAN_OPTIONS=detect_leaks=0 "$O/tests/tools/scene" "$1" "${2:-flame}" >"$T/$1.${2:-svg}" || fail "no $1"
}

# browser CASE SCENE…: that case of tests/browser, with the scenes' flame graphs.
browser() {
	local name=$1 files=() scene
	shift
	[ -x $CHROMIUM ] || skip "there is no $CHROMIUM"
	needs_modules
	for scene; do
		draw "$scene"
		files+=("$T/$scene.svg")
	done
	drive "$name" "${files[@]}"
}

drive() {
	node "$SOURCE/tests/browser/drive.js" "$MODULES" "$@" >&2 || exit 1
}

# By two parsers, of different making.
case_it_is_xml() {
	local scene
	for scene in python states hostile nothing many python:faster python:nothing; do
		draw $scene
		"$PYTHON" -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$T/$scene.svg" ||
			fail "$scene is not XML"
		! command -v xmllint >/dev/null || xmllint --noout "$T/$scene.svg" || fail "$scene is not XML to xmllint"
	done
}

case_click_zooms() {
	browser click_zooms python
}

case_keys_move_and_zoom() {
	browser keys_move_and_zoom python
}

case_an_address_keeps_the_view() {
	browser an_address_keeps_the_view python
}

case_texts_fit_their_frames() {
	browser texts_fit_their_frames python states
}

case_hovering_tells() {
	browser hovering_tells python
}

case_readable_without_scripts() {
	browser readable_without_scripts python
}

case_hostile_names_stay_names() {
	browser hostile_names_stay_names hostile
}

case_contrast_is_enough() {
	browser contrast_is_enough python states python:faster python:nothing
}

case_differences_are_red_and_blue() {
	browser differences_are_red_and_blue python:faster
}

case_large_graphs_work() {
	browser large_graphs_work many
}

case_search_marks_and_sums() {
	draw python folded
	[ -x $CHROMIUM ] || skip "there is no $CHROMIUM"
	needs_modules
	draw python
	drive search_marks_and_sums "$T/python.svg" "$T/python.folded"
}

case_speedscope_shows_the_frames() {
	[ -x $CHROMIUM ] || skip "there is no $CHROMIUM"
	needs_modules
	draw python speedscope
	drive speedscope_shows_the_frames "$T/python.speedscope"
}

run_cases "$@"
