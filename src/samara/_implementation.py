# SPDX-License-Identifier: MIT
"""The choice of the tree: the C extension if it is installed, else the plain-Python one.

SAMARA_PURE=1 in the environment selects plain Python even if the extension is installed.
"""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

PURE: Final = os.environ.get("SAMARA_PURE", "0") not in ("", "0") or not find_spec("samara._core")

# Both have the same types, so type checkers read the extension's stub for both.
if TYPE_CHECKING or not PURE:
    from samara._core import Cursor, MapleTree, TreeLock, _fail_nth, _pool_stats
else:
    from samara._pure import Cursor, MapleTree, TreeLock, _fail_nth, _pool_stats

__all__ = ["PURE", "Cursor", "MapleTree", "TreeLock", "_fail_nth", "_pool_stats"]
