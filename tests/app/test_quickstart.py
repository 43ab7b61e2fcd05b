"""scripts/quickstart --serve: what it prints works, and when something fails nothing goes on running.

It runs in a folder of its own that looks like the repository: the program is the one that was built already, and what would
install and build does nothing.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess

import pytest
from test_serve import REGULUS, REPOSITORY

# Notes the process before it becomes the program, so that a test finds every one of them.
PROGRAM = """#!/bin/sh
echo $$ >>"{notes}"
[ "$1" != "{fails_at}" ] || exit 1
exec "{regulus}" "$@"
"""


def make_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def end(process_file):
    """Asks every process that is still there to end, and waits for it; says how many were."""
    alive = 0
    for pid in [int(line) for line in process_file.read_text().split()] if process_file.exists() else []:
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([process], [], [], 0)[0]:
                alive += 1
                signal.pidfd_send_signal(process, signal.SIGTERM)
            assert select.select([process], [], [], 30)[0], f"process {pid} did not end"
        finally:
            os.close(process)
    return alive


@pytest.fixture()
def quickstart(tmp_path):
    notes = tmp_path / "processes"

    def run(fails_at=""):
        (tmp_path / "scripts").mkdir()
        shutil.copy(REPOSITORY / "scripts/quickstart", tmp_path / "scripts/quickstart")
        make_program(tmp_path / "scripts/setup", "#!/bin/sh\n")
        make_program(tmp_path / "bin/cmake", "#!/bin/sh\n")
        program = PROGRAM.format(notes=notes, fails_at=fails_at, regulus=pathlib.Path(REGULUS).resolve())
        make_program(tmp_path / "build/release/regulus", program)
        with socket.socket() as spare:
            spare.bind(("127.0.0.1", 0))
            port = spare.getsockname()[1]
        environment = {**os.environ, "REGULUS_PORT": str(port), "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            [tmp_path / "scripts/quickstart", "--serve"], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    yield run, notes
    end(notes)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_lines_work(quickstart):
    run, notes = quickstart
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    token = re.search(r"export TOKEN=(\S+)", done.stdout).group(1)
    lines = re.findall(r"^  (curl .*)$", done.stdout, flags=re.MULTILINE)
    assert len(lines) == 6
    for line in lines:
        # The stream of events has no end.
        seconds = 1 if "/events" in line else 30
        asked = line.replace("curl", f"curl -sS -o /dev/null -w '%{{http_code}}' --max-time {seconds}", 1)
        told = subprocess.run(
            ["bash", "-c", asked], env={**os.environ, "TOKEN": token}, capture_output=True, text=True, timeout=60, check=False
        )
        assert told.stdout == "200", f"{line}\n{told.stdout}{told.stderr}"
    # The line that ends them names the two that still run.
    named = re.search(r"^Stop them with: kill (\d+) (\d+)$", done.stdout, flags=re.MULTILINE).groups()
    assert set(named) <= set(notes.read_text().split())
    assert end(notes) == 2


@pytest.mark.parametrize("fails_at", ["demo", "token"])
def test_nothing_goes_on_running_when_a_step_fails(quickstart, fails_at):
    run, notes = quickstart
    done = run(fails_at)
    assert done.returncode == 1, done.stdout + done.stderr
    for pid in notes.read_text().split():
        try:
            process = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        # Asked to end already; nobody else asks it.
        assert select.select([process], [], [], 30)[0], f"process {pid} goes on running"
        os.close(process)
