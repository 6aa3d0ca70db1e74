# SPDX-License-Identifier: MIT
"""Stacks that grow down: MAP_GROWSDOWN of mmap(2). Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EFAULT, ENOMEM, EPERM

from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.limit_checks import check_locked, check_size
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64
from samara.mm.vm_flags import RIGHTS
from samara.mm.vma import VMA
from samara.mm.vma_ops import change_apart, find_vma, insert_apart, vma_at


@atomic
def expand_stack(space: State, addr: int) -> VMA:
    """Grow a stack down to the page of `addr`, as a page fault there does (MAP_GROWSDOWN).

    Returns:
        The VMA that contains `addr` now. It may have contained it before.

    Raises:
        OSError: The process would get SIGSEGV. EFAULT (no stack above), ENOMEM (RLIMIT_STACK; the
            guard gap to memory below; a limit), EPERM (below mmap_min_addr).

    >>> from samara.mm import VMA, AddressSpace
    >>> mm = AddressSpace([VMA(0x7ff000000000, 0x7ff000001000, vm_flags="rd wr mr mw me gd")])
    >>> mm.expand_stack(0x7fefffffe123)
    VMA(0x7fefffffe000-0x7ff000001000 ---p)
    """
    (addr,) = as_u64(addr)
    vma = find_vma(space, addr)
    if vma is None:
        raise os_error(EFAULT)
    if vma.start <= addr:
        return vma
    if "gd" not in vma.vm_flags:
        raise os_error(EFAULT)
    limits = space.limits
    start = addr & -limits.page_size
    if start < limits.mmap_min_addr:
        raise os_error(EPERM)
    below = space.tree.find_rev(start)
    if below is not None:
        other = below.value
        accessible = not other.vm_flags.isdisjoint(RIGHTS)
        if accessible and "gd" not in other.vm_flags and start - other.end < limits.stack_guard_gap:
            raise os_error(ENOMEM)
    fault_in(space, vma.start, vma.end, 0)  # before the limits are checked, whatever its rights
    vma = vma_at(space, vma.start, EFAULT)
    grown = vma.start - start
    check_size(space, grown, vma.vm_flags)
    if limits.rlimit_stack is not None and vma.end - start > limits.rlimit_stack:
        raise os_error(ENOMEM)
    if "lo" in vma.vm_flags:
        check_locked(space, grown, ENOMEM)
    whole = vma._replace(start=start)
    insert_apart(space, whole._replace(end=vma.start))
    change_apart(space, whole, vma)
    return whole
