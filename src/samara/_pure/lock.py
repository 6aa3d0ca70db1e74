"""The lock of one tree: several operations as one."""

from threading import get_ident
from typing import Any, Literal


class TreeLock:
    """Around `gate`, a lock that each operation of the tree takes too."""

    __slots__ = ("_depth", "_gate", "_owner")

    def __init__(self, gate: Any) -> None:
        self._gate = gate
        self._owner = self._depth = 0

    def acquire(self) -> Literal[True]:
        self._gate.acquire()
        self._owner = get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        if not self._depth or self._owner != get_ident():
            raise RuntimeError("this thread does not hold the lock")
        self._depth -= 1
        self._gate.release()

    def __enter__(self) -> Literal[True]:
        return self.acquire()

    def __exit__(self, exc_type: object, exc: object, traceback: object, /) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<samara.TreeLock {'held' if self._depth else 'free'}>"
