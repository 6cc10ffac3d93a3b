#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that each count to COUNT: count_procs.py [PROCESSES [COUNT]] (default: 2, 10 million).

The work of count_threads.py with an interpreter, and so a GIL, each.
Runs on Python 2.7 and 3.
"""
import multiprocessing
import sys
import time

clock = getattr(time, "perf_counter", time.time)


def count(n):
    i = 0
    while i < n:
        i += 1


def whole(text):
    if not text.isdigit() or int(text) == 0:
        sys.stderr.write("%s: '%s' is not a whole number from 1 up\n" % (sys.argv[0], text))
        sys.exit(2)
    return int(text)


def main():
    arguments = [whole(text) for text in sys.argv[1:3]]
    workers = arguments[0] if arguments else 2
    n = arguments[1] if len(arguments) > 1 else 10 ** 7
    processes = [multiprocessing.Process(target=count, args=(n,)) for _ in range(workers)]
    start = clock()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("processes: %d, each counted to %d: %.3f s" % (workers, n, clock() - start))
    sys.exit(1 if any(process.exitcode for process in processes) else 0)


if __name__ == "__main__":
    main()
