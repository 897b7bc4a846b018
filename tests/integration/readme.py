#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""readme.py PROGRAM FAKEHOST TOP: every command of README.md does what it is shown for.

The commands of its code blocks run as they stand, in their order, each block where the one before
left off; then those in its sentences. They run on a machine made of files with the domain `gpu-vm`
on libvirt's test driver: the vfio-stress and sudo that they find are ours and add what tests need.
Scenarios in it are checked, files that it links to exist."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Not run here, because that is done elsewhere.
ELSEWHERE = {
    "tests/demo": "boots the lab",
    "tests/all": "runs this",
    "tests/setup build": "tests/all begins with tests/setup",
    "tests/setup package": "tests/all begins with tests/setup",
    "cmake --preset release -DBUILD_TESTING=OFF && cmake --build --preset release": "tests/demo builds so",
    "sudo cmake --install build/release --prefix /usr": "integration.package",
    "(cd build/release && cpack -G DEB)": "integration.package",
    "sudo apt install ./build/release/*.deb": "integration.package",
}

# What else than 0 is right here, and why.
CODES = {
    "sudo vfio-stress preflight": {1},  # a machine of files has no /dev/kvm
    "vfio-stress webhook test --url '${env:WEBHOOK_URL}' --body slack": {1},  # nobody listens
    "sudo vfio-stress runs stop": {3},  # none goes on by then
    "sudo vfio-stress compare --baseline": {0, 3},  # of two cycles: as they come
}

DEVICES = """\
0000:00:01.0 secondary=1 driver=pcieport
0000:01:00.0 parent=0000:00:01.0 driver=vfio-pci group=11 methods=flr,bus class=030000
"""

DOMAINS = """<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
<test:runstate>5</test:runstate><name>gpu-vm</name><memory unit='MiB'>512</memory><vcpu>1</vcpu>
<os><type>hvm</type></os><devices><hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source></hostdev></devices>
</domain></node>"""

# Which options make a command see the machine of files.
SEAMS = """#!/bin/bash
seams=()
case $1 in
run | check | preflight | devices | snapshot) seams+=(--root {dir}/machine) ;;
esac
case $1 in
run) seams+=(--kmsg {dir}/kmsg) ;;
esac
case $1 in
run | runs | report | resume | undo | watch | compare) seams+=(--db {dir}/runs.db) ;;
esac
exec {program} "$1" "${{seams[@]}}" "${{@:2}}"
"""

CLEAN_LOG = "[    0.500000] pci 0000:01:00.0: enabling Extended Tags\n"

failures = []


def wrong(text):
    print(f"WRONG: {text}", file=sys.stderr)
    failures.append(text)


class Machine:
    def __init__(self, program, fakehost, top):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vfio-stress-readme."))
        self.scenarios = self.dir / "scenarios"
        self.cwd = self.dir / "home"
        for name in ("bin", "home", "scenarios"):
            (self.dir / name).mkdir()
        self.script("vfio-stress", SEAMS.format(dir=self.dir, program=program))
        self.script("sudo", '#!/bin/sh\nexec "$@"\n')
        self.script("journalctl", f"#!/bin/sh\nprintf '{CLEAN_LOG}'\n")
        for place in ("home", "scenarios"):
            (self.dir / place / "dmesg.txt").write_text(CLEAN_LOG)
        (self.dir / "node.xml").write_text(DOMAINS)
        for file in (top / "scenarios").glob("*.yaml"):
            self.take(file.read_text(), self.scenarios / file.name)
        os.mkfifo(self.dir / "kmsg")
        self.kmsg = os.open(self.dir / "kmsg", os.O_RDWR)
        self.kernel = subprocess.Popen([fakehost, self.dir / "machine"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.kernel.stdin.write(DEVICES)
        self.kernel.stdin.close()
        assert self.kernel.stdout.readline() == "ready\n"
        self.env = dict(os.environ, PATH=f"{self.dir}/bin:{os.environ['PATH']}", NO_COLOR="1",
                        XDG_STATE_HOME=str(self.dir / "state"), HOME=str(self.cwd),
                        WEBHOOK_URL="https://127.0.0.1:1/", WEBHOOK_SECRET="x")

    def script(self, name, text):
        path = self.dir / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def take(self, text, path):
        """A scenario on the test driver, which has no QEMU to kill, and shorter than a night."""
        text = text.replace("version: 1\n", f"version: 1\nconnect: test://{self.dir}/node.xml\n", 1)
        text = text.replace("- kill\n", "- destroy\n")
        text = re.sub(r"until: \{.*\}", "until: {cycles: 2}", text)
        path.write_text(re.sub(r"(settle|hold|suspend): \w+", r"\1: 10ms", text))

    def run(self, command):
        """In a shell where the last one was left; gives its exit code and output."""
        command = command.replace("/usr/share/vfio-stress/scenarios", str(self.scenarios))
        told = subprocess.run(["bash", "-c", f"{command}\ncode=$?; pwd >{self.dir}/pwd; exit $code"],
                              cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.cwd = (self.dir / "pwd").read_text().strip()
        return told.returncode, told.stdout

    def close(self):
        self.kernel.terminate()
        self.kernel.wait()
        os.close(self.kmsg)
        shutil.rmtree(self.dir)


def blocks(text):
    """(language, body) of each fenced code block; also those that are indented, in lists."""
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.M | re.S):
        yield found[2], re.sub(rf"^{found[1]}", "", found[3], flags=re.M)


def commands(body):
    """The commands of a block without a language; none, when it is something's output."""
    for line in re.sub(r"\\\n\s*", "", body).splitlines():
        line = re.sub(r"\s+# .*", "", line).strip()
        if re.match(r"(sudo |cd |tests/|cmake |vfio-stress |journalctl |git )", line):
            yield line


def inside(text):
    """Commands within sentences: `vfio-stress scan dmesg.txt`, but not `vfio-stress` or `run`."""
    prose = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)
    for span in re.findall(r"`([^`\n]+)`", prose):
        if re.match(r"(sudo )?vfio-stress \w+|\(?cd |tests/\w+( |$)|sudo apt", span):
            yield span


def inside_script(body):
    """Those of a CI job, or sent to another host: all before what catches their exit code."""
    return re.findall(r"(?:- |ssh host )(vfio-stress .*?)(?: \|\| .*)?$", body, re.M)


def links(text, top):
    for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
        path = target[0] or target[1]
        if "://" not in path and not (top / path).exists():
            wrong(f"README.md links to {path}, which is not there")


def try_command(machine, command, left):
    if command in ELSEWHERE:
        left.discard(command)
        return
    left.discard(command)
    code, output = machine.run(command)
    if code not in CODES.get(command, {0}):
        wrong(f"`{command}` ends with {code}:\n{output}")


def main():
    program, fakehost, top = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    text = (top / "README.md").read_text()
    machine = Machine(program, fakehost, top)
    left = set(ELSEWHERE) | set(CODES)
    tried = 0
    try:
        for language, body in blocks(text):
            if language == "yaml" and body.startswith("version:"):
                scenario = machine.dir / "home/readme.yaml"
                machine.take(body, scenario)
                try_command(machine, f"vfio-stress check {scenario}", left)
                continue
            for command in commands(body) if language == "" else inside_script(body):
                try_command(machine, command, left)
                tried += 1
        for command in inside(text):
            try_command(machine, command, left)
            tried += 1
        links(text, top)
        for command in left:
            wrong(f"README.md no longer has `{command}`")
        if tried < 20:
            wrong(f"only {tried} commands found")
        print(f"{tried} commands")
    finally:
        machine.close()
    return 1 if failures else 0


sys.exit(main())
