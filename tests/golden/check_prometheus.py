#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_prometheus.py DIRECTORY: every *.prometheus.expected there is in the text exposition format 0.0.4, strictly:
each family whole, in one place, with its HELP and TYPE in front; no series twice; names and units by the conventions;
no timestamps, which node_exporter refuses. promtool, when there is one, must agree and have nothing to say."""

import glob
import pathlib
import re
import shutil
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "build/tools"  # tests/fetch-promtool
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})\{{((?:{LABEL})(?:,(?:{LABEL}))*)\}} (-?\d+(?:\.\d+)?)")
SUFFIXES = {"summary": ("", "_sum", "_count"), "gauge": ("",)}


class Family:
    def __init__(self, name, kind):
        self.name, self.kind, self.samples = name, kind, 0

    def fault(self):
        if not self.name.startswith("vfio_stress_"):
            return "no prefix"
        if re.search("(_total|_count|_sum|_bucket|_milliseconds|_ms)$", self.name):
            return "a name that means something else"
        if self.kind not in SUFFIXES:
            return f"type {self.kind}"
        return None


def check_sample(line, family, series):
    match = SAMPLE.fullmatch(line)
    if match is None:
        return "is no sample"
    name, labels = match.group(1), re.findall(LABEL, match.group(2))
    suffix = name[len(family.name):] if name.startswith(family.name) else None
    keys = [key for key, _ in labels]
    if suffix not in SUFFIXES[family.kind]:
        return f"is not of {family.name}"
    if len(set(keys)) != len(keys) or keys[0] != "scenario":
        return "has a label twice, or no scenario"
    if family.kind == "summary" and (suffix == "") != ("quantile" in keys):
        return "has a quantile too many or too few"
    key = (name, tuple(sorted(labels)))
    if key in series:
        return "is there twice"
    series.add(key)
    family.samples += 1
    return None


def check(path):
    with open(path, "rb") as file:
        data = file.read().decode("utf-8")
    families, series, family, helped = set(), set(), None, None
    if not data.endswith("\n"):
        raise SystemExit(f"{path}: the last line does not end")
    for number, line in enumerate(data[:-1].split("\n"), 1):
        wrong = None
        if line.startswith("# HELP "):
            helped = re.fullmatch(rf"# HELP ({NAME}) [^\\]+\.", line)
            wrong = None if helped else "is no help"
        elif line.startswith("# TYPE "):
            kind = re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line)
            if not kind or not helped or kind.group(1) != helped.group(1) or kind.group(1) in families:
                wrong = "does not follow its help, or is there twice"
            else:
                family = Family(*kind.groups())
                families.add(family.name)
                wrong = family.fault()
        else:
            wrong = check_sample(line, family, series) if family else "has no family"
        if wrong:
            raise SystemExit(f"{path}:{number}: {wrong}: {line}")
    return len(series)


def main():
    paths = sorted(glob.glob(sys.argv[1] + "/*.prometheus.expected"))
    if not paths:
        raise SystemExit(f"no reports in {sys.argv[1]}")
    samples = sum(check(path) for path in paths)
    tool = shutil.which("promtool") or shutil.which("promtool", path=TOOLS)
    for path in paths if tool else []:
        with open(path, "rb") as file:
            done = subprocess.run([tool, "check", "metrics"], stdin=file, capture_output=True, text=True)
        if done.returncode != 0 or done.stdout or done.stderr:
            raise SystemExit(f"{path}: promtool: {done.stdout}{done.stderr}")
    if not tool:
        print("not tried: promtool on the reports: it is not there (tests/fetch-promtool gets it)")
    print(f"{len(paths)} reports, {samples} samples valid")


if __name__ == "__main__":
    main()
