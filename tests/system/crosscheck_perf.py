# SPDX-License-Identifier: MIT
"""What perf says of a run: its counters of the same tree of processes, and its timeline of every switch."""
import re

from crosscheck_kernel import SLICE, switches_of

US = 1000
MS = 1000 * US
# perf's letters for states: what could go on, and what has ended. W is how older ones read R+ of a newer kernel.
GOES_ON, ENDED = "RW", "XZ"
# A waking this shortly before a switch-out is one that the switch-out came too late for.
EARLY = 50 * US
# An interrupt came between the two hooks.
BETWEEN = 100 * US
BLOCKED = ("lock", "event", "io", "kernel_lock", "sleep", "other")
# Time, CPU, thread, then either whom it woke or how long it waited, was delayed and ran, its state and who came next.
ROW = re.compile(
    r"\s*(\d+)\.(\d{6}) \[(\d+)\]\s+(.*?)\s+"
    r"(?:awakened: .*\[(?P<woken>\d+)(?:/\d+)?\]|([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+(\w)\S*\s+next: .*\[(\d+)(?:/\d+)?\])")
TID = re.compile(r"\[(-?\d+)(?:/-?\d+)?\]$")


class Slice:
    """From a switch-in to a switch-out as timehist has it; hidden: perf has no switch-in."""

    def __init__(self, time, cpu, run, state, hidden):
        self.time, self.cpu, self.run, self.state, self.hidden = time, cpu, run, state, hidden


def read_timehist(file):
    """Per thread its wakings (times) and its slices, in the order of time."""
    events, next_on = {}, {}
    for line in file:
        row = ROW.match(line)
        if not row:
            continue
        time, cpu = int(row[1]) * 10**9 + int(row[2]) * US, int(row[3])
        if row["woken"]:
            events.setdefault(int(row["woken"]), []).append(time)
            continue
        tid = TID.search(row[4])
        tid = int(tid[1]) if tid else 0
        if tid == -1:  # it ends, and perf has forgotten its number
            tid = next_on.get(cpu, 0)
        hidden = next_on.get(cpu) != tid
        events.setdefault(tid, []).append(Slice(time, cpu, round(float(row[8]) * MS), row[9], hidden))
        next_on[cpu] = int(row[10])
    return events


class Life:
    """
    One thread's life between `start` and `end` from perf's events. Those that happen on top of some CPU's idle task
    are missing now and then: what may then have been time blocked as well as time runnable is `unsure`.
    """

    def __init__(self, events, start, end, found):
        self.blocked = self.awake = self.unsure = self.low = self.high = 0
        self.voluntary = self.involuntary = self.wakeups = self.unseen = self.migrations = 0
        self.events = [e for e in events if start <= (e.time if isinstance(e, Slice) else e) <= end + 2 * US]
        self.cpu, self.ready, self.woken = None, start, 0
        # A thread is born able to run; the launched one waits at first to be let go.
        waits = found and self.events != [] and not isinstance(self.events[0], Slice)
        for event, following in zip(self.events, self.events[1:] + [None]):
            if isinstance(event, Slice):
                self.leave(event, waits)
                waits = self.blocks(event, following)
            elif waits:
                self.blocked += event - self.ready
                self.wakeups += 1
                self.ready, waits = event, False
            else:
                self.woken = event
        if waits is False:
            self.awake += end - self.ready
            self.high += end - self.ready
        elif waits:
            self.unsure += end - self.ready

    def blocks(self, piece, following):
        """Does the thread block after this? None: it has ended."""
        if piece.state in ENDED:
            return None
        if piece.state in GOES_ON:
            return False
        # Woken while it left the CPU, and by nobody afterwards: it never blocked.
        early = piece.time - self.woken < EARLY and isinstance(following, Slice)
        self.wakeups += early
        return not early

    def leave(self, piece, unseen):
        awake = piece.time - self.ready
        self.unseen += unseen
        self.unsure += awake if unseen else 0
        self.awake += 0 if unseen else awake
        self.high += min(piece.run, awake)
        self.low += 0 if piece.hidden else min(piece.run, awake)
        self.voluntary += piece.state not in GOES_ON + ENDED
        self.involuntary += piece.state in GOES_ON
        self.migrations += self.cpu is not None and self.cpu != piece.cpu
        self.cpu, self.ready = piece.cpu, piece.time


def check_timehist(differences, report, file):
    events = read_timehist(file)
    tids = [thread["tid"] for thread in report["threads"]]
    compared = 0
    for thread in report["threads"]:
        tid, who = thread["tid"], f"{thread['comm']} {thread['tid']}"
        if tids.count(tid) > 1 or tid not in events:
            differences.want(tids.count(tid) > 1, f"{who} is not in timehist")
            continue
        life = Life(events[tid], thread["start"], thread["end"],
                    thread["start"] == report["window"]["start"])
        count = len(life.events) + 1
        allowed = 2 * US * count + BETWEEN
        compared += 1
        differences.compare("timehist voluntary", who, thread["switches_voluntary"], life.voluntary, 0, 0, count)
        differences.compare("timehist involuntary", who, thread["switches_involuntary"], life.involuntary, 0, 0, count)
        differences.compare("timehist wakeups", who, thread["wakeups"], life.wakeups, 0, life.unseen, count)
        differences.compare("timehist migrations", who, thread["migrations"], life.migrations, 0, 1, count)
        differences.compare("timehist blocked", who, sum(thread[state] for state in BLOCKED), life.blocked, allowed,
                            allowed + life.unsure, count)
        differences.compare("timehist awake", who, thread["run"] + thread["runnable"], life.awake,
                            allowed, allowed + life.unsure, count)
        differences.compare("timehist run", who, thread["run"], life.high, allowed + life.high - life.low, allowed,
                            count)
    differences.want(compared, "no thread is in both")


def check_stat(differences, report, file):
    """perf stat's counters of a command and its children, from its exec: its first thread was there before."""
    counts = {}
    for line in file:
        value, unit, name = (line.split(",") + ["", "", ""])[:3]
        if value.replace(".", "").isdigit():
            counts[name] = float(value) * (MS if unit == "msec" else 1)
    own = {process["id"] for process in report["processes"] if process["comm"] not in ("perf", "books")}
    threads = [thread for thread in report["threads"] if thread["process"] in own]
    first = min(threads, key=lambda thread: thread["start"])
    switches = sum(switches_of(thread) for thread in threads)
    run = sum(thread["run"] for thread in threads)
    for name, theirs in counts.items():
        if name == "context-switches":
            differences.compare(name, "all", switches, theirs, len(threads), 2 * len(threads) + switches_of(first),
                                switches)
        elif name == "cpu-migrations":
            ours = sum(thread["migrations"] for thread in threads)
            differences.compare(name, "all", ours, theirs, theirs, first["migrations"] + 1, switches)
        elif name == "task-clock":
            allowed = max(0.01 * theirs, SLICE * switches)
            differences.compare(name, "all", run, theirs, allowed, allowed + first["run"], switches)
        elif name == "syscalls:sys_enter_futex":
            ours = sum(row["count"] for row in report["futex_calls"] if row["process"] in own)
            differences.compare("futex calls", "all", ours, theirs, 0, 0, switches)
    differences.want(counts, "perf stat counted nothing")
