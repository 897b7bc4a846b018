#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""matrix.py PROGRAM FAKEHOST FAILIO.SO [--whole [--fast PROGRAM]] [--seed N] [--only WORD]: runs that are
killed, and runs whose store fails, one fault each; counts what is lost, judged wrongly and left over.

A run has a lane with a domain of libvirt's test driver and a lane with a device of a machine made of
files. It dies by SIGKILL between, in the middle of and after writes to its store (so in each commit),
and at random moments; or writes, syncs, truncations and openings of the store fail with ENOSPC, EIO,
EROFS, a few times, for a while or for good: with --whole each of them with each errno (most with the fast
PROGRAM, without sanitizers). Then the next commands come: report, undo, report, runs. The report must name
the steps that were open when the run died. Stores that are damaged or of another version, two runs into
one store, deaths while a webhook is on its way, a disk that refuses while there is something to tell, and
receivers of webhooks that are dead, slow, lie, reset and redirect until they are well are tried too; and
when the host of a run has died, a `resume` that dies itself, or whose disk refuses.

  tried      the fault came; too late: the run was over before. Except where each place is tried, it is tried
             again at an earlier one then
  lost       what a reader saw in the store, and what was acted on, is not in it afterwards; of messages:
             its receiver, well again, never got it
  order      a message overtook another one
  twice      a message came again although its receiver had taken it (a death in between may do that)
  late       the cycles waited for a receiver
  wrong      a verdict or exit code that is not so
  left over  a process, a changed file of the machine, an undo record, an unknown file
"""

import argparse
import errno
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from case import CYCLES, ERRNOS, RUN_S, SLOW_ONES, STEP_END, STORE_PATIENCE_S, Case, some_errnos, spread
from delivery import Delivery, deliveries, refusals
from receiver import Authority
from receivers import TIMEOUT_S, WELL, Sick, sick_receivers
from resumption import resumptions


class Two(Case):
    """Two runs into one store at the same time: neither loses anything to the other."""

    def whole(self):
        self.begin()
        try:
            other = Case(self.args, self.name, {})
            other.begin()
            thread = threading.Thread(target=self.beside, args=(other,))
            thread.start()
            self.run()
            thread.join()
            other.end()
            self.count()
            return self
        finally:
            self.end()

    def beside(self, other):
        p = subprocess.run([self.program, "run", "matrix.yaml", "--db", self.path("runs.db"),
                            "--kmsg", "kmsg", "--root", "host"], cwd=other.folder, capture_output=True,
                           text=True, timeout=RUN_S + STORE_PATIENCE_S)
        if p.returncode != 0:
            self.wrong("wrong", f"the other one: exit {p.returncode}: {p.stderr}")

    def count(self):
        if self.code != 0:
            self.wrong("wrong", f"exit {self.code}")
        db = sqlite3.connect(self.path("runs.db"))
        ends = db.execute("SELECT count(*) FROM event WHERE kind = ? GROUP BY run",
                          (STEP_END,)).fetchall()
        db.close()
        each = 2 * (3 * CYCLES + 1)
        if ends != [(each,), (each,)]:
            self.wrong("lost", f"ends of steps: {ends}, not {each} of each run")


class Damaged(Case):
    """A store that was damaged, or is of another version: it is said, and the file stays as it is."""

    COMMANDS = (("runs",), ("report", "latest"), ("undo",), ("deliver",))

    def whole(self):
        self.begin()
        try:
            self.run()
            db = sqlite3.connect(self.path("runs.db"))
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if "version" in self.fault:
                db.execute(f"PRAGMA user_version = {self.fault['version']}")
            db.close()
            for name in ("runs.db-wal", "runs.db-shm"):
                if os.path.exists(self.path(name)):
                    os.unlink(self.path(name))
            with open(self.path("runs.db"), "r+b") as f:
                self.fault["damage"](f)
            for words in self.COMMANDS:
                self.look_with(words)
            # what is found damaged only when it is written keeps a run waiting for a minute
            if self.args.whole or self.fault.get("refused"):
                self.look_with(("run", "matrix.yaml"))
            return self
        finally:
            self.end()

    def content(self):
        with open(self.path("runs.db"), "rb") as f:
            return f.read()

    def look_with(self, words):
        before = self.content()
        seams = ("--kmsg", "kmsg", "--root", "host") if words[0] == "run" else ()
        p = self.command(*words, *seams)
        refused = p.returncode == 3
        if refused and "runs.db" not in p.stderr:
            self.wrong("wrong", f"{words}: it does not name the file: {p.stderr}")
        if refused and self.content() != before:
            self.wrong("lost", f"{words}: refused, and changed the file: {p.stderr}")
        if self.fault.get("refused") and not refused:
            self.wrong("wrong", f"{words}: exit {p.returncode}: {p.stdout}{p.stderr}")


class Older(Case):
    """A store of the first version: it is read as it is, and brought up to date by a run."""

    SINCE = """ALTER TABLE incident DROP COLUMN telling;
               ALTER TABLE incident DROP COLUMN budget;
               ALTER TABLE outbox DROP COLUMN key;
               ALTER TABLE run DROP COLUMN machine_id;
               ALTER TABLE run DROP COLUMN reports_due;
               ALTER TABLE run DROP COLUMN log_began;
               ALTER TABLE run DROP COLUMN alive_mono_ns;
               PRAGMA user_version = 1"""

    def whole(self):
        self.begin()
        try:
            self.run()
            db = sqlite3.connect(self.path("runs.db"))
            db.executescript(self.SINCE)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close()
            with open(self.path("runs.db"), "rb") as f:
                before = f.read()
            self.works("runs")
            self.works("report", "latest", "--format", "json")
            with open(self.path("runs.db"), "rb") as f:
                if f.read() != before:
                    self.wrong("wrong", "reading has changed the file")
            self.works("run", "matrix.yaml", "--kmsg", "kmsg", "--root", "host")
            runs = json.loads(self.works("runs", "--json"))["runs"]
            if [r["verdict"] for r in runs] != ["pass", "pass"]:
                self.wrong("lost", f"runs: {runs}")
            return self
        finally:
            self.end()

    def works(self, *words):
        p = self.command(*words)
        if p.returncode != 0:
            self.wrong("wrong", f"{words}: exit {p.returncode}: {p.stderr}")
        return p.stdout


class ReadOnly(Case):
    """A store whose file system is read-only by now: all that was committed can still be read."""

    def whole(self):
        self.begin()
        try:
            self.run()
            self.fault = {"FAILIO_FROM": 1, "FAILIO_KINDS": "open,write,sync,truncate",
                          "FAILIO_ERRNO": errno.EROFS}
            runs = self.command("runs", "--json", env=self.environment())
            report = self.command("report", "latest", "--format", "json", env=self.environment())
            if runs.returncode != 0 or not json.loads(runs.stdout)["runs"]:
                self.wrong("lost", f"runs: exit {runs.returncode}: {runs.stderr}")
            elif json.loads(report.stdout)["verdict"] != ("pass" if self.code == 0 else "aborted"):
                self.wrong("wrong", report.stdout)
            return self
        finally:
            self.end()


# ---- which faults ----

def kills(rng, total, seconds, n):
    """Few of them in the first half of the operations, which makes the store's tables."""
    half = total // 2
    places = spread(rng, n * 3 // 20, half) + [half + at for at in spread(rng, n * 3 // 5, total - half)]
    for i, at in enumerate(places):
        moment = ("before", "half", "after")[i % 3]
        yield f"killed {moment} operation {at}", "kill -9 at a write", {
            "FAILIO_FROM": at, "FAILIO_KILL": moment, "kills": True}
    for _ in range(n - len(places)):
        at = rng.uniform(0.05, seconds)
        yield f"killed after {at:.3f} s", "kill -9 at a moment", {"after_s": at, "kills": True}


def errors(rng, totals, whole):
    """Of each errno and each kind of operation; of truncations and openings there are few."""
    for name, number in ERRNOS.items():
        for kind, total in totals.items():
            group = f"{name} at {kind if kind in ('write', 'sync') else 'open, truncate'}"
            for at in range(1, total + 1) if whole else spread(rng, 1, total):
                fault = {"FAILIO_FROM": at, "FAILIO_KINDS": kind, "FAILIO_ERRNO": number,
                         "fast": whole and at % SLOW_ONES != 0, "once": whole}
                count = rng.choice((1, 1, 3))
                yield (f"{name} at {kind} {at}, {count} times", group,
                       dict(fault, FAILIO_COUNT=count, heals=True))
            for at in spread(rng, 2 if whole else 0, total):
                yield (f"{name} from {kind} {at} on", f"{name} for good",
                       dict(fault, FAILIO_FROM=at, FAILIO_KINDS="write,sync,truncate,open"))


def outages(rng, total, whole):
    """Of all operations for a while; half of them at the run's end."""
    for name, number in some_errnos(rng, whole):
        for i in range(24 if whole else 1):
            at, ms = rng.randint(total * 3 // 4 if i % 2 == 0 else 1, total), rng.choice((300, 1500, 3000))
            yield (f"{name} at operation {at} for {ms} ms", f"{name} for a while",
                   {"FAILIO_FROM": at, "FAILIO_ERRNO": number, "FAILIO_FOR_MS": ms, "heals": True})


def garbage(rng, start, n):
    """Random bytes somewhere behind `start`."""
    data = rng.randbytes(n)

    def damage(f):
        size = f.seek(0, os.SEEK_END)
        f.seek(start + int(rng.random() * max(size - start - n, 1)))
        f.write(data)
    return damage


def damages(rng, n):
    def nothing(f):
        pass
    yield "schema 1", "another schema", Older, {}
    yield ("schema 99", "another schema", Damaged,
           {"version": 99, "damage": nothing, "refused": True})
    yield "no header", "corrupt", Damaged, {"damage": lambda f: f.write(b"x" * 100), "refused": True}
    yield "cut off", "corrupt", Damaged, {"damage": lambda f: f.truncate(5000)}
    for i in range(n):
        yield f"garbage {i}", "corrupt", Damaged, {"damage": garbage(rng, 100, 3000)}
    yield "read-only after a run", "read-only", ReadOnly, {}
    yield "read-only after a death", "read-only", ReadOnly, {"once_begun": True}
    yield "two runs at once", "two at once", Two, {}


class Undisturbed:
    """A run without a fault: how many operations there are, which steps, and how long it takes."""

    def __init__(self, args, kind=Case, who="", fast=False):
        case = kind(args, "none", dict({"FAILIO_WHO": who} if who else {}, fast=fast))
        case.begin()
        began = time.monotonic()
        case.run()
        self.seconds = time.monotonic() - began
        self.totals, self.of_who = case.operations()
        self.total = sum(self.totals.values())
        # a truncation is not in each run
        if min(self.totals["write"], self.totals["sync"], self.totals["open"], self.of_who) == 0:
            sys.exit(f"without a fault: the operations are not counted: {self.totals}, {self.of_who}")
        self.totals["truncate"] = max(self.totals["truncate"], 1)
        if case.code != 0:
            with open(case.path("err")) as f:
                sys.exit(f"without a fault: exit {case.code}\n{f.read()}")
        db = sqlite3.connect(case.path("runs.db"))
        self.words = [word for word, in db.execute("SELECT DISTINCT word FROM step ORDER BY word")]
        db.close()
        case.end()


# ---- trying them ----

TRIES = 6


def earlier(rng, fault):
    """The same fault, before the instant that came too late."""
    key = next(key for key in ("after_s", "request", "FAILIO_FROM") if key in fault)
    at = fault[key] * rng.random()
    return dict(fault, **{key: at if key == "after_s" else int(at) + 1})


def attempt(args, name, group, kind, fault):
    """Its group and the case; of a fault that came too late the one that did not."""
    rng = random.Random(f"{args.seed} {name}")
    case = try_one(kind(args, name, fault))
    for _ in range(TRIES):
        if case.happened or case.problems or fault.get("once"):
            break
        fault = earlier(rng, fault)
        case = try_one(kind(args, f"{name}, once more earlier: {fault}", fault))
    return group, case


def try_one(case):
    try:
        case.whole()
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError) as e:
        case.wrong("wrong", f"it could not be tried to its end: {e!r}")
    return case


TOLD = ("lost", "order", "twice", "late", "wrong", "left over")


def table(cases, columns=("lost", "wrong", "left over")):
    if not cases:
        return
    columns = ("tried", "too late") + columns
    print(f"{'fault':24}" + "".join(f"{c:>10}" for c in columns))
    rows = Counter()
    for group, case in cases:
        rows[group, "tried" if case.happened else "too late"] += 1
        for column in columns[2:]:
            rows[group, column] += case.problems[column] > 0
    groups = list(dict.fromkeys(group for group, _ in cases))
    for group in groups:
        print(f"{group:24}" + "".join(f"{rows[group, c]:10}" for c in columns))
    print(f"{'all':24}" + "".join(f"{sum(rows[g, c] for g in groups):10}" for c in columns))


DEATHS = ("kill -9 at a write", "kill -9 at a moment")
DEATHS_MIN = 190


def say_deaths(args, cases, words):
    """False: with --whole there were too few, or a step in which no run died."""
    deaths = [case for group, case in cases if group in DEATHS and case.happened]
    places = dict.fromkeys(words, 0)
    for case in deaths:
        for place in case.died_in:
            places[place] = places.get(place, 0) + 1
    places["in a delivery"] = sum(c.happened for group, c in cases if group == "kill -9 in a delivery")
    print(f"{len(deaths)} runs died in: " + ", ".join(f"{place} {n}" for place, n in places.items()))
    enough = len(deaths) >= DEATHS_MIN and all(places[word] for word in [*words, "in a delivery"])
    if args.whole and not args.only and not enough:
        print(f"not enough: {DEATHS_MIN} deaths, and some in each step")
        return False
    return True


def judge_lateness(args, cases):
    """Beside those with a receiver that is well, which run while the others do."""
    args.seconds = max([args.seconds] + [c.took_s for c in cases if c.fault["sick"] == WELL])
    for case in cases:
        if case.took_s > args.seconds + TIMEOUT_S / 2:
            case.wrong("late", f"the cycles took {case.took_s:.1f} s")
            print(f"{case.name}: {case.said[-1]}")


def say_how_late(args, cases):
    if cases:
        print(f"{sum(len(c.events) for c in cases)} messages in "
              f"{sum(len(c.receiver.requests) for c in cases if c.receiver)} requests; the cycles took "
              f"{max(c.took_s for c in cases):.1f} s at most, with a receiver that is well "
              f"{args.seconds:.1f} s, and one that waits is waited for {TIMEOUT_S} s")


def have_struck(cases):
    """False: of a group of faults most came when the run was over."""
    good = True
    for group in dict.fromkeys(group for group, _ in cases):
        struck = [case.happened for g, case in cases if g == group]
        if sum(struck) * 2 < len(struck):
            print(f"{group}: too late for most")
            good = False
    return good


def try_all(args):
    rng = random.Random(args.seed)
    print(f"seed {args.seed}", flush=True)
    plain, webhook = Undisturbed(args), Undisturbed(args, Delivery, "deliver")
    fast = Undisturbed(args, fast=True) if args.whole else plain
    print(f"operations on the store in {plain.seconds:.1f} s: {fast.totals}", flush=True)
    faults = list(kills(rng, plain.total, plain.seconds, 200 if args.whole else 16))
    faults += errors(rng, fast.totals, args.whole)
    faults += outages(rng, plain.total, args.whole)
    faults = [(name, group, Case, fault) for name, group, fault in faults]
    faults += damages(rng, 20 if args.whole else 2)
    args.seconds = webhook.seconds
    faults += deliveries(rng, webhook.total, 48 if args.whole else 6)
    faults += refusals(rng, webhook.total, webhook.of_who, args.whole)
    faults += sick_receivers(rng, args.whole)
    faults += resumptions(rng, args)
    faults = [f for f in faults if args.only in f[0] or args.only in f[1]]
    if not faults:
        print(f"--only '{args.only}' leaves nothing to try", file=sys.stderr)
        return 2
    # most of a run, and more of one whose store fails for good, is waiting
    faults.sort(key=lambda f: "for good" not in f[1])
    with ThreadPoolExecutor(16 if args.whole else 8) as pool:
        cases = []
        for group, case in pool.map(lambda f: attempt(args, *f), faults):
            cases.append((group, case))
            for said in case.said:
                print(f"{case.name}: {said}", flush=True)
    sick = [case for _, case in cases if isinstance(case, Sick)]
    judge_lateness(args, sick)
    table([c for c in cases if not isinstance(c[1], Delivery)])
    table([c for c in cases if isinstance(c[1], Delivery)], TOLD)
    say_how_late(args, sick)
    enough = say_deaths(args, cases, plain.words) and have_struck(cases)
    return any(case.problems for _, case in cases) or not enough


def main():
    parser = argparse.ArgumentParser()
    for program in ("program", "fakehost", "failio"):  # they are run from a case's own folder
        parser.add_argument(program, type=os.path.abspath)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--fast", type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    args.fast = args.fast or args.program
    with tempfile.TemporaryDirectory() as tmp:
        args.authority = Authority(tmp)
        args.authority.signed("good", "DNS:localhost")
        sys.exit(try_all(args))


if __name__ == "__main__":
    main()
