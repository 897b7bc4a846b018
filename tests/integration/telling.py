#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""telling.py PROGRAM FAILIO.SO: what webhooks hear while a run lives, also when nobody answers."""

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

from receiver import OK, Told, hang, run_all, status

PROGRAM, FAILIO = sys.argv[1:3]
FAULT = b"3,900,5000000,-;DMAR: VT-d detected Invalidation Queue Error: Reason f\n"
SCENARIO = """version: 1
name: telling
connect: test:///default
lanes: [{domain: test, take-over: true}]
steps: [start, {hold: HOLD}, destroy]
repeat: {until: {cycles: CYCLES}}
report:
  - json: run.json
"""


class Telling(Told):
    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("kmsg"))
        self.kmsg = os.open(self.path("kmsg"), os.O_RDWR)
        self.env = dict(os.environ, CURL_CA_BUNDLE=self.ca.bundle)

    def tearDown(self):
        os.close(self.kmsg)
        super().tearDown()

    def start(self, webhooks, hold="100ms", cycles=3, more="", seams=()):
        with open(self.path("telling.yaml"), "w") as f:
            f.write(more + SCENARIO.replace("HOLD", hold).replace("CYCLES", str(cycles)))
            for url, options in webhooks:
                f.write(f'  - webhook: {{url: "{url}"{options}}}\n')
        return self.spawn("run", "telling.yaml", *seams)

    def spawn(self, *words, env=None):
        with open(self.path("said"), "w") as said:
            return subprocess.Popen(
                [PROGRAM, *words, "--db", "runs.db", "--kmsg", "kmsg"], cwd=self.folder,
                env=dict(self.env, **(env or {})), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)

    def said(self):
        with open(self.path("said")) as f:
            return f.read()

    def finish(self, p, code):
        p.wait(100)
        self.assertEqual(p.returncode, code, self.said())
        return self.said()

    def wait_until(self, what, condition):
        for _ in range(600):
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"{what}\n{self.said()}")

    def report(self):
        with open(self.path("run.json")) as f:
            return json.load(f)

    def heard(self, r):
        """(what, data) of each message; that the envelope is right is checked for all."""
        events = []
        for _, headers, body, _ in r.requests:
            event = json.loads(body)
            self.assertEqual(event["id"], headers["webhook-id"])
            self.assertTrue(event["id"].startswith(event["subject"] + "."))
            self.assertLessEqual(len(body), 65536)
            events.append((event["type"].split(".")[-2], event["data"]))
        return events

    def wait_for(self, r, n):
        self.wait_until(f"not {n} messages came", lambda: len(r.requests) >= n)

    def test_a_run_says_that_it_lives(self):
        r = self.receiver()
        self.finish(self.start([(r.url, ", heartbeat: 1s")], hold="4s", cycles=1), 0)
        events = self.heard(r)
        words = [what for what, _ in events]
        self.assertEqual((words[0], words[-1]), ("started", "ended"))
        self.assertGreaterEqual(words.count("alive"), 2)
        self.assertEqual(set(words[1:-1]), {"alive"})
        alive = [data for what, data in events if what == "alive"]
        self.assertEqual([a["number"] for a in alive], sorted({a["number"] for a in alive}))
        for a in alive:
            self.assertEqual((a["schema"], a["next_within_s"]), ("vfio-stress/life/1", 1))
            self.assertEqual((a["lanes"][0]["name"], a["failures"], a["why"]), ("test", 0, None))
        self.assertEqual(alive[0]["lanes"][0]["step"], "hold")

    def test_a_heartbeat_can_count_cycles(self):
        r = self.receiver()
        self.finish(self.start([(r.url, ", heartbeat-cycles: 3, when: failure")], hold="300ms",
                               cycles=7), 0)
        events = self.heard(r)
        self.assertEqual(events[0][0], "started")
        self.assertEqual(events[-1][0], "ended")  # it passed, and who hears heartbeats is told
        done = [data["lanes"][0]["cycles"]["done"] for what, data in events if what == "alive"]
        self.assertTrue(done and done[0] >= 3, done)

    def test_without_heartbeats_only_the_end_of_a_good_run_is_told(self):
        r = self.receiver()
        self.finish(self.start([(r.url, "")]), 0)
        self.assertEqual([what for what, _ in self.heard(r)], ["ended"])

    def test_the_first_failure_is_told_at_once(self):
        r = self.receiver()
        p = self.start([(r.url, ", when: failure")], hold="6s", cycles=2)
        self.wait_until("the run did not begin", lambda: "has begun" in self.said())
        os.write(self.kmsg, FAULT)
        os.write(self.kmsg, FAULT.replace(b"900,5", b"901,6"))
        self.wait_for(r, 1)
        self.assertIsNone(p.poll())  # the run goes on
        self.finish(p, 1)
        events = self.heard(r)
        self.assertEqual([what for what, _ in events], ["failing", "ended"])
        self.assertIn("dmar.inval-queue-error", events[0][1]["why"])

    def test_who_is_told_does_not_wait_for_a_reader_of_standard_output(self):
        r = self.receiver()
        with open(self.path("telling.yaml"), "w") as f:
            f.write(SCENARIO.replace("HOLD", "10ms").replace("CYCLES", "1"))
            f.write(f'  - webhook: {{url: "{r.url}"}}\n')
        p = subprocess.Popen(
            [PROGRAM, "run", "telling.yaml", "--report", "json:-", "--db", "runs.db", "--kmsg",
             "kmsg"], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(p.kill)
        fcntl.fcntl(p.stdout, fcntl.F_SETPIPE_SZ, 4096)
        self.wait_until("nobody was told", lambda: r.requests)
        self.assertIsNone(p.poll())  # the report is longer than the pipe
        self.assertTrue(os.path.exists(self.path("run.json")))
        out, _ = p.communicate(timeout=100)
        self.assertEqual((p.returncode, json.loads(out)["verdict"]), (0, "pass"))

    def run_once(self, webhooks, fails=False):
        """A run of one cycle, which fails when it is told to."""
        p = self.start(webhooks, hold="2s" if fails else "100ms", cycles=1)
        if fails:
            self.wait_until("the run did not begin", lambda: "has begun" in self.said())
            os.write(self.kmsg, FAULT)
        self.finish(p, 1 if fails else 0)

    def test_only_a_change_is_told_when_asked_for(self):
        r = self.receiver()
        told = []
        for fails in (False, False, True, True, False):
            self.run_once([(r.url, ", when: change")], fails)
            told.append([what for what, _ in self.heard(r)[sum(map(len, told)):]])
        self.assertEqual(told, [["ended"], [], ["failing", "ended"], [], ["ended"]])

    def test_a_pager_is_resolved_by_every_good_run(self):
        r = self.receiver(status(202))
        self.env["KEY"] = "R" + "0123456789abcdef" * 2
        told = []
        for fails in (False, True, False, False):
            self.run_once([(r.url, ', body: pagerduty, routing-key: "${env:KEY}", when: failure')], fails)
            told.append([json.loads(body)["event_action"] for _, _, body, _ in r.requests[sum(map(len, told)):]])
        self.assertEqual(told, [["resolve"], ["trigger", "trigger"], ["resolve"], ["resolve"]])
        keys = {json.loads(body)["dedup_key"] for _, _, body, _ in r.requests}
        self.assertEqual(len(keys), 1)
        with open(self.path("runs.db"), "rb") as f:
            self.assertNotIn(self.env["KEY"].encode(), f.read())

    def test_two_forms_at_one_address_hear_each_heartbeat(self):
        r = self.receiver(hang, OK)
        options = ", heartbeat: 1s, timeout: 2s"
        self.finish(self.start([(r.url, options), (r.url, options + ", body: json")], hold="5s", cycles=1), 0)
        bodies = [json.loads(body) for _, _, body, _ in r.requests]
        for form in ([b["data"] for b in bodies if "data" in b], [b for b in bodies if "data" not in b]):
            self.assertIn("schema", form[-1])
            self.assertTrue([b for b in form if b.get("number")], bodies)
            self.assertIn("verdict", form[-1])

    def test_a_store_that_is_busy_for_longer_silences_nobody(self):
        def busy(h):
            db = sqlite3.connect(self.path("runs.db"), isolation_level=None, timeout=10)
            db.execute("BEGIN IMMEDIATE")
            OK(h)
            time.sleep(7)  # the program waits 5 s for it
            db.execute("ROLLBACK")
            db.close()

        r = self.receiver(OK, busy, OK)
        p = self.start([(r.url, ", heartbeat: 1s")], hold="60s", cycles=1)
        self.wait_for(r, 4)
        p.send_signal(signal.SIGINT)
        self.finish(p, 4)
        words = [what for what, _ in self.heard(r)]
        self.assertEqual((words[0], words[-1]), ("started", "ended"))
        self.assertEqual(set(words[1:-1]), {"alive"})
        ids = [headers["webhook-id"] for _, headers, _, _ in r.requests]
        self.assertEqual(len(ids), len(set(ids)))  # a result that could not be written was written later

    def test_a_sender_that_was_killed_is_replaced(self):
        r = self.receiver()
        p = self.start([(r.url, ", heartbeat: 1s")], hold="60s", cycles=1)
        for _ in range(2):
            self.wait_for(r, len(r.requests) + 1)
            senders = subprocess.run(["pgrep", "-P", str(p.pid), "-f", "deliver"], text=True,
                                     capture_output=True).stdout.split()
            self.assertEqual(len(senders), 1)
            os.kill(int(senders[0]), signal.SIGKILL)
            self.wait_for(r, len(r.requests) + 2)
        p.send_signal(signal.SIGINT)
        self.finish(p, 4)
        words = [what for what, _ in self.heard(r)]
        self.assertEqual((words[0], words[-1]), ("started", "ended"))

    def test_a_chat_is_told_in_its_form_that_a_run_lives(self):
        r = self.receiver()
        self.finish(self.start([(r.url, ", body: slack, when: heartbeat, heartbeat: 1s")], hold="3s", cycles=1), 0)
        titles = [json.loads(body)["blocks"][0]["text"]["text"].split(":")[0] for _, _, body, _ in r.requests]
        self.assertEqual((titles[0], titles[-1]), ("started", "PASS"))
        self.assertEqual(set(titles[1:-1]), {"running"})

    def test_a_receiver_that_does_not_answer_delays_no_cycle(self):
        r = self.receiver(hang)
        p = self.start([(r.url, ", heartbeat: 1s, timeout: 60s")], hold="100ms", cycles=20)
        self.wait_for(r, 1)
        self.wait_until("no report", lambda: os.path.exists(self.path("run.json")))
        time.sleep(1)  # the run is over: it waits for its webhooks
        p.send_signal(signal.SIGINT)
        said = self.finish(p, 0)
        self.assertIn("not delivered yet", said)
        steps = {s["word"]: s for s in self.report()["lanes"][0]["steps"]}
        self.assertEqual(steps["hold"]["count"], 20)
        self.assertLess(steps["start"]["ms"]["max"], 2000)

    def test_a_run_that_is_stopped_now_waits_for_no_receiver(self):
        r = self.receiver(hang)
        p = self.start([(r.url, ", heartbeat: 1s, timeout: 60s")], hold="60s", cycles=20)
        self.wait_for(r, 1)
        lane = subprocess.run(["pgrep", "-P", str(p.pid), "-f", " lane "],
                              capture_output=True, text=True, check=True).stdout
        os.kill(int(lane), signal.SIGSTOP)  # and does not end when it is asked to
        p.send_signal(signal.SIGINT)
        self.wait_until("not told", lambda: "once more to stop now" in self.said())
        began = time.monotonic()
        p.send_signal(signal.SIGINT)
        said = self.finish(p, 4)
        self.assertLess(time.monotonic() - began, 20)  # 2 s for lanes that are killed, 5 s for the rest
        self.assertIn("not delivered yet", said)
        self.assertEqual(self.report()["verdict"], "aborted")

    def test_a_late_receiver_gets_all_in_order_and_only_the_last_heartbeat(self):
        r = self.receiver(status(500), status(500), OK)
        self.finish(self.start([(r.url, ", heartbeat: 1s")], hold="5s", cycles=1), 0)
        words = []
        for what, _ in self.heard(r)[2:]:
            words.append(what)
        self.assertEqual((words[0], words[-1]), ("started", "ended"))
        self.assertEqual([what for what, _ in self.heard(r)[:2]], ["started", "started"])

    def test_what_a_killed_run_had_to_say_is_sent_by_the_next_command(self):
        r = self.receiver(hang, OK)
        p = self.start([(r.url, ", heartbeat: 1s, timeout: 2s")], hold="20s", cycles=1)
        self.wait_for(r, 1)
        p.kill()
        p.wait()
        deadline = time.monotonic() + 30  # the child of the killed run ends with its try
        while True:
            d = subprocess.run([PROGRAM, "deliver", "--db", "runs.db", "--for", "20s"], text=True,
                               cwd=self.folder, env=self.env, capture_output=True)
            if d.returncode != 3 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self.assertEqual(d.returncode, 0, d.stdout + d.stderr)
        words = [what for what, _ in self.heard(r)]
        self.assertEqual(words[:2], ["started", "started"])
        self.assertNotIn("ended", words)

    def boot(self, number):
        """The host that the seam --root makes of `host` comes up, for the number-th time."""
        for name in ("proc/sys/kernel/random", "sys/bus/pci/devices", "run"):
            os.makedirs(self.path(f"host/{name}"), exist_ok=True)
        with open(self.path("host/proc/sys/kernel/random/boot_id"), "w") as f:
            f.write(f"{number:08}-0000-4000-8000-000000000000\n")

    def holds_begun(self):
        STEP_BEGIN = 7  # include/model/event.h
        db = sqlite3.connect(f"file:{self.path('runs.db')}?mode=ro", uri=True)
        try:
            return db.execute("SELECT count(*) FROM event WHERE kind = ? AND step = 1",
                              (STEP_BEGIN,)).fetchone()[0]
        finally:
            db.close()

    def crash(self, webhooks, then="continue", hold="2s"):
        """A run whose host dies in the hold of its first cycle, and comes up again."""
        self.boot(1)
        p = self.start(webhooks, hold=hold, cycles=2,
                       more=f"on-host-crash: {then}\ncool-down: 100ms\n", seams=("--root", "host"))
        self.wait_until("the run did not begin", lambda: "has begun" in self.said())
        self.wait_until("the hold did not begin", lambda: self.holds_begun() > 0)
        # all of it at one moment
        everybody = [p.pid] + [int(pid) for pid in subprocess.run(
            ["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout.split()]
        for pid in everybody:
            os.kill(pid, signal.SIGKILL)
        p.wait()
        self.boot(2)

    def resume(self, *words, env=None):
        return self.spawn("resume", "--root", "host", *words, env=env)

    def resume_refused(self, kinds, errno, first=1):
        """On a disk that refuses (tests/shim/failio.c)."""
        with open(self.path("state"), "wb") as f:
            f.write(bytes(40))
        said = self.finish(self.resume("--retry", "0s", env={
            "LD_PRELOAD": FAILIO, "FAILIO_FILE": self.path("runs.db"), "FAILIO_STATE": self.path("state"),
            "FAILIO_FROM": str(first), "FAILIO_KINDS": kinds, "FAILIO_ERRNO": str(errno),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}), 5)
        self.assertIn("host died in lane test, cycle 1, step hold", said)

    def test_a_host_that_is_back_from_a_crash_is_told_of(self):
        r = self.receiver()
        self.crash([(r.url, ", heartbeat: 60s")])
        self.finish(self.resume(), 1)
        events = self.news(r)
        self.assertEqual([what for what, _ in events], ["started", "resumed", "ended"])
        resumed = events[1][1]
        self.assertEqual((resumed["schema"], resumed["number"], resumed["failures"]),
                         ("vfio-stress/life/1", 1, 1))
        self.assertIn("host died in lane test, cycle 1, step hold", resumed["why"])
        self.assertEqual(events[2][1]["lanes"][0]["cycles"], {"done": 1, "failed": 0})

    def test_who_hears_of_failures_only_hears_of_a_crash_at_once(self):
        r, pager = self.receiver(), self.receiver(status(202))
        self.env["KEY"] = "R" + "0123456789abcdef" * 2
        self.crash([(r.url, ", when: failure"), (pager.url, ', body: pagerduty, heartbeat: 60s'
                                                 ', routing-key: "${env:KEY}", when: failure')],
                   hold="6s")
        p = self.resume()
        self.wait_for(r, 1)
        self.wait_for(pager, 1)
        self.assertIsNone(p.poll())  # the run goes on
        self.finish(p, 1)
        events = self.heard(r)
        self.assertEqual([what for what, _ in events], ["failing", "ended"])
        self.assertIn("host died in lane test, cycle 1, step hold", events[0][1]["why"])
        triggers = [json.loads(body) for _, _, body, _ in pager.requests]
        self.assertEqual([t["event_action"] for t in triggers], ["trigger", "trigger"])

    def ids(self, r):
        return [headers["webhook-id"] for _, headers, _, _ in r.requests]

    def news(self, r):
        """What a receiver makes of it that drops the ids it knows: who died may not have noted a delivery."""
        ids = self.ids(r)
        return [event for i, event in enumerate(self.heard(r)) if ids[i] not in ids[:i]]

    def told_of_its_end(self, *refusals):
        """The end is told while the store refuses, once, and once more under the same id when it is stored."""
        r = self.receiver()
        self.crash([(r.url, "")], then="report")
        for refusal in refusals:
            self.resume_refused(*refusal)
            self.assertEqual([what for what, _ in self.heard(r)], ["ended"])
        data = self.heard(r)[0][1]
        self.assertEqual((data["verdict"], data["failures"][0]["reason"]), ("fail", "host-died"))
        self.assertIn("the store could not be written", " ".join(data["blind_spots"]))
        self.assertEqual(self.report()["verdict"], "fail")
        self.finish(self.resume(), 1)
        self.assertIn("nothing to resume", self.finish(self.resume(), 0))
        events = self.heard(r)
        self.assertEqual([what for what, _ in events], ["ended", "ended"])
        self.assertEqual(len(set(self.ids(r))), 1)
        self.assertNotIn("could not be written", " ".join(events[1][1]["blind_spots"]))
        with sqlite3.connect(self.path("runs.db")) as db:
            self.assertEqual(db.execute("SELECT ended_ns > 0, reports_due FROM run").fetchall(), [(1, 0)])
            self.assertEqual(db.execute("SELECT event_id, state FROM outbox").fetchall(), [(self.ids(r)[0], 1)])

    def test_a_store_that_is_read_only_silences_nobody(self):
        self.told_of_its_end(("write,open", 30), ("write,open", 30), ("write", 28))

    def test_a_disk_that_is_full_silences_nobody(self):
        self.told_of_its_end(("write", 28), ("write,open", 30))

    def test_a_disk_that_fails_at_any_write_silences_nobody(self):
        for first in (2, 5, 9, 12, 16):
            with self.subTest(first=first):
                if os.path.exists(self.path("runs.db")):
                    for part in ("runs.db", "runs.db-wal", "runs.db-shm"):
                        if os.path.exists(self.path(part)):
                            os.unlink(self.path(part))
                self.told_of_its_end(("write", 5, first))

    def test_that_the_host_is_back_is_told_while_the_run_waits_for_its_store(self):
        r, f = self.receiver(), self.receiver()
        self.crash([(r.url, ", heartbeat: 60s"), (f.url, ", when: failure")])
        for refusal in (("write,open", 30), ("write", 28)):
            self.resume_refused(*refusal)
            self.assertEqual([what for what, _ in self.news(r)], ["started", "resumed"])
            self.assertEqual([what for what, _ in self.heard(f)], ["failing"])
        for why in (self.news(r)[1][1]["why"], self.heard(f)[0][1]["why"]):
            self.assertIn("host died in lane test, cycle 1, step hold", why)
            self.assertIn("the run waits, because its store could not be written", why)
        self.finish(self.resume(), 1)
        self.assertEqual([what for what, _ in self.heard(r)].count("resumed"), 2)
        self.assertEqual([what for what, _ in self.news(r)], ["started", "resumed", "ended"])
        self.assertEqual([what for what, _ in self.heard(f)], ["failing", "failing", "ended"])
        self.assertEqual([what for what, _ in self.news(f)], ["failing", "ended"])

    def test_what_a_run_could_not_tell_is_told_after_the_next_boot(self):
        r = self.receiver(status(503, [("Retry-After", "3600")]), OK)
        self.boot(1)
        p = self.start([(r.url, "")], cycles=1, seams=("--root", "host"))
        self.assertIn("not delivered yet", self.finish(p, 0))
        self.assertEqual(len(r.requests), 1)
        self.boot(2)
        said = self.finish(self.spawn("resume", "--root", "host"), 0)
        self.assertIn("nothing to resume", said)
        self.assertEqual([what for what, _ in self.heard(r)], ["ended", "ended"])
        self.assertEqual(len({body for _, _, body, _ in r.requests}), 1)

    def test_a_message_fits_the_receivers_limit(self):
        r = self.receiver()
        self.finish(self.start([(r.url, ", limit: 16, heartbeat: 1s")]), 0)
        self.assertTrue(r.requests)
        for _, _, body, _ in r.requests:
            self.assertLessEqual(len(body), 16384)
            json.loads(body)


if __name__ == "__main__":
    run_all(Telling, sys.argv[3:], 8)
