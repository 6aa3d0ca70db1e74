# SPDX-License-Identifier: MIT
"""execve(2), as far as memory goes. Called as a method of `AddressSpace`."""

from __future__ import annotations

from collections.abc import Iterable

from samara.mm.populate import populate
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64
from samara.mm.vma import VMA
from samara.mm.vma_ops import rename


def exec(
    space: State,
    vmas: Iterable[VMA] = (),
    *,
    start_brk: int = 0,
    start_stack: int | None = None,
    data_segment: int = 0,
) -> None:
    """Start another program, as execve(2) does. O(n).

    The new program's VMAs replace all mappings and locks. Limits and ledger stay.

    Args:
        vmas: the VMAs of the new program
        start_brk: the start of its heap, which is the end of its data; 0 for no heap
        start_stack: an address of its stack. By default, the VMA named [stack] tells it.
        data_segment: bytes of its data, which count for RLIMIT_DATA when the heap grows

    Raises:
        ValueError: Two of the VMAs overlap. Nothing has changed.

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x1000, 0x3000)])
    >>> mm.exec([VMA(0x8000, 0x9000)], start_brk=0x9000)
    >>> mm.vmas(), mm.heap
    ([VMA(0x8000-0x9000 ---p)], (36864, 36864))
    """
    start_brk, data_segment = as_u64(start_brk, data_segment)
    if start_stack is not None:
        (start_stack,) = as_u64(start_stack)
    new = State()
    populate(new, vmas, space.limits)
    counters = new._counters
    counters.data_segment = data_segment
    if start_brk:
        counters.start_brk = counters.brk = start_brk
    if start_stack is not None:
        counters.start_stack = start_stack
    rename(new, 0, ADDRESS_END)
    space.ledger.note(len(new), len(space))  # nothing after this needs memory
    space.tree, space._changed = new.tree, new._changed
    space._counters, space._limit = counters, ADDRESS_END
