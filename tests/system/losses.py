#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""losses.py CHECK DUMP FILE: what a trace with losses must still be right in.

DUMP is what tests/tools/dump prints of the trace of tests/system/programs/storm.

counted: written + lost = produced. FILE is what "perf stat -x," counted of the same switches and wakings.
books:   the kernel side's own sums are complete and right. FILE is what the program knows of itself.
told:    every loss in the totals is told of in its place.
lossy:   there was a loss to begin with.
"""
import json
import re
import sys

LINE = re.compile(r"@(\d+)(s|ms|us|) (\w+) ([\w-]+) ?(.*)")
UNITS = {"s": 10**9, "ms": 10**6, "us": 1000, "": 1}


class Trace:
    """The records of a dump: lists of (time, CPU, kind, text)."""

    def __init__(self, path):
        self.records, self.losses, self.repaired = [], {}, 0
        with open(path, encoding="utf-8") as file:
            for line in file:
                found = LINE.match(line)
                if found:
                    self.records.append((int(found[1]) * UNITS[found[2]], found[3], found[4], found[5]))
                elif line.startswith("meta loss "):
                    self.losses[line.split()[2]] = int(line.split()[3])
                elif line.startswith("meta repaired "):
                    self.repaired = int(line.split()[2])

    def of(self, kind):
        return [(ts, cpu, text) for ts, cpu, k, text in self.records if k == kind]

    def tasks(self):
        """Task number → tid."""
        return {text.split()[0]: int(re.search(r" tid=(\d+)", text)[1]) for _, _, text in self.of("task")}


def check(holds, what):
    if not holds:
        print(f"not so: {what}")
        sys.exit(1)


def counted(trace, perf):
    counts = {}
    with open(perf, encoding="utf-8") as file:
        for line in file:
            fields = line.strip().split(",")
            if len(fields) > 3 and fields[0].isdigit():
                counts[fields[2].split(":")[1]] = int(fields[0])
    tasks = trace.tasks()
    # perf counts by the program's name, so from when it has it on.
    named = [ts for ts, _, text in trace.of("rename") if text.split()[0] in tasks and re.search(r"comm=storm\d*$", text)]
    check(len(named) == 1, f"the program takes its name once: {named}")
    switches = sum(ts >= named[0] and any(word in tasks for word in (text.split()[0], text.split()[2]))
                   for ts, _, text in trace.of("switch"))
    wakings = sum(ts >= named[0] and text.split()[0] in tasks for ts, _, text in trace.of("waking"))
    lost, produced = trace.losses.get("ring_full", 0), counts["sched_switch"] + counts["sched_waking"]
    print(f"written {switches} switches, {wakings} wakings; lost {lost}; produced {counts}")
    # A switch that was put back is a record, too, but was shown to nobody. The two hooks do not always run for the
    # same events: see docs/method.md.
    allowed = produced // 10000
    check(-allowed <= switches + wakings + lost - produced <= trace.repaired + allowed,
          f"{switches} + {wakings} + {lost} == {produced} + some of {trace.repaired}, within {allowed}")


def books(trace, truth):
    with open(truth, encoding="utf-8") as file:
        truth = json.load(file)
    tids = trace.tasks()
    sums = {}
    for _, _, text in trace.of("task-sum"):
        task, run, slices = re.match(r"(\d+) run=(\w+) slices=(\d+)", text).groups()
        check(task not in sums, f"one sum of task {task}")
        sums[task] = (time_of(run), int(slices))
    check(sums.keys() == tids.keys(), f"a sum of every task: {sums.keys()} {tids.keys()}")
    left = {text.split()[0]: ts for ts, _, text in trace.of("switch")}  # when last
    for thread in truth["threads"]:
        task = next(task for task, tid in tids.items() if tid == thread["tid"])
        run, slices = sums[task]
        # What came after it looked: the way out, and being preempted on it.
        after = max(0, left.get(task, 0) - thread["ended"])
        check(0 <= slices - thread["switches"] - 1 <= 3 + after // 10**6, f"{thread}: switched in {slices} times")
        allowed = 0.01 * thread["cpu_ns"] + 10**6
        check(thread["cpu_ns"] - allowed - 20000 * slices <= run <= thread["cpu_ns"] + allowed + after,
              f"{thread}: {run} ns, {after} ns later")
    traced = sum(time_of(re.search(r"traced=(\w+)", text)[1]) for _, _, text in trace.of("cpu-sum"))
    total = sum(run for run, _ in sums.values())
    check(abs(traced - total) <= 1000, f"the CPUs' sums are the threads': {traced} ns, {total} ns")


def time_of(text):
    number, unit = re.match(r"(\d+)(\w*)", text).groups()
    return int(number) * UNITS[unit]


def told(trace, _):
    counts = sum(int(re.search(r"count=(\d+)", text)[1]) for _, _, text in trace.of("lost"))
    check(counts == sum(trace.losses.values()), f"{counts} are told of, of {trace.losses}")


def lossy(trace, _):
    check(trace.losses.get("ring_full", 0) > 0, "something was lost")


CHECKS = {"counted": counted, "books": books, "told": told, "lossy": lossy}

CHECKS[sys.argv[1]](Trace(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
