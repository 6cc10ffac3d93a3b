#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""locks.py TRACE-REPORT.json: what a report says of the program's locks, without what is likely to be added to.

Fails when the first lock, with others of its kind, does not explain nine tenths of the serialized time.
"""
import json
import sys

FIELDS = ("kind", "name", "image", "waits", "explains_serialized", "recognised_by")


def words(row):
    """As offsets from the first: addresses are another matter each time a program runs."""
    at = sorted(int(word["address"], 16) for word in row["words"])
    return [hex(address - at[0]) for address in at] if at[-1] - at[0] < 4096 else len(at)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    locks = [dict([(key, row.get(key)) for key in FIELDS] + [("words", words(row))]) for row in report["locks"]]
    told = {
        "verdict": report["verdict"]["class"],
        "locks": locks,
        "events": sorted([event["kind"], event["waits"]] for event in report["events"]),
    }
    json.dump(told, sys.stdout, indent=1)
    print()
    explained = sum(lock["explains_serialized"] for lock in locks if lock["kind"] == locks[0]["kind"])
    if explained < 0.9:
        sys.exit("the first lock does not explain the serialized time")


if __name__ == "__main__":
    main()
