# SPDX-License-Identifier: MIT
"""fork() takes one thread along: what the others had, nobody gives back in the child."""

import os
from threading import Lock, get_ident
from typing import Any


class Process:
    """This process: a new one of these in the child of each fork(), before anything else runs."""

    __slots__ = ("renewing", "survivor")

    def __init__(self) -> None:
        self.survivor = get_ident()  # the thread that came along
        self.renewing: Any = Lock()


CURRENT = Process()


def _note_fork() -> None:
    global CURRENT
    CURRENT = Process()


os.register_at_fork(after_in_child=_note_fork)


class Claim:
    """What a thread has that calls this."""

    __slots__ = ("process", "thread")

    def __init__(self) -> None:
        self.process, self.thread = CURRENT, get_ident()

    def is_void(self) -> bool:
        """Did the thread stay behind when the process forked?"""
        return self.process is not CURRENT and self.thread != CURRENT.survivor
