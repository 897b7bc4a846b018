#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""matrix.py PROGRAM FAKEHOST FAILIO.SO [--whole] [--seed N] [--only WORD]: runs that are killed, and
runs whose store fails, one fault each; counts what is lost, judged wrongly and left over.

A run has a lane with a domain of libvirt's test driver and a lane with a device of a machine made of
files. It dies by SIGKILL between, in the middle of and after writes to its store (so in each commit),
and at random moments; or writes, syncs, truncations and openings of the store fail with ENOSPC, EIO,
EROFS, a few times or for good. Then the next commands come: report, undo, report, runs. Stores that are
damaged or of another version, two runs into one store, deaths while a webhook is on its way, and
receivers of webhooks that are dead, slow, lie, reset and redirect until they are well are tried too; and
when the host of a run has died, a `resume` that dies itself, or whose disk refuses.

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

from case import CYCLES, ERRNOS, KINDS, RUN_S, STEP_END, STORE_PATIENCE_S, Case
from delivery import Delivery, deliveries
from receiver import Authority
from receivers import TIMEOUT_S, Sick, sick_receivers
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
        p = subprocess.run([self.args.program, "run", "matrix.yaml", "--db", self.path("runs.db"),
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

def spread(rng, n, total):
    """n of 1..total, one of each of n equal parts."""
    n = min(n, total)
    return [1 + int((i + rng.random()) * total / n) for i in range(n)]


def kills(rng, total, seconds, n):
    for i, at in enumerate(spread(rng, n * 3 // 4, total)):
        moment = ("before", "half", "after")[i % 3]
        yield f"killed {moment} operation {at}", "kill -9 at a write", {
            "FAILIO_FROM": at, "FAILIO_KILL": moment, "kills": True}
    for i in range(n - n * 3 // 4):
        at = rng.uniform(0.05, seconds)
        yield f"killed after {at:.3f} s", "kill -9 at a moment", {"after_s": at, "kills": True}


def errors(rng, totals, n, for_good):
    """Of each errno and each kind of operation."""
    for name, number in ERRNOS.items():
        for kind in KINDS:
            if totals[kind] == 0:
                continue
            for at in spread(rng, n, totals[kind]):
                fault = {"FAILIO_FROM": at, "FAILIO_KINDS": kind, "FAILIO_ERRNO": number}
                count = rng.choice((1, 1, 3))
                yield (f"{name} at {kind} {at}, {count} times", f"{name} at {kind}",
                       dict(fault, FAILIO_COUNT=count, heals=True))
            for at in spread(rng, for_good, totals[kind]):
                yield (f"{name} from {kind} {at} on", f"{name} for good",
                       dict(fault, FAILIO_FROM=at, FAILIO_KINDS="write,sync,truncate,open"))


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


def measure(args, kind=Case):
    """A run without a fault: how many operations there are, and how long it takes."""
    case = kind(args, "none", {})
    case.begin()
    began = time.monotonic()
    case.run()
    seconds = time.monotonic() - began
    totals, total = case.operations()
    if case.code != 0:
        with open(case.path("err")) as f:
            sys.exit(f"without a fault: exit {case.code}\n{f.read()}")
    case.end()
    return totals, total, seconds


TOLD = ("lost", "order", "twice", "late", "wrong", "left over")


def table(cases, columns=("lost", "wrong", "left over")):
    if not cases:
        return
    print(f"{'fault':24}{'tried':>7}" + "".join(f"{c:>11}" for c in columns))
    rows = Counter()
    for group, case in cases:
        rows[group, "tried"] += 1
        for column in columns:
            rows[group, column] += case.problems[column] > 0
    groups = list(dict.fromkeys(group for group, _ in cases))
    for group in groups:
        print(f"{group:24}{rows[group, 'tried']:7}" + "".join(f"{rows[group, c]:11}" for c in columns))
    print(f"{'all':24}{len(cases):7}"
          + "".join(f"{sum(rows[g, c] for g in groups):11}" for c in columns))


def say_how_late(cases, seconds):
    if cases:
        print(f"{sum(len(c.events) for c in cases)} messages in {sum(len(c.receiver.requests) for c in cases)}"
              f" requests; the cycles took {max(c.took_s for c in cases):.1f} s at most, a run with a receiver that"
              f" is well {seconds:.1f} s, and one that waits is waited for {TIMEOUT_S} s")


def try_all(args):
    rng = random.Random(args.seed)
    print(f"seed {args.seed}", flush=True)
    totals, total, seconds = measure(args)
    print(f"{total} operations on the store in {seconds:.1f} s", flush=True)
    faults = list(kills(rng, total, seconds, 200 if args.whole else 16))
    faults += errors(rng, totals, 8 if args.whole else 1, 2 if args.whole else 0)
    faults = [(name, group, Case, fault) for name, group, fault in faults]
    faults += damages(rng, 20 if args.whole else 2)
    _, total, args.seconds = measure(args, Delivery)
    faults += deliveries(rng, total, 48 if args.whole else 6)
    faults += sick_receivers(rng, args.whole)
    faults += resumptions(rng, args)
    faults = [f for f in faults if args.only in f[0] or args.only in f[1]]
    # most of a run, and more of one whose store fails for good, is waiting
    with ThreadPoolExecutor(12 if args.whole else 8) as pool:
        cases = list(pool.map(lambda f: (f[1], f[2](args, f[0], f[3]).whole()), faults))
    for _, case in cases:
        for said in case.said:
            print(f"{case.name}: {said}")
    table([c for c in cases if not isinstance(c[1], Delivery)])
    table([c for c in cases if isinstance(c[1], Delivery)], TOLD)
    say_how_late([case for _, case in cases if isinstance(case, Sick)], args.seconds)
    return any(case.problems for _, case in cases)


def main():
    parser = argparse.ArgumentParser()
    for program in ("program", "fakehost", "failio"):  # they are run from a case's own folder
        parser.add_argument(program, type=os.path.abspath)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        args.authority = Authority(tmp)
        args.authority.signed("good", "DNS:localhost")
        sys.exit(try_all(args))


if __name__ == "__main__":
    main()
