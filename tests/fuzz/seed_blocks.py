#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seed_blocks.py TRACE SEEDS NAME: the blocks of a trace, unpacked, as seeds of the codec and the metadata."""
import ctypes
import os
import struct
import sys

zstd = ctypes.CDLL("libzstd.so.1")
zstd.ZSTD_decompress.restype = ctypes.c_size_t


def unpack(stored, raw):
    out = ctypes.create_string_buffer(raw + 1)
    got = zstd.ZSTD_decompress(out, ctypes.c_size_t(raw), stored, ctypes.c_size_t(len(stored)))
    return out.raw[:raw] if got == raw else None


trace, seeds, name = sys.argv[1:]
with open(trace, "rb") as f:
    data = f.read()
at = struct.unpack_from("<I", data, 12)[0]
count = 0
while at + 40 <= len(data) and count < 8:
    _, kind, _, _, _, raw, stored, _, _ = struct.unpack_from("<IHHIIIIQQ", data, at)
    target = {1: "codec", 3: "meta"}.get(kind)
    payload = unpack(data[at + 40:at + 40 + stored], raw) if target else None
    if payload:
        os.makedirs(f"{seeds}/{target}", exist_ok=True)
        with open(f"{seeds}/{target}/{name}-{count}", "wb") as out:
            out.write(payload[:4000])
        count += 1
    at += 40 + stored
