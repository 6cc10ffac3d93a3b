#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probed_waits.py DUMP REPORT.json: what each thread waited for an interpreter's lock, told in two ways.

From probes: a thread waits from its first sleep after asking for the lock to the switch-in after which it does not sleep any more before it
lets go. What it sleeps between letting go and asking again, on the lock's words, is a switch it was forced to. That
must be within 5 % of what the report, which goes by futex words, says; and each thread let go of the lock as often
as it took it, but for one. The dump is tests/tools/dump's.
"""
import json
import re
import sys

TIME = r"@(\d+(?:s|ms|us)?) cpu\d+ "
PROBE = re.compile(TIME + r"lock (\d+) .*role=(request|released)")
SWITCH = re.compile(TIME + r"switch (\d+) -> (\d+)(.*)")
ADDRESS = re.compile(r" addr=(0x[0-9a-f]+)")
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3}


def ns(text):
    number, unit = re.match(r"(\d+)(\w*)", text).groups()
    return int(number) * UNITS.get(unit, 1)


class Thread:
    def __init__(self):
        self.asked = None  # when it began to wait for the lock, first for the CPU perhaps; or None
        self.asleep = None  # since when it sleeps before it asks, on the lock's words
        self.sleeps = False
        self.went_on = 0
        self.wait = 0


def leaves(thread, now, how, words):
    address = ADDRESS.search(how)
    thread.sleeps = " state=" in how and "preempted" not in how
    if thread.sleeps and thread.asked is not None and thread.asked == thread.went_on:
        thread.asked = now
    if thread.asked is None and thread.sleeps and address and address.group(1) in words:
        thread.asleep = now


def comes(thread, now):
    if thread.asleep is not None:
        thread.wait += now - thread.asleep
    elif thread.asked is not None and thread.sleeps:
        thread.went_on = now
    thread.asleep = None
    thread.sleeps = False


def probed(thread, now, role):
    if role == "request" and thread.asked is None:
        thread.asked = thread.went_on = now
    elif role == "released" and thread.asked is not None:
        thread.wait += thread.went_on - thread.asked
        thread.asked = None


def waits(lines, words):
    threads = {}
    for line in lines:
        probe, switch = PROBE.match(line), SWITCH.match(line)
        if probe:
            probed(threads.setdefault(int(probe.group(2)), Thread()), ns(probe.group(1)), probe.group(3))
        elif switch:
            now = ns(switch.group(1))
            leaves(threads.setdefault(int(switch.group(2)), Thread()), now, switch.group(4), words)
            comes(threads.setdefault(int(switch.group(3)), Thread()), now)
    return {number: thread.wait for number, thread in threads.items()}


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        lock = json.load(file)["locks"][0]
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        told = waits(file, {word["address"] for word in lock["words"]})
    if lock.get("hold", {}).get("source") != "probes":
        sys.exit("the lock was not probed: %s" % lock.get("hold"))
    bad = 0
    for row in lock["by_thread"]:
        by_probes, by_futexes = told.get(row["thread"], 0), row["wait"]
        print("thread %d: %d ns by probes, %d by futexes, %d times taken, %d let go of" %
              (row["thread"], by_probes, by_futexes, row["acquisitions"], row["releases"]))
        bad += abs(by_probes - by_futexes) > 0.05 * by_futexes + 20000 * (row["waits"] + 1)
        bad += abs(row["acquisitions"] - row["releases"]) > 1
    if bad or len([row for row in lock["by_thread"] if row["waits"] >= 2]) < 2:
        sys.exit("that does not agree")


main()
