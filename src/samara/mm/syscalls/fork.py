# SPDX-License-Identifier: MIT
"""fork(2): the child's address space, by three methods with the same result.

Owns the making of a child, complete or half-made. Called as a method of `AddressSpace`.

insert   make a new tree, and store each VMA's copy in it, one by one in order
dup      MapleTree.dup(), then replace each VMA in the child by its copy: Linux's `__mt_dup()`
cow      MapleTree.fork(), O(1), then replace only the VMAs that fork changes

A copy is a new VMA object, since Linux allocates a new one for each VMA of the child. insert and
dup run the same code for the copies, so they differ only in the tree. With cow, both trees hold the
same immutable VMA objects until one of them stores another.

Memory can run out at any VMA (dup_mmap() fails half-way). Then each method leaves
`ForkMark.FAILED` in the child's tree, over the range of the VMA that failed. Before the mark are
the duplicated VMAs. After it, for dup and cow, are VMAs of the parent that were never duplicated.
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
    """fork() ran out of memory half-way (errno ENOMEM).

    `child` is the half-made address space. Its `exit()` releases what it holds.
    """

    child: State

    def __init__(self, child: State, vma: VMA | None) -> None:
        at = f" at {vma!r}" if vma is not None else ""
        super().__init__(errno.ENOMEM, f"{os.strerror(errno.ENOMEM)}: fork failed{at}")
        self.child = child
        self._vma = vma

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.child, self._vma)


class Stopped(Exception):
    """A method ran out of memory.

    Attributes:
        tree: the child's tree so far
        vma: the VMA that could not be duplicated; None if not even the tree could be made
    """

    def __init__(self, tree: Tree, vma: VMA | None) -> None:
        super().__init__(tree, vma)
        self.tree = tree
        self.vma = vma


def fork(space: _Space, method: ForkMethod = "cow", *, fail_at: int | None = None) -> _Space:
    """Return the child's address space, as Linux's fork() makes it. This one does not change.

    The child has equal VMAs, with these exceptions:

    - VMAs marked not to be copied (VmFlag dc, MADV_DONTFORK) are left out.
    - Locks (lo, lf) and registrations with a userfaultfd (um, uw, ui) are not inherited.
    - VMAs marked to be wiped (wf, MADV_WIPEONFORK) stay, and stay marked, but have no written
      pages.

    Args:
        method: how to make the child. All three methods give equal children.
            "cow": O(1), and O(log n) for each VMA that fork leaves out or changes.
            "dup": MapleTree.dup(), then each VMA is replaced by its copy. O(n).
            "insert": each VMA's copy is stored in a new tree. O(n log n).
        fail_at: for tests: act as if memory ran out at this VMA of those to be duplicated, from 0

    Raises:
        ForkError: Memory ran out, or `fail_at` said so. It is an OSError with errno ENOMEM. Its
            `child` is the half-made address space, with the VMAs duplicated before. In its tree,
            `ForkMark.FAILED` is in the place of the next one; nothing after that belongs to it.
            `child.exit()` releases what was duplicated. This address space is as it was.
        MemoryError: There was not even enough memory for a ForkError. There is no child.
        ValueError: The method is unknown, or there is no VMA number `fail_at`.

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
        # There is no mark to stop at, so remove everything: clear() needs no memory.
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
    child._changed = MapleTree(policy=MERGING)  # the child has nothing that fork would change
    child._counters = parent._counters.of_child(*_left_out(parent))
    child._limit = limit
    child._identities = parent._identities
    child._shared_memory = parent._shared_memory
    child.limits = parent.limits
    child.ledger = child._account = parent.ledger
    return child


def _left_out(parent: State) -> tuple[int, int]:
    """Sum up the VMAs that no child has: bytes of data, and how many are outside user space."""
    data = outside = 0
    for _first, _last, vma in parent._changed:
        if NOT_COPIED in vma.vm_flags:
            data += accounting(vma.vm_flags).data * vma.size
            outside += parent.limits.is_gate(vma.start)
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


# The functions by name. Each takes the parent's tree, the tree of its VMAs that fork changes, and
# the VMA at which to act as if memory had run out. It returns the child's tree or raises Stopped,
# or MemoryError if not even an empty child could be made.
FORK_METHODS: Final[dict[ForkMethod, Callable[[Tree, Tree, VMA | None], Tree]]] = {
    "insert": _fork_insert,
    "dup": _fork_dup,
    "cow": _fork_cow,
}
