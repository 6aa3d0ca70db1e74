# SPDX-License-Identifier: MIT
"""`@atomic`: a call that ends with any exception but OSError has changed nothing.

Owns how a call is undone. Called by the system calls, each of which it decorates.

Most calls write more than once: two trees, the counters, and again for each VMA. Memory can run out
between any two of these, and Ctrl-C can come. So a call begins with O(1) forks of both trees, and
the counters as they are; what goes wrong puts all of it back, by assignments, which need no memory.
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
from typing import Any, TypeVar, cast

from samara.mm.accounting import Counters
from samara.mm.ledger import Tally
from samara.mm.state import State, Tree

_Call = TypeVar("_Call", bound=Callable[..., Any])


def atomic(call: _Call) -> _Call:
    """Decorate a system call: a method of an address space that changes it wholly or not at all."""

    @wraps(call)
    def method(self: State, /, *args: Any, **kwargs: Any) -> Any:
        kept, saved, ledger = self.tree, _save(self), self.ledger
        tally = self._account = Tally()
        answer = error = None
        try:
            try:
                answer = call(self, *args, **kwargs)
            except OSError as raised:
                error = raised
            ledger.note(tally.opened, tally.closed)  # the last step that can fail
        except BaseException:
            self.tree, self._changed, self._counters = saved
            self._account = ledger
            _keep(self, kept)
            raise
        self._account = ledger
        if error is None:
            return answer
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    return cast(_Call, method)


def _save(state: State) -> tuple[Tree, Tree, Counters]:
    """All that a call changes, to be put back."""
    return state.tree.fork(), state._changed.fork(), state._counters.copy()


def _keep(state: State, tree: Tree) -> None:
    """The tree that callers know, with what is in the fork, unless there is no memory for that."""
    try:
        tree.__init__(state.tree, policy=tree.policy)  # type: ignore[misc]
    except MemoryError:
        return
    state.tree = tree
