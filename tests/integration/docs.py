#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs.py PROGRAM TOP BUILD: what the documents name is there: the targets of links, also within a page, commands,
their options, files of the sources, tests."""

import functools
import pathlib
import re
import subprocess
import sys

PLACES = "cmake|docs|include|packaging|reporters|scenarios|stress|tests"
# --help does not tell of the test seams.
HIDDEN = {"--root", "--kmsg"}
FENCE = re.compile(r"^( *)```\w*\n(.*?)^\1```$", re.M | re.S)

failures = []


def wrong(page, text):
    print(f"WRONG: {page}: {text}", file=sys.stderr)
    failures.append(text)


class Program:
    def __init__(self, path):
        self.path = path
        overview = self.say("--help")
        self.commands = set(re.findall(r"^  (\w+)  ", overview, re.M)) | {"help", "list"}

    def say(self, *words):
        return subprocess.run([self.path, *words], capture_output=True, text=True, check=True).stdout

    @functools.lru_cache(maxsize=None)
    def options(self, command):
        told = re.findall(r"^  (?:-., |    )(--[a-z-]+)", self.say(command, "--help"), re.M)
        return set(told) | HIDDEN | {"--help", "--version"}


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


@functools.lru_cache(maxsize=None)
def anchors(path):
    text = FENCE.sub("", path.read_text())
    return {slug(found) for found in re.findall(r"^#+ (.*)$", text, re.M)}


def links(page, text):
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", FENCE.sub("", text)):
        target = target[0] or target[1]
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        path = (page.parent / path).resolve() if path else page
        if not path.exists():
            wrong(page, f"links to {target}, which is not there")
        elif anchor and anchor not in anchors(path):
            wrong(page, f"links to {target}: that page has no such heading")


def spans(page, text):
    """What stands as code: in sentences, in blocks, in the bold words of scdoc."""
    if page.suffix == ".scd":
        yield from re.findall(r"\*([^*\n]+)\*", text)
        return
    for found in FENCE.finditer(text):
        yield from re.sub(r"\\\n\s*", "", found[2]).splitlines()
    yield from (span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)))


def command_of(span, program):
    """The command of ours that a span shows, and what follows it."""
    for found in re.finditer(r"(?:^|[\s/;&|])vfio-stress (\w+)([^|;&#]*)", span):
        yield found[1], found[2]
    found = re.match(r"(\w+) (--[^|;&#]*)", span)
    if found and found[1] in program.commands:
        yield found[1], found[2]


def commands(page, span, program):
    for command, rest in command_of(span, program):
        if command not in program.commands:
            if not re.search(r"vfio-stress [A-Z]+( |$)", span):
                wrong(page, f"`{span.strip()}`: there is no command {command}")
            continue
        for option in re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest):
            if option not in program.options(command):
                wrong(page, f"`{span.strip()}`: {command} has no {option}")


def alone(page, span, program):
    """An option that stands for itself: some command has it, or a script beside the page."""
    found = re.fullmatch(r"(--[a-z-]+)(?: [A-Z:]+)?", span)
    if not found or any(found[1] in program.options(c) for c in program.commands - {"help"}):
        return
    scripts = [f for f in page.parent.iterdir() if f.is_file() and f != page and page.name == "README.md"]
    if not any(found[1].encode() in f.read_bytes() for f in scripts):
        wrong(page, f"no command has {found[1]}")


def files(page, span, top):
    """WORD.c stands for any such file."""
    found = re.match(rf"(?:\./)?((?:{PLACES})/[\w./-]*\w)(?=\s|$)", span)
    if not found or re.search(r"/[A-Z]+\.[a-z]+$", found[1]):
        return
    if not (top / found[1]).exists() and not (page.parent / found[1]).exists():
        wrong(page, f"`{span.strip()}`: there is no {found[1]}")


def tests(page, span, known):
    found = re.fullmatch(r"((?:unit|golden|integration|lint|fuzz|lab|long|bench)\.[\w.-]+)", span)
    if found and found[1] not in known:
        wrong(page, f"there is no test {found[1]}")


def main():
    top, build = pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
    program = Program(sys.argv[1])
    told = subprocess.run(["ctest", "-N", "--test-dir", build], capture_output=True, text=True, check=True)
    known = set(re.findall(r"Test +#\d+: (\S+)", told.stdout))
    pages = [top / "README.md", top / "CONTRIBUTING.md", top / "tests/lab/README.md",
             *sorted((top / "docs").glob("*.md")), *sorted((top / "packaging/man").glob("*.scd"))]
    seen = 0
    for page in pages:
        text = page.read_text()
        links(page, text)
        for span in spans(page, text):
            commands(page, span, program)
            alone(page, span, program)
            files(page, span, top)
            tests(page, span, known)
            seen += 1
    print(f"{len(pages)} pages, {seen} pieces of code")
    if seen < 1000:
        wrong(top, f"only {seen} pieces of code found")
    return 1 if failures else 0


sys.exit(main())
