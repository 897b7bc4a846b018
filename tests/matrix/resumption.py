# SPDX-License-Identifier: GPL-2.0-or-later
"""A run whose host died in a reset, and a `resume` that dies, is one of two, or has a disk that refuses
(matrix.py)."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

from case import DEVICE, ERRNOS, MACHINE, RUN_S, SCENARIO, SLOW_ONES, STEP_BEGIN, Case, spread

STORE = ("runs.db", "runs.db-wal", "runs.db-shm")
SLOW = MACHINE.replace("reset-ms=20", "reset-ms=3000")
# the other lane is in nothing that could be the death of a host
ONE_SUSPECT = SCENARIO.replace("start, {hold: 20ms}, destroy", "{hold: 60s}")
SEAMS = ("--kmsg", "kmsg", "--root", "host")
BOOT_ID = "host/proc/sys/kernel/random/boot_id"


class Dead(Case):
    """A run that is killed with all its lanes, in the reset: what is left of it is its store."""

    def machine_text(self):
        return SLOW

    def scenario(self):
        return ONE_SUSPECT

    def whole(self):
        self.begin()
        try:
            with open(self.path("err"), "w") as err:
                p = subprocess.Popen([self.program, "run", "matrix.yaml", "--db", "runs.db", *SEAMS,
                                      "--report", "json:run.json"], cwd=self.folder, stderr=err,
                                     stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            self.await_reset(p)
            for pid in [str(p.pid)] + self.lanes():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            p.wait()
            return self.store()
        finally:
            self.end()

    def store(self):
        """As it died, -wal and all, but of a run that was started nowhere: its folder will be gone."""
        db = sqlite3.connect(self.path("runs.db"))
        try:
            db.executescript("PRAGMA wal_autocheckpoint = 0; DELETE FROM note WHERE kind = 'call-cwd'")
            return {name: self.content(name) for name in STORE}
        finally:
            db.close()

    def await_reset(self, p):
        deadline = time.monotonic() + RUN_S
        while time.monotonic() < deadline and p.poll() is None:
            try:
                db = sqlite3.connect(f"file:{self.path('runs.db')}?mode=ro", uri=True)
                begun = db.execute("SELECT count(*) FROM event WHERE kind = ? AND subject = ?",
                                   (STEP_BEGIN, DEVICE)).fetchone()[0]
                db.close()
                if begun:
                    return
            except sqlite3.Error:
                pass  # it is not there yet
            time.sleep(0.01)
        raise RuntimeError("the reset did not begin: " + self.content("err").decode())

    def content(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()


class Resume(Case):
    """The boot after that: a `resume` with the fault, then one that nothing happens to."""

    def whole(self):
        self.begin()
        try:
            self.inherit()
            self.first()
            self.happened = self.struck()
            last = self.command("resume", *SEAMS)
            if last.returncode not in (0, 1):
                self.wrong("wrong", f"resume: exit {last.returncode}: {last.stdout}{last.stderr}")
            again = self.command("resume", *SEAMS)
            if again.returncode != 0 or "nothing to resume" not in again.stdout:
                self.wrong("wrong", f"resume once more: exit {again.returncode}: {again.stdout}")
            self.look_at_end()
            return self
        finally:
            self.end()

    def inherit(self):
        """It was started nowhere, so its report comes into this folder."""
        for name in STORE:
            with open(self.path(name), "wb") as f:
                f.write(self.args.dead[name])
        with open(self.path(BOOT_ID), "w") as f:
            f.write("22222222-0000-4000-8000-000000000000\n")

    def start(self, env):
        return subprocess.Popen([self.program, "resume", *SEAMS, "--db", "runs.db", "--retry", "0s"],
                                cwd=self.folder, text=True, env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def first(self):
        p = self.start(self.environment())
        out, err = p.communicate(timeout=RUN_S)
        self.code = p.returncode
        self.check(self.code, out, err)
        # what it has started does not outlive it for long
        deadline = time.monotonic() + 10
        while self.lanes() and time.monotonic() < deadline:
            time.sleep(0.05)

    def check(self, code, out, err):
        self.check_sanitizers(err)
        if self.fault.get("kills"):
            allowed = (-signal.SIGKILL, 1)
        else:
            allowed = (1, 5)
            if "host died in lane card, cycle 1, step reset" not in out:
                self.wrong("lost", f"the suspect is not named: exit {code}: {out}{err}")
        if code not in allowed:
            self.wrong("wrong", f"exit {code}: {out}{err}")

    def check_sanitizers(self, err):
        if "AddressSanitizer" in err or "runtime error" in err:
            self.wrong("wrong", f"a sanitizer complains: {err}")

    def look_at_end(self):
        db = sqlite3.connect(self.path("runs.db"))
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            self.wrong("lost", "the store is not whole")
        db.close()
        self.begun = True
        self.put_back()
        stored = self.command("report", "latest", "--format", "json")
        reports = [("stored", stored.stdout)]
        if os.path.exists(self.path("run.json")):
            with open(self.path("run.json")) as f:
                reports.append(("run.json", f.read()))
        else:
            self.wrong("lost", "its report was never written")
        for name, text in reports:
            r = json.loads(text)
            failures = [(f["lane"], f["cycle"], f["step"], f["device"]) for f in r["failures"]
                        if f["reason"] == "host-died"]
            if r["verdict"] != "fail" or failures != [("card", 1, "reset", DEVICE)]:
                self.wrong("wrong", f"{name}: {r['verdict']}, {r['failures']}")
            if [i["bdf"] for i in r["incidents"] if i["id"] == "host.died"] != [DEVICE]:
                self.wrong("wrong", f"{name}: incidents {r['incidents']}")
        if json.loads(stored.stdout)["undo"]["left"]:
            self.wrong("left over", f"undo: {stored.stdout}")
        for pid in self.lanes():
            self.wrong("left over", f"process {pid}")
        self.look_at_files()


class TwoResumes(Resume):
    """One of them does it; the other finds it done, or taken care of."""

    def first(self):
        both = [self.start(None) for _ in range(2)]
        ends = [(*p.communicate(timeout=RUN_S), p.returncode) for p in both]
        codes = sorted(e[2] for e in ends)
        if codes not in ([1, 1], [1, 3], [0, 1]):
            self.wrong("wrong", f"exits {codes}: {ends}")
        for _, err, _ in ends:
            self.check_sanitizers(err)
        if sum("host died in lane" in out for out, _, _ in ends) != 1:
            self.wrong("wrong", f"it was not one who found it: {ends}")


def prepare(args):
    """The dead run that all have; how many operations on its store an undisturbed `resume` makes."""
    args.dead = Dead(args, "dead", {}).whole()
    case = Resume(args, "none", {})
    case.begin()
    case.inherit()
    case.first()
    totals, total = case.operations()
    case.end()
    if case.problems or min(totals["write"], totals["sync"], totals["open"]) == 0:
        sys.exit(f"resume without a fault: {totals}, {case.said}")
    return totals, total


def resumptions(rng, args):
    totals, total = prepare(args)
    group = "kill -9 of resume"
    for at in range(1, total + 1) if args.whole else spread(rng, 6, total):
        moment = rng.choice(("before", "half", "after"))
        yield (f"resume killed {moment} operation {at}", group, Resume,
               {"FAILIO_FROM": at, "FAILIO_KILL": moment, "FAILIO_COUNT": 1, "kills": True})
    for name, number in ERRNOS.items():
        for kind, n in totals.items():
            for at in range(1, n + 1) if args.whole else spread(rng, 1, n):
                yield (f"{name} at {kind} {at} of resume", f"{name} of resume", Resume,
                       {"FAILIO_FROM": at, "FAILIO_KINDS": kind, "FAILIO_ERRNO": number,
                        "fast": args.whole and at % SLOW_ONES != 0, "once": args.whole})
    for i in range(8 if args.whole else 1):
        yield f"two resumes at once {i}", "two resumes at once", TwoResumes, {}
