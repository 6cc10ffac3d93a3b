#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crosscheck.py REPORT SOURCE=FILE...: compare a JSON report with what others saw of the same run.

Sources: accounts (what libs/accounts.c wrote), books (programs/books.c), cgroup (its counters, before and after),
stat (perf stat -x,), timehist (perf sched timehist -w -n --state), text (the text report), and report itself,
which is always compared with itself. Every number that differs by more than is allowed is printed; status 1.
The tolerances and their reasons are those of docs/method.md, "How the numbers are checked".
With CROSSCHECK_LOG=FILE every difference is appended to it, allowed or not: where the tolerances come from.
"""
import json
import os
import sys

import crosscheck_kernel
import crosscheck_perf
import crosscheck_report

CHECKS = {
    "accounts": crosscheck_kernel.check_accounts,
    "books": crosscheck_kernel.check_books,
    "cgroup": crosscheck_kernel.check_cgroup,
    "stat": crosscheck_perf.check_stat,
    "timehist": crosscheck_perf.check_timehist,
    "text": crosscheck_report.check_text,
}


class Differences:
    """Pairs of numbers that should be the same; those that are not, as lines."""

    def __init__(self, log):
        self.log = log
        self.lines = []
        self.compared = 0

    def compare(self, what, who, ours, theirs, below, above=None, events=0):
        """`ours` may be `below` less and `above` (or as much) more than `theirs`; `events` is for the log."""
        above = below if above is None else above
        self.compared += 1
        if self.log:
            self.log.write(json.dumps([what, ours, theirs, below, above, events]) + "\n")
        if not theirs - below <= ours <= theirs + above:
            self.lines.append(f"{what} of {who}: {ours:.0f}, the other says {theirs:.0f}; "
                              f"allowed are {below:.0f} less and {above:.0f} more")

    def want(self, holds, line):
        self.compared += 1
        if not holds:
            self.lines.append(line)


def main():
    path = os.environ.get("CROSSCHECK_LOG")
    with open(path or os.devnull, "a", encoding="utf-8") as log:
        differences = Differences(log if path else None)
        with open(sys.argv[1], encoding="utf-8") as file:
            report = json.load(file)
        crosscheck_report.check_itself(differences, report)
        for argument in sys.argv[2:]:
            source, name = argument.split("=", 1)
            with open(name, encoding="utf-8", errors="replace") as file:
                CHECKS[source](differences, report, file)
    for line in differences.lines[:20]:
        print(line)
    if differences.lines:
        print(f"{len(differences.lines)} of {differences.compared} numbers differ; losses: {report['losses']}")
    return 1 if differences.lines else 0


if __name__ == "__main__":
    sys.exit(main())
