"""Runs the commands of README.md as they are written, in order, each a test of its own.

Every line of a ```sh block is a command; a line that ends in a backslash continues. They run in one scratch folder in which
`build`, `scripts` and `benchmarks` lead to the repository, so that what they write under data/ is seen by the next command and does not
touch anybody's data. Left out are the commands that set up and test the repository itself.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 900
# scripts/test is what runs this file; the others change the repository or stay in the foreground.
LEFT_OUT = ("scripts/", "git ", "cd ", "cmake ", "optuna-dashboard", "sudo ", "apt-get ")


def commands_of(page: str) -> list[str]:
    commands = []
    for block in re.findall(r"^```sh\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL):
        joined = re.sub(r"\\\n\s*", "", block)
        for line in joined.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                commands.append(line)
    return commands


COMMANDS = commands_of((REPOSITORY / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    for name in ("build", "scripts", "benchmarks"):
        (folder / name).symlink_to(REPOSITORY / name)
    yield folder
    end_the_server(folder / "data" / "serve.pid")
    shutil.rmtree(folder)


def end_the_server(pid_file: pathlib.Path):
    """Waits for the server that the page starts, whose last command only asks it to end: it still closes its database then. When a
    command in between failed the server still runs and is ended here."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], 30)
        assert ended, f"the server, process {pid}, did not end within 30 s of being asked to"
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


def test_the_page_shows_every_command_of_the_program():
    shown = {match for line in COMMANDS for match in re.findall(r"regulus\s+([a-z-]+)", line)}
    assert shown >= {
        *("tune", "train", "compare", "evaluate", "export", "simulate", "report", "config", "bench"),
        *("import", "scenario", "plan", "explain", "check", "compare-policies", "travel"),
        *("serve", "demo", "token", "worker", "backup"),
    }


def test_lines_that_continue_are_one_command_and_comments_none():
    page = "text\n```sh\n# first\nregulus a \\\n  --b 1\n\nregulus c  # why\n```\n```json\n{}\n```\n"
    assert commands_of(page) == ["regulus a --b 1", "regulus c  # why"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith(LEFT_OUT)])
def test_command(command, scratch):
    environment = dict(os.environ)
    # `regulus` alone is what an installed program is called.
    environment["PATH"] = f"{REPOSITORY / 'build' / 'release'}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=scratch,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert "\r" not in done.stderr, "a progress bar was drawn although there is no terminal"
