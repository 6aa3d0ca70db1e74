# SPDX-License-Identifier: MIT
"""Where tests find what they read: the repository's root, and the data of tests."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
