# SPDX-License-Identifier: MIT
"""`@atomic`: any exception other than OSError rolls a system call back.

Owns how a call is undone. It decorates the system calls.

Most calls write more than once: to two trees and the counters, and again for each VMA. Between any
two of these writes, memory can run out, or Ctrl-C can come. So a call first forks both trees, in
O(1), and copies the counters. If something goes wrong, all of it is put back by assignments, which
need no memory. An OSError is a regular result of a call, and leaves what Linux leaves.

Two rules hold here and wherever memory calls write. They are about CPython when memory is short.

- Functions with a `try` or a `with` are short. CPython makes an int of the position in the code
  that an exception comes from. If there is no memory for the int, it tries again for ever. The
  first 256 positions need no memory.
- No function or generator expression closes over variables. If there is no memory for that,
  CPython 3.11 leaks the variables. (CPython 3.13 ends the process if there is no memory for any
  function or generator expression.)
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
    """Decorate a system call: a method that changes its address space completely or not at all."""

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
    """Return copies of all that a call changes, to be restored."""
    return state.tree.fork(), state._changed.fork(), state._counters.copy()


def _keep(state: State, tree: Tree) -> None:
    """Put the fork's contents into the tree that callers know, if there is memory for that."""
    try:
        tree.__init__(state.tree, policy=tree.policy)  # type: ignore[misc]
    except MemoryError:
        return
    state.tree = tree
