#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_junit.py DIRECTORY: every *.junit.expected there is valid against the schema of Jenkins (xmllint), its counts
are those of its cases, the order and the attributes are also those that Ant's schema wants, no two cases of a suite
have one name (GitLab keeps the first only) and no two properties (Jenkins keeps the last only), and a run that did not pass is not green.
Exits 77 (skipped) when xmllint is not installed."""

import glob
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree

SCHEMA = os.path.join(os.path.dirname(__file__), "../schema/jenkins-junit.xsd")
ORDER = ["properties", "testcase", "system-out", "system-err"]
MARKS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def marked(cases, mark):
    return sum(case.find(mark) is not None for case in cases)


def check_counts(element, cases):
    if int(element.get("tests")) != len(cases):
        return f"{element.get('tests')} tests, {len(cases)} cases"
    for attribute, mark in MARKS.items():
        told = element.get(attribute)
        if told is not None and int(told) != marked(cases, mark):
            return f"{attribute} {told}, {marked(cases, mark)} of them"
    return None


def check_suite(suite, number):
    cases = suite.findall("testcase")
    names = [(case.get("classname"), case.get("name")) for case in cases]
    tags = [ORDER.index(child.tag) for child in suite]
    if suite.get("id") != str(number) or not suite.get("package") or not suite.get("hostname"):
        return "id, package or hostname"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp")):
        return f"timestamp {suite.get('timestamp')}"
    if tags != sorted(tags):
        return "the order of the elements"
    properties = [each.get("name") for each in suite.findall("properties/property")]
    if len(set(properties)) != len(properties):
        return f"two properties of one name: {properties}"
    if len(set(names)) != len(names):
        return f"two cases of one name: {sorted(n for n in names if names.count(n) > 1)[0]}"
    for case in cases:
        if not re.fullmatch(r"\d+\.\d{3}", case.get("time")) or len(case) > 1:
            return f"case {case.get('name')}"
        if len(case) == 1 and case[0].tag != "skipped" and not (case[0].get("type") and case[0].get("message")):
            return f"case {case.get('name')} has no type or message"
    return check_counts(suite, cases)


def check_verdict(root):
    verdict = root[0].find("properties/property[@name='verdict']").get("value")
    cases = root.findall("testsuite/testcase")
    red = marked(cases, "failure") + marked(cases, "error")
    if verdict == "skipped" and not marked(cases, "skipped"):
        return "skipped, and no case is"
    if (verdict in ("fail", "broken", "aborted")) != (red > 0):
        return f"verdict {verdict}, {red} cases are red"
    return None


def check(path):
    root = tree.parse(path).getroot()
    wrong = check_counts(root, root.findall("testsuite/testcase")) or check_verdict(root)
    for number, suite in enumerate(root):
        wrong = wrong or check_suite(suite, number)
    if wrong:
        raise SystemExit(f"{path}: {wrong}")


def main():
    if shutil.which("xmllint") is None:
        print("xmllint (libxml2-utils) is not installed")
        sys.exit(77)
    paths = sorted(glob.glob(sys.argv[1] + "/*.junit.expected"))
    if not paths:
        raise SystemExit(f"no reports in {sys.argv[1]}")
    rc = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", SCHEMA, *paths], stderr=subprocess.PIPE, text=True)
    if rc.returncode != 0:
        raise SystemExit("\n".join(line for line in rc.stderr.splitlines() if not line.endswith(" validates")))
    for path in paths:
        check(path)
    print(f"{len(paths)} reports valid")


if __name__ == "__main__":
    main()
