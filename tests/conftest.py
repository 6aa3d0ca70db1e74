# SPDX-License-Identifier: MIT
"""Settings for all tests: the report says what is tested, and garbage collections are fast."""

import gc
import os
import platform
from pathlib import Path

import pytest

import samara

_begun: set[Path] = set()


def pytest_report_header() -> list[str]:
    seed = os.environ.get("SAMARA_SEED")
    return [
        f"samara.implementation={samara.implementation} on {platform.python_implementation()}, "
        f"of {os.path.dirname(samara.__file__)}",
        f"SAMARA_SEED={seed or 'of its own for each random test, printed where one fails'}",
    ]


def pytest_runtest_setup(item: pytest.Item) -> None:
    # Many tests collect garbage again and again. The objects that exist when a file's first test
    # begins (pytest, the modules, and what earlier files made them import) stay until the end. So
    # the collector need not look at them each time.
    if hasattr(gc, "freeze") and item.path not in _begun:
        _begun.add(item.path)
        gc.collect()
        gc.freeze()
