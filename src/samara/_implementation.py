# SPDX-License-Identifier: MIT
"""Which tree this is: the C extension where it is installed, else the one in plain Python.

SAMARA_PURE=1 in the environment asks for plain Python also where there is an extension.
"""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

PURE: Final = os.environ.get("SAMARA_PURE", "0") not in ("", "0") or not find_spec("samara._core")

# Both have the same types; those of the extension's stub stand for both.
if TYPE_CHECKING or not PURE:
    from samara._core import Cursor, MapleTree, TreeLock, _fail_nth, _pool_stats
else:
    from samara._pure import Cursor, MapleTree, TreeLock, _fail_nth, _pool_stats

__all__ = ["PURE", "Cursor", "MapleTree", "TreeLock", "_fail_nth", "_pool_stats"]
