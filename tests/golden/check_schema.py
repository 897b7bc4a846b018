#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_schema.py SCHEMA DIRECTORY: every *.json.expected there is valid against the JSON Schema, and the schema
is strict: a report from which any one member is taken away, or to which one is added, is not. Of an object whose
members depend on what is told (a message's decoded parts), those that are required, and one of a wrong type.
Exits 77 (skipped) when python3-jsonschema is not installed."""

import copy
import functools
import glob
import json
import operator
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"duplicate member in {keys}")
    return dict(pairs)


def load(path):
    with open(path, "rb") as f:
        return json.loads(f.read().decode("utf-8"), object_pairs_hook=no_duplicates)


def objects(node, path=()):
    """Every object of the tree."""
    if isinstance(node, dict):
        yield path
        for key, value in node.items():
            yield from objects(value, path + (key,))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from objects(value, path + (i,))


def at(node, path):
    for key in path:
        node = node[key]
    return node


def resolved(root, schema):
    """Behind references, and what an object must be where null may stand too."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = functools.reduce(operator.getitem, schema["$ref"].split("/")[1:], root)
        else:
            rows = [resolved(root, row) for row in schema["anyOf"]]
            schema = next((row for row in rows if "properties" in row), {})
    return schema


def schema_at(root, path):
    schema = root
    for key in path:
        schema = resolved(root, schema)
        schema = schema["items"] if isinstance(key, int) else schema["properties"][key]
    return resolved(root, schema)


def check_strict(validator, name, report):
    mutants = 0
    for path in objects(report):
        schema = schema_at(validator.schema, path)
        closed = schema.get("additionalProperties") is False
        for key in (list(at(report, path)) if closed else schema.get("required", [])) + ["surplus"]:
            mutant = copy.deepcopy(report)
            if key == "surplus":
                at(mutant, path)[key] = {"wrong": 1}
            else:
                del at(mutant, path)[key]
            mutants += 1
            if validator.is_valid(mutant):
                raise SystemExit(f"{name}: still valid with {key!r} changed in {path}")
    return mutants


def thin(report):
    """The first row of each list is as good as all of them."""
    if isinstance(report, dict):
        return {k: thin(v) for k, v in report.items()}
    if isinstance(report, list):
        return [thin(v) for v in report[:1]]
    return report


def main():
    schema = load(sys.argv[1])
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    mutants = 0
    paths = sorted(glob.glob(sys.argv[2] + "/*.json.expected"))
    if not paths:
        raise SystemExit(f"no reports in {sys.argv[2]}")
    for path in paths:
        report = load(path)
        for error in validator.iter_errors(report):
            raise SystemExit(f"{path}: {error.json_path}: {error.message}")
        mutants += check_strict(validator, path, thin(report))
    print(f"{len(paths)} reports valid, {mutants} mutants refused")


if __name__ == "__main__":
    main()
