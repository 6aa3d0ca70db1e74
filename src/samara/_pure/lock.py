# SPDX-License-Identifier: MIT
"""The lock of one tree. It makes several operations atomic."""

from threading import RLock, get_ident
from typing import Any, Literal

from samara._pure import process


class TreeLock:
    """A wrapper around `_gate`, the lock that each operation of the tree takes too.

    After os.fork(), the gate may be held by a thread that the child does not have. So the child
    makes a new gate, unless its own thread holds the lock.
    """

    __slots__ = ("_depth", "_owner", "_own_gate", "_process")

    def __init__(self, gate: Any) -> None:
        self._own_gate = gate
        self._owner = self._depth = 0
        self._process = process.CURRENT

    @property
    def _gate(self) -> Any:
        if self._process is not process.CURRENT:
            self._renew()
        return self._own_gate

    def _renew(self) -> None:
        with process.CURRENT.renewing:
            if self._process is process.CURRENT:
                return
            if self._owner != process.CURRENT.survivor:
                self._depth = 0
            if not self._depth:
                self._own_gate = RLock()
            self._process = process.CURRENT

    def acquire(self) -> Literal[True]:
        self._gate.acquire()
        self._owner = get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        gate = self._gate
        if not self._depth or self._owner != get_ident():
            raise RuntimeError("this thread does not hold the lock")
        self._depth -= 1
        gate.release()

    def __enter__(self) -> Literal[True]:
        return self.acquire()

    def __exit__(self, exc_type: object, exc: object, traceback: object, /) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<samara.TreeLock {'held' if self._gate and self._depth else 'free'}>"
