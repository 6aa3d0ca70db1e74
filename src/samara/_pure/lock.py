"""The lock of one tree: several operations as one."""

from threading import RLock, get_ident
from typing import Literal


class TreeLock:
    """`gate` is what each operation of the tree takes too."""

    __slots__ = ("depth", "gate", "owner")

    def __init__(self) -> None:
        self.gate = RLock()
        self.owner = self.depth = 0

    def acquire(self) -> Literal[True]:
        self.gate.acquire()
        self.owner = get_ident()
        self.depth += 1
        return True

    def release(self) -> None:
        if not self.depth or self.owner != get_ident():
            raise RuntimeError("this thread does not hold the lock")
        self.depth -= 1
        self.gate.release()

    def __enter__(self) -> Literal[True]:
        return self.acquire()

    def __exit__(self, exc_type: object, exc: object, traceback: object, /) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<samara.TreeLock {'held' if self.depth else 'free'}>"
