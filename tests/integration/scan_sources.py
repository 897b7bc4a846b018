#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scan_sources.py PROGRAM DATA: `scan` of the journal, of logs that grow, and since a time."""
import json
import lzma
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM, DATA = sys.argv[1:3]
FLR = "vfio-pci 0000:41:00.0: not ready 65535ms after FLR; giving up"
DMAR = "DMAR: [DMA Read NO_PASID] Request device [42:00.0] fault addr 0x1000 [fault reason 0x06] PTE Read access is not set"
RECOVERY = "pcieport 0000:64:01.0: AER: device recovery failed"
bad = 0
os.environ["TZ"] = "UTC"


def complain(*words):
    global bad
    bad += 1
    print(*words, file=sys.stderr)


def expect(what, got, want):
    if got != want:
        complain(f"{what}: {got!r}, not {want!r}")


def scan(*args, code=None, text=None):
    p = subprocess.run([PROGRAM, "scan", *args], input=text, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    if code is not None and p.returncode != code:
        complain(f"scan {args}: exit {p.returncode}, not {code}: {p.stderr[:600]!r}")
    return p


def found(*args, code=1, text=None):
    out = json.loads(scan("--format", "json", *args, code=code, text=text).stdout)
    return [(i["id"], i["bdf"]) for i in out["incidents"]]


class Follower:
    """scan --follow, whose lines are waited for."""

    def __init__(self, *args, stdin=None):
        self.p = subprocess.Popen([PROGRAM, "scan", "--follow", *args], stdin=stdin,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.held = b""

    def line(self):
        while b"\n" not in self.held:
            if not select.select([self.p.stdout], [], [], 30)[0]:
                complain("nothing came within 30 s")
                return ""
            more = os.read(self.p.stdout.fileno(), 65536)
            if not more:
                return ""
            self.held += more
        line, self.held = self.held.split(b"\n", 1)
        return line.decode()

    def until(self, text):
        line = self.line()
        while line != "" or self.held:
            if text in line:
                return line
            line = self.line()
        complain(f"it never said {text!r}")
        return ""

    def end(self, sig, code):
        if sig:
            self.p.send_signal(sig)
        out, err = self.p.communicate(timeout=30)
        if self.p.returncode != code:
            complain(f"--follow: exit {self.p.returncode}, not {code}: {err!r}")
        return (self.held + out).decode()


BOOT_1 = [("dmar.dma-fault", "0000:42:00.0"), ("log.gap", None)]
BOOT_2 = [("dmar.dma-fault", "0000:42:00.0"), ("pci.not-ready-timeout", "0000:41:00.0"),
          ("nvrm.fallen-off", "0000:43:00.0"), ("qemu.stuck-d3", None)]
with tempfile.TemporaryDirectory() as top:
    os.chdir(top)

    # the journal's own files: as a file, in a bundle, as a journal with its boots
    os.makedirs("var/log/journal/0123")
    with lzma.open(f"{DATA}/journal/system.journal.xz") as f, \
            open("var/log/journal/0123/system.journal", "wb") as out:
        out.write(f.read())
    journal = "var/log/journal/0123"
    if b"no libsystemd" in scan("--journal", journal).stderr:
        scan("--journal", code=3)
        scan(journal + "/system.journal", code=3)
    else:
        expect("a file", found(journal + "/system.journal"), BOOT_1 + BOOT_2)
        expect("a directory of logs", found("var"), BOOT_1 + BOOT_2)
        expect("a journal", found("--journal", journal), BOOT_1 + BOOT_2)
        for n, want in (("0", BOOT_2), ("-1", BOOT_1), ("1", BOOT_1), ("2", BOOT_2)):
            expect(f"boot {n}", found("--journal", journal, "-b", n), want)
        for n in ("-2", "3"):
            p = scan("--journal", journal, "-b", n, code=3)
            expect(f"boot {n}", b"holds no boot" in p.stderr, True)
        rows = [json.loads(row) for row in
                scan("--lines", "--journal", journal, "-b", "0", code=1).stdout.splitlines()]
        expect("lines", [(row["line_no"], row["id"]) for row in rows],
               [(1, "none"), (2, "dmar.dma-fault"), (3, "pci.not-ready-timeout"), (4, "none"),
                (5, "nvrm.fallen-off"), (6, "qemu.stuck-d3")])
        expect("since", found("--since", "2026-05-28 21:00", "--journal", journal), BOOT_2)
        out = json.loads(scan("--format", "json", "--journal", journal, "-b", "0").stdout)
        expect("times", [(i["first"], i["first_usec"]) for i in out["incidents"]][:2],
               [("2026-05-28T21:26:49.000Z", 9000000), ("2026-05-28T21:26:49.500Z", 9500000)])
        with open("damaged.journal", "wb") as f:
            f.write(b"LPKSHHRH" + bytes(4000))
        p = scan("damaged.journal", code=3)
        expect("damaged", b"journalctl --verify" in p.stderr, True)
        scan("--journal", "/nonexistent", code=3)
        with open(journal + "/system.journal", "rb") as f:
            p = scan("-", code=3, text=f.read())
        expect("a pipe", b"name the file itself" in p.stderr, True)
    for args in (["--journal", "-b", "x"], ["-b", "1", "log"], ["--journal", "--kmsg"],
                 ["--journal", "a", "b"], ["--follow", "a", "b"], ["--follow", "--format", "json"],
                 ["--since", "soon", "-"], ["--since", "", "-"], ["--lines", "--since", "now", "-"]):
        scan(*args, code=2, text=b"")

    # --since, by the wall clock and by the time since the boot
    with open("syslog", "w") as f:
        f.write(f"2026-05-28T20:00:00Z host kernel: [  100.000001] {DMAR}\n"
                f"2026-05-28T22:00:00+02:00 host kernel: [  200.000001] {FLR}\n"
                f"2026-05-28T21:00:00Z host kernel: [  300.000001] {RECOVERY}\n")
    three = [("dmar.dma-fault", "0000:42:00.0"), ("pci.not-ready-timeout", "0000:41:00.0"),
             ("aer.recovery-failed", "0000:64:01.0")]
    for since, want in (("2026-05-28 19:59", three), ("2026-05-28 20:00:01", three[2:]),
                        ("2026-05-28T22:59:00+02:00", three[2:]), ("2026-05-28", three),
                        ("200", three[1:]), ("200.000002", three[2:]), ("0", three)):
        expect(f"since {since}", found("--since", since, "syslog"), want)
    for since in ("now", "yesterday", "-1h", "2 hours ago", "1h30m ago"):
        expect(f"since {since}", found("--since", since, "syslog", code=0), [])
    now = time.strftime("%b %e %H:%M:%S", time.gmtime(time.time() - 600))
    recent = f"{now} host kernel: {FLR}\n".encode()
    for since, n in (("-20min", 1), ("1 hour ago", 1), ("5 minutes ago", 0), ("-1m", 0)):
        expect(f"since {since}", len(found("--since", since, "-", code=n, text=recent)), n)
    # a log that does not know is not thinned out, and says so
    p = scan("--since", "-1h", "-", code=1, text=f"[  1.000001] {FLR}\n".encode())
    expect("no day", b"does not tell the day" in p.stderr, True)
    p = scan("--since", "5", "-", code=1, text=f"May 28 20:00:00 host kernel: {FLR}\n".encode())
    expect("no uptime", b"does not tell the time since the boot" in p.stderr, True)
    # a line without a time is as old as the one before it
    text = f"[  1.000001] x\n{FLR}\n[  9.000001] y\n{RECOVERY}\n".encode()
    expect("as old", found("--since", "5", "-", text=text), three[2:])

    # a pipe: told at once, again when it is another, and doubled
    r, w = os.pipe()
    f = Follower("-", stdin=r)
    os.close(r)
    os.write(w, f"[ 1.000001] {DMAR}\n[ 2.000001] vfio-pci 0000:41:00.0: not ready".encode())
    f.until("dmar.dma-fault 0000:42:00.0")
    os.write(w, b" 1023ms after FLR; waiting\n")
    f.until("pci.not-ready-wait 0000:41:00.0")
    os.write(w, f"[ 3.000001] {FLR}\n".encode())
    f.until("pci.not-ready-timeout 0000:41:00.0")
    os.write(w, f"[ 4.000001] {DMAR}\n".encode())
    f.until("dmar.dma-fault 0000:42:00.0, 2 times")
    os.write(w, f"[ 5.000001] {DMAR}\n".encode())
    os.close(w)
    rest = f.end(None, 1)
    expect("the last count", "dmar.dma-fault 0000:42:00.0, 3 times" in rest, True)
    expect("the sum", "2 incidents in 5 lines, the worst is fatal" in rest, True)

    # a file, not there yet, then rotated
    f = Follower("--format", "jsonl", "grows.log")
    with open("grows.log", "w") as g:
        g.write(f"[ 1.000001] {DMAR}\n")
    one = json.loads(f.line())
    expect("jsonl", (one["id"], one["no"], one["first_line"]), ("dmar.dma-fault", 1, 1))
    os.rename("grows.log", "grows.log.1")
    with open("grows.log", "w") as g:
        g.write(f"[ 1.500001] {DMAR}\n[ 2.000001] {RECOVERY}\n")
    two = [json.loads(f.line()), json.loads(f.line())]
    expect("rotated", sorted((i["no"], i["id"], i["count"]) for i in two),
           [(1, "dmar.dma-fault", 2), (2, "aer.recovery-failed", 1)])
    f.end(signal.SIGTERM, 1)
    f = Follower("--lines", "grows.log")
    expect("lines", [json.loads(f.line())["line_no"] for i in range(2)], [1, 2])
    f.end(signal.SIGINT, 1)
    f = Follower("--since", "now", "-", stdin=subprocess.DEVNULL)
    f.end(None, 0)

    # the kernel's own log: what was there, then what comes
    if os.access("/dev/kmsg", os.R_OK | os.W_OK):
        f = Follower("--lines", "--kmsg")
        before = int(json.loads(f.line())["line_no"])
        with open("/dev/kmsg", "w") as g:
            g.write(f"<6>vfio-stress test of scan {os.getpid()}\n")
        expect("kmsg", int(json.loads(f.line())["line_no"]) > before, True)
        f.p.send_signal(signal.SIGINT)
        f.p.communicate(timeout=30)
        expect("kmsg: exit", f.p.returncode in (0, 1), True)
        p = scan("--self-test", code=0)
        expect("marker", b"written to /dev/kmsg and read back after" in p.stdout, True)
        # an empty root has no injector, whatever this machine has
        p = scan("--self-test", "--inject", "--device", "0000:41:00.0", "--root", top, code=3)
        expect("no injector", b"modprobe aer_inject" in p.stderr, True)
        expect("the marker was seen", b"read back" in p.stdout, True)
        expect("proved", b"proved" in p.stdout, False)

sys.exit(bad > 0)
