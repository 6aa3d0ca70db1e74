# SPDX-License-Identifier: MIT
"""Free-threaded Python: the extension enables the GIL, the pure-Python tree works without it.

`make test-free-threaded` provides such an interpreter.
"""

import os
import subprocess
import sys
import sysconfig

import pytest

from interpreter import c_only

if not sysconfig.get_config_var("Py_GIL_DISABLED"):
    pytest.skip("this interpreter always has its lock", allow_module_level=True)

LOOK = "import samara, sys; print(samara.implementation, sys._is_gil_enabled())"


def start(**variables):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    environment.pop("PYTHONWARNINGS", None)
    return subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, env=environment
    )


@c_only
def test_the_extension_turns_the_lock_on():
    result = start(SAMARA_PURE="0")
    assert result.stdout == "c True\n"
    assert "has been enabled to load module 'samara._core'" in result.stderr


@c_only
def test_the_extension_is_refused_where_the_lock_must_stay_off():
    result = start(SAMARA_PURE="0", PYTHON_GIL="0")
    assert result.returncode == 1
    assert "ImportError: samara._core requires the GIL" in result.stderr


def test_plain_python_leaves_the_lock_off():
    result = start(SAMARA_PURE="1")
    assert (result.stdout, result.stderr) == ("python False\n", "")
