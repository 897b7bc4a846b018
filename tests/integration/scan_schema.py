#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scan_schema.py PROGRAM DATA SCHEMAS: what `scan --format json` writes is valid against its schema, of every log
in DATA and of hostile text; its incidents have the shape of a run's; and the schema refuses what is wrong.
Exits 77 (skipped) when python3-jsonschema is not installed."""
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

PROGRAM, DATA, SCHEMAS = sys.argv[1:4]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden"))
sys.dont_write_bytecode = True
import check_schema  # noqa: E402
from check_schema import jsonschema  # noqa: E402

scan_schema = check_schema.load(f"{SCHEMAS}/scan-1.schema.json")
run_schema = check_schema.load(f"{SCHEMAS}/run-1.schema.json")
Validator = jsonschema.validators.validator_for(scan_schema)
Validator.check_schema(scan_schema)
validator = Validator(scan_schema)
of_run = run_schema["$defs"]["incident"]
as_in_run = Validator({"$ref": "#/$defs/incident", "$defs": run_schema["$defs"]})
bad = checked = 0


def complain(*words):
    global bad
    bad += 1
    print(*words, file=sys.stderr)


def scan(*args, text=b""):
    p = subprocess.run([PROGRAM, "scan", "--format", "json", *args], input=text,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if p.returncode not in (0, 1):
        complain(f"scan {args}: exit {p.returncode}: {p.stderr[:600]!r}")
    return p.stdout


def check(name, output):
    """One document of strict JSON, valid in itself; each incident but for what only a log has is a run's."""
    global checked
    report = json.loads(output.decode("utf-8"), object_pairs_hook=check_schema.no_duplicates,
                        parse_constant=lambda word: complain(f"{name}: {word} is no JSON"))
    for error in validator.iter_errors(report):
        complain(f"{name}: {error.json_path}: {error.message[:300]}")
    for incident in report["incidents"]:
        checked += 1
        shared = {key: incident[key] for key in of_run["required"]}
        for error in as_in_run.iter_errors(shared):
            complain(f"{name}: {incident['id']} as in a run: {error.json_path}: {error.message[:300]}")
    return report


def labelled(name):
    with open(f"{DATA}/{name}") as f:
        return "".join(json.loads(row)["line"] + "\n" for row in f).encode()


with tempfile.TemporaryDirectory() as top:
    logs = sorted(glob.glob(f"{DATA}/segments/*.txt") + glob.glob(f"{DATA}/reports/*.txt"))
    if not logs:
        complain(f"no logs in {DATA}")
    samples = [check(log, scan(log)) for log in logs]
    samples.append(check("all of them, one after the other", scan(*logs)))
    lines = labelled("lines.jsonl") + labelled("lines-from-formats.jsonl")
    check("every labelled line", scan("-", text=lines))
    check("each with a stamp", scan("-", text=b"".join(
        b"[%5d.000000] " % i + line for i, line in enumerate(lines.splitlines(True)))))
    check("each as a raw record", scan("-", text=b"".join(
        b"4,%d,%d,-;" % (i, i) + line for i, line in enumerate(lines.splitlines(True)))))
    check("each with a day and a time", scan("-", text=b"".join(
        b"2026-05-30T19:39:03.123456+00:00 host kernel: " + line for line in lines.splitlines(True))))

    # hostile: no UTF-8, controls, numbers that no integer holds, times before the boot and after the end of days
    fault = b"vfio-pci 0000:41:00.0: not ready 65535ms after FLR; giving up\n"
    odd = b"pcieport 0000:64:01.0: AER: device recovery failed \xff\xfe\x00\x1b[31m\xed\xa0\x80\"\\ \xe2\x80\xae\n"
    huge = b"9" * 40
    for name, text in (
            ("nothing", b""), ("no UTF-8", odd), ("no end", fault[:-1]),
            ("huge numbers", fault.replace(b"65535", huge) + b"NVRM: Xid (PCI:0000:41:00): " + huge + b", x\n"
             b"NVRM: Xid (PCI:0000:41:00): -79, pid=-1, x\nNVRM: Xid (PCI:0000:41:00): 79, x\n"),
            ("huge stamps", b"[" + huge + b".000000] " + fault + b"[-1.000000] " + odd),
            ("huge sequence", b"3,18446744073709551615,9223372036854775807,-;" + fault),
            ("a gap of nearly all", b"3,1,1,-;" + fault + b"3,18446744073709551615,1,-;" + odd),
            ("days that are none", b"9999-12-31T23:59:59Z host kernel: " + fault
             + b"0000-00-00T00:00:00Z host kernel: " + fault + b"1901-01-01T00:00:00Z host kernel: " + odd)):
        samples.append(check(name, scan("-", text=text)))
    random.seed(3)
    soup = bytearray(lines * 2)
    for _ in range(len(soup) // 50):
        soup[random.randrange(len(soup))] = random.randrange(256)
    check("every line, damaged", scan("-", text=bytes(soup)))
    name = os.path.join(top, "bad\x1b[31m\"name\\")
    with open(name, "wb") as f:
        f.write(fault)
    os.link(name, name + ".1")
    samples.append(check("hostile names", scan(name, name + ".1")))
    samples.append(check("so many that some are left out", scan("-", text=b"".join(
        b"vfio-pci %04x:%02x:00.0: not ready 1023ms after FLR; waiting\n" % (i >> 8, i & 255) for i in range(5000)))))

# what is wrong is refused
mutants = sum(check_schema.check_strict(validator, "a sample", check_schema.thin(s)) for s in samples)
good = check_schema.thin(check("a fault", scan("-", text=b"[    1.000000] " + fault)))
for path, value in (((), []), (("schema",), "vfio-stress/scan/2"), (("incidents",), {}), (("lines",), -1),
                    (("lines",), "1"), (("incidents_omitted",), None),
                    (("incidents", 0, "id"), ""), (("incidents", 0, "severity"), "bad"),
                    (("incidents", 0, "bdf"), "41:00.0"),
                    (("incidents", 0, "count"), 1.5), (("incidents", 0, "first"), "2026-05-30 19:39"),
                    (("incidents", 0, "lane"), "gpu"), (("incidents", 0, "seen_by"), []),
                    (("incidents", 0, "first_line"), 0), (("incidents", 0, "sequence"), [1]),
                    (("incidents", 0, "fields"), []), (("incidents", 0, "kind"), {"a": 1}),
                    (("incidents", 0, "lines", 0, "text"), None)):
    wrong = json.loads(json.dumps(good))
    if path:
        check_schema.at(wrong, path[:-1])[path[-1]] = value
    else:
        wrong = value
    if validator.is_valid(wrong):
        complain(f"still valid with {value!r} at {path}")
print(f"{checked} incidents valid, {mutants} mutants refused")
sys.exit(bad > 0)
