# SPDX-License-Identifier: MIT
"""mbind(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EFAULT, EINVAL, EPERM
from typing import Final

from samara.mm.constants import MpolMf
from samara.mm.errors import os_error
from samara.mm.policy import check_mode, policy_of
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vma import part_of
from samara.mm.vma_ops import change_part, is_mapped, vmas_over

_STRICT: Final = int(MpolMf.STRICT)
_MOVE: Final = int(MpolMf.MOVE)
_MOVE_ALL: Final = int(MpolMf.MOVE_ALL)


@atomic
def mbind(space: State, addr: int, length: int, mode: int, nodes: int = 0, flags: int = 0) -> None:
    """mbind(2): set the NUMA policy of [addr, addr + length).

    The model knows VMAs, not pages, so it assumes that no page has to move (no EIO).

    Args:
        addr, length: the memory, in bytes. If it has a hole, nothing changes. Only the default
            policy skips holes.
        mode: an `Mpol`, with or without its flags
        nodes: the nodes, as a bit mask: 0b101 for nodes 0 and 2
        flags: an `MpolMf`

    Raises:
        OSError: EINVAL (unknown mode or flags, flags that exclude each other, an unaligned address,
            nodes that the mode needs or does not take, none of them in `limits.nodes`), EFAULT (a
            hole), EPERM (MOVE_ALL without privilege), ENOMEM (too many VMAs).

    >>> from samara.mm import VMA, AddressSpace, Mpol
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mbind(0x11000, 4096, Mpol.BIND, nodes=0b1)
    >>> [str(vma.policy) for vma in mm]
    ['None', 'bind:0']
    """
    addr, length, mode, nodes, flags = as_u64(addr, length, mode, nodes, flags)
    mode %= 1 << 32  # ints
    flags %= 1 << 32
    check_mode(mode)
    if flags & ~(_STRICT | _MOVE | _MOVE_ALL):
        raise os_error(EINVAL)
    if flags & _MOVE_ALL and not space.limits.privileged:
        raise os_error(EPERM)
    size = page_end(length, space.limits.page_size)
    end = (addr + size) % ADDRESS_END
    if addr % space.limits.page_size or end < addr:
        raise os_error(EINVAL)
    if end == addr:
        return
    policy = policy_of(mode, nodes, space.limits.nodes)
    if policy is None:
        if space.tree.is_free(addr, end - 1):
            raise os_error(EFAULT)
    elif not is_mapped(space, addr, end):
        raise os_error(EFAULT)
    for vma in vmas_over(space, addr, end):
        if vma.policy != policy:
            change_part(space, vma, part_of(vma, addr, end)._replace(policy=policy))
