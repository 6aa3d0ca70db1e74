# SPDX-License-Identifier: MIT
"""munmap(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL

from samara.mm.errors import os_error
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64, page_end
from samara.mm.vma_ops import unmap


@atomic
def munmap(space: State, addr: int, length: int) -> None:
    """munmap(2): unmap [addr, addr + length), whatever is there. If nothing is, that is no error.

    Raises:
        OSError: EINVAL (length 0, an unaligned address, beyond user space), ENOMEM (it would make
            two VMAs of one, and there are `max_map_count` already).

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x10000, 0x14000)])
    >>> mm.munmap(0x11000, 4096)
    >>> mm.vmas()
    [VMA(0x10000-0x11000 ---p), VMA(0x12000-0x14000 ---p)]
    """
    addr, length = as_u64(addr, length)
    length = page_end(length, space.limits.page_size)
    if addr % space.limits.page_size or not length:
        raise os_error(EINVAL)
    unmap(space, addr, addr + length)
