#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py PROGRAM SOURCES: `list schema` and the parser agree on scenarios: those that are shipped, those of
tests/golden/scenario, the cases of schema_cases.yaml. The schema refuses nothing that the parser accepts; what it
cannot see is listed, with the reason. Exits 77 (skipped) without python3-jsonschema or python3-yaml."""

import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"{missing.name} is not installed")
    sys.exit(77)

PROGRAM, SOURCES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
BASE = {"version": "1", "name": "t", "lanes": "[{domain: vm, ready: agent, devices: [class:gpu]}]", "steps": "[start, destroy]",
        "connect": "test:///default"}
# Of the files that the parser refuses, those that the schema does not.
UNSEEN_FILES = {
    "order.yaml": "it does not follow the domain's power",
    "second-cycle.yaml": "it does not follow the domain's power",
}


class Core(yaml.SafeLoader):
    """YAML 1.2, core schema, as editors read it; a key that stands twice is an error, as in editors."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


for tag, pattern in (("bool", "true|True|TRUE|false|False|FALSE"), ("null", "|~|null|Null|NULL"),
                     ("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
                     ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)
Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value, 0) if not node.value.lstrip("+-0")
                     or node.value[:2] in ("0x", "0o") else int(node.value))


def program(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def objections(text):
    """What an editor would show."""
    try:
        node = yaml.load(text.decode("utf-8"), Core)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [str(error)]
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(node)]


def said_by_parser(path):
    """None: accepted."""
    done = program("check", path)
    if done.returncode not in (0, 2):
        raise SystemExit(f"{path}: check ended with {done.returncode}: {done.stderr}")
    return None if done.returncode == 0 else done.stderr


def scenario_of(case):
    keys = dict(BASE)
    for line in case.split("\n"):
        key, value = line.split(":", 1)
        keys[key] = value.strip()
        if not keys[key] and key in BASE:
            del keys[key]
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def cases():
    """(name, text, is it good, why the schema does not see that it is bad)"""
    with open(f"{HERE}/schema_cases.yaml", encoding="utf-8") as file:
        rows = yaml.load(file, Core)
    for case in rows["good"]:
        yield case, scenario_of(case).encode(), True, None
    for case in rows["bad"]:
        yield case, scenario_of(case).encode(), False, None
    for why, unseen in rows["unseen"].items():
        for case in unseen:
            yield case, scenario_of(case).encode(), False, why


def judge(name, text, path, good, unseen):
    refused, seen = said_by_parser(path), objections(text)
    if good is not None and good != (refused is None):
        return f"{name!r}: the parser {'refuses it: ' + refused if refused else 'accepts it'}"
    if refused is None and seen:
        return f"{name!r}: the schema refuses what the parser accepts: {seen[0]}"
    if refused is not None and not seen and not unseen:
        return f"{name!r}: the schema accepts what the parser refuses: {refused}"
    if refused is not None and seen and unseen:
        return f"{name!r}: the schema refuses it now ({seen[0]}): take it off the list of unseen ones"
    return None


def main():
    jobs, wrong = [], []
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for i, (name, text, good, unseen) in enumerate(cases()):
            path = f"{folder}/{i}.yaml"
            with open(path, "wb") as file:
                file.write(text)
            jobs.append(pool.submit(judge, name, text, path, good, unseen))
        for path in sorted(glob.glob(f"{SOURCES}/scenarios/*.yaml") + glob.glob(f"{SOURCES}/tests/golden/scenario/*.yaml")):
            with open(path, "rb") as file:
                text = file.read()
            good = True if path.startswith(f"{SOURCES}/scenarios/") else None
            unseen = None if good else UNSEEN_FILES.get(os.path.basename(path))
            jobs.append(pool.submit(judge, os.path.relpath(path, SOURCES), text, path, good, unseen))
        wrong = [said for said in (job.result() for job in jobs) if said]
    for said in wrong:
        print(said)
    print(f"{len(jobs)} scenarios, {len(wrong)} disagreements")
    sys.exit(1 if wrong or not jobs else 0)


SCHEMA = json.loads(program("list", "schema").stdout)
jsonschema.Draft7Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
main()
