# SPDX-License-Identifier: MIT
"""What fork() does to the tree of an address space: three methods, one result.

insert   a new tree, into which each VMA's copy is stored, one by one in order: before the series
dup      MapleTree.dup(), then each VMA in the child replaced by its copy: with the series
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
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from samara import MapleTree
from samara.mm.merging import MERGING
from samara.mm.vma import VMA, is_touched, untouched

if TYPE_CHECKING:
    from samara.mm.address_space import AddressSpace


class ForkMark(Enum):
    """Stands in the tree of a half-made child in place of the VMA that could not be duplicated."""

    FAILED = "failed"


# Of VMAs; in a half-made child also of one ForkMark.
Tree: TypeAlias = MapleTree[Any]
ForkMethod: TypeAlias = Literal["insert", "dup", "cow"]

# VmFlags that keep a VMA from the child, and those that the child's VMA does not inherit: locks
# (mlock(2)) and registrations of a userfaultfd (userfaultfd(2)).
NOT_COPIED: Final = "dc"
NOT_INHERITED: Final = frozenset(("lo", "lf", "um", "uw", "ui"))
_CHANGED_BY_FORK: Final = NOT_INHERITED | {NOT_COPIED}
# Of memory that is empty in the child: a VMA that was written has no pages there.
WIPED: Final = "wf"


class ForkError(OSError):
    """fork() ran out of memory half-way (errno ENOMEM). `child` is the half-made address space:
    `exit()` gives back what it holds."""

    child: AddressSpace

    def __init__(self, child: AddressSpace, vma: VMA | None) -> None:
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


def is_changed_by_fork(vma: VMA) -> bool:
    """Does fork leave this VMA out, or give the child one that differs from it? One that is wiped
    on fork (wf) differs if it was written. O(1).

    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me wf"))
    False
    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me lo"))
    True
    """
    vm_flags = vma[7]
    return not _CHANGED_BY_FORK.isdisjoint(vm_flags) or (WIPED in vm_flags and is_touched(vma))


def child_vma(vma: VMA) -> VMA | None:
    """What a child has in place of its parent's VMA: None where that is not copied (dc), else a
    copy, no longer locked (lo, lf) nor registered with a userfaultfd (um, uw, ui). Wipe-on-fork
    (wf) stays, and leaves it without written pages. O(1).

    >>> sorted(child_vma(VMA(0x1000, 0x2000, vm_flags="rd lo wf")).vm_flags)
    ['rd', 'wf']
    >>> child_vma(VMA(0x1000, 0x2000, vm_flags="rd dc")) is None
    True
    """
    if not is_changed_by_fork(vma):
        return vma.copy()
    if NOT_COPIED in vma.vm_flags:
        return None
    if WIPED in vma.vm_flags:
        vma = untouched(vma)
    return vma._replace(vm_flags=vma.vm_flags - NOT_INHERITED)


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
            vma = entry[2]
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
