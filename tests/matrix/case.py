# SPDX-License-Identifier: GPL-2.0-or-later
"""One run with one fault, and what came of it: lost, judged wrongly, left over (matrix.py)."""

import errno
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter

CYCLES = 3
STEP_BEGIN, STEP_END = 7, 8  # include/model/event.h
PHASE_AFTER = 3
DEVICE = "0000:01:00.0"
MACHINE = f"""0000:00:01.0 secondary=1 driver=pcieport
{DEVICE} parent=0000:00:01.0 driver=nvme group=11 methods=flr,bus class=010802 reset-ms=20
"""
SCENARIO = f"""version: 1
name: matrix
connect: test:///default
lanes:
  - {{domain: test, take-over: true, devices: [], steps: [start, {{hold: 20ms}}, destroy]}}
  - {{name: card, devices: ["{DEVICE}"], steps: [{{reset: flr}}, {{hold: 20ms}}, check]}}
repeat: {{until: {{cycles: {CYCLES}}}}}
after: [{{hold: 10ms}}]
"""
# what a run may leave in its folder
KNOWN = {"runs.db", "runs.db-wal", "runs.db-shm", "runs.db-journal", "runs.db-deliver", "run.json",
         "host", "kmsg", "matrix.yaml", "state", "out", "err"}
ERRNOS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EROFS")}
# SQLite's own words come where it tries again in another way
WHY = [os.strerror(n) for n in ERRNOS.values()] + ["unable to open database file", "readonly database",
                                            "disk I/O error"]
KINDS = ("write", "sync", "truncate", "open")
STATE = len(KINDS) + 2  # tests/shim/failio.c
SLOW_ONES = 8  # one in so many errors is tried with the slow build, when there is a fast one
STORE_PATIENCE_S = 60  # stress/engine/supervise.c: then a run whose store refuses ends
RUN_S = 30  # a run takes two


def spread(rng, n, total):
    """n of 1..total, one of each of n equal parts."""
    n = min(n, total)
    return [1 + int((i + rng.random()) * total / n) for i in range(n)]


def some_errnos(rng, whole):
    return list(ERRNOS.items()) if whole else rng.sample(list(ERRNOS.items()), 1)


class Watcher(threading.Thread):
    """Reads the store while it is written: what another process has seen is committed."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.done, self.rows = path, threading.Event(), {}

    def run(self):
        db = None
        while not self.done.is_set():
            try:
                if db is None and os.path.exists(self.path):
                    db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
                if db is not None:
                    self.rows.update(committed(db, max(self.rows, default=0)))
            except sqlite3.Error:
                pass  # it is not there yet
            self.done.wait(0.002)
        if db is not None:
            db.close()


def committed(db, after):
    return {r[0]: r[1:] for r in db.execute(
        "SELECT id, kind, lane, cycle, phase, step, outcome, code, reason, text, subject FROM event"
        " WHERE id > ?", (after,))}


def open_steps(rows):
    """What each lane was in at the end of these events: lane, cycle, phase, step, subject."""
    steps = {}
    for key in sorted(rows):
        kind, lane, cycle, phase, step, *_, subject = rows[key]
        if kind == STEP_BEGIN:
            steps[lane] = (lane, cycle, phase, step, subject)
        elif kind == STEP_END and lane in steps:
            del steps[lane]
    return list(steps.values())


class Case:
    """One run with one fault, in a folder of its own."""

    def __init__(self, args, name, fault):
        self.args, self.name, self.fault = args, name, fault
        self.program = args.fast if fault.get("fast") else args.program
        self.problems = Counter()
        self.said = []
        self.happened = True  # the fault; it may come when the run is over
        self.died_in = []  # a place, or the step of each lane that was in one

    def wrong(self, kind, what):
        self.problems[kind] += 1
        self.said.append(f"{kind}: {what}")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def device(self, *names):
        return self.path("host/sys/bus/pci/devices", DEVICE, *names)

    # ---- the run ----

    def begin(self):
        self.folder = tempfile.mkdtemp(prefix="vfio-stress-matrix.")
        os.mkfifo(self.path("kmsg"))
        self.kmsg = os.open(self.path("kmsg"), os.O_RDWR)
        with open(self.path("matrix.yaml"), "w") as f:
            f.write(self.scenario())
        with open(self.path("state"), "wb") as f:
            f.write(bytes(8 * STATE))
        self.machine = subprocess.Popen([self.args.fakehost, self.path("host")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.machine.stdin.write(self.machine_text())
        self.machine.stdin.close()
        self.machine.stdout.readline()
        self.found = self.as_it_is()

    def machine_text(self):
        return MACHINE

    def scenario(self):
        return SCENARIO

    def end(self):
        for pid in self.lanes():  # of a case that went wrong
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.machine.terminate()
        self.machine.wait()
        self.machine.stdout.close()
        os.close(self.kmsg)
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_it_is(self):
        texts = []
        for name in ("driver_override", "reset_method"):
            with open(self.device(name)) as f:
                texts.append(f.read().strip().replace("(null)", ""))
        driver = self.device("driver")
        return texts + [os.path.basename(os.readlink(driver)) if os.path.islink(driver) else None]

    def environment(self):
        env = dict(os.environ, LD_PRELOAD=self.args.failio, FAILIO_FILE=self.path("runs.db"),
                   FAILIO_STATE=self.path("state"))
        # its runtime is behind what is preloaded
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env.update({k: str(v) for k, v in self.fault.items() if k.startswith("FAILIO_")})
        return env

    def run(self):
        watcher = Watcher(self.path("runs.db"))
        watcher.start()
        with open(self.path("out"), "w") as out, open(self.path("err"), "w") as err:
            p = subprocess.Popen([self.program, "run", "matrix.yaml", "--db", "runs.db", "--kmsg",
                                  "kmsg", "--root", "host", "--report", "json:run.json", "-v"],
                                 cwd=self.folder, env=self.environment(), stdout=out, stderr=err,
                                 stdin=subprocess.DEVNULL)
        self.process = p
        try:
            if "after_s" in self.fault:
                self.kill_at(p, self.fault["after_s"])
            elif self.fault.get("once_begun"):
                while not watcher.rows and p.poll() is None:
                    time.sleep(0.01)
                p.kill()
            self.code = p.wait(RUN_S + STORE_PATIENCE_S)
        except subprocess.TimeoutExpired:
            p.kill()
            self.code = p.wait()
            self.wrong("wrong", "the run did not end")
        watcher.done.set()
        watcher.join()
        self.seen = watcher.rows

    @staticmethod
    def kill_at(p, seconds):
        try:
            p.wait(seconds)
        except subprocess.TimeoutExpired:
            p.kill()

    # ---- what came of it ----

    def operations(self):
        """How many of each kind, and of those that the fault can hit."""
        with open(self.path("state"), "rb") as f:
            numbers = struct.unpack(f"<{STATE}Q", f.read())
        return dict(zip(KINDS, numbers)), numbers[len(KINDS)]

    def struck(self):
        """Was there a fault, or was the run over before?"""
        if "FAILIO_FROM" in self.fault and self.operations()[1] < self.fault["FAILIO_FROM"]:
            return False
        return not self.fault.get("kills") or self.code == -signal.SIGKILL

    def command(self, *words, env=None):
        p = subprocess.run([self.program, *words, "--db", "runs.db"], cwd=self.folder, text=True,
                           errors="surrogateescape", env=env, capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=RUN_S + STORE_PATIENCE_S)
        if not self.is_plain(p.stdout) or not self.is_plain(p.stderr):
            self.wrong("wrong", f"{words}: not to be shown to a terminal: {p.stdout!a} {p.stderr!a}")
        if "AddressSanitizer" in p.stderr or "runtime error" in p.stderr or p.returncode < 0:
            self.wrong("wrong", f"{words}: exit {p.returncode}: {p.stderr}")
        return p

    @staticmethod
    def is_plain(text):
        """UTF-8, and nothing that a terminal would obey."""
        return all(c in "\n\t" or c.isprintable() for c in text)

    def lanes(self):
        """Processes that belong to the run: their working directory is its folder."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd") == self.folder:
                    found.append(pid)
            except OSError:
                pass
        return found

    def look(self):
        deadline = time.monotonic() + 10
        while self.lanes() and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in self.lanes():
            self.wrong("left over", f"process {pid}")
        with open(self.path("err")) as f:
            self.err = f.read()
        if "AddressSanitizer" in self.err or "runtime error" in self.err:
            self.wrong("wrong", "a sanitizer complains")
        self.look_at_store()
        first = self.command("report", "latest", "--format", "json")
        self.put_back()
        last = self.command("report", "latest", "--format", "json")
        if self.begun:
            self.judge(first, last)
        elif first.returncode != 3:
            self.wrong("wrong", f"no run was written, and report ends with {first.returncode}")
        self.look_at_files()

    def look_at_files(self):
        for name in set(os.listdir(self.folder)) - KNOWN:
            self.wrong("left over", name)

    def look_at_store(self):
        """What a reader saw is there, and what was done to the device had its beginning there."""
        self.begun, rows, resets, self.open_steps = False, {}, 0, []
        self.died_in = ["before its first step"]
        if not os.path.exists(self.path("runs.db")):
            return self.compare(rows, resets)
        db = sqlite3.connect(self.path("runs.db"))
        try:
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                self.wrong("lost", "the store is not whole")
            if tables > 0:
                self.begun = db.execute("SELECT count(*) FROM run").fetchone()[0] > 0
                rows = committed(db, 0)
                self.find_open_steps(db, rows)
                resets = db.execute("SELECT count(*) FROM event e JOIN step s USING (run, lane, phase,"
                                    " step) WHERE s.word = 'reset' AND e.kind = ?",
                                    (STEP_BEGIN,)).fetchone()[0]
        except sqlite3.Error as e:
            self.wrong("lost", str(e))
        db.close()
        self.compare(rows, resets)

    def find_open_steps(self, db, rows):
        """As the report names them; and where the run is when it dies now."""
        lanes = dict(db.execute("SELECT lane, name FROM lane"))
        words = {row[:3]: row[3] for row in db.execute("SELECT lane, phase, step, word FROM step")}
        ended = db.execute("SELECT count(ended_ns) FROM run").fetchone()[0]
        for lane, cycle, phase, step, subject in () if ended else open_steps(rows):
            self.open_steps.append((lanes[lane], None if phase == PHASE_AFTER else cycle,
                                    words[lane, phase, step], step, subject or None))
        if self.open_steps:
            self.died_in = [word for _, _, word, _, _ in self.open_steps]
        elif ended:
            self.died_in = ["behind its end"]
        elif any(row[0] == STEP_BEGIN for row in rows.values()):
            self.died_in = ["between steps"]

    def compare(self, rows, resets):
        for key, row in self.seen.items():
            if rows.get(key) != row:
                self.wrong("lost", f"event {key}: {row}, now {rows.get(key)}")
        counted = self.path("host/.resets", DEVICE)
        done = os.path.getsize(counted) if os.path.exists(counted) else 0
        self.tried = done > 0 or len(rows) > 0
        if done > resets:
            self.wrong("lost", f"{done} resets, {resets} beginnings in the store")

    def put_back(self):
        undo = self.command("undo", "--root", "host")
        if undo.returncode not in (0, 3) or (self.begun and undo.returncode):
            self.wrong("left over", f"undo: exit {undo.returncode}: {undo.stdout}{undo.stderr}")
        if self.as_it_is() != self.found:
            self.wrong("left over", f"{self.as_it_is()}, found as {self.found}\n{undo.stdout}")
        if self.begun and "nothing is left to undo" not in self.command("undo", "--root", "host").stdout:
            self.wrong("left over", "undo twice")
        if self.begun and self.command("runs").returncode != 0:
            self.wrong("wrong", "runs")

    def judge(self, first, last):
        if first.returncode not in (0, 1, 4) or last.returncode not in (0, 1, 4):
            self.wrong("wrong", f"report: exit {first.returncode}, {last.returncode}: {last.stderr}")
            return
        before, report = json.loads(first.stdout), json.loads(last.stdout)
        if report["undo"]["left"]:
            self.wrong("left over", f"undo: {report['undo']['left']}")
        done = sum(lane["cycles"]["done"] for lane in report["lanes"])
        if before["verdict"] != report["verdict"]:
            self.wrong("wrong", f"the verdict was {before['verdict']}, is {report['verdict']}")
        for verdict in self.fault.get("allows", ("aborted", "pass")):
            if report["verdict"] == verdict:
                break
        else:
            self.wrong("wrong", f"verdict {report['verdict']}")
        if report["verdict"] == "pass" and done != 2 * CYCLES:
            self.wrong("wrong", f"it passed with {done} cycles")
        if self.code == 0 and report["verdict"] != "pass":
            self.wrong("wrong", f"exit 0, verdict {report['verdict']}")
        # the steps that it died in are named, as its suspects, and nothing else failed
        for r in before, report:
            named = [(f["lane"], f["cycle"], f["step"], f["step_index"], f["device"])
                     for f in r["failures"] if f["reason"] == "run-died"]
            if len(named) != len(r["failures"]) or sorted(named) != sorted(self.open_steps):
                self.wrong("wrong", f"failures: {r['failures']}, open: {self.open_steps}")

    def judge_exit(self):
        allowed = (-signal.SIGKILL, 0) if self.fault.get("kills") else (0, 3, 4)
        if self.code not in allowed:
            self.wrong("wrong", f"exit {self.code}")
        # 3: refused before anything was tried, because the beginning could not be written
        if self.code == 3 and self.tried:
            self.wrong("wrong", "exit 3, and something was tried")
        if self.fault.get("heals") and self.begun and self.code not in (0, 3):
            self.wrong("wrong", f"exit {self.code} although the store could be written again")
        if not self.fault.get("kills") and self.code != 0 and not any(
                name in self.err for name in WHY):
            self.wrong("wrong", "it does not say why")

    def look_further(self):
        """What else there is to be seen behind the program's end."""

    def whole(self):
        self.begin()
        try:
            self.run()
            self.look()
            self.judge_exit()
            self.happened = self.struck()
            self.look_further()
            if self.problems:
                self.said.append(f"exit {self.code}; stderr:\n{self.err}")
            return self
        finally:
            self.end()
