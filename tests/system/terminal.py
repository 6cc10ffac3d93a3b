#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""terminal.py ACTION... -- COMMAND...: run a command on a terminal of its own and type.

Actions, in order: --expect TEXT (wait until it was printed), --pause SECONDS, --send ^C (the key),
--alive NAME (say afterwards whether a process of that name still runs under this terminal's session).
Prints what the terminal showed, then "== status N" of the command. The command runs under a shell that holds the
terminal, so that the terminal does not vanish with it.
"""
import os
import pty
import select
import sys
import time

TIMEOUT = 30
KEYS = {"^C": b"\x03"}


def split(words):
    at = words.index("--")
    return list(zip(words[:at:2], words[1:at:2])), words[at + 1:]


def alive(session, name):
    """Whether a process of that name belongs to the session."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                comm, _, rest = file.read().partition("(")[2].rpartition(")")
            fields = rest.split()
        except OSError:
            continue
        if comm == name and int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


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

    def until(self, text):
        end = time.monotonic() + TIMEOUT
        while text not in self.shown:
            if time.monotonic() > end or not self.read(0.1):
                return False
        return True

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
        elif action == "--send":
            os.write(terminal.master, KEYS[value])
    done = terminal.until(b"== status ")
    terminal.pause(0.1)
    for action, value in actions:
        if action == "--alive":
            print("alive", value, "yes" if alive(terminal.pid, value) else "no")
    print(terminal.shown.decode(errors="replace").replace("\r\n", "\n"))
    os.write(terminal.master, b"\n")  # the shell's read
    return 0 if done else 1


sys.exit(main())
