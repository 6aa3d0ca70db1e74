# SPDX-License-Identifier: MIT
"""The commands with a full or closed standard stream."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpreter import HANGS
from places import DATA

PYTHON = str(DATA / "maps" / "python.maps")
LS = str(DATA / "mm" / "ls.mm.json.gz")
COMMANDS = [
    ["maps", PYTHON],
    ["maps", "--json", PYTHON],
    ["fork", "--vmas", "21", "--seconds", "0.001"],
    ["fork", "--json", "--vmas", "21", "--seconds", "0.001"],
    ["replay", LS],
    ["replay", "--json", LS],
    ["diff", PYTHON, "--every", "0.01"],
]


def samara(
    arguments: list[str], redirections: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a shell does."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-m", "samara", *arguments],
        capture_output=True,
        timeout=HANGS,
        env={**os.environ, **environment},
    )


def trouble(command: list[str]) -> int:
    """Return the exit status for failed work. For samara diff it is that of diff(1)."""
    return 2 if command[0] == "diff" else 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_standard_output(command: list[str], unbuffered: str) -> None:
    """Once there was a traceback, or Python's error message at exit and status 120."""
    done = samara(command, ">/dev/full", PYTHONUNBUFFERED=unbuffered)
    message = f"samara {command[0]}: standard output: No space left on device\n"
    assert (done.returncode, done.stderr.decode()) == (trouble(command), message)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_closed_standard_output(command: list[str]) -> None:
    done = samara(command, ">&-")
    message = f"samara {command[0]}: standard output is closed\n"
    assert (done.returncode, done.stderr.decode()) == (trouble(command), message)


@pytest.mark.parametrize(
    "command", [["maps", "-"], ["diff", PYTHON, "-"], ["fork", "--maps", "-"], ["replay", "-"]]
)
def test_a_closed_standard_input(command: list[str]) -> None:
    done = samara(command, "<&-")
    message = f"samara {command[0]}: standard input is closed\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", message)


def test_a_closed_standard_error() -> None:
    """Messages do not go to standard output instead, and no progress is shown."""
    done = samara(["maps", "/nowhere"], "2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
    done = samara(COMMANDS[2], "2>&-")
    assert done.returncode == 0 and b"forks in ten seconds" in done.stdout
    done = samara(["maps", "--what"], "2>&-")
    assert (done.returncode, done.stdout) == (2, b"")


def test_paths_leave_as_they_came(tmp_path: Path) -> None:
    """Once a path that is not UTF-8 caused a traceback in a UTF-8 locale."""
    path = tmp_path / "maps"
    path.write_bytes(b"00001000-00002000 rw-p 00000000 00:01 7".ljust(73) + b"/tmp/\xff\n")
    done = samara(["maps", str(path)], PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == 0 and b"  /tmp/\xff\n" in done.stdout
