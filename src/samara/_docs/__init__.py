# SPDX-License-Identifier: MIT
"""The public docstrings of trees, cursors and locks: one text for both implementations.

Each key is a name with its signature, as a user calls it; its value is the docstring. The
extension's build makes a C header of these files (`binding/docs_header.py`). The plain-Python
classes take their `__doc__` from them. `tests/tree/test_tree_doctests.py` runs the examples and
compares the signatures with the real ones.
"""

from samara._docs.cursor import CURSOR
from samara._docs.lock import TREE_LOCK
from samara._docs.tree import MAPLE_TREE

__all__ = ["CURSOR", "MAPLE_TREE", "TREE_LOCK"]
