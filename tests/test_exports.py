"""The extension module offers the interpreter's entry point and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_core = pytest.importorskip("samara._core", reason="there is no extension")

SCRIPT = Path(__file__).parent.parent / "core" / "tests" / "check_exports.py"


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="sanitizers export names")
def test_the_extension_exports_its_init_function_alone():
    command = [sys.executable, SCRIPT, "PyInit__core", _core.__file__]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_can_fail():
    command = [sys.executable, SCRIPT, "PyInit_other", _core.__file__]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "PyInit__core" in done.stdout
