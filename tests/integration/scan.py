#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scan.py PROGRAM DATA: `scan` as a user meets it, on every labelled line and segment of DATA."""
import bz2
import glob
import gzip
import itertools
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
import tempfile

PROGRAM, DATA = sys.argv[1:3]
bad = 0


def complain(*words):
    global bad
    bad += 1
    print(*words, file=sys.stderr)


def scan(*args, text=b"", code=None):
    p = subprocess.run([PROGRAM, "scan", *args], input=text, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60)
    if code is not None and p.returncode != code:
        complain(f"scan {args}: exit {p.returncode}, not {code}: {p.stderr[:600]!r}")
    return p


def expect(what, got, want):
    if got != want:
        complain(f"{what}: {got!r}, not {want!r}")


# every labelled line, all in one go: ids, devices, fields with their types
roles = {}
for name in ("ids.tsv", "ids-more.tsv"):
    with open(f"{DATA}/{name}") as f:
        for row in f:
            columns = row.rstrip("\n").split("\t")
            roles[columns[0]] = columns[2]
total = wrong = 0
for name in ("lines.jsonl", "lines-from-formats.jsonl", "lines-more.jsonl"):
    with open(f"{DATA}/{name}") as f:
        labels = [json.loads(row) for row in f]
    text = "".join(label["line"] + "\n" for label in labels).encode()
    rows = [json.loads(row) for row in scan("--lines", "-", text=text).stdout.splitlines()]
    expect(f"{name}: lines", len(rows), len(labels))
    total += len(labels)
    for no, (label, row) in enumerate(zip(labels, rows), 1):
        expect("members", list(row), ["line_no", "id", "severity", "role", "bdf", "fields"])
        expect("line_no", row["line_no"], no)
        if label["id"] == "none":
            expect(label["line"] + ": alarm", row["severity"] in ("info",), True)
        else:
            expect(label["line"] + ": role", row["role"], roles.get(row["id"]))
        if any(row[key] != label[key] for key in ("id", "bdf", "fields")):
            wrong += 1
            print(f"{name}:{no}: {row} for {label}")
if wrong > 0.005 * total:
    complain(f"{wrong} of {total} lines are wrong")

# each segment: its incidents, with all their parts, and the verdict in the exit code
for path in sorted(glob.glob(f"{DATA}/*/*.expected.json")):
    with open(path) as f:
        want = json.load(f)
    log = path.replace(".expected.json", ".txt")
    severe = any(i["severity"] in ("error", "fatal") for i in want["incidents"])
    out = json.loads(scan("--format", "json", log, code=int(severe)).stdout)
    expect("schema", out["schema"], "vfio-stress/scan/1")
    expect(f"{log}: incidents", len(out["incidents"]), len(want["incidents"]))
    for w in want["incidents"]:
        fits = [g for g in out["incidents"]
                if g["kind"] == w["kind"] and g["first_line"] == w["first_line"]]
        if not fits:
            complain(f"{log}: no {w['kind']} at line {w['first_line']}: {out['incidents']}")
            continue
        for key, value in w.items():
            got = fits[0]["fields"].get(key) if key == "first" else fits[0].get(key)
            if key == "note" or (key == "reporter" and got is None):
                continue
            expect(f"{log}: {w['kind']}: {key}", got, value)
    if "/reports/" in log:
        continue
    rows = [json.loads(row) for row in scan("--lines", log).stdout.splitlines()]
    expect(f"{log}: lines", len(rows), want["lines"])
    if "line_ids" in want:
        expect(f"{log}: ids", [row["id"] for row in rows], want["line_ids"])
    jsonl = [json.loads(row) for row in scan("--format", "jsonl", log).stdout.splitlines()]
    expect(f"{log}: jsonl", jsonl, out["incidents"])

# golden text
golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scan.expected")
shown = ""
os.chdir(f"{DATA}/segments")
for args in (["03-aer-nonfatal-recovery-failed-6.8.txt"], ["24-kmsg-raw-aer.txt"],
             ["13-dmar-storm-6.1.txt", "17-flr-timeout-vfio-6.1.txt"],
             ["--device", "0000:64:01.0", "01-aer-corrected-6.1.txt"],
             ["--min-severity", "fatal", "24-kmsg-raw-aer.txt"], ["22-benign-boot-intel.txt"]):
    p = scan(*args)
    shown += f"$ vfio-stress scan {' '.join(args)}\n{p.stdout.decode()}(exit {p.returncode})\n\n"
if "--update-golden" in sys.argv:
    with open(golden, "w") as f:
        f.write(shown)
with open(golden) as f:
    if f.read() != shown:
        complain(f"the text is not as in {golden}:\n{shown}")

# exit codes
fault = b"[1.0] pcieport 0000:64:01.0: AER: device recovery failed\n"
scan("-", text=b"", code=0)
scan("-", text=b"[1.0] usb 1-1: new device\n", code=0)
scan(text=fault, code=1)
scan("-", "--min-severity", "fatal", text=fault, code=1)
scan("-", "--lines", text=fault, code=1)
scan("-", "--device", "0000:41:00.0", text=fault, code=0)
for args in (["--format", "yaml"], ["--min-severity", "bad"], ["--device", "gpu"], ["--lines", "--format", "json"], ["--kmsg", "a", "b"],
             ["--inject"], ["--inject", "--device", "0000:41:00.0"], ["--self-test", "--inject"],
             ["--self-test", "--device", "0000:41:00.0"], ["--self-test", "-"], ["--self-test", "--journal"],
             ["--self-test", "--kmsg", "a", "b"], ["--self-test", "--format", "json"],
             ["--self-test", "--inject", "--device", "gpu"]):
    scan(*args, code=2)
p = scan("--self-test", "--kmsg", "24-kmsg-raw-aer.txt", code=3)
expect("a saved log proves nothing", b"is not the kernel's own log" in p.stderr, True)
scan("--self-test", "--kmsg", "/nonexistent", code=3)
scan("/nonexistent/log", code=3)
scan("/", code=3)
for magic in (gzip.compress(b"LPKSHHRH\0\0"), b"LPKSHHRH\0\0", "[1.0] x\n".encode("utf-16"),
              b"\x7fELF\2\1\1", b"KDUMP   \1"):
    p = scan("-", text=magic, code=3)
    expect("hint", b"hint: " in p.stderr, True)
p = scan("/nonexistent/log", "22-benign-boot-intel.txt", code=3)
expect("the other file is read all the same", b"no incidents in 26 lines" in p.stdout, True)
scan("/nonexistent/log", "20-xid79-fallen-off.txt", code=1)
p = scan("--lines", "20-xid79-fallen-off.txt", "01-aer-corrected-6.1.txt")
expect("files", sorted({json.loads(row)["file"] for row in p.stdout.splitlines()}),
       ["01-aer-corrected-6.1.txt", "20-xid79-fallen-off.txt"])
p = scan("--kmsg", "24-kmsg-raw-aer.txt", code=1)

# a site's own rules: they find what the catalogue does not, and judge otherwise what it does
site = """rules:
- id: site.riser
  severity: error
  pattern: '^sensor (?<number>\\d+) says (?<celsius>\\d+) C'
  fields: {number: int, celsius: int}
  meaning: The riser is too hot.
  advice: Look at its fan.
  samples: ['riser 0000:41:00.0: sensor 3 says 101 C']
- {id: aer.recovery-failed, severity: warning}
"""
with tempfile.TemporaryDirectory() as tmp:
    rules = f"{tmp}/site.yaml"
    with open(rules, "w") as f:
        f.write(site)
    hot = b"[1.0] riser 0000:41:00.0: sensor 3 says 99 C\n"
    scan("-", text=hot, code=0)
    p = scan("--faults", rules, "--format", "jsonl", "-", text=hot, code=1)
    found = json.loads(p.stdout)
    expect("site", [found["id"], found["bdf"], found["fields"]["celsius"]],
           ["site.riser", "0000:41:00.0", 99])
    scan("--faults", rules, "-", text=fault, code=0)
    with open(rules, "a") as f:
        f.write("- {id: site.x, severity: eror}\n")
    p = scan("--faults", rules, "-", text=fault, code=2)
    expect("place", f"{rules}:10:26: error: unknown severity 'eror'" in p.stderr.decode(), True)
    expect("hint", b"did you mean 'error'?" in p.stderr, True)
scan("--faults", "/nonexistent.yaml", "-", text=fault, code=2)

# compressed, also in several pieces; what is cut off is read as far as it goes, and said
noise = b"".join(b"[1.0] usb 1-1: new device %d\n" % i for i in range(40000))
random.seed(1)
ragged = b"".join(b"[1.0] usb 1-1: %x\n" % random.getrandbits(400) for i in range(4000))


def zstd(text):
    return subprocess.run(["zstd", "-c"], input=text, stdout=subprocess.PIPE, check=True).stdout


packers = [gzip.compress, lzma.compress, bz2.compress]
if shutil.which("zstd"):
    packers.append(zstd)
else:
    print("not tried: logs packed by zstd, which is not installed (package zstd)")
for pack in packers:
    whole = pack(noise) + pack(b"") + pack(fault)
    p = scan("-", "--lines", text=whole, code=1)
    expect(pack.__module__, len(p.stdout.splitlines()), 40001)
    scan("-", text=pack(noise), code=0)
    scan("-", text=pack(b""), code=0)
    broken = pack(ragged)
    for text in (broken[:-9], broken[:len(broken) // 2], whole[:12],
                 broken[:-30] + b"x" * 30, pack(b"")[:-1]):
        p = scan("-", text=text, code=3)
        expect(f"{pack}: why", b"damaged or cut off" in p.stderr, True)
    p = scan("-", text=(pack(fault + ragged) + pack(noise))[:-9], code=1)
    expect(f"{pack}: why", b"damaged or cut off" in p.stderr, True)
# of gzip, which log daemons use, all that is there
p = scan("-", text=gzip.compress(fault + ragged)[:200], code=1)
expect("why", b"damaged or cut off" in p.stderr, True)

# the same fault in every form that people save
text = "vfio-pci 0000:41:00.0: not ready 65535ms after FLR; giving up"
ends = itertools.cycle(["\n", "\r\n", ""])
for form in ("{}", "[  123.456789] {}", "[Wed Apr 15 17:12:31 2026] {}", "[  +0.000011] {}",
             "kern  :warn  : [  123.456789] {}", "<4>[  123.456789] {}", "<4>{}",
             "[  123.456789] [ T125] {}", "[  123.456789][  T125] {}", "[  123.456789][   C12] {}",
             "May 30 19:39:03 host kernel: [  123.456789] {}", "May 30 19:39:03 host kernel: {}",
             "2026-05-30T19:39:03.123456+00:00 host kernel: {}", "[  123.456789] host kernel: {}",
             "4,1200,123456789,-;{}", "4,1200,123456789,-,caller=T125;{}",
             "[Apr15 17:12] {}", "2026-04-15T17:12:31,123456+00:00 {}", "\x1b[32m[  123.456789] \x1b[0m{}",
             "<4>1 2026-05-30T19:39:03.1Z host kernel - - - {}", "host login: [  123.456789] {}",
             "Sat 2026-05-30 19:39:03 UTC host kernel: {}", "> [  123.456789] {}", "(d0) {}",
             'data: {{"_TRANSPORT":"kernel","MESSAGE":"{}"}}', "__CURSOR=s=1\n_TRANSPORT=kernel\nMESSAGE={}\n",
             '{{\n\t"MESSAGE" : "{}",\n\t"_TRANSPORT" : "kernel"\n}}',
             '{{\n "dmesg": [\n {{\n "pri": 4,\n "msg": "{}"\n }}\n ]\n}}',
             "Sat 2026-05-30 19:39:03.123456 UTC [s=1;i=2;b=3;m=4;t=5;x=6]\n    MESSAGE={}"):
    end = next(ends)
    p = scan("-", "--format", "json", text=(form.format(text) + end).encode(), code=1)
    found = [(i["id"], i["bdf"]) for i in json.loads(p.stdout)["incidents"]]
    expect(form, found, [("pci.not-ready-timeout", "0000:41:00.0")])
scan("-", text=b"12,1200,123456789,-;" + text.encode() + b"\n", code=0)
scan("-", text=b"[  123.456789] host mytool[4]: " + text.encode() + b"\n", code=0)
scan("-", text=b"May 30 19:39:03 host mytool[4]: " + text.encode() + b"\n", code=0)

# wrapped by a mail program, also behind the lines of a large log that are passed over
torn = (b"[  123.456789] DMAR: [DMA Read NO_PASID] Request device [41:00.0] fault addr\n"
        b"0x98000000 [fault reason 0x06] PTE Read access is not set\n")
calm = b"".join(b"[  %d.000000] usb 1-%d: new high-speed USB device number 4 using xhci_hcd\n" %
                (i, i % 9) for i in range(9000))
for log in (torn, calm + torn, torn + calm, calm + torn + calm + torn + calm):
    p = scan("-", text=log, code=1)
    n = log.count(b"DMAR")
    found = json.loads(scan("-", "--format", "json", text=log, code=1).stdout)["incidents"]
    expect("torn", [(i["id"], i["bdf"], i["count"]) for i in found],
           [("dmar.dma-fault", "0000:41:00.0", n)] if n == 1 or len(found) == 1 else
           [("dmar.dma-fault", "0000:41:00.0", 1)] * n)
    expect("torn lines are told of", b"%d line%s had been wrapped" % (n, b"s" * (n > 1)) in p.stdout,
           True)
expect("a torn line by line", [json.loads(row)["id"] for row in
                               scan("--lines", "-", text=torn).stdout.splitlines()], ["none", "none"])

# hostile text: no line is left out, nothing reaches a terminal, nothing is too long
hostile = [b"\x1b[2J\x1b]0;owned\x07 pcieport 0000:64:01.0: AER: device recovery failed",
           b"pcieport 0000:64:01.0: AER: device recovery failed\x1b[31m\xff\xfe\xc2\x9b31m",
           b"\0\0\0", b"", b"\xff" * 300, b"A" * 65536, b"A" * 65537, b"B" * 1000000, b"[" * 5000,
           b"\r", b"4,1200,;", b"9" * 4000, b" DEVICE=+pci:0000:64:01.0", b"%s%n%s",
           b"\xe2\x80\xaepcieport 0000:64:01.0: AER: device recovery failed"]
with tempfile.TemporaryDirectory() as d:
    name = os.path.join(d, "bad\x1b[31mname")
    with open(name, "wb") as f:
        f.write(b"\n".join(hostile) + b"\n")
    rows = [json.loads(row) for row in scan("--lines", name).stdout.splitlines()]
    expect("hostile lines", [row["line_no"] for row in rows], list(range(1, len(hostile) + 1)))
    p = scan(name, "22-benign-boot-intel.txt")
    expect("escapes", [c for c in p.stdout if c < 32 and c != 10], [])
    p.stdout.decode()
    scan("--format", "json", name)
    with open(name, "wb") as f:
        f.write(os.urandom(2 << 20))
    scan("--lines", name)

# so many incidents that not all are kept: the worst are
many = b"".join(b"vfio-pci %04x:%02x:00.0: not ready 1023ms after FLR; waiting\n" % (i >> 8, i & 255)
                for i in range(5000)) + fault
out = json.loads(scan("-", "--format", "json", text=many, code=1).stdout)
expect("what is kept", len(out["incidents"]), 4096)
expect("omitted", out["incidents_omitted"], 905)
expect("the worst", "0000:64:01.0" in [i["bdf"] for i in out["incidents"]], True)

sys.exit(bad > 0)
