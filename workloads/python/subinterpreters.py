#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Interpreters in one process, with threads that count: subinterpreters.py [INTERPRETERS [COUNT]] (2, 10 million).

Each interpreter has a GIL of its own (PEP 684, Python 3.12 and later) and two threads that count to COUNT under it.
"""
import os
import sys
import threading
import time

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        sys.exit("subinterpreters.py: this Python has none")

PROGRAM = """
import threading

def count(n):
    i = 0
    while i < n:
        i += 1

threads = [threading.Thread(target=count, args=(%d,)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def whole(text):
    if not text.isdigit() or int(text) == 0:
        sys.stderr.write("%s: '%s' is not a whole number from 1 up\n" % (sys.argv[0], text))
        sys.exit(2)
    return int(text)


def main():
    arguments = [whole(text) for text in sys.argv[1:3]]
    workers = arguments[0] if arguments else 2
    n = arguments[1] if len(arguments) > 1 else 10 ** 7
    ids = [interpreters.create() for _ in range(workers)]
    threads = [threading.Thread(target=interpreters.run_string, args=(id, PROGRAM % n)) for id in ids]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("interpreters: %d, two threads each, each counted to %d: %.3f s" % (workers, n, time.perf_counter() - start))
    sys.stdout.flush()
    os._exit(0)  # ending interpreters that had threads can hang in 3.12


if __name__ == "__main__":
    main()
