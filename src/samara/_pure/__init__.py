# SPDX-License-Identifier: MIT
"""The maple tree in plain Python: to read, to run without a compiler, to check the C core against.

Start with `node`, then `walk`, `write`, `gap` and `dup`: the tree itself. `build`, `validate`,
`dump`, `pickling` and `arrays` process whole trees; `tree`, `cursor`, `lock` and `packed` are what
users see; `process` handles os.fork(). Files of the C core have the same names, so a reader can
move from one to the other. docs/how-it-works.md explains the tree in pictures.
"""

from samara import _docs
from samara._arguments import required_index
from samara._entry import Entry
from samara._pure.cursor import Cursor
from samara._pure.lock import TreeLock
from samara._pure.node import NODE_BYTES, POOL
from samara._pure.tree import MapleTree

__all__ = ["Cursor", "Entry", "MapleTree", "TreeLock", "_fail_nth", "_pool_stats"]

_TEXTS = {MapleTree: _docs.MAPLE_TREE, Cursor: _docs.CURSOR, TreeLock: _docs.TREE_LOCK}
for _cls, _texts in _TEXTS.items():
    for _key, _text in _texts.items():
        _name = _key.partition("(")[0]
        _member = _cls if _name == _cls.__name__ else vars(_cls)[_name]
        for _documented in (_member, getattr(_member, "__func__", _member)):
            _documented.__doc__ = _text.strip("\n")
    _cls.__module__ = "samara"  # the public module, so that pickles and messages name it


def _pool_stats() -> tuple[int, int, int]:
    """Return (nodes in use, nodes allocated so far, bytes the used ones take in the extension)."""
    return POOL.live, POOL.allocated, POOL.live * NODE_BYTES[64]


def _fail_nth(n: object, /) -> None:
    """Make the n-th node allocation from now fail, once. With 0, none fails."""
    POOL.fail_nth = required_index(n, "n")
