# SPDX-License-Identifier: MIT
"""fork(2): the child's address space, by three methods with one result.

Owns the making of a child, whole or half-made. Called as a method of `AddressSpace`.

insert   a new tree, into which each VMA's copy is stored, one by one in order
dup      MapleTree.dup(), then each VMA in the child replaced by its copy: Linux's `__mt_dup()`
cow      MapleTree.fork(), O(1), then only those VMAs replaced that fork changes

A copy is a new VMA object, since Linux allocates a new one for each VMA of the child; insert and
dup run the same code for it, so that they differ by the tree alone. With cow both trees hold the
same immutable VMA objects until one of them stores another.

Memory can run out at any VMA (dup_mmap() failing half-way). Each method then leaves, in the child's
tree, `ForkMark.FAILED` over the range of the VMA that failed. Before the mark stands what was
duplicated; behind it, for dup and cow, the parent's VMAs that never were.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Literal, TypeAlias, TypeVar

from samara import MapleTree
from samara.mm.accounting import accounting
from samara.mm.inheritance import NOT_COPIED, child_vma
from samara.mm.merging import MERGING, merging_disabled
from samara.mm.state import ForkMark, State, Tree
from samara.mm.units import ADDRESS_END
from samara.mm.vma import VMA

ForkMethod: TypeAlias = Literal["insert", "dup", "cow"]
_Space = TypeVar("_Space", bound=State)


class ForkError(OSError):
    """fork() ran out of memory half-way (errno ENOMEM). `child` is the half-made address space:
    `exit()` gives back what it holds."""

    child: State

    def __init__(self, child: State, vma: VMA | None) -> None:
        at = f" at {vma!r}" if vma is not None else ""
        super().__init__(errno.ENOMEM, f"{os.strerror(errno.ENOMEM)}: fork failed{at}")
        self.child = child
        self._vma = vma

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.child, self._vma)


class Stopped(Exception):
    """A method met a MemoryError: the child's tree so far, and the VMA that it could not duplicate
    (None: not even the tree could be made)."""

    def __init__(self, tree: Tree, vma: VMA | None) -> None:
        super().__init__(tree, vma)
        self.tree = tree
        self.vma = vma


def fork(space: _Space, method: ForkMethod = "cow", *, fail_at: int | None = None) -> _Space:
    """The child's address space, as Linux's fork() makes it. This one is not changed.

    The child has equal VMAs, but: those marked not to be copied (VmFlags dc, MADV_DONTFORK) are
    left out; locks (lo, lf) and registrations with a userfaultfd (um, uw, ui) are not
    inherited. Those marked to be wiped (wf, MADV_WIPEONFORK) stay, and stay marked, but have no
    written pages.

    method    "cow"     O(1), and O(log n) for each VMA that fork leaves out or changes
              "dup"     O(n): MapleTree.dup(), then each VMA replaced by its copy
              "insert"  O(n log n): each VMA's copy stored in a new tree
              All three give equal children.
    fail_at   act as if memory ran out at the fail_at-th VMA to be duplicated, from 0; for
              tests. ValueError where there is no such VMA.

    ForkError (an OSError, ENOMEM) where memory runs out, in truth or by `fail_at`. Its `child`
    is the half-made address space: it has the VMAs duplicated before; in its tree
    `ForkMark.FAILED` stands where the next should be, and whatever is behind that does not
    belong to it. `child.exit()` gives back what was duplicated. This address space is as it
    was. MemoryError where there is no memory to tell even this: then there is no child.

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x1000, 0x2000), VMA(0x2000, 0x3000), VMA(0x5000, 0x6000)])
    >>> mm.fork("dup") == mm.fork("insert") == mm.fork("cow") == mm
    True
    >>> try:
    ...     mm.fork("dup", fail_at=1)
    ... except ForkError as error:
    ...     error.child.vmas(), error.child.exit()
    ([VMA(0x1000-0x2000 ---p)], 1)
    """
    duplicate = FORK_METHODS.get(method)
    if duplicate is None:
        raise ValueError(f"fork by {method!r}: the methods are {', '.join(FORK_METHODS)}")
    if space.half_made:
        raise ValueError("a half-made address space cannot be forked")
    failing = None if fail_at is None else _to_duplicate(space, fail_at)
    tree = _duplicated(space, duplicate, failing)
    left_out = sum(1 for entry in space._changed if NOT_COPIED in entry.value.vm_flags)
    child = _child(tree, space)
    space.ledger.note_opened(len(space.tree) - left_out)
    return child


def _to_duplicate(space: State, fail_at: int) -> VMA:
    copied = (vma for vma in space if NOT_COPIED not in vma.vm_flags)
    vma = next(islice(copied, fail_at, None), None) if fail_at >= 0 else None
    if vma is None:
        raise ValueError(f"fork duplicates no VMA number {fail_at} of {space!r}")
    return vma


def _duplicated(space: State, duplicate: Callable[..., Tree], failing: VMA | None) -> Tree:
    try:
        with merging_disabled():
            return duplicate(space.tree, space._changed, failing)
    except Stopped as stopped:
        raise _half(space, stopped) from stopped.__cause__
    except MemoryError as error:
        raise ForkError(_child(MapleTree(policy=MERGING), space, limit=0), None) from error


def _half(space: State, stopped: Stopped) -> ForkError:
    tree, vma = stopped.tree, stopped.vma
    limit = None
    if vma is not None:
        with suppress(MemoryError):
            tree.store_range(vma.start, vma.end - 1, ForkMark.FAILED)
            limit = vma.start
    if limit is None:
        # There is no mark to stop at, so all goes now: clear() needs no memory.
        tree.clear()
        limit = 0
    error = ForkError(_child(tree, space, limit), vma)
    space.ledger.note_opened(_copied_below(space, limit))
    return error


def _copied_below(space: State, limit: int) -> int:
    copied = 0
    for vma in space:
        if vma.start >= limit:
            break
        copied += NOT_COPIED not in vma.vm_flags
    return copied


def _child(tree: Tree, parent: _Space, limit: int = ADDRESS_END) -> _Space:
    cls: type[_Space] = type(parent)
    child = cls.__new__(cls)
    child.tree = tree
    child._changed = MapleTree(policy=MERGING)  # fork leaves nothing that it would change again
    child._counters = parent._counters.of_child(*_left_out(parent))
    child._limit = limit
    child._identities = parent._identities
    child._shared_memory = parent._shared_memory
    child.limits = parent.limits
    child.ledger = child._account = parent.ledger
    return child


def _left_out(parent: State) -> tuple[int, int]:
    """Of the VMAs that no child has: bytes of data, and how many lie outside of user space."""
    data = outside = 0
    for _first, _last, vma in parent._changed:
        if NOT_COPIED in vma.vm_flags:
            data += accounting(vma.vm_flags).data * vma.size
            outside += vma.start >= parent.limits.task_size
    return data, outside


# ---- the methods ---------------------------------------------------------------------------------


def _duplicate(vma: VMA, failing: VMA | None) -> VMA | None:
    if vma is failing:
        raise MemoryError(f"injected at {vma!r}")
    return child_vma(vma)


def _fork_insert(parent: Tree, changed: Tree, failing: VMA | None) -> Tree:
    child: Tree = MapleTree(policy=MERGING)
    store = child.store_range
    new = tuple.__new__
    plain = failing is None and not changed
    vma = None
    try:
        for first, last, vma in parent:
            copy = new(VMA, vma[:]) if plain and vma.__class__ is VMA else _duplicate(vma, failing)
            if copy is not None:
                store(first, last, copy)
    except MemoryError as error:
        raise Stopped(child, vma) from error
    return child


def _fork_dup(parent: Tree, changed: Tree, failing: VMA | None) -> Tree:
    child = parent.dup()
    cursor = child.cursor()
    find = cursor.find
    store = cursor.store
    new = tuple.__new__
    plain = failing is None and not changed
    vma = None
    try:
        while (entry := find()) is not None:
            vma = entry.value
            copy = new(VMA, vma[:]) if plain and vma.__class__ is VMA else _duplicate(vma, failing)
            if copy is not None:
                store(copy)
            else:
                cursor.erase()
    except MemoryError as error:
        raise Stopped(child, vma) from error
    return child


def _fork_cow(parent: Tree, changed: Tree, failing: VMA | None) -> Tree:
    child = parent.fork()
    vma = None
    try:
        if failing is not None:
            changed = changed.fork()
            changed.store_range(failing.start, failing.end - 1, failing)
        for first, last, vma in changed:
            copy = _duplicate(vma, failing)
            if copy is not None:
                child.store_range(first, last, copy)
            else:
                child.erase(first)
    except MemoryError as error:
        raise Stopped(child, vma) from error
    return child


# By name: a function of the parent's tree, the tree of those of its VMAs that fork changes, and the
# VMA at which to act as if memory had run out. Returns the child's tree or raises Stopped;
# MemoryError where not even an empty child could be made.
FORK_METHODS: Final[dict[ForkMethod, Callable[[Tree, Tree, VMA | None], Tree]]] = {
    "insert": _fork_insert,
    "dup": _fork_dup,
    "cow": _fork_cow,
}
