#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_bundle.py DIRECTORY PROGRAM: the bundles *.bundle.expected there are what a vendor can use: plain tars with
one folder, in which the JSON is JSON, the kernel log is one that `scan` reads, and nothing is left of what
stored_run.c put there to be taken out."""

import glob
import io
import json
import subprocess
import sys
import tarfile

MEMBERS = ["README.txt", "report.txt", "report.json", "scenario.yaml", "kernel.log", "events.jsonl", "snapshot.json"]
SECRETS = [b"hunter2", b"GPU-9d1e", b"52:54:00", b"1320921004711"]


def must(good, path, what):
    if not good:
        raise SystemExit(f"{path}: {what}")


def check(path, program):
    with open(path, "rb") as file:
        data = file.read()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        infos = tar.getmembers()
        texts = {info.name.rsplit("/", 1)[1]: tar.extractfile(info).read() for info in infos}
    must([info.name for info in infos] == [f"vfio-stress-20261121-040000-7f3a/{m}" for m in MEMBERS], path, "members")
    must(all(info.isreg() and info.mode == 0o644 and not info.uname for info in infos), path, "modes")
    for secret in SECRETS:
        must(secret not in data, path, f"{secret} is in it")
    must(texts["kernel.log"].count(b"removed") == 4, path, "what is removed is not said")
    must(json.loads(texts["report.json"])["schema"] == "vfio-stress/run/1", path, "report.json")
    must(json.loads(texts["snapshot.json"]), path, "snapshot.json")
    kinds = [json.loads(line)["kind"] for line in texts["events.jsonl"].splitlines()]
    must("step-end" in kinds, path, "events.jsonl")
    scan = subprocess.run([program, "scan", "--format", "json", "-"], input=texts["kernel.log"], capture_output=True)
    ids = {row["id"] for row in json.loads(scan.stdout)["incidents"]}
    must(scan.returncode == 1 and any(i.startswith("dmar.") for i in ids), path, f"scan finds {sorted(ids)}")


def main():
    paths = sorted(glob.glob(sys.argv[1] + "/*.bundle.expected"))
    if not paths:
        raise SystemExit(f"no bundles in {sys.argv[1]}")
    for path in paths:
        check(path, sys.argv[2])
    print(f"{len(paths)} bundles are whole, and without secrets")


if __name__ == "__main__":
    main()
