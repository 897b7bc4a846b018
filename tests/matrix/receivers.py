# SPDX-License-Identifier: GPL-2.0-or-later
"""A run whose webhook's receiver is dead, slow, lies, resets or redirects until it is well (matrix.py)."""

import os
import random
import signal
import socket
import sqlite3
import sys
import threading
import time

from case import RUN_S, STEP_BEGIN, STEP_END
from delivery import DELIVERED, GIVEN_UP, Delivery

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))
from receiver import OK, reset, short, status  # noqa: E402

TIMEOUT_S = 10  # the webhook's; a cycle that waits for its receiver takes as long


def until_well(case):
    case.well.wait(RUN_S)


def hang(case, h):
    until_well(case)
    h.close_connection = True


def dribble(case, h):
    """An answer that begins and does not end."""
    h.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not case.well.wait(0.1):
        h.wfile.write(b"x")
    h.close_connection = True


def crawl(case, h):
    """A good answer, a byte after the other."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        h.wfile.write(bytes([byte]))
        time.sleep(0.02)


def take_back(case, h):
    h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    reset(h)


def more(case, h):
    h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + b"and more" * 1000)
    h.close_connection = True


def no_http(case, h):
    h.wfile.write(b"\x16\x03 this is not HTTP\r\n\r\n")
    h.close_connection = True


def redirect(code):
    return lambda case, h: status(code, [("Location", case.receiver.url + "/elsewhere")])(h)


def plain(answer):
    return lambda case, h: answer(h)


# What becomes of a message that is answered so, by the contract: it comes LATER once more, was TAKEN, is
# given up (GONE), or, where the status may be lost with the connection, one of the first two.
LATER, TAKEN, GONE, EITHER = "later", "taken", "gone", "either"
SICK = (
    ("dead", "nobody listens", None, LATER),
    ("slow", "hangs", hang, LATER),
    ("slow", "dribbles without an end", dribble, LATER),
    ("slow", "dribbles a good answer", crawl, TAKEN),
    ("lying", "200, then a reset", take_back, EITHER),
    ("lying", "200, and less than it promised", plain(short(200)), TAKEN),
    ("lying", "200, and more than it promised", more, TAKEN),
    ("lying", "does not speak HTTP", no_http, LATER),
    ("resetting", "resets before a handshake", None, LATER),
    ("resetting", "resets before an answer", plain(reset), LATER),
    ("redirecting", "302", redirect(302), GONE),
    ("redirecting", "307", redirect(307), GONE),
    ("refusing", "500", plain(status(500)), LATER),
    ("refusing", "503 with Retry-After", plain(status(503, [("Retry-After", "1")])), LATER),
)
SLOWEST = ("hangs", "dribbles without an end")
WELL = ("well", "is well", plain(OK), TAKEN)  # how long cycles take while all the others are tried
ANY = ("changing", "each time another way", None, EITHER)


class Sick(Delivery):
    """
    The fault's `sick` is a row of SICK, `until` when the receiver gets well: behind so many of its
    answers, when the run's "cycles" are over and it waits for its webhooks, or when it is "over".
    `by` is the command that comes then.
    """

    OPTIONS = f"heartbeat-cycles: 1, timeout: {TIMEOUT_S}s"

    def begin(self):
        self.well, self.lock = threading.Event(), threading.Lock()
        self.answers, self.done, self.gone, self.events, self.took_s = 0, [], set(), [], 0
        self.was_sick = 0  # in so many answers
        self.rng = random.Random(self.fault.get("seed"))
        super().begin()

    def open_receiver(self):
        if self.fault["sick"][1] != "nobody listens":
            receiver = self.listen([self.answer])
            if self.fault["sick"][1] == "resets before a handshake":
                receiver.hangs_up = self.is_sick
            return receiver
        self.closed = socket.socket()
        self.closed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.closed.bind(("127.0.0.1", 0))  # refuses, because it does not listen
        self.url = f"https://localhost:{self.closed.getsockname()[1]}/hook"
        return None

    def get_well(self):
        self.well.set()
        if self.receiver is None:
            self.receiver = self.listen([self.answer], self.closed.getsockname()[1])
            self.closed.close()

    def is_sick(self):
        with self.lock:
            self.answers += 1
            until = self.fault["until"]
            sick = self.answers <= until if isinstance(until, int) else not self.well.is_set()
            self.was_sick += sick
            return sick

    def answer(self, h):
        event = h.headers["webhook-id"]
        _, _, act, fate = self.fault["sick"]
        if event in self.done or event in self.gone:
            self.wrong("twice", f"{event} came again although it was answered for good")
        if act is None and fate == EITHER:
            _, _, act, fate = self.rng.choice([s for s in SICK if s[2] and s[3] != GONE and s[1] not in SLOWEST])
        if act is None or not self.is_sick():
            act, fate = plain(OK), TAKEN
        if fate == TAKEN:
            self.done.append(event)
        elif fate == GONE:
            self.gone.add(event)
        act(self, h)

    def run(self):
        nurse = threading.Thread(target=self.nurse)
        nurse.start()
        super().run()
        nurse.join()

    def nurse(self):
        """The report is written before the run waits for its webhooks."""
        if isinstance(self.fault["until"], int):
            return
        deadline = time.monotonic() + RUN_S
        while not os.path.exists(self.path("run.json")) and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.fault["until"] == "over":
            while self.process.poll() is None and time.monotonic() < deadline:
                self.process.send_signal(signal.SIGINT)
                time.sleep(0.2)
        if time.monotonic() >= deadline:
            self.wrong("wrong", "the run did not come so far that the receiver may be well")
        self.get_well()

    def judge_exit(self):
        if self.code != 0:
            self.wrong("wrong", f"exit {self.code}")

    def state_of(self, event):
        return GIVEN_UP if event in self.gone else DELIVERED

    def compare_with_outbox(self):
        super().compare_with_outbox()
        db = sqlite3.connect(self.path("runs.db"))
        first, last = db.execute("SELECT min(wall_ns), max(wall_ns) FROM event WHERE kind IN (?, ?)"
                                 " AND run = (SELECT min(key) FROM run)", (STEP_BEGIN, STEP_END)).fetchone()
        self.events = [e for e, in db.execute("SELECT event_id FROM outbox ORDER BY id")]
        again = db.execute("SELECT coalesce(sum(tries), 0) - count(*) FROM outbox").fetchone()[0]
        db.close()
        # who does not listen cannot count; a message was tried in vain
        if self.was_sick == 0 and (again <= 0 if self.fault["sick"][0] == "dead" else self.fault["sick"] != WELL):
            self.wrong("wrong", "the receiver was never sick")
        if [e for e in self.done if e in self.events] != [e for e in self.events if e in self.done]:
            self.wrong("order", f"taken: {self.done}, not {self.events}")
        self.took_s = (last - first) / 1e9
        for path in {path for _, _, _, path in self.receiver.requests} - {"/hook"}:
            self.wrong("wrong", f"a redirect was followed to {path}")


def sick_receivers(rng, whole):
    """Of each kind one, or each in each way."""
    by = ("deliver", "run", "resume")
    if not whole:
        chosen = {row[0]: row for row in sorted(SICK, key=lambda row: rng.random())}.values()
        faults = [(row, rng.choice(("cycles", "over"))) for row in chosen] + [(WELL, "cycles")]
    else:
        faults = [(row, until) for row in SICK for until in ("cycles", "over")]
        faults += [(row, rng.randint(1, 3)) for row in SICK if row[2] and row[1] not in SLOWEST]
        faults += [(row, 1) for row in SICK if row[1] in SLOWEST]
        faults += [(ANY, until) for until in (3, 5, "cycles", "over")]
        faults += [(WELL, "cycles")] * 4
        rng.shuffle(faults)
    for i, (row, until) in enumerate(faults):
        when = f"{until} answers" if isinstance(until, int) else f"{until}"
        yield (f"receiver {row[1]} until {when}", f"receiver {row[0]}", Sick,
               {"sick": row, "until": until, "by": by[i % 3], "seed": rng.random()})
