# SPDX-License-Identifier: MIT
"""What a report says in one place against what it says in another."""

import re

STATES = ("run", "runnable", "lock", "event", "io", "kernel_lock", "sleep", "other", "unknown")


def check_itself(differences, report):
    window, threads, cpus = report["window"], report["threads"], report["cpus"]
    wall = window["end"] - window["start"]
    run = sum(thread["run"] for thread in threads)
    same = lambda what, who, ours, theirs: differences.compare(what, who, ours, theirs, 0)

    same("wall", "the window", window["wall"], wall)
    for thread in threads:
        same("states", f"thread {thread['tid']}", sum(thread[state] for state in STATES),
             thread["end"] - thread["start"])
        same("occupancy", f"thread {thread['tid']}",
             sum(row["run"] for row in report["occupancy"] if row["thread"] == thread["id"]), thread["run"])
        differences.want(window["start"] <= thread["start"] <= thread["end"] <= window["end"],
                         f"thread {thread['tid']} lives outside the window")
    for cpu in cpus:
        same("shares", f"CPU {cpu['cpu']}", cpu["workload"] + cpu["other"] + cpu["idle"], wall)
        same("occupancy", f"CPU {cpu['cpu']}",
             sum(row["run"] for row in report["occupancy"] if row["cpu"] == cpu["cpu"]), cpu["workload"])
    same("running time of the threads", "all", run, sum(cpu["workload"] for cpu in cpus))
    for process in report["processes"]:
        own = [thread for thread in threads if thread["process"] == process["id"]]
        same("threads", f"process {process['pid']}", process["threads"], len(own))
        same("running time", f"process {process['pid']}", process["run"], sum(thread["run"] for thread in own))
        check_parallelism(differences, f"process {process['pid']}", process["parallelism"], process["run"],
                          process["end"] - process["start"])
    check_parallelism(differences, "all", report["parallelism"], run, wall)
    same("migrations", "all", sum(cpu["migrations_in"] for cpu in cpus),
         sum(thread["migrations"] for thread in threads))
    check_wakings(differences, report, threads)
    check_locks(differences, report)
    differences.compare("share", "lost time", report["losses"]["unknown"],
                        sum(thread["unknown"] for thread in threads), 0)


def check_parallelism(differences, who, parallelism, run, lasted):
    histogram = parallelism["histogram"]
    differences.compare("histogram", who, sum(histogram), lasted, 0)
    differences.compare("running time in the histogram", who,
                        sum(count * time for count, time in enumerate(histogram)), run, 0)
    active = parallelism["active"]
    differences.want(abs(parallelism["average"] * active - run) <= 1e-6 * active,
                     f"average parallelism of {who}: {parallelism['average']}, {run} ns in {active}")


def check_wakings(differences, report, threads):
    """A thread that blocked and ran again was woken, by a row of the table or unseen."""
    losses = report["losses"]
    if not losses["unknown"] and not losses["left_out"]:
        differences.compare("wakings", "all", sum(edge["count"] for edge in report["wakeups"]) +
                            losses["unseen_wakings"], sum(thread["wakeups"] for thread in threads), 0)


def check_locks(differences, report):
    for lock in report["locks"]:
        who, wait = lock.get("name", f"lock {lock['id']}"), lock["wait"]
        rows = lock["by_thread"]
        differences.compare("waits by thread", who, sum(row["waits"] for row in rows), lock["waits"], 0)
        differences.compare("waiting time by thread", who, sum(row["wait"] for row in rows), wait["sum"], 0)
        differences.want(wait.get("p50", 0) <= wait.get("p99", 0) <= wait.get("max", 0), f"quantiles of {who}: {wait}")
        for row in rows:
            pairs = sum(pair["time"] for pair in lock["pairs"] if pair["waiter"] == row["thread"])
            differences.compare("pairs", f"{who}, thread {row['thread']}", pairs, row["wait"], 0)


class Told:
    """A number as the text tells it, "1.79 ms", "49.6 %", "<0.1 %" or "0": right to half of its last digit."""

    UNITS = {"": 1, "%": 0.01, "ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9}

    def __init__(self, words):
        number, _, unit = words.strip().partition(" ")
        self.scale = self.UNITS[unit]
        self.below = number.startswith("<")
        self.number = float(number.lstrip("<"))
        self.half = 0.5 * 10.0 ** -len(number.partition(".")[2])

    def fits(self, value):
        if self.below:
            return 0 < value < self.number * self.scale
        return abs(value / self.scale - self.number) <= self.half * (1 + 1e-6)


TIME = r"(\d[\d.]* (?:ns|µs|ms|s|min)|0(?![\d.]))"
SHARE = r"(<?[\d.]+ %)"
# What sentences and the evidence tell, and where the JSON has it.
SENTENCES = (
    (r"average parallelism ([\d.]+)", "average"),
    (r"average parallelism [\d.]+ of ([\d.]+) attainable", "attainable"),
    (r"gain bound ([\d.]+)", "gain_bound"),
    (SHARE + r" of active time at most one thread ran while", "serialized_share"),
    (r"of active time: " + SHARE + " serialized", "serialized_share"),
    (SHARE + r" starved", "starved_share"),
    (r"active for ([\d.]+) of [\d.]+ ms", "active"),
    (r"locks left " + TIME + " of CPU time unused", "lock_loss"),
)


def check_sentences(differences, who, verdict, parallelism):
    for sentence in [verdict["sentence"]] + verdict["evidence"]:
        for pattern, key in SENTENCES:
            for told in re.findall(pattern, sentence):
                unit = " ms" if pattern.endswith(" ms") else ""  # told for both of two
                differences.want(Told(told + unit).fits(parallelism[key]),
                                 f"{who}: \"{sentence}\", but {key} is {parallelism[key]}")


def rows_of(lines, title):
    """The rows below a table's head, each a dictionary by column, with the row's name under None."""
    heads = [index for index, line in enumerate(lines) if re.match(title + r" \d", line)]
    if not heads:
        return
    columns = list(re.finditer(r"\S+", lines[heads[0]]))[len(title.split()) + 1:]
    for line in lines[heads[0] + 1:]:
        if not re.match(r"  \S", line) or len(line) < columns[-1].end():
            return
        if re.match(r"  \d+ more ", line):
            continue
        row, end = {None: line[:columns[0].start()].split("  ")[1].strip()}, columns[0].start() - 9
        for column in columns:
            row[column.group()] = line[end:column.end()].strip()
            end = column.end()
        yield row


def check_text(differences, report, file):
    """The text report tells the JSON's numbers, rounded."""
    text = file.read()
    lines, parallelism = text.split("\n"), report["parallelism"]
    differences.want(" ".join(text.split()).startswith(" ".join(report["verdict"]["sentence"].split())),
                     "the text does not begin with the verdict's sentence")
    check_sentences(differences, "all", report["verdict"], parallelism)
    for process in report["processes"]:
        check_sentences(differences, f"process {process['pid']}", process["verdict"], process["parallelism"])
    for line in lines:
        core = re.match(r"\s+(\d+) \S+\s+" + r"\s+".join([SHARE] * 3) + "$", line.replace(" 0 %", " 0.0 %"))
        if core:
            check_core(differences, report, line, core)
        step = re.match(r"\s+(\d+) \S*\s+" + SHARE + r"\s+" + TIME + "$", line)
        if step:
            differences.want(Told(step[3]).fits(parallelism["histogram"][int(step[1])]), f"not in the JSON: {line}")
    check_tables(differences, report, lines)


def check_core(differences, report, line, core):
    cpu = next(cpu for cpu in report["cpus"] if cpu["cpu"] == int(core[1]))
    for told, key in zip(core.groups()[1:], ("workload", "other", "idle")):
        differences.want(Told(told).fits(cpu[key] / report["window"]["wall"]), f"{key} is {cpu[key]}: {line}")


def check_tables(differences, report, lines):
    threads = {thread["tid"]: thread for thread in report["threads"]}
    keys = {"kernel": "kernel_lock", "blocks": "switches_voluntary", "preempts": "switches_involuntary",
            "moves": "migrations"}
    found = 0
    for row in rows_of(lines, "THREADS"):
        thread = threads.get(int(row["tid"])) if row.get("tid", "").isdigit() else None
        for column, told in row.items() if thread else ():
            if column not in (None, "tid", "pid"):
                found += 1
                value = thread[keys.get(column, column)]
                differences.want(Told(told).fits(value), f"{column} of thread {row['tid']} is {value}, told is {told}")
    differences.want(found, "no thread was found in the text")
    for row in rows_of(lines, "LOCKS"):
        if not row["waits"].isdigit():
            break  # how the locks were recognised
        differences.want(any(Told(row["waited"]).fits(lock["wait"]["sum"]) and int(row["waits"]) == lock["waits"]
                             for lock in report["locks"]), f"no lock in the JSON is this: {row}")
