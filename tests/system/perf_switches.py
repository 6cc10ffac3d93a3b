#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perf_switches.py REPORT SWITCHES: compare each thread's running time with what "perf script" printed.

SWITCHES has perf's sched_switch events (-F tid,cpu,time,event,trace --ns) of the same run. perf misses some
switches away from an idle CPU without saying so; a switch-in that is not there lies after the switch that is
there before it on that CPU, so each thread's time has a lower and an upper bound, mostly the same. Beside them are
allowed 0.1 %, or 2 µs for each time the thread was switched in, and once 100 µs: the two hooks do not run at the same
moment, and an interrupt may come between.
"""
import json
import re
import sys

LINE = re.compile(r"\[(\d+)\]\s+(\d+)\.(\d{9}):.*prev_pid=(\d+) .*next_pid=(\d+) ")


class Account:
    """One thread's running time: between `low` and `high` ns, in `slices` pieces."""

    def __init__(self):
        self.low = self.high = self.slices = 0

    def add(self, low, high):
        self.low += low
        self.high += high
        self.slices += 1


def running_times(lines):
    accounts, latest = {}, {}  # latest: per CPU, when and to whom
    for line in lines:
        found = LINE.search(line)
        if not found:
            continue
        cpu, before, after = found[1], int(found[4]), int(found[5])
        now = int(found[2]) * 10**9 + int(found[3])
        since, running = latest.get(cpu, (now, before))
        latest[cpu] = (now, after)
        if running == before:
            accounts.setdefault(before, Account()).add(now - since, now - since)
            continue
        # Between the two switches there was at least one more that is not here.
        accounts.setdefault(before, Account()).add(0, now - since)
        accounts.setdefault(running, Account()).add(0, now - since)
    return accounts


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    with open(sys.argv[2], encoding="utf-8", errors="replace") as file:
        accounts = running_times(file)
    compared, status = 0, 0
    for thread in report["threads"]:
        account = accounts.get(thread["tid"])
        if account is None or not thread["comm"].startswith("worker"):
            continue
        compared += 1
        allowed = max(account.high // 1000, 2000 * account.slices) + 100000
        if not account.low - allowed <= thread["run"] <= account.high + allowed:
            print(f"thread {thread['tid']}: {thread['run']} ns, perf says {account.low} to {account.high} "
                  f"in {account.slices} slices")
            status = 1
    if compared < 2:
        print(f"only {compared} threads were found in both")
        status = 1
    return status


sys.exit(main())
