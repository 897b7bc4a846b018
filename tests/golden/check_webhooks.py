#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check_webhooks.py MAKE_BODIES SOURCE: what webhooks send, in every form and of every made run: valid by the
receiver's schema, within its size, and nothing that a kernel or a guest printed is markup in it.
Exits 77 (skipped) when python3-jsonschema is not installed."""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata

from check_schema import jsonschema, no_duplicates

MAKE_BODIES, SOURCE = sys.argv[1:3]
JOINER = "\u2060"
KIB = {"teams": 28}
SCHEMAS = {
    "alertmanager": "tests/schema/alertmanager-alerts.schema.json",
    "json": "docs/schema/run-1.schema.json",
    "pagerduty": "tests/schema/pagerduty-event.schema.json",
    "slack": "tests/schema/slack-message.schema.json",
    "teams": "tests/schema/teams-message.schema.json",
}
LIFE = ("started", "alive", "failing", "resumed")


def load(path):
    with open(path, "rb") as f:
        return f.read()


def parse(data):
    return json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)


def validator(form):
    schema = parse(load(os.path.join(SOURCE, SCHEMAS[form])))
    cls = jsonschema.validators.validator_for(schema)
    cls.check_schema(schema)
    return cls(schema)


def texts(node, key=None):
    """Every string with the name of its member."""
    if isinstance(node, str):
        yield key, node
    for k, v in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from texts(v, k if isinstance(k, str) else key)


def objects(node):
    if isinstance(node, dict):
        yield node
    for v in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(v)


def need(condition, what):
    if not condition:
        raise SystemExit(what)


def check_harmless(where, body):
    for _, text in texts(body):
        for c in text:
            need(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"), f"{where}: {text!r}")
            need(unicodedata.bidirectional(c) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
                 f"{where}: {text!r}")


def check_slack(where, body):
    for _, text in texts(body):
        need("<" not in text and ">" not in text, f"{where}: {text!r}")
        need("&" not in text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", ""), f"{where}: {text!r}")
        # what begins and ends a code block is ours, and a pair; outside of it nothing is formatted
        parts = text.split("```")
        need(len(parts) in (1, 3), f"{where}: {text!r}")
        need(not re.search(r"(?<!\u2060)[*_~`]pwn", parts[0] + parts[-1]), f"{where}: {text!r}")


def check_teams(where, body):
    for o in objects(body):
        marked = {"TextBlock": ["text"]}.get(o.get("type"), ["value", "title"] if "value" in o else [])
        for text in [o[k] for k in marked]:
            for i, c in enumerate(text):
                need(c not in "`*_~[]<>#|!@\\/" or text[i - 1] == JOINER, f"{where}: {text!r}")


def check_pagerduty(where, body, what):
    need((body["event_action"] == "resolve") == (what in PASSED), f"{where}: {body['event_action']}")
    need(body["dedup_key"] == KEY, f"{where}: {body['dedup_key']}")


def check_alertmanager(where, body, what):
    alert, = body
    need(alert["labels"] == {"alertname": "VfioStressNotPassed", "instance": "rack7-node3",
                             "scenario": "gpu-qualification", "severity": "critical"}, f"{where}: {alert['labels']}")
    need(alert["startsAt"] <= alert["endsAt"], f"{where}: ends before it begins")
    need((alert["endsAt"] < "2026-11-22") == (what in PASSED), f"{where}: ends {alert['endsAt']}")


KEY = "vfio-stress/rack7-node3/gpu-qualification"
PASSED = ("pass", "tolerated")
UNKNOWN = ("empty", "crowded")  # hosts without a name, or with one that is no name


def check(form, what, data, schema):
    where = f"{form}.{what}"
    need(len(data) <= KIB.get(form, 64) << 10, f"{where}: {len(data)} bytes")
    if form in ("pagerduty", "alertmanager") and what in ("started", "alive"):
        need(data == b"", f"{where}: {data!r}")
        return
    body = parse(data)
    if form == "pagerduty":
        body["routing_key"] = "0123456789abcdef0123456789abcdef"
    if schema and not (form == "json" and what in LIFE) and what != "empty":
        for error in schema.iter_errors(body):
            raise SystemExit(f"{where}: {error.json_path}: {error.message[:300]}")
    if form in ("slack", "teams", "pagerduty", "alertmanager"):
        check_harmless(where, body)
    if form == "slack":
        check_slack(where, body)
    if form == "teams":
        check_teams(where, body)
    if form == "pagerduty" and what not in UNKNOWN:
        check_pagerduty(where, body, what)
    if form == "alertmanager" and what not in UNKNOWN:
        check_alertmanager(where, body, what)
    if what == "huge":
        need(b"pwn1" in data, f"{where}: the hostile text is not in it")
        need(b" more" in data or b"_total" in data or b"does not list everything" in data, f"{where}: says not what it leaves out")


def set_in(path, value):
    def change(body):
        node = body
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value
    return change


def many_blocks(body):
    body["blocks"] = [body["blocks"][1]] * 51


def without(path):
    def change(body):
        node = body
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]
    return change


MUTANTS = {
    "slack": (many_blocks, set_in(("blocks", 0, "text", "text"), "x" * 151), set_in(("blocks", 1, "text", "text"), "x" * 3001),
              set_in(("blocks", 1, "text", "text"), ""), set_in(("blocks", 1, "text", "verbatim"), False),
              without(("blocks", 1, "type")), without(("text",))),
    "teams": (set_in(("attachments", 0, "contentType"), "text/plain"), without(("attachments", 0, "content", "version")),
              set_in(("attachments", 0, "content", "body", 0, "type"), "Text"),
              set_in(("attachments", 0, "content", "body", 0, "color"), "red")),
    "pagerduty": (set_in(("payload", "summary"), "x" * 1025), set_in(("payload", "severity"), "fatal"),
                  set_in(("dedup_key",), "x" * 256), set_in(("event_action",), "alarm"), without(("payload",)),
                  without(("routing_key",))),
    "alertmanager": (without((0, "labels")), set_in((0, "labels", "a-b"), "x"), set_in((0, "labels", "scenario"), ""),
                     set_in((0, "startsAt"), "yesterday"), set_in((0, "annotations", "n"), 1)),
}


def check_mutants(form, data, schema):
    body = parse(data)
    if form == "pagerduty":
        body["routing_key"] = "0123456789abcdef0123456789abcdef"
    for i, mutate in enumerate(MUTANTS.get(form, ())):
        mutant = copy.deepcopy(body)
        mutate(mutant)
        need(not schema.is_valid(mutant), f"{form}: mutant {i} is valid")


def main():
    n = 0
    # stores are synced: not worth a disk
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        subprocess.run([MAKE_BODIES, folder], check=True)
        schemas = {form: validator(form) for form in SCHEMAS}
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".json"):
                continue
            form, what, _ = name.split(".")
            data = load(os.path.join(folder, name))
            check(form, what, data, schemas.get(form))
            if what == "fail" and form in MUTANTS:
                check_mutants(form, data, schemas[form])
            n += 1
    need(n >= 6 * 20, f"only {n} bodies")
    print(f"{n} bodies are valid")


if __name__ == "__main__":
    main()
