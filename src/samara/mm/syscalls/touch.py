# SPDX-License-Identifier: MIT
"""What a program's own writes do: no system call. Called as a method of `AddressSpace`."""

from __future__ import annotations

from samara.mm.fault import fault_in
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64


@atomic
def touch(space: State, addr: int, length: int = 1) -> None:
    """What writes to the memory of [addr, addr + length) do to its VMAs: those that are private
    and may be written now have pages of their own. No field of theirs tells, but two such
    VMAs, written apart, stay apart (Linux's anon_vma), keep their accounting when they lose the
    right to be written, and take it along when they are moved. What is not mapped is passed
    over. O(log n) for each VMA.

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
