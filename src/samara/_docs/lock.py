# SPDX-License-Identifier: MIT
"""The docstrings of `TreeLock`. See `samara._docs` for the form."""

from typing import Final

TREE_LOCK: Final = {
    "TreeLock": """
The lock of one tree: a re-entrant lock and a context manager.

While one thread holds it, all operations of other threads on the tree wait, look-ups too.
Iterators run over snapshots: once made, they need no lock.
""",
    "acquire()": """
Take the lock. Waits while another thread holds it.

The thread that holds the lock may take it again. It must then release it as many times.

Returns:
    Always True.

>>> t = MapleTree()
>>> t.lock.acquire()
True
>>> t.lock.release()
""",
    "release()": """
Release the lock.

Raises:
    RuntimeError: This thread does not hold the lock.

>>> MapleTree().lock.release()
Traceback (most recent call last):
RuntimeError: this thread does not hold the lock
""",
    "__exit__(exc_type, exc, traceback, /)": "Release the lock.",
    "__enter__()": "Take the lock.",
}
