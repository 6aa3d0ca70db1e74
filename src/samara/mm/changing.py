# SPDX-License-Identifier: MIT
"""What every memory call is made of: find VMAs, and store, change or remove ranges of them.

How a call is written. It is a function of the `AddressSpace` and of plain ints, in a module of its
own kind; the public method of `AddressSpace` has the documentation and calls it.

1. Check the arguments in Linux's order; raise `failed(errno.EINVAL)` and the like.
2. Find the VMAs concerned: `vmas_over(space, start, end)`, or `space.tree.find(start)` and then
   `find(vma.end)`, which is Linux's find_vma(). No loop over the whole tree.
3. Check limits: `check_count`, `check_size`, `check_locked`.
4. Write, range by range: `insert(space, vma)` into free addresses; `change(space, vma, old)` where
   [vma.start, vma.end) is a part of the VMA `old`, or all of it; `remove(space, start, end)`. These
   keep the books: the ledger, the VMAs that fork changes, and the sizes that limits are about.
   Cutting and merging is the tree's (`merging.py`), so what was found before a write may be gone
   after it: go on by address.
5. A call that fails half-way, as mprotect does at a hole, raises when its first part is written.

Flags are compared as ints (`int(prot) & 2`) or as codes (`"wr" in vma.vm_flags`): putting IntFlag
members together costs more than a store. Make VMAs with `made` and `flagged`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import EAGAIN, ENOMEM
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from samara.mm.constants import Map, Prot
from samara.mm.fork import is_changed_by_fork
from samara.mm.vma import ADDRESS_END, PAGE_SIZE, VMA, File

if TYPE_CHECKING:
    from samara.mm.address_space import AddressSpace

_PROTS: Final = tuple(Prot(bits) for bits in range(8))
_new: Final = tuple.__new__


def failed(number: int) -> OSError:
    """The error of a call, by its errno. OSError makes the subclass that belongs to it."""
    return OSError(number, os.strerror(number))


def page_end(size: int) -> int:
    """`size` rounded up to a whole page in 64 bits: what exceeds them is 0, as in Linux."""
    return (size + PAGE_SIZE - 1) & (ADDRESS_END - PAGE_SIZE)


def check_words(*words: int) -> None:
    """Raise ValueError for what no register holds, TypeError for what is no integer."""
    for word in words:
        if not 0 <= word < ADDRESS_END:
            raise ValueError(f"{word} is outside 0...2**64-1")


# ---- VMAs ----------------------------------------------------------------------------------------


def made(
    start: int,
    end: int,
    prot: int,
    flags: Map,
    vm_flags: frozenset[str],
    file: File | None = None,
    offset: int = 0,
    name: str = "",
) -> VMA:
    """A VMA whose fields are known to be right."""
    return _new(VMA, (start, end, _PROTS[prot & 7], flags, offset, file, name, vm_flags))


def flagged(vma: VMA, start: int, end: int, prot: int, vm_flags: frozenset[str]) -> VMA:
    """[start, end) of a VMA, with other rights and VmFlags."""
    first, _, _, flags, offset, file, name, _ = vma
    if file is not None:
        offset += start - first
    return _new(VMA, (start, end, _PROTS[prot & 7], flags, offset, file, name, vm_flags))


def vmas_over(space: AddressSpace, start: int, end: int) -> Iterator[VMA]:
    """The VMAs that have an address of [start, end), whole, by address. Each is looked up when it
    is asked for, behind the end of the one before: so the tree may be written between two. O(log
    n) for each."""
    find = space.tree.find
    while start < end:
        entry = find(start, end - 1)
        if entry is None:
            return
        yield entry[2]
        start = entry[2][1]


class _Weight(NamedTuple):
    locked: int
    data: int
    changed: bool


@lru_cache(maxsize=4096)  # a process has a few combinations; a hostile text may have any number
def weight(vm_flags: frozenset[str]) -> _Weight:
    """What VMAs with these VmFlags count for, 1 or 0: for RLIMIT_MEMLOCK and for RLIMIT_DATA; and
    whether fork changes them."""
    data = "wr" in vm_flags and vm_flags.isdisjoint(("sh", "gd"))
    vma = VMA(0, PAGE_SIZE, vm_flags=vm_flags)
    return _Weight(int("lo" in vm_flags), int(data), is_changed_by_fork(vma))


# ---- limits --------------------------------------------------------------------------------------


def check_count(space: AddressSpace, more: int = 1) -> None:
    """ENOMEM where `more` VMAs would be more than vm.max_map_count. O(1)."""
    if len(space.tree) - space._outside + more > space.limits.max_map_count:
        raise failed(ENOMEM)


def check_size(space: AddressSpace, more: int, vm_flags: frozenset[str]) -> None:
    """ENOMEM where `more` bytes of such memory pass RLIMIT_AS or RLIMIT_DATA. O(1)."""
    limits = space.limits
    if limits.rlimit_as is not None and space.size + more > limits.rlimit_as:
        raise failed(ENOMEM)
    if limits.rlimit_data is not None and weight(vm_flags).data:
        if space._data + more > limits.rlimit_data:
            raise failed(ENOMEM)


def check_locked(space: AddressSpace, more: int, error: int = EAGAIN) -> None:
    """`error` where `more` bytes of locked memory pass RLIMIT_MEMLOCK. O(1)."""
    limit = space.limits.rlimit_memlock
    if limit is not None and space._locked + more > limit:
        raise failed(error)


# ---- writes --------------------------------------------------------------------------------------


def insert(space: AddressSpace, vma: VMA) -> None:
    """Put a VMA where nothing is. O(log n)."""
    _check_whole(space)
    start, end = vma[0], vma[1]
    tree = space.tree
    before = len(tree)
    tree.store_range(start, end - 1, vma)
    locked, data, changed = weight(vma[7])
    space._locked += locked * (end - start)
    space._data += data * (end - start)
    if changed:
        space._changed.store_range(start, end - 1, vma)
    _note(space, len(tree) - before)


def change(space: AddressSpace, vma: VMA, old: VMA) -> None:
    """Put a VMA in place of what `old` has at its addresses, which must be `old`'s. O(log n)."""
    _check_whole(space)
    start, end = vma[0], vma[1]
    tree = space.tree
    before = len(tree)
    tree.store_range(start, end - 1, vma)
    locked, data, changed = weight(vma[7])
    was_locked, was_data, was_changed = weight(old[7])
    space._locked += (locked - was_locked) * (end - start)
    space._data += (data - was_data) * (end - start)
    if changed:
        space._changed.store_range(start, end - 1, vma)
    elif was_changed:
        space._changed.pop_range(start, end - 1)
    if before != len(tree):
        _note(space, len(tree) - before)


def remove(space: AddressSpace, start: int, end: int) -> None:
    """Unmap [start, end), whatever is there. O(log n), and O(1) for each VMA."""
    _check_whole(space)
    tree = space.tree
    before = len(tree)
    pieces = tree.pop_range(start, end - 1)
    if not pieces:
        return
    changes = False
    for first, last, vma in pieces:
        locked, data, changed = weight(vma[7])
        space._locked -= locked * (last + 1 - first)
        space._data -= data * (last + 1 - first)
        changes = changes or changed
    if changes:
        space._changed.pop_range(start, end - 1)
    _note(space, len(tree) - before)


def _check_whole(space: AddressSpace) -> None:
    if space._limit != ADDRESS_END:
        raise ValueError("a half-made address space cannot be changed")


def _note(space: AddressSpace, more: int) -> None:
    if more > 0:
        space.ledger.note_opened(more)
    elif more:
        space.ledger.note_closed(-more)
