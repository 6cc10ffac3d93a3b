#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report.py FILE EXPRESSION...: check Python expressions over a JSON report (docs: giltrace(1), "JSON").

Every expression must be true. In them `r` is the report, `v` its verdict's class, `p` its parallelism,
`threads`, `locks`, `events`, `processes` its rows, `ms` and `s` are nanoseconds, `truth` what the workload
wrote to truth.json beside the report, `disturbed` whether there were fewer CPUs than the machine has, and the
functions below. The first one that is not true is printed with the report's sentence and main figures; exit
status 1. Where a verdict was taken for want of CPUs or of equal ones, its sentence is added to the file $NOTES.
"""
import json
import os
import sys

import truth as books

STATES = ("run", "runnable", "lock", "event", "io", "kernel_lock", "sleep", "other", "unknown")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def off_by(thread):
    """How far a thread's states are from adding up to its life, in ns."""
    return abs(sum(thread.get(state, 0) for state in STATES) - (thread["end"] - thread["start"]))


def cpu_off_by(cpu, wall):
    """How far a CPU's three shares are from the window, as a share of it."""
    return abs(cpu["workload"] + cpu["other"] + cpu["idle"] - wall) / wall


# CPUs that others have to use before they count as a reason for anything.
OTHERS = 0.1


def wants(report):
    """What kept the run from CPUs that the machine has, each as a verdict's sentence tells of it."""
    cpus = report["cpus"]
    allowed = report["parallelism"]["cpus"]
    others = sum(cpu["other"] for cpu in cpus) / max(report["window"]["wall"], 1)
    reasons = []
    if "cpu_quota" in report["machine"] and allowed == report["machine"]["cpu_quota"]:
        reasons.append("a quota of")
    elif allowed < len(cpus):
        reasons.append(f"{allowed:.0f} of {len(cpus)} CPUs")
    if others >= OTHERS:
        reasons.append(f"other programs used {others:.2f} CPUs")
    return reasons


def out_of_step(report):
    """
    Threads ran whenever they could, but for waiting for a CPU, no lock stopped them, and one had less to do or the
    quicker CPU.
    """
    p = report["parallelism"]
    return p["efficiency"] >= 0.95 - p["starved_share"] and p["serialized_share"] <= 0.01 and p["lock_loss"] <= 0.01 * p["active"]


def held_up(report):
    """
    For most of the time that it was not active it waited for a lock of the kernel's: those that a program needs to
    start and to end are held, for as long as that takes here, when another's probes are let go of.
    """
    if "window" not in report:
        return False  # a process
    window = report["window"]
    waited = sum(thread["kernel_lock"] for thread in report["threads"])
    return waited > 0.1 * window["wall"] and window["active"] >= 0.5 * (window["wall"] - waited)


def note(text):
    if "NOTES" in os.environ:
        with open(os.environ["NOTES"], "a", encoding="utf-8") as notes:
            notes.write(text + "\n")


def called(report, alone, wanting="cpu-starved", unequal=""):
    """
    A report, or a process in it, which does not know what others used: it is called one of `alone`, or for want of CPUs, which is shown and told, one of `wanting`: for of a short
    run's threads one may be done before another begins. A virtual CPU may be much slower than the other for a
    second, which no counter here shows: threads of equal work are then called one of `unequal`.
    """
    verdict = report["verdict"]["class"]
    sentence = report["verdict"]["sentence"]
    reasons = wants(report) if "cpus" in report else ["unknown to a process"]
    if verdict in alone.split():
        return True
    if verdict in unequal.split() and out_of_step(report):
        note(f"instead of {alone}, one being done before another: {sentence}")
        return True
    if verdict == "io-bound" and held_up(report):
        note(f"instead of {alone}, held up by locks of the kernel: {sentence}")
        return True
    if verdict not in wanting.split() or not reasons:
        return False
    if verdict == "cpu-starved" and "cpus" in report and not any(reason in sentence for reason in reasons):
        return False
    if verdict == "mixed" and report["parallelism"]["starved_share"] < 0.1:
        return False
    note(f"instead of {alone}, with {', '.join(reasons)}: {sentence}")
    return True


def outside_waits(report):
    """For how long threads were runnable that did not wait for anything: a wait ends when its thread runs."""
    threads = report["threads"]
    waits = sum(row["wait"]["sum"] for row in report["locks"] + report["events"])
    return max(0, sum(t["runnable"] + t["lock"] + t["event"] for t in threads) - waits)


def waited(report, row, own, each):
    """
    Is what a row waited what the program's clock has? That is asked before the wait and after it, for `each` ns a
    wait; and a thread that loses its CPU in between waits by its own clock only.
    """
    allowed = 0.02 * own["wait_ns"] + each * own["waits"]
    return -allowed - outside_waits(report) <= row["wait"]["sum"] - own["wait_ns"] <= allowed


def lost_beside_others(report):
    """The collector had no CPU for longer than the rings last, since others had them; and that is said."""
    others = sum(cpu["other"] for cpu in report["cpus"])
    told = report["losses"]["exceeded"] and report["verdict"]["class"] == "inconclusive"
    if not told or others < 0.75 * len(report["cpus"]) * report["window"]["wall"]:
        return False
    note(f"beside others: {report['verdict']['sentence']}")
    return True


def process_called(report, pid, *classes):
    rows = [row for row in report["processes"] if row["pid"] == pid]
    if len(rows) == 1 and called(rows[0], *classes):
        return True
    for row in rows:
        print(row["comm"], pid, row["verdict"]["sentence"], row["verdict"]["evidence"])
    return False


def lost(report):
    """Events that were lost, by all reasons."""
    return sum(report["losses"]["reasons"].values())


def names(report):
    """Everything the report calls its tables' rows, shortly."""
    return {
        "verdict": report.get("verdict", {}).get("class"),
        "sentence": report.get("verdict", {}).get("sentence"),
        "parallelism": {k: w for k, w in report.get("parallelism", {}).items() if k != "histogram"},
        "locks": [
            (row.get("kind"), row.get("name"), row.get("waits"), row.get("wait", {}).get("sum"),
             row.get("explains_serialized"), row.get("recognised_by"))
            for row in report.get("locks", [])[:6]
        ],
        "events": [(row.get("kind"), row.get("name"), row.get("waits")) for row in report.get("events", [])[:6]],
        "processes": [(row.get("comm"), row.get("verdict", {}).get("class")) for row in report.get("processes", [])[:8]],
        "wall": report.get("window", {}).get("wall"),
        "active": report.get("window", {}).get("active"),
        "losses": report.get("losses"),
        "audit": report.get("audit"),
        "other": [row.get("other") for row in report.get("cpus", [])],
    }


def main():
    report = load(sys.argv[1])
    beside = os.path.join(os.path.dirname(sys.argv[1]), "truth.json")
    truth = load(beside) if os.path.exists(beside) else None
    scope = {
        "r": report,
        "v": report["verdict"]["class"],
        "p": report["parallelism"],
        "wall": report["window"]["wall"],
        "threads": report["threads"],
        "locks": report["locks"],
        "events": report["events"],
        "processes": report["processes"],
        "ms": 1000000,
        "s": 1000000000,
        "truth": truth,
        "ran": lambda: books.ran(report, truth),
        "held": lambda rows, own: books.held(rows, own),
        "inferred": lambda row, own: books.inferred(row, own),
        "served": lambda lock: books.served(report, truth, lock),
        "own_lock": lambda name: [l for l in report["locks"] if l.get("name", "").startswith(name)][0],
        "off_by": off_by,
        "cpu_off_by": cpu_off_by,
        "lost": lost(report),
        "lost_beside_others": lost(report) > 0 and lost_beside_others(report),
        "disturbed": bool(wants(report)),
        "waited": lambda row, own, each: waited(report, row, own, each),
        "called": lambda *classes: called(report, *classes),
        "process_called": lambda pid, *classes: process_called(report, pid, *classes),
    }
    for expression in sys.argv[2:]:
        try:
            holds = eval(f"({expression})", scope)  # the tests' own words, not a report's
        except Exception as error:  # pylint: disable=broad-except
            holds = False
            print(f"{type(error).__name__}: {error}")
        if not holds:
            print(f"not so: {expression}")
            for key, value in names(report).items():
                print(f"  {key}: {value}")
            return 1
    return 0


sys.exit(main())
