# SPDX-License-Identifier: MIT
"""`populate`: fill a new address space with given VMAs.

Owns how counters, names, heap and stack follow from a list of VMAs. Called by `AddressSpace()` and
by exec.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, pairwise
from operator import attrgetter

from samara import MapleTree
from samara.mm.accounting import Counters, count_vmas
from samara.mm.keys import keys_of
from samara.mm.ledger import Ledger
from samara.mm.limits import Limits
from samara.mm.merging import MERGING, merging_disabled
from samara.mm.state import State, Tree
from samara.mm.units import ADDRESS_END, PAGE_SIZE
from samara.mm.vma import VMA, TouchedVMA
from samara.mm.vma_ops import derived_name, has_derived_name, rename


def populate(state: State, vmas: Iterable[VMA], limits: Limits) -> None:
    """Set all fields of a new `State`. O(n log n).

    The VMAs may come in any order.

    Raises:
        ValueError: Two VMAs overlap, or a VMA does not consist of whole pages.
        TypeError: One of them is not a VMA.
    """
    given = _in_order(vmas)
    if limits.page_size != PAGE_SIZE:
        _check_pages(given, limits)
    state.limits = limits
    state.ledger = state._account = Ledger()
    state._limit = ADDRESS_END
    state._shared_memory = count(1)
    state._identities = count(_last_identity(given) + 1)  # after those of a pickle
    state.tree = _tree_of(given)
    counters, changed = count_vmas(given, limits)
    state._changed = _tree_of(changed)
    _find_heap_and_stack(counters, given, limits)
    if limits.pkeys:
        counters.keys = keys_of(given)
    state._counters = counters
    state.ledger.note_opened(len(given))
    for vma in given:
        if has_derived_name(vma) and derived_name(state, vma) != vma.name:
            rename(state, 0, ADDRESS_END)
            break


def _in_order(vmas: Iterable[VMA]) -> list[VMA]:
    given = []
    for vma in vmas:
        if not isinstance(vma, VMA):
            raise TypeError(f"expected a VMA, not {vma!r}")
        given.append(vma)
    given.sort(key=attrgetter("start"))
    for before, vma in pairwise(given):
        if vma.start < before.end:
            raise ValueError(f"{vma!r} overlaps {before!r}")
    return given


def _check_pages(vmas: list[VMA], limits: Limits) -> None:
    size = limits.page_size
    for vma in vmas:
        if (vma.start | vma.end | vma.offset) % size and not limits.is_gate(vma.start):
            raise ValueError(f"{vma!r} does not consist of whole pages of {size} bytes")


def _last_identity(vmas: list[VMA]) -> int:
    touched = [vma for vma in vmas if isinstance(vma, TouchedVMA)]
    return max((vma.anon_vma.identity for vma in touched), default=0)


def _tree_of(vmas: list[VMA]) -> Tree:
    # The kernel may have kept apart what Linux's rules would merge now.
    with merging_disabled():
        return MapleTree([(vma.start, vma.end - 1, vma) for vma in vmas], policy=MERGING)


def _find_heap_and_stack(counters: Counters, vmas: list[VMA], limits: Limits) -> None:
    for vma in vmas:
        if vma.start >= limits.task_size:
            return
        if vma.name == "[heap]":
            counters.start_brk = counters.start_brk or vma.start
            counters.brk = vma.end
        elif vma.name == "[stack]":
            counters.start_stack = vma.end - limits.page_size
