#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Threads that wait for data: io_threads.py [THREADS [READS]] (default: 8, 100 each).

A read lets go of the GIL while it blocks, so eight threads take as long as one. The data comes,
every 10 ms, from a child process that does nothing else. Runs on Python 2.7 and 3.
"""
import os
import sys
import threading
import time

clock = getattr(time, "perf_counter", time.time)


def feed(pipes, reads):
    for source, _ in pipes:
        os.close(source)  # so that the feeder ends when nobody reads
    for _ in range(reads):
        time.sleep(0.01)
        for _, sink in pipes:
            os.write(sink, b".")


def serve(source, reads):
    for _ in range(reads):
        if not os.read(source, 1):
            raise EOFError("the feeder is gone")
        sum(range(1000))


def whole(text):
    if not text.isdigit() or int(text) == 0:
        sys.stderr.write("%s: '%s' is not a whole number from 1 up\n" % (sys.argv[0], text))
        sys.exit(2)
    return int(text)


def main():
    arguments = [whole(text) for text in sys.argv[1:3]]
    workers = arguments[0] if arguments else 8
    reads = arguments[1] if len(arguments) > 1 else 100
    pipes = [os.pipe() for _ in range(workers)]
    start = clock()
    feeder = os.fork()  # before there are threads: a fork keeps only one of them
    if feeder == 0:
        feed(pipes, reads)
        os._exit(0)
    for _, sink in pipes:
        os.close(sink)  # the feeder's end alone stays open, so that its death is an end of file
    threads = [threading.Thread(target=serve, args=(source, reads)) for source, _ in pipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.waitpid(feeder, 0)
    print("threads: %d, %d reads of 10 ms each: %.3f s" % (workers, reads, clock() - start))


if __name__ == "__main__":
    main()
