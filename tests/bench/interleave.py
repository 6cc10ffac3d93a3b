#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interleave.py RAW ROUNDS NUMBER UNIT [GOAL]: measure commands in turn, A B C A B C ..., and compare with the first.

Standard input has a row per command: "label<TAB>shell command". NUMBER says what is measured: "wall" (seconds
from start to end of the command), "stdout" (the last number the command prints on stdout), or "stdout:WORD" (the
number after WORD). Prints a markdown table: median, quartiles, and the median of the ratios within each
round; each value goes to the file RAW as a line "label<TAB>round<TAB>value". GOAL is "<=X:LABEL" or "<X:LABEL" for
the ratio of that row, "<=X:LABEL:OTHER" for its ratio to another row, "<Xs:LABEL" for its median itself, in seconds,
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
    print(f"| | median, {unit} | quartiles | ÷ {base} (quartiles) | runs |")
    print("|---|---|---|---|---|")
    for label, _ in rows:
        if label in broken or not values[label]:
            print(f"| {label} | failed: {broken.get(label, 'no runs')} | | | |")
            continue
        low, high = quartiles(values[label])
        ratio = "–"
        if label != base and base not in broken:
            ratio = "{:.3f} ({:.3f}–{:.3f})".format(*paired(values, label, base))
        print(f"| {label} | {statistics.median(values[label]):.4g} | {low:.4g}–{high:.4g} | {ratio} "
              f"| {len(values[label])} |")


def paired(values, label, other):
    """Median and quartiles of the ratios within rounds, or None."""
    ratios = [a / b for a, b in zip(values.get(label, []), values.get(other, []))]
    return (statistics.median(ratios), *quartiles(ratios)) if ratios else None


def judge(goal, values, base):
    limit, _, labels = goal.partition(":")
    label, _, other = labels.partition(":")
    wanted = f"within noise of {other}" if limit == "noise" else limit + (f" of {other}" if other else "")
    if limit.endswith("s"):
        got = (statistics.median(values[label]),) if values.get(label) else None
    else:
        got = paired(values, label, other or base)
    if got is None:
        print(f"\nGoal for {label}, {wanted}: not measured.")
        return
    if limit == "noise":
        met = got[1] <= 1
    else:
        bound = float(limit.strip("<=s"))
        met = got[0] <= bound if limit.startswith("<=") else got[0] < bound
    spread = ", {:.3f}–{:.3f}".format(*got[1:]) if len(got) > 1 else ""
    print(f"\nGoal for {label}, {wanted}: {'met' if met else 'missed'} ({got[0]:.3f}{spread}).")


def keep(raw, rows, values):
    with open(raw, "a", encoding="utf-8") as out:
        for label, _ in rows:
            for number, value in enumerate(values[label], 1):
                out.write(f"{label}\t{number}\t{value:.9g}\n")


def main():
    raw, rounds, number, unit = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rows = [line.rstrip("\n").split("\t", 1) for line in sys.stdin if line.strip()]
    values, broken = collect(rows, rounds, number)
    keep(raw, rows, values)
    table(rows, values, broken, unit)
    for goal in sys.argv[5:]:
        judge(goal, {label: got for label, got in values.items() if label not in broken}, rows[0][0])
    return 1 if broken else 0


sys.exit(main())
