# SPDX-License-Identifier: MIT
"""frames.py FILE: threads that stand still in known places, and two that count in known functions, for a second.

While they stand, what Python itself says about their frames goes to FILE: a line a thread, its name and then
function:line of each frame, innermost first.
"""
import sys
import threading
import time

DEPTH = 200
STAND = 1.0


def nap():
    time.sleep(STAND)


class Sleeper:
    def in_a_method(self):
        return [nap() for _ in range(1)]


def sleeps():
    Sleeper().in_a_method()


def deeper(n):
    if n:
        deeper(n - 1)
    else:
        nap()


def recurses():
    deeper(DEPTH)


def by_key(value):
    if value == 2:
        nap()
    return value


def through_sorted():
    sorted(
        [1, 2, 3],
        key=by_key)


def through_map():
    return list(map(lambda _: nap(), [0]))


def a_generator():
    yield 1
    nap()


def generates():
    for _ in a_generator():
        pass


def naïve_名():
    nap()


lock = threading.Lock()


def waits_for_lock():
    with lock:
        pass


def counts_up():
    n = 0
    while time.monotonic() < end:
        for i in range(10000):
            n += i


def counts_down():
    for _ in sorted(range(30000), key=lambda x: -x):
        if time.monotonic() > end:
            break
    while time.monotonic() < end:
        sorted(range(3000), key=costs)


def costs(x):
    n = 0
    for i in range(10):
        n += i
    return n - x


def frames_of(thread):
    frame = sys._current_frames()[thread.ident]
    while frame:
        code = frame.f_code
        yield "%s:%d" % (getattr(code, "co_qualname", code.co_name), frame.f_lineno)
        frame = frame.f_back


def main():
    global end
    time.sleep(0.3)  # until the interpreter has been found
    lock.acquire()
    end = time.monotonic() + STAND + 0.2
    standing = [sleeps, recurses, through_sorted, through_map, generates, naïve_名, waits_for_lock]
    threads = [threading.Thread(target=f, name=f.__name__) for f in standing]
    threads += [threading.Thread(target=f) for f in (counts_up, counts_down)]
    for thread in threads:
        thread.start()
    time.sleep(STAND / 2)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        for thread in threads[:len(standing)]:
            print(thread.name, *frames_of(thread), file=file)
    time.sleep(STAND)
    lock.release()
    for thread in threads:
        thread.join()


main()
