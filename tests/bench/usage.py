#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage.py COMMAND...: run it with its output thrown away; print "wall S cpu S rss KiB" of it."""
import os
import sys
import time

begin = time.monotonic()
pid = os.fork()
if pid == 0:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print("wall %.3f cpu %.3f rss %d" % (time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
sys.exit(0 if status == 0 else 1)
