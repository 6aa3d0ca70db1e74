# SPDX-License-Identifier: MIT
"""mseal(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL, ENOMEM
from typing import Final

from samara.mm.errors import os_error
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vma_ops import is_mapped, modify, vmas_over

_SEALED: Final = frozenset(("sl",))


@atomic
def mseal(space: State, addr: int, length: int, flags: int = 0) -> None:
    """mseal(2): seal [addr, addr + length): it can no longer be unmapped, moved or protected.

    There is no way back, and children inherit it.

    Args:
        addr, length: the memory, in bytes. If it has a hole, nothing is sealed.
        flags: must be 0

    Raises:
        OSError: EINVAL (an unaligned address, flags, an overflow), ENOMEM (a hole, too many VMAs).

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mseal(0x10000, 4096)
    >>> mm.munmap(0x10000, 0x2000)
    Traceback (most recent call last):
        ...
    PermissionError: [Errno 1] Operation not permitted
    """
    addr, length, flags = as_u64(addr, length, flags)
    size = page_end(length, space.limits.page_size)
    end = (addr + size) % ADDRESS_END
    if flags or addr % space.limits.page_size or (length and not size) or end < addr:
        raise os_error(EINVAL)
    if end == addr:
        return
    if not is_mapped(space, addr, end):
        raise os_error(ENOMEM)
    space._counters.sealed = True
    for vma in vmas_over(space, addr, end):
        modify(space, vma, addr, end, vma.prot, vma.vm_flags | _SEALED)
