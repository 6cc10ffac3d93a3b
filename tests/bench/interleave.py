#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interleave.py ROUNDS NUMBER UNIT [GOAL]: measure commands in turn, A B C A B C ..., and compare with the first.

Standard input has a row per command: "label<TAB>shell command". NUMBER says what is measured: "wall" (seconds
from start to end of the command), "stdout" (the last number the command prints on stdout), or "stdout:WORD" (the
number after WORD). Prints a markdown table: median, quartiles, and the median of the ratios within each
round. GOAL is "<=X:LABEL" or "<X:LABEL" for the ratio of that row, "<Xs:LABEL" for its median itself, in seconds,
or "noise:LABEL:OTHER": the quartiles of the ratio to that other row reach 1. Whether a goal was met is said below the
table.
Exit status 1 when a command failed.
"""
import re
import statistics
import subprocess
import sys
import time


def number_in(text, word):
    pattern = r"[-+]?\d+(?:\.\d+)?"
    found = re.findall(re.escape(word) + r"\s*(" + pattern + ")" if word else pattern, text)
    if not found:
        raise ValueError(f"no number in: {text[-300:]!r}")
    return float(found[-1])


def measure(command, number):
    begin = time.monotonic()
    done = subprocess.run(["/bin/bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, check=False)
    wall = time.monotonic() - begin
    if done.returncode != 0:
        raise ValueError(f"status {done.returncode}: {done.stderr[-300:].strip()}")
    kind, _, word = number.partition(":")
    return wall if kind == "wall" else number_in(done.stdout, word)


def quartiles(values):
    if len(values) < 3:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def collect(rows, rounds, number):
    values = {label: [] for label, _ in rows}
    broken = {}
    for _ in range(rounds):
        for label, command in rows:
            if label in broken:
                continue
            try:
                values[label].append(measure(command, number))
            except ValueError as error:
                broken[label] = str(error)
    return values, broken


def table(rows, values, broken, unit):
    base = rows[0][0]
    ratios = {}
    print(f"| | median, {unit} | quartiles | ÷ {base} (quartiles) | runs |")
    print("|---|---|---|---|---|")
    for label, _ in rows:
        if label in broken or not values[label]:
            print(f"| {label} | failed: {broken.get(label, 'no runs')} | | | |")
            continue
        low, high = quartiles(values[label])
        ratio = "–"
        if label != base and base not in broken:
            paired = [b / a for a, b in zip(values[base], values[label])]
            ratios[label] = statistics.median(paired)
            ratio = "{:.3f} ({:.3f}–{:.3f})".format(ratios[label], *quartiles(paired))
        print(f"| {label} | {statistics.median(values[label]):.4g} | {low:.4g}–{high:.4g} | {ratio} "
              f"| {len(values[label])} |")
    return ratios


def judge_noise(label, other, values):
    pairs = list(zip(values.get(label, []), values.get(other, [])))
    if not pairs:
        print(f"\nGoal for {label}, within noise of {other}: not measured.")
        return
    ratios = [a / b for a, b in pairs]
    low, high = quartiles(ratios)
    met = "met" if low <= 1 else "missed"
    print(f"\nGoal for {label}, within noise of {other}: {met} ({statistics.median(ratios):.3f}, {low:.3f}–{high:.3f}).")


def judge(goal, values, ratios):
    limit, _, label = goal.partition(":")
    if limit == "noise":
        judge_noise(*label.split(":"), values)
        return
    numbers = {name: statistics.median(of) for name, of in values.items() if of} if limit.endswith("s") else ratios
    bound = float(limit.strip("<=s"))
    if label not in numbers:
        print(f"\nGoal for {label}, {limit}: not measured.")
        return
    met = numbers[label] <= bound if limit.startswith("<=") else numbers[label] < bound
    print(f"\nGoal for {label}, {limit}: {'met' if met else 'missed'} ({numbers[label]:.3f}).")


def main():
    rounds, number, unit = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    rows = [line.rstrip("\n").split("\t", 1) for line in sys.stdin if line.strip()]
    values, broken = collect(rows, rounds, number)
    ratios = table(rows, values, broken, unit)
    for goal in sys.argv[4:]:
        judge(goal, values, ratios)
    return 1 if broken else 0


sys.exit(main())
