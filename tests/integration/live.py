#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""live.py PROGRAM [Live.TEST...]: runs that somebody looks at: on a terminal, from another one, in the background."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
PATIENCE = 40  # seconds, for what should take one
FAULT = b"3,900,5000000,-;DMAR: VT-d detected Invalidation Queue Error: Reason f\n"
SCENARIO = """version: 1
name: live
connect: test:///default
lanes: [{domain: test, take-over: true}]
steps: [start, {hold: HOLD}, destroy]
after: [{hold: 10ms}]
repeat: {until: {cycles: CYCLES}}
"""


class Terminal:
    """A session of its own on a pseudo-terminal; what it prints is gathered all the time."""

    def __init__(self, argv, cwd, size=(24, 100), env=None, stderr=None):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.text, self.lock = "", threading.Condition()
        self.reading = threading.Event()
        self.reading.set()
        self.modes = termios.tcgetattr(slave)
        self.slave = slave
        # as a shell with job control has it: a process group in the foreground of a session
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import os, sys, signal, fcntl, termios, subprocess\n"
             "os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
             "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
             "p = subprocess.Popen(sys.argv[1:], preexec_fn=lambda: (os.setpgid(0, 0),\n"
             "    os.tcsetpgrp(0, os.getpgid(0)), signal.signal(signal.SIGTTOU, signal.SIG_DFL)))\n"
             "while True:\n"
             "    _, s = os.waitpid(p.pid, os.WUNTRACED)\n"
             "    if not os.WIFSTOPPED(s): break\n"
             "    os.tcsetpgrp(0, os.getpgrp()); print('STOPPED', flush=True); input()\n"
             "    os.tcsetpgrp(0, p.pid); os.killpg(p.pid, signal.SIGCONT)\n"
             "sys.exit(os.waitstatus_to_exitcode(s) % 256)\n"] + argv,
            stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
            env={**os.environ, "TERM": "xterm", **(env or {})})
        self.thread = threading.Thread(target=self.gather, daemon=True)
        self.thread.start()

    def gather(self):
        while True:
            self.reading.wait()
            if not select.select([self.master], [], [], 0.2)[0]:
                if self.process.poll() is not None:
                    return
                continue
            try:
                data = os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:
                return
            with self.lock:
                self.text += data
                self.lock.notify_all()

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def wait_for(self, pattern, since=0):
        """The end of the match; what came before `since` does not count."""
        with self.lock:
            found = self.lock.wait_for(lambda: re.search(pattern, self.text[since:]), PATIENCE)
            if not found:
                raise AssertionError(f"no {pattern!r} in {self.text[since:]!r}")
            return since + found.end()

    def end(self):
        code = self.process.wait(PATIENCE)
        self.reading.set()
        self.thread.join(PATIENCE)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.thread.join(PATIENCE)
        os.close(self.slave)
        os.close(self.master)


class Live(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vfio-stress-live.")
        self.addCleanup(shutil.rmtree, self.dir)
        os.mkfifo(os.path.join(self.dir, "kmsg"))
        self.kmsg = os.open(os.path.join(self.dir, "kmsg"), os.O_RDWR)
        self.addCleanup(os.close, self.kmsg)
        self.addCleanup(self.stop_all)

    def stop_all(self):
        while "running" in self.program("runs").stdout:
            if self.program("runs", "stop").returncode != 0:
                return

    def scenario(self, name="live", hold="200ms", cycles=100000, more=""):
        with open(os.path.join(self.dir, name + ".yaml"), "w") as out:
            out.write(SCENARIO.replace("HOLD", hold).replace("CYCLES", str(cycles)) + more)

    def argv(self, *args):
        return [PROGRAM, *args, "--db", "runs.db"]

    def program(self, *args, **more):
        return subprocess.run(self.argv(*args), cwd=self.dir, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, capture_output=True, **more)

    def run_argv(self, name="live", *args):
        return self.argv("run", name + ".yaml", "--kmsg", "kmsg", *args)

    def terminal(self, argv, **more):
        term = Terminal(argv, self.dir, **more)
        self.addCleanup(term.close)
        return term

    def detach(self, name="live", *args):
        done = self.program("run", name + ".yaml", "--kmsg", "kmsg", "--detach", "--quiet", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    # ---- on a terminal

    def test_a_terminal_that_changes_stops_and_ends(self):
        self.scenario()
        term = self.terminal(self.run_argv())
        at = term.wait_for(r"live  \d+s.* cycles.* run \d{8}-\d{6}")
        # a window that becomes smaller: drawn anew, and no row fills its line
        term.resize(10, 45)
        since = term.wait_for(r"live  [^\n]*failures(\x1b\[0m)?\x1b\[K\r\n", at)
        at = term.wait_for(r"live  [^\n]*\n", since)
        rows = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", term.text[since:at]).split("\r\n")
        self.assertGreater(len(rows), 1)
        self.assertTrue(all(len(row.strip("\r")) < 45 for row in rows), rows)
        # Ctrl-Z and fg: the shell's lines stay, and the run goes on
        term.type("\x1a")
        at = term.wait_for(r"STOPPED\r\n", at)
        term.type("\n")
        at = term.wait_for(r"\x1b\[\d*mlive  ", at)
        self.assertNotIn("A\x1b", re.split("live  ", term.text[term.text.index("STOPPED"):])[0])
        # Ctrl-S: the run does not wait for its terminal
        cycles = int(re.findall(r" +(\d+)/100000", term.text)[-1])
        term.type("\x13")
        report = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            report = self.program("runs").stdout.splitlines()[1].split()
            if int(report[4]) > cycles + 8:
                break
            time.sleep(0.2)
        self.assertGreater(int(report[4]), cycles + 8)
        term.type("\x11")
        at = term.wait_for(r"live  ", len(term.text))
        # Ctrl-C: the terminal is left as it was
        term.type("\x03")
        self.assertEqual(term.end(), 4)
        self.assertIn("ABORTED", term.text)
        self.assertEqual(termios.tcgetattr(term.slave), term.modes)
        for never in ("\x1b[?25l", "\x1b[?1049h", "\x1b7"):  # no cursor hidden, no other screen
            self.assertNotIn(never, term.text)

    def test_neither_colour_nor_a_block_where_they_are_not_welcome(self):
        self.scenario(cycles=2)
        term = self.terminal(self.run_argv(), env={"NO_COLOR": "1"})
        self.assertEqual(term.end(), 0)
        self.assertNotRegex(term.text, r"\x1b\[[\d;]*m")
        term = self.terminal(self.run_argv(), env={"TERM": "dumb"})
        self.assertEqual(term.end(), 0)
        self.assertNotIn("\x1b", term.text)
        self.assertIn("has begun", term.text)

    # ---- in the background

    def test_a_detached_run_outlives_its_terminal(self):
        self.scenario()
        term = self.terminal(self.run_argv("live", "--detach"))
        self.assertEqual(term.end(), 0)
        run = re.search(r"run (\S+) goes on in the background, as process (\d+)", term.text)
        self.assertIsNotNone(run, term.text)
        self.assertIn(f"vfio-stress watch {run[1]} --db runs.db", term.text)
        pid = int(run[2])
        self.assertEqual(os.getsid(pid), pid)
        for fd in range(3):
            self.assertNotIn("pts", os.readlink(f"/proc/{pid}/fd/{fd}"))
        log = os.path.join(self.dir, run[1] + ".log")
        self.assertEqual(os.stat(log).st_mode & 0o777, 0o600)
        self.assertRegex(self.program("runs").stdout, f"{run[1]} .* running ")
        stop = self.program("runs", "stop")
        self.assertEqual(stop.returncode, 0, stop.stderr)
        self.assertIn(f"run {run[1]} has ended", stop.stdout)
        with open(log) as text:
            text = text.read()
        self.assertIn("ABORTED", text)
        self.assertIn("interrupted", text)
        self.assertNotIn("\x1b", text)
        report = self.program("report", "--format", "json").stdout
        self.assertRegex(report, r'"phase": *"after"[^}]*"count": *1')
        self.assertEqual(self.program("undo").stdout.strip(), "nothing is left to undo")
        again = self.program("runs", "stop", run[1])
        self.assertEqual((again.returncode, "already" in again.stdout), (0, True))
        self.assertEqual(self.program("runs", "stop").returncode, 3)
        self.assertEqual(self.program("runs", "prune", "--keep", "0").returncode, 0)
        self.assertFalse(os.path.exists(log))

    # ---- from another terminal

    def begun(self, *args, env=None):
        """A run whose beginning was seen, with its process."""
        process = subprocess.Popen(self.run_argv(*args), cwd=self.dir, text=True, env=env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if "has begun" in line:
                return process
        raise AssertionError("it has not begun")

    def test_watching_shows_the_run_until_its_end_and_ends_as_it_does(self):
        self.scenario(cycles=12)
        with open(os.path.join(self.dir, "live.yaml"), "a") as out:
            out.write("tolerate: [{fault: dmar.*, count: 1}]\n")
        run = self.detach()
        os.write(self.kmsg, FAULT)
        term = self.terminal(self.argv("watch"))
        term.wait_for(rf"live  .*/12 cycles.* run {run}")
        term.wait_for(r"dmar.inval-queue-error, \w+, within its budget")
        term.wait_for(r"1 incident, 0 failures")
        plain = self.program("watch", run[:-1])
        self.assertEqual(plain.returncode, 0)
        self.assertIn("of 12 cycle", plain.stderr)
        self.assertIn("PASS", plain.stdout)
        self.assertNotIn("\x1b", plain.stdout + plain.stderr)
        self.assertEqual(term.end(), 0)
        self.assertIn("PASS", term.text)
        again = self.program("watch", "latest")
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertIn("PASS", again.stdout)
        none = self.program("watch")
        self.assertEqual(none.returncode, 3)
        self.assertIn("no run goes on", none.stderr)

    def test_who_watches_can_leave_and_a_failed_run_is_told_by_the_code(self):
        self.scenario()
        process = self.begun()
        term = self.terminal(self.argv("watch"))
        term.wait_for(r"live  ")
        term.type("\x03")
        self.assertEqual(term.end(), 4)
        self.assertRegex(term.text, r"\x1b\[Jrun \S+ goes on")
        self.assertIsNone(process.poll())
        watch = subprocess.Popen(self.argv("watch"), cwd=self.dir, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        watch.stderr.readline()  # it is there
        os.write(self.kmsg, FAULT)
        said, lines = watch.communicate(timeout=PATIENCE)
        self.assertEqual(watch.returncode, 1)
        self.assertIn("FAIL", said)
        self.assertIn("dmar.inval-queue-error, fatal", lines)

    def test_watching_survives_the_death_of_the_run_and_of_its_store(self):
        self.scenario()
        process = self.begun()
        term = self.terminal(self.argv("watch"))
        term.wait_for(r"live  ")
        process.kill()
        self.assertEqual(term.end(), 4)
        self.assertRegex(term.text, r"the process of run \S+ is gone")
        self.assertIn("vfio-stress resume --db runs.db", term.text)
        self.assertEqual(self.program("undo").returncode, 0)
        process = self.begun()
        term = self.terminal(self.argv("watch"))
        at = term.wait_for(r"live  ")
        for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
            os.rename(os.path.join(self.dir, name), os.path.join(self.dir, "old-" + name))
        self.assertEqual(term.end(), 3)
        self.assertIn("the store was replaced", term.text[at:])
        self.assertIn("there is no store runs.db", term.text[at:])
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)

    # ---- reports of a run that goes on

    def test_reports_are_made_during_the_run(self):
        self.scenario(more="report: [{html: {path: \"${env:OUT}.html\", every: 1s}}]\n")
        process = self.begun("live", "--report", "prometheus:run.prom,every=1s",
                             env={**os.environ, "OUT": "page"})
        page, prom = (os.path.join(self.dir, name) for name in ("page.html", "run.prom"))
        text = self.contents(page, "<title>running: live")
        self.assertIn("the run goes on", text)
        self.contents(prom, "run_running{[^}]*} 1")
        latest = self.program("report", "--format", "text")
        self.assertIn("STILL RUNNING", latest.stdout)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        with open(page) as text:
            self.assertIn("<title>aborted: live", text.read())
        self.contents(prom, "run_running{[^}]*} 0")
        left = [f for f in os.listdir(self.dir) if f not in (
            "kmsg", "live.yaml", "page.html", "run.prom", "runs.db")]
        self.assertEqual(left, [])
        self.scenario(more="report: [{html: {path: \"-\", every: 1s}}]\n")
        done = self.program("run", "live.yaml", "--kmsg", "kmsg")
        self.assertEqual((done.returncode, "written once" in done.stderr), (3, True))
        self.scenario()
        done = self.program("run", "live.yaml", "--kmsg", "kmsg", "--report", "html:-,every=1s")
        self.assertEqual((done.returncode, "written once" in done.stderr), (3, True))
        done = self.program("run", "live.yaml", "--kmsg", "kmsg", "--report", "html:p.html,evry=1s")
        self.assertEqual((done.returncode, "no option 'evry'" in done.stderr), (2, True))

    def test_a_report_that_cannot_be_refreshed_is_said_once(self):
        os.mkdir(os.path.join(self.dir, "there"))
        self.scenario(more="report: [{json: {path: there/run.json, every: 1s}}]\n")
        process = self.begun()
        shutil.rmtree(os.path.join(self.dir, "there"))
        for line in process.stderr:
            if "could not be made now" in line:
                break
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        self.assertEqual(process.wait(PATIENCE), 4)
        self.assertNotIn("could not be made now", rest)
        self.assertIn("there/run.json", rest)

    def streamed(self, *args, **more):
        """A run whose standard output is one's own."""
        process = subprocess.Popen(self.run_argv("live", "--report", "ocp:-", *args), cwd=self.dir,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **more)
        for stream in (process.stdout, process.stderr):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        patience = threading.Timer(PATIENCE, process.kill)  # nobody waits for its first line for ever
        patience.start()
        self.addCleanup(patience.cancel)
        return process

    def made_again(self):
        return self.program("report", "--format", "ocp").stdout

    def test_a_report_that_can_grow_is_streamed_during_the_run(self):
        self.scenario(more="report: [{ocp: \"${env:OUT}.jsonl\"}]\n")
        path = os.path.join(self.dir, "grows.jsonl")
        process = self.streamed(env={**os.environ, "OUT": "grows"})
        lines = [process.stdout.readline()]
        while b"measurementSeriesElement" not in lines[-1]:
            lines.append(process.stdout.readline())
            self.assertNotEqual(lines[-1], b"")
        self.contents(path, "measurementSeriesElement")
        self.assertIn("running", self.program("runs").stdout)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        process.send_signal(signal.SIGINT)
        out, said = b"".join(lines) + process.stdout.read(), process.stderr.read()
        self.assertEqual(process.wait(PATIENCE), 4, said)
        self.assertIn(b"ABORTED", said)
        self.assertEqual(out.decode(), self.made_again())
        with open(path) as text:
            self.assertEqual(text.read(), self.made_again())

    def test_neither_a_stalled_reader_nor_one_that_leaves_holds_a_run_up(self):
        self.scenario(hold="10ms")
        process = self.streamed()
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        self.cycles_done(40)  # several lines each: far more than the pipe takes
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 4, said)
        self.assertGreater(len(out), 8192)
        self.assertEqual(out.decode(), self.made_again())
        self.scenario(hold="100ms", cycles=12)
        process = self.streamed()
        self.assertIn(b"schemaVersion", process.stdout.readline())
        process.stdout.close()
        said = process.stderr.read().decode()
        self.assertEqual(process.wait(PATIENCE), 4, said)
        self.assertIn("PASS", said)
        self.assertIn("its reader has gone", said)

    def cycles_done(self, n):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            rows = self.program("runs").stdout.splitlines()
            if len(rows) > 1 and int(rows[1].split()[4]) >= n:
                return
            time.sleep(0.1)
        raise AssertionError(f"no {n} cycles")

    def test_who_has_died_leaves_a_streamed_report_that_says_so(self):
        self.scenario()
        process = self.streamed("--report", "ocp:run.jsonl")
        path = os.path.join(self.dir, "run.jsonl")
        self.contents(path, "measurementSeriesElement")
        process.kill()
        self.contents(path, '"testRunEnd": *{"status": *"ERROR"')
        self.assertIn(b'"testRunEnd"', process.stdout.read().splitlines()[-1])

    def contents(self, path, pattern):
        """Of a file that somebody else writes, once they are so."""
        deadline = time.monotonic() + PATIENCE
        text = ""
        while time.monotonic() < deadline:
            if os.path.exists(path):
                with open(path) as file:
                    text = file.read()
                if re.search(pattern, text):
                    return text
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in {path}: {text[:400]!r}")

    def test_what_keeps_it_from_beginning_is_told_in_the_foreground(self):
        self.scenario(cycles="many")
        self.assertEqual(self.program("run", "live.yaml", "--detach").returncode, 2)
        self.scenario("away")
        path = os.path.join(self.dir, "away.yaml")
        with open(path) as text:
            text = text.read().replace("domain: test", "domain: tset")
        with open(path, "w") as out:
            out.write(text)
        done = self.program("run", "away.yaml", "--kmsg", "kmsg", "--detach")
        self.assertEqual(done.returncode, 3)
        self.assertIn("did you mean 'test'?", done.stderr)
        self.assertEqual(done.stdout, "")
        self.scenario()
        done = self.program("run", "live.yaml", "--detach", "--report", "json:-")
        self.assertEqual(done.returncode, 2)
        done = subprocess.run([PROGRAM, "run", "live.yaml", "--kmsg", "kmsg", "--detach",
                               "--db", "/proc/nowhere/runs.db"], cwd=self.dir, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("choose another place with --db", done.stderr)
        self.assertEqual([f for f in os.listdir(self.dir) if f.endswith(".log")], [])

    def background_of(self, pid):
        """The process that it started, once it has."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                children = file.read().split()
            if children:
                return int(children[0])
            time.sleep(0.02)
        raise AssertionError(f"process {pid} has started none")

    def test_a_death_before_the_begin_leaves_no_log_and_is_told_with_all_that_was_said(self):
        self.scenario("stuck")
        # libvirt waits there for its description of the host
        os.mkfifo(os.path.join(self.dir, "host.xml"))
        path = os.path.join(self.dir, "stuck.yaml")
        with open(path) as text:
            text = text.read().replace("test:///default", f"test://{self.dir}/host.xml")
        with open(path, "w") as out:
            out.write(text)

        def leave_stale_log():
            with open(os.path.join(self.dir, f"begin-{os.getpid()}.log"), "w") as out:
                out.write("of another one\n")

        for number in (signal.SIGINT, signal.SIGKILL):
            process = subprocess.Popen(self.run_argv("stuck", "--detach"), cwd=self.dir, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, preexec_fn=leave_stale_log)
            background = self.background_of(process.pid)
            with open(os.path.join(self.dir, f"begin-{process.pid}.log"), "a") as log:
                log.write("its last words\n")
            os.kill(background, number)
            out, said = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, out), (-number, ""), said)
            self.assertIn("its last words", said)
            self.assertNotIn("of another one", said)
            self.assertEqual([f for f in os.listdir(self.dir) if f.endswith(".log")], [])

    def test_a_stop_names_one_run_and_is_heard_by_one_that_ignores_ctrl_c(self):
        self.scenario()
        done = self.program("runs", "stop")
        self.assertEqual(done.returncode, 3)
        process = subprocess.Popen(
            self.run_argv(), cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        for line in process.stderr:
            if "has begun" in line:
                break
        done = self.program("runs", "stop")
        self.assertEqual(done.returncode, 0, done.stderr)
        process.stderr.close()
        self.assertEqual(process.wait(PATIENCE), 4)
        for words in (["stop", "--keep", "3"], ["stop", "one", "two"], ["halt"]):
            self.assertEqual(self.program("runs", *words).returncode, 2)
        self.assertEqual(self.program("runs", "stop", "nowhere").returncode, 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
