#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scan_bundle.py PROGRAM: `scan` of support bundles: archives, directories, rotated logs."""
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

PROGRAM = sys.argv[1]
bad = 0


def complain(*words):
    global bad
    bad += 1
    print(*words, file=sys.stderr)


def expect(what, got, want):
    if got != want:
        complain(f"{what}: {got!r}, not {want!r}")


def scan(*args, code=None, text=None, env=None):
    p = subprocess.run([PROGRAM, "scan", *args], input=text, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, env=env)
    if code is not None and p.returncode != code:
        complain(f"scan {args}: exit {p.returncode}, not {code}: {p.stderr[:600]!r}")
    return p


def incidents(*args, code=1, text=None):
    return json.loads(scan("--format", "json", *args, code=code, text=text).stdout)["incidents"]


def told(found):
    return [(i["id"], i["bdf"], i["count"], os.path.basename(i["file"]), i["first_line"],
             i["last_line"]) for i in found]


FLR = "vfio-pci 0000:41:00.0: not ready 65535ms after FLR; giving up"
DMAR = "DMAR: [DMA Read NO_PASID] Request device [42:00.0] fault addr 0x{:x}000 [fault reason 0x06] PTE Read access is not set"
XID = "NVRM: Xid (PCI:0000:43:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def syslog(day, uptime, text):
    return f"May {day:2} 10:00:{uptime % 60:02} gpu-07 kernel: [{uptime:5}.000123] {text}\n"


def dmesg(uptime, text):
    return f"[{uptime:5}.000123] {text}\n"


def quiet(n):
    return "".join(dmesg(i, f"usb 1-1: new device {i}") for i in range(n))


older = syslog(1, 100, "usb 1-1: new device") + syslog(1, 200, DMAR.format(1))
newer = syslog(1, 210, DMAR.format(2)) + syslog(1, 220, FLR)
members = {
    "sos/sos_commands/kernel/dmesg": dmesg(1, "Linux version") + dmesg(210, DMAR.format(2)) +
    dmesg(220, FLR) + dmesg(230, XID),
    "sos/var/log/syslog": newer,
    "sos/var/log/syslog.1": older,
    "sos/var/log/syslog.2.gz": gzip.compress(quiet(50).encode()),
    "sos/var/log/libvirt/qemu/gpu-vm.log":
        "2026-05-01 08:00:00.000+0000: starting up libvirt version: 9.0.0\n"
        "2026-05-01T10:00:00.000000Z qemu-system-x86_64: vfio: Unable to power on device, stuck in D3\n",
    "sos/etc/passwd": FLR,
    "sos/var/log/notes.txt": "the operator saw: " + FLR + "\n",
    "sos/var/log/ipmi-sol.txt": dmesg(1, "Linux version") + dmesg(2, "Kernel panic - not syncing: x"),
}
# DMAR's two lines are one storm across the rotation; dmesg's copies are not counted again.
want = {
    ("dmar.dma-fault", "0000:42:00.0"), ("pci.not-ready-timeout", "0000:41:00.0"),
    ("nvrm.fallen-off", "0000:43:00.0"), ("qemu.stuck-d3", None), ("host.panic", None)}


def as_bytes(data):
    return data if isinstance(data, bytes) else data.encode()


def make_tar(mode, contents):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(as_bytes(data))
            info.mtime = int(time.time())
            tar.addfile(info, io.BytesIO(as_bytes(data)))
    return out.getvalue()


def make_zip(contents):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in contents.items():
            z.writestr(name, as_bytes(data))
    return out.getvalue()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(as_bytes(data))


os.environ["TZ"] = "UTC"
with tempfile.TemporaryDirectory() as top:
    os.chdir(top)
    bundles = {"b.tar": make_tar("w", members), "b.tar.gz": make_tar("w:gz", members),
               "b.tar.xz": make_tar("w:xz", members), "b.tbz": make_tar("w:bz2", members),
               "b.zip": make_zip(members),
               "outer.zip": make_zip({"case 17/b.tar.xz": make_tar("w:xz", members)})}
    for name, data in members.items():
        write("dir/" + name, data)
    for name, data in bundles.items():
        write("./" + name, data)
    for name in [*bundles, "dir"]:
        found = incidents(name)
        expect(name, {(i["id"], i["bdf"]) for i in found}, want)
        expect(f"{name}: how many", len(found), len(want))
        storm = [i for i in found if i["id"] == "dmar.dma-fault"]
        expect(f"{name}: the storm", [i["count"] for i in storm], [2])
        where = {os.path.basename(i["file"]) for i in found}
        expect(f"{name}: files", "ipmi-sol.txt" in where and "passwd" not in where, True)
        expect(f"{name}: first", found[0]["file"].startswith(name), True)
        p = scan(name, code=1)
        expect(f"{name}: said", b"told by another log of the bundle too" in p.stdout, True)
        p = scan("--lines", name, code=1)
        rows = [json.loads(row) for row in p.stdout.splitlines()]
        expect(f"{name}: lines", len(rows), 4 + 2 + 2 + 50 + 2 + 2)
        expect(f"{name}: numbers", all("file" in row for row in rows), True)
    for name in ("b.tar.xz", "b.zip", "b.tar.gz"):
        with open(name, "rb") as f:
            expect(name + " piped", len(incidents("-", text=f.read())), len(want))

    # rotated logs that the user names in any order are one log
    os.chdir("dir/sos/var/log")
    for args in (["syslog", "syslog.1", "syslog.2.gz"], ["syslog.2.gz", "syslog.1", "syslog"]):
        expect("rotated", told(incidents(*args)),
               [("dmar.dma-fault", "0000:42:00.0", 2, "syslog.1", 2, 1),
                ("pci.not-ready-timeout", "0000:41:00.0", 1, "syslog", 2, 2)])
        expect("where it ends", incidents(*args)[0]["last_file"], "syslog")
        rows = [json.loads(row) for row in scan("--lines", *args).stdout.splitlines()]
        expect("lines as named", rows[0]["file"], args[0])
    # other files are not
    os.chdir(top)
    write("./host.1", newer)
    write("./host.2", newer)
    expect("not rotated", [i["file"] for i in incidents("host.1", "host.2")],
           ["host.1", "host.1", "host.2", "host.2"])
    # dates in names, and the parts of a dump: pstore has the newest part first
    write("kd/messages", syslog(2, 3, "x"))
    write("kd/messages-20260501.xz", lzma.compress(newer.encode()))
    write("kd/messages-20260424", older)
    expect("dates", [i["count"] for i in incidents("kd")], [2, 1])
    write("ps/dmesg-efi-154740337801001", "Panic#1 Part1\n<4>" + dmesg(9, FLR))
    write("ps/dmesg-efi-154740337802001", "Panic#1 Part2\n<6>" +
          dmesg(8, "vfio-pci 0000:41:00.0: not ready 1023ms after FLR; waiting"))
    expect("pstore", [(i["count"], i["id"]) for i in incidents("ps")],
           [(1, "pci.not-ready-timeout")])

    # several logs in one file: nvidia-bug-report.log, supportconfig
    rule = "____________________________________________\n\n"
    report = rule + dmesg(1, "x") + dmesg(20, XID) + rule + dmesg(1, "x") + dmesg(20, XID) + \
        rule + dmesg(20, DMAR.format(1))
    write("./nvidia-bug-report.log.gz", gzip.compress(report.encode()))
    expect("sections", [i["count"] for i in incidents("nvidia-bug-report.log.gz")], [1, 1])
    # elsewhere a record that comes twice came twice
    write("./twice", dmesg(20, DMAR.format(1)) * 2)
    expect("twice", [i["count"] for i in incidents("twice")], [2])
    expect("named twice", [i["count"] for i in incidents("twice", "twice")], [2, 2])

    # nothing to read, or not all
    os.mkdir("empty")
    write("other/etc/passwd", FLR)
    os.symlink(top + "/dir", "other/link")
    write("./other.tar", make_tar("w", {"etc/passwd": FLR}))
    for name in ("empty", "other", "other.tar", "/"):
        p = scan(name, code=3)
        expect(f"{name}: hint", b"hint: " in p.stderr, True)
    whole = make_tar("w", members)
    for cut in (600, len(whole) // 3, 3000):
        write("./cut.tar", whole[:cut])
        p = scan("cut.tar")
        expect(f"cut at {cut}", (b"damaged or cut off" in p.stderr, p.returncode in (1, 3)),
               (True, True))
    log = make_tar("w", {"dmesg": dmesg(1, FLR) + quiet(20000)})
    write("./cut.tar", log[:len(log) // 2])
    p = scan("cut.tar", code=1)
    expect("the log that is cut", b"damaged or cut off" in p.stderr, True)
    write("./damaged.tar.gz", bundles["b.tar.gz"][:300] + bytes(200) + bundles["b.tar.gz"][500:])
    p = scan("damaged.tar.gz")
    expect("damaged", p.returncode in (1, 3) and b"damaged" in p.stderr, True)
    p = scan("b.tar", code=3, env={"TMPDIR": "/nonexistent", "PATH": "/"})
    expect("no room", b"TMPDIR" in p.stderr, True)
    # one bad log in a directory does not hide the others
    write("part/dmesg", dmesg(1, FLR))
    write("part/kern.log.1.gz", gzip.compress(newer.encode())[:60])
    p = scan("part", code=1)
    expect("part", b"damaged or cut off" in p.stderr, True)

    # hostile: names, types, a bomb
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as t:
        for name in ("../../etc/dmesg", "/abs\x1b[2J/dmesg", "a" * 3000 + "/dmesg", "\xff/dmesg"):
            info = tarfile.TarInfo(name)
            info.size = len(FLR)
            t.addfile(info, io.BytesIO(FLR.encode()))
        for kind, name in ((tarfile.SYMTYPE, "kern.log"), (tarfile.LNKTYPE, "messages"),
                           (tarfile.CHRTYPE, "syslog"), (tarfile.FIFOTYPE, "dmesg.0")):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            t.addfile(info)
        info = tarfile.TarInfo("zeros")
        info.size = 300 << 20
        t.addfile(info, open("/dev/zero", "rb"))
    write("./hostile.tar.xz", tar.getvalue())
    p = scan("hostile.tar.xz", code=1)
    expect("escapes", [c for c in p.stdout + p.stderr if c < 32 and c != 10], [])
    expect("four logs", len(incidents("hostile.tar.xz")), 4)
    deep = make_tar("w", {"dmesg": FLR})
    for i in range(6):
        deep = make_tar("w", {"x.tar": deep})
    write("./deep.tar", deep)
    p = scan("deep.tar", code=3)
    expect("deep", b"archives in archives" in p.stderr, True)
    write("./bomb.gz", gzip.compress(bytes(200 << 20)))
    p = scan("bomb.gz", code=0)

sys.exit(bad > 0)
