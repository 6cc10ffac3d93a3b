#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""terminal.py ACTION... -- COMMAND...: run a command on a terminal of its own and type.

Actions, in order: --expect TEXT (wait until it was printed), --pause SECONDS, --send ^C (the key, until it has become
a signal), --taken NAME (until no process of that name in this terminal's session has a SIGINT still to take),
--traces NAME (until one of them has attached to the kernel), --alive NAME (say afterwards whether there is one).
Prints what the terminal showed, then "== status N" of the command. The command runs under a shell that holds the
terminal, so that the terminal does not vanish with it.
"""
import os
import pty
import select
import signal
import sys
import time

TIMEOUT = 30
KEYS = {"^C": b"\x03"}


def split(words):
    at = words.index("--")
    return list(zip(words[:at:2], words[1:at:2])), words[at + 1:]


def members(session, name):
    """The pids of the session's processes of that name."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                comm, _, rest = file.read().partition("(")[2].rpartition(")")
            fields = rest.split()
        except OSError:
            continue
        if comm == name and int(fields[3]) == session and fields[0] != "Z":
            yield entry


def alive(session, name):
    return any(members(session, name))


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def taken(session, name):
    """Does no SIGINT wait to be taken?"""
    for pid in members(session, name):
        for line in read(f"/proc/{pid}/status").splitlines():
            key, _, mask = line.partition(":")
            if key in ("SigPnd", "ShdPnd") and int(mask, 16) & 1 << signal.SIGINT - 1:
                return False
    return True


def traces(session, name):
    return any("link_type:" in read(f"/proc/{pid}/fdinfo/{fd}")
               for pid in members(session, name) for fd in os.listdir(f"/proc/{pid}/fdinfo"))


WAITS = {"--taken": taken, "--traces": traces}


class Terminal:
    """A command on a pseudo-terminal, and what it has shown so far."""

    def __init__(self, command):
        self.shown = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            shell = 'trap : INT HUP; "$@"; echo "== status $?"; read -r line'
            os.execv("/bin/sh", ["sh", "-c", shell, "sh"] + command)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.shown += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def until(self, text, times=1):
        return self.wait(lambda: self.shown.count(text) >= times)

    def wait(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > end or not self.read(0.05):
                return False
        return True

    def send(self, key):
        """The terminal shows ^C when it has sent the signal."""
        echoes = self.shown.count(key.encode()) + 1
        os.write(self.master, KEYS[key])
        return self.until(key.encode(), echoes)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)


def main():
    actions, command = split(sys.argv[1:])
    terminal = Terminal(command)
    for action, value in actions:
        if action == "--expect" and not terminal.until(value.encode()):
            print(f"never said: {value}")
        elif action == "--pause":
            terminal.pause(float(value))
        elif action == "--send" and not terminal.send(value):
            print(f"never sent: {value}")
        elif action in WAITS and not terminal.wait(lambda w=WAITS[action], v=value: w(terminal.pid, v)):
            print(f"never: {action} {value}")
    done = terminal.until(b"== status ")
    terminal.pause(0.1)
    for action, value in actions:
        if action == "--alive":
            print("alive", value, "yes" if alive(terminal.pid, value) else "no")
    print(terminal.shown.decode(errors="replace").replace("\r\n", "\n"))
    os.write(terminal.master, b"\n")  # the shell's read
    return 0 if done else 1


sys.exit(main())
