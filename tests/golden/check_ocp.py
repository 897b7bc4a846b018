#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_ocp.py DIRECTORY|FILE...: every *.ocp.expected there is OCP Test & Validation Output 2.0: each line valid
against the schema, and all of them in the order and with the references that the specification wants: the version
first, numbers without a gap, times that do not go back, steps and series that begin before and end after all that
belongs to them, counts and indexes that fit, ids that were introduced, and a result that fits the diagnoses.
Each rule has a broken file that must not pass. A file without an end is one of a run that goes on.
Exits 77 (skipped) when python3-jsonschema is not installed."""

import copy
import glob
import json
import os
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

SCHEMA = os.path.join(os.path.dirname(__file__), "../schema/ocp-2.0.schema.json")
COMPARE = {
    "EQUAL": lambda a, b: a == b,
    "NOT_EQUAL": lambda a, b: a != b,
    "LESS_THAN": lambda a, b: a < b,
    "LESS_THAN_OR_EQUAL": lambda a, b: a <= b,
    "GREATER_THAN": lambda a, b: a > b,
    "GREATER_THAN_OR_EQUAL": lambda a, b: a >= b,
}


class Wrong(Exception):
    pass


def must(good, what):
    if not good:
        raise Wrong(what)


class Output:
    """What the lines so far have said."""

    def __init__(self, validator):
        self.validator = validator
        self.next, self.time = 0, ""
        self.begun = self.ended = False
        self.steps, self.series, self.hardware = {}, {}, set()
        self.types, self.errors, self.violations = [], 0, 0

    def line(self, artifact):
        error = next(self.validator.iter_errors(artifact), None)
        must(error is None, f"schema: {error and error.json_path}: {error and error.message}")
        must(artifact["sequenceNumber"] == self.next, f"sequenceNumber is not {self.next}")
        must(artifact["timestamp"] >= self.time, "the time goes back")
        must(("schemaVersion" in artifact) == (self.next == 0), "the version is first, and once")
        must(not self.ended, "there is something behind the end")
        self.next, self.time = self.next + 1, artifact["timestamp"]
        for kind, content in artifact.get("testRunArtifact", {}).items():
            getattr(self, "run_" + kind)(content)
        if "testStepArtifact" in artifact:
            self.step(**artifact["testStepArtifact"])

    def run_testRunStart(self, start):
        must(not self.begun and self.next == 2, "the run begins once, right after the version")
        self.begun = True
        infos = [row["hardwareInfoId"] for row in start["dutInfo"].get("hardwareInfos", [])]
        must(len(set(infos)) == len(infos), "a hardwareInfoId twice")
        self.hardware = set(infos)

    def run_testRunEnd(self, end):
        must(self.begun, "an end without a beginning")
        must(all(ended for ended in self.steps.values()), "a step has not ended")
        must(end["result"] != "PASS" or ("FAIL" not in self.types and not self.errors), "PASS, with a failure or error")
        must(end["result"] != "PASS" or not self.violations, "PASS, against a validator")
        must(end["result"] != "FAIL" or "FAIL" in self.types, "FAIL, without a diagnosis that says so")
        self.ended = True

    def run_log(self, _):
        must(self.begun, "a log before the run")

    def run_error(self, _):
        must(self.begun, "an error before the run")
        self.errors += 1

    def step(self, testStepId, **artifact):
        (kind, content), = artifact.items()
        must(self.begun, "a step outside the run")
        if kind == "testStepStart":
            must(testStepId not in self.steps, "a testStepId twice")
            self.steps[testStepId] = False
            return
        must(self.steps.get(testStepId) is False, "a step that does not run")
        must(content.get("hardwareInfoId", None) in self.hardware | {None}, "unknown hardwareInfoId")
        if kind.startswith("measurementSeries"):
            self.in_series(kind, testStepId, content)
        elif kind == "measurement":
            for row in content.get("validators", []):
                must(type(row["value"]) is type(content["value"]), "a validator of another type")
                must(row["type"] in COMPARE, "a validator that is not known here")
                self.violations += not COMPARE[row["type"]](content["value"], row["value"])
        elif kind == "diagnosis":
            self.types.append(content["type"])
        elif kind == "error":
            self.errors += 1
        elif kind == "testStepEnd":
            open_ones = [s for s in self.series.values() if s["step"] == testStepId and not s["ended"]]
            must(not open_ones, "a step ends before its series")
            self.steps[testStepId] = True

    def in_series(self, kind, step, content):
        name = content["measurementSeriesId"]
        if kind == "measurementSeriesStart":
            must(name not in self.series, "a measurementSeriesId twice")
            self.series[name] = {"step": step, "indexes": set(), "ended": False}
            return
        series = self.series.get(name)
        must(series and series["step"] == step and not series["ended"], "a series that does not run")
        if kind == "measurementSeriesElement":
            must(content["index"] == len(series["indexes"]), "an index is left out")
            series["indexes"].add(content["index"])
        else:
            must(content["totalCount"] == len(series["indexes"]), "totalCount")
            series["ended"] = True


def check(lines, validator, whole=None):
    output = Output(validator)
    for number, line in enumerate(lines, 1):
        try:
            output.line(line)
        except Wrong as wrong:
            raise Wrong(f"{number}: {wrong}") from None
    must(whole is None or output.ended == whole, "it has an end" if output.ended else "it has no end")
    return output


def read(path):
    with open(path, "rb") as file:
        text = file.read().decode("utf-8")
    must(text.endswith("\n"), "the last line does not end")
    return [json.loads(line) for line in text[:-1].split("\n")]


def mutants(lines):
    """Each breaks one rule, wherever the output has something to break it with."""
    def find(kind):
        for i, line in enumerate(lines):
            if kind in line.get("testStepArtifact", {}) or kind in line.get("testRunArtifact", {}):
                return i
        return None

    def renumbered(rows):
        return [row | {"sequenceNumber": i} for i, row in enumerate(rows)]

    def without(kind):
        i = find(kind)
        return None if i is None else renumbered(lines[:i] + lines[i + 1:])

    def with_(i, edit):
        if i is None:
            return None
        rows = copy.deepcopy(lines)
        edit(rows[i])
        return rows

    for kind in ("testRunStart", "testStepStart", "testStepEnd", "measurementSeriesStart", "measurementSeriesEnd",
                 "measurementSeriesElement"):
        yield f"without {kind}", without(kind)
    yield "a gap", lines[:3] + lines[4:]
    yield "no version", renumbered(lines[1:])
    yield "twice", renumbered(lines[:3] + [lines[2]] + lines[3:])
    yield "after the end", renumbered(lines + [lines[-2]])
    yield "no zone", with_(2, lambda row: row.update(timestamp=row["timestamp"].rstrip("Z")))
    yield "back in time", with_(2, lambda row: row.update(timestamp="1999-01-01T00:00:00Z"))
    yield "null", with_(find("log"), lambda row: row["testStepArtifact"]["log"].update(message=None))
    yield "surplus", with_(find("log"), lambda row: row["testStepArtifact"]["log"].update(x=1))
    yield "unknown device", with_(find("measurementSeriesStart"), lambda row: row["testStepArtifact"][
        "measurementSeriesStart"].update(hardwareInfoId="nope"))
    yield "list in a validator", with_(find("measurement"), lambda row: row["testStepArtifact"]["measurement"].update(
        validators=[{"type": "IN_SET", "value": [1]}]))
    yield "count", with_(find("measurementSeriesEnd"), lambda row: row["testStepArtifact"]["measurementSeriesEnd"].update(
        totalCount=10**6))
    yield "a result that does not fit", with_(find("testRunEnd"), lambda row: row["testRunArtifact"]["testRunEnd"].update(
        status="ERROR", result="PASS"))


def check_mutants(path, lines, validator):
    for name, rows in mutants(lines):
        try:
            check(rows, validator) if rows is not None else must(False, "")
        except Wrong:
            continue
        raise Wrong(f"still good: {name}")


def main():
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    paths = sys.argv[1:]
    if len(paths) == 1 and os.path.isdir(paths[0]):
        paths = sorted(glob.glob(paths[0] + "/*.ocp.expected"))
    if not paths:
        raise SystemExit(f"no reports in {sys.argv[1]}")
    for path in paths:
        try:
            lines = read(path)
            output = check(lines, validator, whole="running" not in os.path.basename(path))
            if output.ended and len(lines) < 400:
                check_mutants(path, lines, validator)
        except Wrong as wrong:
            raise SystemExit(f"{path}: {wrong}") from None
    print(f"{len(paths)} reports valid")


if __name__ == "__main__":
    main()
