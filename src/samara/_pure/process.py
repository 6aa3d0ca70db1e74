# SPDX-License-Identifier: MIT
"""os.fork() copies only one thread: in the child, nobody releases what the others held."""

import os
from threading import Lock, get_ident
from typing import Any


class Process:
    """This process. The child of each os.fork() gets a new object before anything else runs."""

    __slots__ = ("renewing", "survivor")

    def __init__(self) -> None:
        self.survivor = get_ident()  # the one thread that the child has
        self.renewing: Any = Lock()


CURRENT = Process()


def _note_fork() -> None:
    global CURRENT
    CURRENT = Process()


os.register_at_fork(after_in_child=_note_fork)


class Claim:
    """A claim of the calling thread, for example that it is asking a tree's policy."""

    __slots__ = ("process", "thread")

    def __init__(self) -> None:
        self.process, self.thread = CURRENT, get_ident()

    def is_void(self) -> bool:
        """Return whether the thread does not exist in this process, because of a fork."""
        return self.process is not CURRENT and self.thread != CURRENT.survivor
