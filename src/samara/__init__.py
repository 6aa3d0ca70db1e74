# SPDX-License-Identifier: MIT
"""samara: the Linux kernel's maple tree for Python.

An ordered map from ranges of integers in 0 ... MAX to values, with O(1) forks.

>>> t = MapleTree([(10, 19, "a"), (30, 39, "b")])
>>> t[15], t.find(20)
('a', Entry(first=30, last=39, value='b'))
>>> u = t.fork()
>>> u[10:20] = "c"
>>> t[15], u[15]
('a', 'c')
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any, Final

from samara._arguments import MAX
from samara._common_gaps import common_gaps
from samara._entry import Change, Entry, Gap
from samara._errors import FileFormatError, NoSpaceError, RangeOccupiedError
from samara._implementation import PURE, Cursor, MapleTree, TreeLock
from samara._key_type import KeyType
from samara._policy import COALESCE, OFFSET, Policy

if TYPE_CHECKING:
    from samara.frames import RangeTable as RangeTable

__version__: Final = "0.1.0"

implementation: Final = "python" if PURE else "c"
"""Which implementation is in use: "c" (the extension) or "python" (pure Python)."""

__all__ = [
    "COALESCE",
    "MAX",
    "OFFSET",
    "Change",
    "Cursor",
    "Entry",
    "FileFormatError",
    "Gap",
    "KeyType",
    "MapleTree",
    "NoSpaceError",
    "Policy",
    "RangeOccupiedError",
    "TreeLock",
    "__version__",
    "common_gaps",
    "implementation",
]


def __getattr__(name: str) -> Any:
    # RangeTable needs packages that the rest does not, and they take long to import.
    if name == "RangeTable":
        return _import_module("samara.frames").RangeTable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "RangeTable"})
