# SPDX-License-Identifier: MIT
"""Folders that tests read from: the repository's root, and the tests' data."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
