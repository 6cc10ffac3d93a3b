# SPDX-License-Identifier: MIT
"""What the kernel says of a run in its own counters: schedstat, thread clocks, rusage, cgroups."""
import json

US = 1000
MS = 1000 * US
SLICE = 20 * US  # the way out of idle that a wake-up caused is billed to the thread that was woken
ONCE = MS  # the CPU was taken, by an interrupt or a host, between the kernel's clock and the tracepoint
LATE = 4  # switches between a thread's reading of its account and its last one, and one a ms of that on a busy machine
TICK = 10 * MS  # a running thread's schedstat was brought up to date at the last one, at HZ 100


def switches_of(thread):
    return thread["switches_voluntary"] + thread["switches_involuntary"]


def check_accounts(differences, report, file):
    """Each thread's account of itself, read at its end."""
    accounts = {}  # the last of each thread: an exec is no end
    for line in file:
        tid, *numbers = (int(word) for word in line.split())
        accounts[tid] = numbers
    delays, by_tid = [], {}
    delayed = sum(numbers[3] for numbers in accounts.values())
    differences.late = max(0, sum(thread["runnable"] for thread in report["threads"]) - delayed)
    for thread in report["threads"]:
        by_tid.setdefault(thread["tid"], []).append(thread)
    for tid, (read, clock, run, delay, slices, voluntary, involuntary) in accounts.items():
        rows = by_tid.get(tid, [])
        differences.want(rows, f"thread {tid} is not in the report")
        if len(rows) != 1:
            continue  # a tid that was used again
        thread, who = rows[0], f"{rows[0]['comm']} {tid}"
        count = switches_of(thread) + 1
        # What came after the reading: the rest of its end, and being preempted by who waits for that.
        after = max(0, thread["end"] - read)
        allowed = max(0.01 * clock, SLICE * count) + ONCE
        # On the way from its waking to the CPU it ran by the kernel's clock, and did not wait.
        way = max(0, thread["runnable"] - delay)
        differences.compare("thread clock", who, thread["run"], clock, allowed + way, allowed + after, count)
        differences.compare("schedstat run", who, thread["run"], run, allowed + way, allowed + after + TICK, count)
        allowed = max(0.1 * delay, SLICE * count) + ONCE
        delays.append((who, thread["runnable"], delay, allowed, allowed + after, count))
        late = LATE + after // MS
        differences.compare("slices", who, count, slices, 0, late, count)
        differences.compare("voluntary switches", who, thread["switches_voluntary"], voluntary, 0, late, count)
        differences.compare("involuntary switches", who, thread["switches_involuntary"], involuntary, 0, late, count)
    check_delays(differences, delays)
    differences.want(accounts, "no thread wrote an account")


def check_delays(differences, delays):
    """
    Now and then run_delay has time in which the thread was blocked: one thread, or 2 % of them, may be off. And it
    begins with the queue: who is woken for a CPU that is gone is put into it when that is back. So of the threads up to
    half may have been runnable for longer.
    """
    less = [row for row in delays if row[1] < row[2] - row[3]]
    more = [row for row in delays if row[1] > row[2] + row[4]]
    for row in delays:
        if row in less and len(less) <= max(1, 0.02 * len(delays)):
            continue
        if row in more and len(more) <= max(1, 0.5 * len(delays)):
            continue
        differences.compare("schedstat delay", *row)


def way_of(differences, threads):
    """How much of these threads' time the kernel may have told as running: see check_accounts()."""
    return getattr(differences, "late", sum(thread["runnable"] for thread in threads))


def outside(report, tid):
    """The threads but the one that keeps the books."""
    return [thread for thread in report["threads"] if thread["tid"] != tid]


def check_books(differences, report, file):
    """What wait4 told of the whole tree of processes."""
    books = json.load(file)
    threads = outside(report, books["keeper"])
    count = sum(switches_of(thread) + 1 for thread in threads)
    run = sum(thread["run"] for thread in threads)
    allowed = max(0.01 * books["cpu"], SLICE * count) + ONCE
    differences.compare("rusage time", "all", run, books["cpu"], allowed + way_of(differences, threads), allowed, count)
    for kind in ("voluntary", "involuntary"):
        ours = sum(thread["switches_" + kind] for thread in threads)
        differences.compare(f"rusage {kind} switches", "all", ours, books[kind], len(threads), len(threads), count)


def check_cgroup(differences, report, file):
    """The counters of the group the command ran in."""
    group = json.load(file)
    threads = outside(report, group["books"]["keeper"])
    count = sum(switches_of(thread) + 1 for thread in threads)
    run = sum(thread["run"] for thread in threads) - group["books"]["moved"]
    allowed = max(0.01 * group["usage"], SLICE * count) + ONCE
    differences.compare("cgroup usage", "all", run, group["usage"], allowed + way_of(differences, threads), allowed, count)
    # While the group may not run, at least one of its threads on each CPU concerned could.
    runnable = sum(thread["runnable"] for thread in threads)
    differences.compare("cgroup throttled", "all", runnable, group["throttled"], 0.02 * group["throttled"] + SLICE * count,
                        float("inf"), count)
