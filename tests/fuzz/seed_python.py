#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seed_python.py SEEDS: code objects as fuzz_python.c's memory has them, line tables, texts, a merge."""
import os
import struct
import sys

MEMORY = 0x10000000
CODE_TYPE, STR_TYPE, BYTES_TYPE = 0x1000, 0x2000, 0x3000


def put(name, data):
    folder = os.path.join(sys.argv[1], "python")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def text(value):
    # ascii, compact, kind 1
    return struct.pack("<QQQQI4x", 1, STR_TYPE, len(value), 0, 1 << 2 | 1 << 5 | 1 << 6) + value + b"\0"


def how(minor):
    return struct.pack("<QHH17B3xQQQ", 0, 0, 0, 0, 0, 40, 0, 8, 16, 24, minor >= 11, minor,
                       32, 40, 48, 56 if minor >= 11 else 0, 64, 72 if minor >= 11 else 0, 40, 56,
                       CODE_TYPE, STR_TYPE, BYTES_TYPE)


def memory(table):
    at = {"file": 0x400, "name": 0x500, "lines": 0x600}
    frame = struct.pack("<QQII", MEMORY + 0x300, MEMORY + at["lines"], 80, 7 << 8)
    image = bytearray(0x800)
    image[0x300:0x300 + 88] = struct.pack("<QQQQI4xQQQQ8x", 1, CODE_TYPE, 0, 0, 7, MEMORY + at["file"],
                                          MEMORY + at["name"], MEMORY + at["name"], MEMORY + at["lines"])
    for key, value in (("file", text(b"/srv/a.py")), ("name", text(b"f")),
                       ("lines", struct.pack("<QQQQ", 1, BYTES_TYPE, len(table), 0) + table)):
        image[at[key]:at[key] + len(value)] = value
    return frame, image


def f(x):
    if x:
        return [
            x,
            1,
        ]
    return x


table = getattr(f.__code__, "co_linetable", getattr(f.__code__, "co_lnotab", b""))
for minor in (8, 9, 10, 11, 12, 13):
    frame, image = memory(table)
    image[:len(frame)] = frame  # the input's rest is the memory, its frames first
    put(f"look-{minor}", b"\0" + how(minor) + bytes(image))
    put(f"lines-{minor}", b"\1" + bytes([minor]) + struct.pack("<Ii", 7, 6) + table)
for width, value in ((1, b"caf\xe9"), (2, "œuf".encode("utf-16-le")), (4, "😀".encode("utf-32-le"))):
    put(f"text-{width}", b"\2" + struct.pack("<HI", len(value) // width, width << 2 | 1 << 5) + value)
put("merge", b"\3" + bytes([60, 6, 4, 11, 1, 0]) + bytes([0, 1, 2, 1, 0, 0]) + bytes([1, 0, 1, 0]))
