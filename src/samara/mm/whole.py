# SPDX-License-Identifier: MIT
"""Calls that end with an exception no system call has: they have not happened.

Most calls write more than once: two trees, the books, and again for each VMA. Memory can run out
between any two of these, and Ctrl-C can come. So a call begins with O(1) forks of both trees, and
the fields as they are; what goes wrong puts all of it back, by assignments, which need no memory.
An OSError is an answer, and leaves what Linux leaves.

Functions with a `try` or a `with` are short, here and where memory calls write: CPython makes an
int of the place in the code that an exception comes from, and where there is no memory for that
tries for ever. The first 256 need none. Nor do any close over variables in functions or generator
expressions: without memory for that CPython 3.11 keeps the variables for ever. (CPython 3.13 ends
the process where there is no memory for any function or generator expression.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, TypeVar, cast

from samara.mm.fork import Tree
from samara.mm.ledger import Ledger, Tally
from samara.mm.space import Space

_Call = TypeVar("_Call", bound=Callable[..., Any])


def whole(call: _Call) -> _Call:
    """A method that changes an address space, but not by halves."""

    @wraps(call)
    def method(self: Space, /, *args: Any, **kwargs: Any) -> Any:
        kept, before = self.tree, _fields(self)
        tally = self._account = Tally()
        answer = error = None
        try:
            try:
                answer = call(self, *args, **kwargs)
            except OSError as raised:
                error = raised
            self.ledger.note(tally)  # the last step that can fail
        except BaseException:
            self.tree, self._changed, self._account, self._data, self._locked = before[0]
            self._brk, self._future_locks, self._left_locked = before[1]
            _keep(self, kept)
            raise
        self._account = self.ledger
        if error is None:
            return answer
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    return cast(_Call, method)


_Fields: TypeAlias = tuple[tuple[Tree, Tree, Ledger, int, int], tuple[int, frozenset[str], int]]


def _fields(space: Space) -> _Fields:
    """All that memory calls change, to be put back."""
    books = space.tree.fork(), space._changed.fork(), space.ledger, space._data, space._locked
    return books, (space._brk, space._future_locks, space._left_locked)


def _keep(space: Space, tree: Tree) -> None:
    """The tree that callers know, with what is in the fork, unless there is no memory for that."""
    try:
        tree.__init__(space.tree, policy=tree.policy)  # type: ignore[misc]
    except MemoryError:
        return
    space.tree = tree
