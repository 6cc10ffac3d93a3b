#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""frames.py DUMP FRAMES: are the Python frames in a trace, as tests/tools/dump prints it, those of FRAMES, which
programs/frames.py wrote of itself? Each of its threads stood still: some stack has exactly its frames."""
import codecs
import re
import sys

PYTHON = "3"
COMPLETE = 1
MOST = 128


def unescape(text):
    return codecs.decode(re.sub(r'^"|"$', "", text), "unicode_escape").encode("latin-1").decode("utf-8", "replace")


def load(path):
    frames, stacks = {}, []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) < 4 or words[0] == "#":
                continue
            fields = dict(word.split("=", 1) for word in words[3:] if "=" in word)
            if words[2] == "frame":
                frames[fields["frame"]] = (fields["kind"], unescape(fields["name"]), fields["line"])
            elif words[2] == "stack":
                stacks.append((int(fields["flags"], 16), [frames[f] for f in fields.get("frames", "").split(",") if f]))
    return stacks


def main():
    stacks = load(sys.argv[1])
    found = {}
    for flags, frames in stacks:
        if flags & COMPLETE or "[python frames unknown]" in [name for _, name, _ in frames]:
            python = tuple("%s:%s" % (name, line) for kind, name, line in frames if kind == PYTHON)
            found.setdefault(python, []).append([name for kind, name, _ in frames if kind != PYTHON])
    bad = 0
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            thread, *expected = line.split()
            # The kernel side reads so many; some of them may be the ends of calls.
            cut = len(expected) > MOST
            same = [natives for python, natives in found.items()
                    if python == tuple(expected) or (cut and len(python) > 100 and python == tuple(expected[:len(python)]))]
            if not same:
                print("no stack has the frames of", thread, expected[:8], len(expected))
                bad += 1
            elif cut and not any("[python frames unknown]" in names for natives in same for names in natives):
                print("not said to be cut:", thread)
                bad += 1
    for flags, frames in stacks:
        names = [name for _, name, _ in frames]
        # The first thread's: of a module's code that was thrown away meanwhile, of a process that has ended.
        if "[python function unknown]" in names and ("run" in names or "Thread.run" in names):
            print("unknown:", frames)
            bad += 1
        if flags & COMPLETE and any("[native frames" in name for name in names):
            print("not matched:", frames)
            bad += 1
    if bad:
        for python in list(found)[:60]:
            print(python[:10], len(python))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
