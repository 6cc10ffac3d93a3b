# SPDX-License-Identifier: MIT
"""
A report against what a workload wrote of itself (--truth): functions for report.py, each true or false; what differs
is printed. What can go by between two readings is allowed by what the run itself shows of it.
"""

MS = 1000000
SLICE = 20000  # ns a slice: the kernel charges a thread for the path that wakes it
ONCE = MS  # the CPU was taken between the kernel's clock and the tracepoint


def tell(holds, *words):
    if not holds:
        print(*words)
    return holds


def thread_of(report, own):
    return next((thread for thread in report["threads"] if thread["tid"] == own["tid"]), None)


def ran(report, truth):
    """
    Every thread's running time is that of its own clock, which is read before its end. Where the kernel has not looked
    at the clock between a waking and the switch that follows, the clock has the way there, too: it was runnable then.
    """
    same = True
    for own in truth["per_thread"]:
        thread = thread_of(report, own)
        count = thread["switches_voluntary"] + thread["switches_involuntary"] + 1
        allowed = max(0.01 * own["cpu_ns"], SLICE * count) + ONCE
        same &= tell(own["cpu_ns"] - allowed - thread["runnable"] <= thread["run"] <=
                     own["cpu_ns"] + allowed + max(0, thread["end"] - own["end_ns"]), own, thread)
    return same


def held(rows, own):
    """Exact holds: every acquisition, and the time between getting and letting go within 2 % and what was stalled."""
    took, time = sum(row["acquisitions"] for row in rows), sum(row["hold"]["sum"] for row in rows)
    return (tell(all(row["hold"]["source"] == "usdt" for row in rows), "not exact") and
            tell(took == own["acquisitions"], took, "acquisitions, the program says", own["acquisitions"]) and
            tell(abs(time - own["hold_ns"]) <= 0.02 * own["hold_ns"] + own["stalled_ns"], "held", time, "ns", own))


def inferred(row, own):
    """Holds from who ran between hand-overs: within 10 %."""
    return tell(row["hold"]["source"] == "inferred" and "acquisitions" not in row and
                abs(row["hold"]["sum"] - own["hold_ns"]) <= 0.1 * own["hold_ns"], "held", row["hold"], own)


def served(report, truth, lock):
    """
    From the data to the lock: less than from when it was due, since a timer may be late, and more than from when the
    read came back. Within 10 %, and 0.1 ms for a timer's usual lateness. Of a hundred the 99th and the last may be far
    apart, and which one p99 is depends on how ranks are rounded.
    """
    same = True
    for own in truth["per_thread"]:
        if "io_latency_ns" not in own:
            continue
        number = thread_of(report, own)["id"]
        ours = next(row for row in lock["by_thread"] if row["thread"] == number)["io_latency"]
        for q in ("p50", "p99", "max"):
            most, least = own["io_latency_ns"][{"p99": "max"}.get(q, q)], own["lock_latency_ns"][q]
            same &= tell(0.9 * least - 100000 <= ours[q] <= 1.1 * most + 100000, q, ours, own)
    return same
