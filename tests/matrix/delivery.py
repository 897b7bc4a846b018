# SPDX-License-Identifier: GPL-2.0-or-later
"""A run with a webhook that dies while a message is on its way, and who sends it then (matrix.py)."""

import json
import os
import signal
import sqlite3
import sys
from collections import defaultdict

from case import SCENARIO, STEP_BEGIN, Case, some_errnos, spread

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))
from receiver import OK, Receiver, reset  # noqa: E402

DELIVERED, GIVEN_UP = 1, 2  # stress/model/outbox.c
VERDICTS = ("pass", "fail", "broken", "skipped", "aborted")  # include/model/outcome.h


class Delivery(Case):
    """
    The fault's `request`: when the receiver has that one, the run's supervisor is killed, and with
    `both` the process that sends as well; then it is answered, or with `reset` not. Without it, the one
    dies that writes to the store at that moment. `by` is the command that comes next.
    """

    OPTIONS = "heartbeat-cycles: 1, timeout: 5s"

    def begin(self):
        self.has_died = False
        self.receiver = self.open_receiver()
        super().begin()

    def open_receiver(self):
        script = [OK]
        if "request" in self.fault:  # counted from 1
            script = [OK] * (self.fault["request"] - 1) + [self.die, OK]
        return self.listen(script)

    def listen(self, script, port=0):
        ca = self.args.authority
        receiver = Receiver(ca.path("good.pem"), ca.path("good.key"), script, port)
        self.url = receiver.url
        return receiver

    def end(self):
        super().end()
        self.receiver.close()

    def scenario(self):
        return f'{SCENARIO}report:\n  - webhook: {{url: "{self.url}", {self.OPTIONS}}}\n'

    def environment(self):
        return dict(super().environment(), CURL_CA_BUNDLE=self.args.authority.bundle)

    def die(self, h):
        self.has_died = True
        self.process.kill()
        for pid in self.lanes() if self.fault.get("both") else ():
            with open(f"/proc/{pid}/cmdline") as f:
                if "\0deliver\0" in f.read():
                    os.kill(int(pid), signal.SIGKILL)
        (reset if self.fault.get("reset") else OK)(h)

    def struck(self):
        """It may be the process that sends which died at a write."""
        if "request" in self.fault:
            return self.has_died and self.code == -signal.SIGKILL
        return self.operations()[1] >= self.fault.get("FAILIO_FROM", 0)

    def look_further(self):
        stored = self.has_store()
        if not stored and (self.receiver.requests or self.tried):
            self.wrong("wrong", "nothing is stored, and something was told or tried")
        self.next_command(stored)
        if self.has_store():
            self.compare_with_outbox()
        elif stored or self.receiver.requests or self.fault["by"] == "run":
            self.wrong("lost", f"no store, and {len(self.receiver.requests)} messages")

    def has_store(self):
        """It may have died before its store had tables."""
        if not os.path.exists(self.path("runs.db")):
            return False
        db = sqlite3.connect(self.path("runs.db"))
        try:
            return db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        except sqlite3.Error as e:
            self.wrong("lost", str(e))
            return False
        finally:
            db.close()

    def next_command(self, stored):
        env = dict(os.environ, CURL_CA_BUNDLE=self.args.authority.bundle)
        by = self.fault["by"]
        seams = ("--kmsg", "kmsg", "--root", "host")
        if by == "run":
            self.expect(self.command("run", "matrix.yaml", *seams, env=env), 0)
        elif by == "resume":
            # 4: a run that died has no end, and is told to have been aborted
            codes = (3,) if not stored else (0, 4) if self.code != 0 else (0,)
            self.expect(self.command("resume", *seams, env=env), *codes)
        else:
            self.expect(self.command("deliver", "--for", "20s", env=env), 0 if stored else 3)

    def expect(self, p, *codes):
        if p.returncode not in codes:
            self.wrong("wrong", f"{p.args[1]}: exit {p.returncode}: {p.stdout}{p.stderr}")

    def state_of(self, event):
        return DELIVERED

    def compare_with_outbox(self):
        db = sqlite3.connect(self.path("runs.db"))
        outbox = dict(db.execute("SELECT event_id, state FROM outbox ORDER BY id"))
        began = db.execute("SELECT DISTINCT r.id FROM run r JOIN event e ON e.run = r.key"
                           " WHERE e.kind = ?", (STEP_BEGIN,)).fetchall()
        verdicts = dict(db.execute("SELECT id, verdict FROM run WHERE ended_ns IS NOT NULL"))
        db.close()
        bodies = defaultdict(set)  # by event id, in the order of their first arrival
        for _, headers, body, _ in self.receiver.requests:
            bodies[headers["webhook-id"]].add(body)
        for event, state in outbox.items():
            if state != self.state_of(event) or event not in bodies:
                self.wrong("lost", f"{event}, state {state}")
        if [e for e in bodies if e in outbox] != list(outbox):
            self.wrong("order", f"the order of {list(bodies)}, not of {list(outbox)}")
        for event, texts in bodies.items():
            # a sign of life that waits is replaced by the next one, and may be on its way then
            if len(texts) > 1 or (event not in outbox and ".alive." not in event):
                self.wrong("wrong", f"{event}: {len(texts)} texts, kept: {event in outbox}")
        # nothing is done before it was said that something will be
        must = [f"{run}.started" for run, in began] + [f"{run}.ended" for run in verdicts]
        for event in set(must) - set(bodies):
            self.wrong("lost", f"{event} was never told")
        for run, verdict in verdicts.items():
            for text in bodies[f"{run}.ended"]:
                if json.loads(text)["data"]["verdict"] != VERDICTS[verdict]:
                    self.wrong("wrong", f"{run} is {VERDICTS[verdict]}, and it told {text}")


class Refused(Delivery):
    """
    A store that refuses while there is something to tell, and is well again after a while: all who
    write to it, or (`FAILIO_WHO`) only the process that sends.
    """

    def compare_with_outbox(self):
        super().compare_with_outbox()
        came = [headers["webhook-id"] for _, headers, _, _ in self.receiver.requests]
        again = len(came) - len(set(came))
        # the process that sends ends with the run: it may have no time to write down what was taken
        if again > 1:
            self.wrong("twice", f"{again} came again: {came}")
        for event in came:
            if ".failing" in event:
                self.wrong("wrong", f"{event}: nothing has failed")


def deliveries(rng, total, n):
    """Of each way to die and each command that may come next; half of the writes at the run's end."""
    ways = [("killed", {}), ("killed, and no answer", {"reset": True}),
            ("both killed", {"both": True}), ("both killed, and no answer", {"both": True, "reset": True})]
    for i in range(n):
        by = ("deliver", "run", "resume")[i % 3]
        if i % 2 == 0:
            way, fault = ways[i // 2 % len(ways)]
            fault, name = dict(fault, request=rng.randint(1, 4)), f"{way} at message"
            name += f" {fault['request']}"
        else:
            at = rng.randint(1 if i // 2 % 2 else total - 40, total)
            moment = rng.choice(("before", "half", "after"))
            fault = {"FAILIO_FROM": at, "FAILIO_COUNT": 1, "FAILIO_KILL": moment}
            name = f"killed {moment} operation {at} with a webhook"
        yield f"{name}, then {by}", "kill -9 in a delivery", Delivery, dict(fault, by=by, kills=True)


def refusals(rng, total, of_sender, whole):
    """At each operation of the process that sends, and at some of all."""
    for name, number in some_errnos(rng, whole):
        places = [("of the sender", {"FAILIO_WHO": "deliver", "once": whole}, at)
                  for at in (range(1, of_sender + 1) if whole else spread(rng, 1, of_sender))]
        places += [("with a webhook", {}, at) for at in spread(rng, 16 if whole else 1, total)]
        for i, (whose, who, at) in enumerate(places):
            fault = dict(who, FAILIO_FROM=at, FAILIO_ERRNO=number, FAILIO_FOR_MS=rng.choice((50, 1500, 3000)))
            by = ("deliver", "run", "resume")[i % 3]
            yield (f"{name} at operation {at} {whose} for {fault['FAILIO_FOR_MS']} ms, then {by}",
                   f"{name} {whose}", Refused, dict(fault, by=by, heals=True))
