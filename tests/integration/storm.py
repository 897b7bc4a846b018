#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""storm.py PROGRAM KMSG_STORM CORPUS [TEST...]: runs in a storm of kernel records, as fast as they are
taken. Not by itself: soak, for ten minutes or SOAK_SECONDS, with a PROGRAM without sanitizers."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from receiver import Authority, Receiver, OK, run_all

PROGRAM, STORM, CORPUS = sys.argv[1:4]
FIRST = 1000
SCENARIO = """version: 1
name: storm
connect: test:///default
lanes: [{domain: test, take-over: true, ready: {delay: 1ms}}]
steps: [start, {hold: 200ms}, destroy]
repeat: {on-failure: continue, settle: 100ms, until: {UNTIL}}
report:
  - json: run.json
"""
# A burst that a fault of each id and device is one incident of, twice, and one for each id.
INCIDENTS_MOST = 2 * 1000 + 1000


def lines_of_corpus():
    """One line of each id."""
    lines = {}
    with open(os.path.join(CORPUS, "lines.jsonl")) as f:
        for row in map(json.loads, f):
            if "\n" not in row["line"]:
                lines.setdefault(row["id"], row["line"].split("] ", 1)[-1])
    return "\n".join(lines.values())


def anon_kib(pid):
    """0: it is gone, or going."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    except OSError:
        return 0


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(child) for child in f.read().split()]
    except OSError:
        return []


class Storm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.ca = Authority(cls.tmp.name)
        cls.ca.signed("good", "DNS:localhost")
        cls.lines = lines_of_corpus()

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.tmp.name)
        os.mkfifo(self.path("kmsg"))
        self.kmsg = os.open(self.path("kmsg"), os.O_RDWR)
        self.children = []

    def tearDown(self):
        for p in self.children:
            p.kill()
            p.wait()
            if p.stdout:
                p.stdout.close()
        os.close(self.kmsg)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def said(self):
        with open(self.path("said")) as f:
            return f.read()

    def start(self, until, webhook=None):
        with open(self.path("storm.yaml"), "w") as f:
            f.write(SCENARIO.replace("UNTIL", until))
            if webhook:
                f.write(f'  - webhook: {{url: "{webhook}", heartbeat: 1s}}\n')
        with open(self.path("said"), "w") as said:
            run = subprocess.Popen(
                [PROGRAM, "run", "-v", "storm.yaml", "--db", "runs.db", "--kmsg", "kmsg"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env=dict(os.environ, CURL_CA_BUNDLE=self.ca.bundle,
                         # what is freed is kept by a sanitizer, to find who uses it still
                         ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16"))
        self.children.append(run)
        return run

    def until_said(self, text):
        until = time.monotonic() + 30
        while text not in self.said():
            self.assertLess(time.monotonic(), until, f"{text!r} is not in: {self.said()}")
            time.sleep(0.01)

    def storm(self, seconds, *kinds):
        p = subprocess.Popen([STORM, "kmsg", str(FIRST), str(seconds), *kinds], cwd=self.folder,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children.append(p)
        p.stdin.write(self.lines)
        p.stdin.close()
        p.stdin = None
        return p

    def ask(self, sql):
        db = sqlite3.connect(f"file:{self.path('runs.db')}?mode=ro", uri=True)
        try:
            return db.execute(sql).fetchone()
        finally:
            db.close()

    def end(self, run, seconds):
        """Waits for the end of the run, which must come in time, whatever the kernel says meanwhile.
        The report, and of each of its processes the memory of its own, in KiB and as time goes by."""
        began, late, memory = time.monotonic(), 0, {}
        while run.poll() is None:
            self.assertLess(time.monotonic() - began, seconds, self.said())
            time.sleep(0.05)
            for pid in [run.pid, *children_of(run.pid)]:
                kib = anon_kib(pid)
                if kib:
                    memory.setdefault(pid, []).append((time.monotonic() - began, kib))
            alive, ended = self.ask("SELECT alive_ns, ended_ns FROM run")
            if ended is None:
                late = max(late, time.time() - alive / 1e9)
        self.assertLess(late, 5, "the heartbeat stood still")
        with open(self.path("run.json")) as f:
            return json.load(f), memory

    def check_sizes(self, report, incidents=INCIDENTS_MOST):
        """A storm of any length leaves so much."""
        self.assertLess(os.path.getsize(self.path("run.json")), 8 << 20)
        self.assertLess(os.path.getsize(self.path("runs.db")), 192 << 20)
        self.assertLess(len(report["incidents"]), incidents)
        text = subprocess.run([PROGRAM, "report", "--db", "runs.db"], cwd=self.folder, check=True,
                              capture_output=True).stdout
        self.assertLess(len(text), 64 << 10)
        control = [c for c in text.decode() if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160]
        self.assertEqual(control, [])

    def check_pace(self, report):
        for step in report["lanes"][0]["steps"]:
            if step["phase"] == "cycle" and step["ms"]["max"] is not None:
                self.assertLess(step["ms"]["p95"], 3000, step)

    def test_what_is_told_stored_and_lost_adds_up(self):
        run = self.start("duration: 4s")
        self.until_said("has begun")
        storm = self.storm(2, "faults", "devices", "long", "garbage", "raw", "parts", "held", "gaps")
        behind, skipped = map(int, storm.communicate()[0].split())
        os.write(self.kmsg, b"6,%d,99999999999,-;all is quiet\n" % behind)
        report, _ = self.end(run, 20)
        klog = report["klog"]
        self.assertEqual(klog["records"] + klog["lost"], behind + 1 - FIRST)
        self.assertGreaterEqual(klog["lost"], skipped)
        stored, = self.ask("SELECT count(*) FROM record")
        cut = any("more than 64 MiB of kernel log" in n for n in report["notes"])
        if cut:  # a program without sanitizers on a quick machine takes so much in
            print("not tried: that each record that was read is stored: there were too many to keep them")
            self.assertLess(stored, klog["records"])
        else:
            self.assertEqual(stored, klog["records"])
        self.assertTrue(klog["blind"], klog)
        self.assertIn("records were lost", klog["blind_reason"])
        gaps = [i for i in report["incidents"] if i["id"] == "log.gap"]
        self.assertGreater(sum(g["count"] for g in gaps), 10)
        self.assertLessEqual(sum(g["fields"].get("lost", 0) for g in gaps), klog["lost"])

        # what was held back by the kernel's limit counts as well, and it may have been more
        printed, = self.ask("SELECT count(*) FROM record WHERE text LIKE '%IO_PAGE_FAULT%'")
        held, = self.ask("SELECT count(*) FROM record WHERE text LIKE '%callbacks suppressed'")
        faults = [i for i in report["incidents"] if i["id"] == "amdvi.io-page-fault"]
        (self.assertGreater if cut else self.assertEqual)(
            sum(i["count"] for i in faults), printed + 7 * held)
        for i in faults:
            if i["fields"].get("count_suppressed") or i["bdf"] == "0000:41:00.0":
                self.assertTrue(i["count_is_lower_bound"], i)
        gathered = [i for i in faults if "incidents" in i["fields"]]
        self.assertEqual(len(gathered), 1)
        self.assertGreater(gathered[0]["fields"]["incidents"], 100)
        self.check_sizes(report)
        self.check_pace(report)
        self.assertGreaterEqual(report["lanes"][0]["cycles"]["done"], 4)

    def test_a_run_ends_in_a_storm_that_does_not(self):
        receiver = Receiver(self.ca.path("good.pem"), self.ca.path("good.key"), (OK,))
        try:
            run = self.start("duration: 3s", receiver.url)
            self.until_said("has begun")
            self.storm(0)
            report, memory = self.end(run, 20)
        finally:
            receiver.close()
        self.assertEqual(run.returncode, 1)  # the corpus has errors of no device
        most = max(kib for _, kib in memory[run.pid])
        self.assertLess(most, 512 << 10)  # with the sanitizers' own; `soak` has the real bound
        self.check_sizes(report)
        self.check_pace(report)
        self.assertGreaterEqual(report["lanes"][0]["cycles"]["done"], 2)
        kinds = [json.loads(body)["type"].split(".")[-2] for _, _, body, _ in receiver.requests]
        self.assertTrue({"started", "failing", "alive", "ended"} <= set(kinds), kinds)
        for _, _, body, _ in receiver.requests:
            self.assertLessEqual(len(body), 64 << 10)

    def test_ctrl_c_is_heard_in_a_storm(self):
        run = self.start("cycles: 100000")
        self.until_said("cycle 2: hold")
        self.storm(0)
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        report, _ = self.end(run, 15)
        self.assertIn("once more to stop now", self.said())
        self.assertIn(report["verdict"], ("aborted", "fail"))

    def test_a_storm_behind_the_last_step_is_late_and_waits_for_nobody(self):
        run = self.start("cycles: 1")
        self.until_said("1 of 1 cycle")
        self.storm(0, "faults")
        report, _ = self.end(run, 15)
        self.check_sizes(report)

    def soak(self):
        """Memory is flat after a tenth of the time, of the run, its lane and who tells the webhook."""
        seconds = int(os.environ.get("SOAK_SECONDS", "600"))
        receiver = Receiver(self.ca.path("good.pem"), self.ca.path("good.key"), (OK,))
        try:
            run = self.start(f"duration: {seconds}s", receiver.url)
            self.until_said("has begun")
            storm = self.storm(0)
            report, memory = self.end(run, seconds + 20)
        finally:
            receiver.close()
        storm.terminate()
        behind = int(storm.communicate()[0].split()[0])
        memory = {pid: kib for pid, kib in memory.items()
                  if kib[0][0] < seconds / 10 and kib[-1][0] > seconds / 2}
        print(f"{behind - FIRST} records printed, {report['klog']}")
        print(f"{report['lanes'][0]['cycles']}, {len(report['incidents'])} incidents")
        print(f"runs.db {os.path.getsize(self.path('runs.db'))} bytes, "
              f"run.json {os.path.getsize(self.path('run.json'))} bytes")
        self.assertEqual(len(memory), 3)
        for pid, kib in memory.items():
            early = max(k for t, k in kib if t <= seconds / 10)
            late = max(k for t, k in kib if t > seconds / 10)
            print(f"{'run' if pid == run.pid else 'child'}: RssAnon {early} KiB, then at most {late} KiB")
            self.assertLess(late, early + (4 << 10))
            self.assertLess(late, (128 if pid == run.pid else 16) << 10)
        self.check_sizes(report, incidents=INCIDENTS_MOST + seconds // 5)
        self.check_pace(report)
        self.assertGreaterEqual(report["lanes"][0]["cycles"]["done"], seconds / 2)
        self.assertLessEqual(report["klog"]["records"] + report["klog"]["lost"], behind - FIRST)


if __name__ == "__main__":
    run_all(Storm, sys.argv[4:], 1)
