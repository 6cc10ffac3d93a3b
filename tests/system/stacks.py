#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stacks.py DUMP EXPRESSION...: check Python expressions over the stacks in a trace, as tests/tools/dump prints it.

In them `meta` has the numbers of the trace's head, `of` its STACK_OFs in order of time, each with `ts`, `task`, `stack`
(a Stack), and `what` and `by`, kind and peer of the record that it belongs to; `samples` likewise, with `period`. A
Stack has `flags` and `names`, innermost first; kernel frames are in `kernel`, not in `names`. `waits` are the
STACK_OFs in which wait_here or from_nowhere is a frame. The first expression that is not true is printed; status 1.
"""
import sys

COMPLETE, TRUNCATED, BROKEN, SKIPPED = 1, 2, 4, 8
KERNEL = "2"


class Stack:
    def __init__(self, flags, frames):
        self.flags = flags
        self.names = [name for kind, name in frames if kind != KERNEL]
        self.kernel = [name for kind, name in frames if kind == KERNEL]


class Use:
    def __init__(self, ts, task, stack, period=0):
        self.ts, self.task, self.stack, self.period = ts, task, stack, period
        self.what = self.by = None


def load(path):
    meta, frames, told, uses, samples, last = {}, {}, {}, [], [], {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if not words or words[0] == "#":
                continue
            if words[0] == "meta":
                meta[words[1]] = int(words[2]) if words[2].isdigit() else words[2]
                continue
            ts, cpu, kind = words[0], words[1], words[2]
            fields = dict(word.split("=", 1) for word in words[3:] if "=" in word)
            if kind == "frame":
                frames[fields["frame"]] = (fields["kind"], fields["name"])
            elif kind == "stack":
                told.setdefault(fields["stack"], []).append(
                    (int(fields["flags"], 16), [f for f in fields.get("frames", "").split(",") if f]))
            elif kind == "stack-of":
                use = Use(ts, words[3], fields["stack"])
                uses.append(use)
                last[cpu] = use
            elif kind == "sample":
                samples.append(Use(ts, words[3], fields["stack"], int(fields["period"])))
            elif kind in ("switch", "waking", "state") and last.get(cpu) and last[cpu].ts == ts:
                last[cpu].what, last[cpu].by = kind, line
                del last[cpu]
    return meta, frames, told, uses, samples


def explain(uses, told, frames):
    """Every id that is used must be explained, exactly once, by frames that are known."""
    stacks = {}
    for number in {use.stack for use in uses if use.stack != "0"}:
        answers = told.get(number, [])
        assert len(answers) == 1, f"stack {number} is explained {len(answers)} times"
        flags, list_of = answers[0]
        stacks[number] = Stack(flags, [frames[f] for f in list_of])
    for use in uses:
        use.stack = stacks.get(use.stack)


def main():
    meta, frames, told, of, samples = load(sys.argv[1])
    explain(of + samples, told, frames)
    for use in of:
        assert use.what, f"the STACK_OF at {use.ts} is followed by no record of its time"
    waits = [use for use in of if {"wait_here", "from_nowhere"} & set(use.stack.names)]
    known = {"meta": meta, "of": of, "samples": samples, "waits": waits, "told": told, "COMPLETE": COMPLETE,
             "TRUNCATED": TRUNCATED, "BROKEN": BROKEN, "SKIPPED": SKIPPED}
    for expression in sys.argv[2:]:
        if not eval(expression, known):  # pylint: disable=eval-used
            print("not true:", expression)
            for use in of[:5] + waits[:5] + samples[:5]:
                print(use.ts, use.task, use.what, use.stack and (use.stack.flags, use.stack.names, use.stack.kernel))
            print(len(of), "of", len(waits), "waits", len(samples), "samples", meta)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
