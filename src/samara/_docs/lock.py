# SPDX-License-Identifier: MIT
"""The docstrings of `TreeLock`. See `samara._docs` for the form."""

from typing import Final

TREE_LOCK: Final = {
    "TreeLock": """
The lock of one tree: a re-entrant lock and context manager.

While a thread holds it, every operation of other threads on the tree waits, look-ups too.
Iterators run over snapshots and need no lock once they are made.
""",
    "acquire()": """
Take the lock; wait while another thread holds it. Always True.

The thread that holds it may take it again; it then gives it back as often.

>>> t = MapleTree()
>>> t.lock.acquire()
True
>>> t.lock.release()
""",
    "release()": """
Give the lock back. RuntimeError where this thread does not hold it.

>>> MapleTree().lock.release()
Traceback (most recent call last):
RuntimeError: this thread does not hold the lock
""",
    "__exit__(exc_type, exc, traceback, /)": "Give the lock back.",
    "__enter__()": "Take the lock.",
}
