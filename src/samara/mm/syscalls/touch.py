# SPDX-License-Identifier: MIT
"""A program's own writes to memory: not a system call. Called as a method of `AddressSpace`."""

from __future__ import annotations

from samara.mm.fault import fault_in
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64


@atomic
def touch(space: State, addr: int, length: int = 1) -> None:
    """Write to the memory of [addr, addr + length). O(log n) for each VMA.

    VMAs there that are private and writable then have pages of their own. Their fields do not show
    it, but it has effects, as with Linux's anon_vma: two such VMAs that were written separately do
    not merge. They keep their accounting when they lose the right to be written, and take it along
    when they are moved. Addresses without a mapping are skipped, and memory whose protection key
    forbids writing.

    >>> from samara.mm import VMA, AddressSpace, Map, Prot
    >>> rw, fixed = Prot.READ | Prot.WRITE, Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
    >>> mm = AddressSpace([VMA(0x10000, 0x11000, rw), VMA(0x12000, 0x13000, rw)])
    >>> mm.touch(0x10000, 0x3000)
    >>> mm.mmap(0x11000, 4096, rw, fixed)
    69632
    >>> mm.vmas()
    [VMA(0x10000-0x12000 rw-p), VMA(0x12000-0x13000 rw-p)]
    """
    addr, length = as_u64(addr, length)
    fault_in(space, addr, addr + length)
