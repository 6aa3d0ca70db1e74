# SPDX-License-Identifier: MIT
"""samara makes no socket: everything public, and the command, run where none can be made."""

import os
import platform
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

import sockets
from interpreter import SANITIZED, c_only
from places import ROOT

# These tests run each public method, the documents' examples, and every command.
USES = [
    "tree/test_tree_doctests.py",
    "packaging/test_doctests.py",
    "packaging/test_documents.py",
    "cli/test_cli_fork.py",
    "cli/test_cli_maps.py",
    "cli/test_cli_replay.py",
    "cli/test_cli_spawn.py",
    "cli/test_cli_streams.py",
]
IMPORTS = """
import importlib, pkgutil, samara
for module in pkgutil.walk_packages(samara.__path__, "samara."):
    if module.name not in {skipped}:
        importlib.import_module(module.name)
"""

needs_filter = pytest.mark.skipif(
    platform.machine() not in sockets.SYSTEM_CALLS, reason="the filter is not for this processor"
)


def without_sockets(code, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", f"import sockets\nsockets.forbid()\n{code}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("code", ["socket()", "getaddrinfo('localhost', 80)"])
def test_python_says_where_a_socket_is_asked_for(code):
    done = without_sockets(f"import socket; socket.{code}")
    assert "AssertionError: socket." in done.stderr


@needs_filter
@pytest.mark.parametrize("code", ["socket(2, 1, 0)", "socketpair(1, 1, 0, (ctypes.c_int * 2)())"])
def test_the_kernel_ends_what_asks_for_one(code):
    code = f"import ctypes; ctypes.CDLL(None).{code}"
    assert without_sockets(code).returncode == -signal.SIGSYS
    child = f"print(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
    child = f"import subprocess, sys; {child}"
    assert without_sockets(child).stdout == f"{-signal.SIGSYS}\n"


def test_imports():
    # These end the process, or need something that is not available everywhere.
    skipped = {"samara.__main__"} | (
        {"samara.mm.trace.record"} if not find_spec("ptrace") else set()
    )
    skipped |= {"samara._core"} if not find_spec("samara._core") else set()
    # Engines have sockets of their own. The rest of samara.frames needs its packages.
    engines = {"dask", "spark"}
    others = {"duckdb", "polars", "polars_lazy", "polars_expressions", "pandas"}
    engines |= {name for name in others if not find_spec(name.partition("_")[0])}
    skipped |= {f"samara.frames.libraries.{name}" for name in engines}
    if not all(map(find_spec, ("narwhals", "numpy", "pyarrow"))):
        skipped.add("samara.frames")
    done = without_sockets(IMPORTS.format(skipped=skipped))
    assert (done.returncode, done.stderr) == (0, "")


@c_only
@pytest.mark.skipif(SANITIZED, reason="not about sanitizers")
def test_uses(tmp_path):
    # If pytest chooses a folder itself, it asks the C library for the user's name. That asks a name
    # server of this machine.
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'sockets'}"]
    arguments = options + [str(ROOT / "tests" / name) for name in USES]
    done = without_sockets(f"import pytest, sys; sys.exit(pytest.main({arguments}))")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
