#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Threads that each count to COUNT: count_threads.py [THREADS [COUNT]] (default: 2, 10 million).

With a GIL two threads take twice as long as one, which is "count_threads.py 1".
Runs on Python 2.7 and 3.
"""
import sys
import threading
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
    threads = [threading.Thread(target=count, args=(n,)) for _ in range(workers)]
    start = clock()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("threads: %d, each counted to %d: %.3f s" % (workers, n, clock() - start))


if __name__ == "__main__":
    main()
