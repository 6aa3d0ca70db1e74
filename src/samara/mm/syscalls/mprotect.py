# SPDX-License-Identifier: MIT
"""mprotect(2): mprotect, pkey_mprotect. Called as methods of `AddressSpace`."""

from __future__ import annotations

from errno import EACCES, EINVAL, ENOMEM, EPERM
from functools import lru_cache
from typing import Final

from samara.mm.accounting import accounting
from samara.mm.constants import Prot
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.keys import check_key, for_execution
from samara.mm.limit_checks import check_commit, check_data
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vm_flags import RIGHTS, rights
from samara.mm.vma import VMA, is_anonymous, is_touched
from samara.mm.vma_ops import find_vma, modify

_GROWSDOWN: Final = int(Prot.GROWSDOWN)
_GROWSUP: Final = int(Prot.GROWSUP)
_KNOWN: Final = int(Prot.READ | Prot.WRITE | Prot.EXEC | Prot.SEM)
_EXECUTE_ONLY: Final = int(Prot.EXEC)
_NO_KEY: Final = (1 << 32) - 1  # -1 as an int


@atomic
def mprotect(space: State, addr: int, length: int, prot: int) -> None:
    """mprotect(2): give [addr, addr + length) the rights `prot`.

    On a machine with protection keys (`limits.pkeys`), memory that becomes execute-only gets the
    key that the kernel keeps for such memory.

    Raises:
        OSError: ENOMEM at a hole (what lies before the hole has changed already); ENOMEM for too
            many VMAs or a limit; EACCES (a shared file that was opened for reading); EINVAL (an
            unaligned address, an unknown right, a part of memory that cannot be cut); EPERM (sealed
            memory).

    >>> from samara.mm import VMA, AddressSpace, Prot
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.mprotect(0x11000, 0x5000, Prot.READ)
    Traceback (most recent call last):
        ...
    OSError: [Errno 12] Cannot allocate memory
    >>> mm.vmas()
    [VMA(0x10000-0x11000 ---p), VMA(0x11000-0x12000 r--p)]
    """
    addr, length, prot = as_u64(addr, length, prot)
    _mprotect(space, addr, length, prot, _NO_KEY)


@atomic
def pkey_mprotect(space: State, addr: int, length: int, prot: int, pkey: int) -> None:
    """pkey_mprotect(2): give [addr, addr + length) the rights `prot` and a protection key.

    Args:
        addr, length, prot: as for `mprotect`
        pkey: a key from `pkey_alloc`; 0, the key of all other memory; or -1: do what `mprotect`
            does

    Raises:
        OSError: as `mprotect`; EINVAL for a key that is not allocated, and for any key but -1 if
            the machine has none (`limits.pkeys`)

    >>> from samara.mm import VMA, AddressSpace, Limits, Prot
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)], limits=Limits(pkeys=True))
    >>> mm.pkey_mprotect(0x11000, 4096, Prot.READ, mm.pkey_alloc())
    >>> [vma.pkey for vma in mm]
    [0, 1]
    """
    addr, length, prot = as_u64(addr, length, prot)
    if pkey == -1:
        pkey = _NO_KEY
    (pkey,) = as_u64(pkey)
    _mprotect(space, addr, length, prot, pkey % (1 << 32))  # an int


def _mprotect(space: State, addr: int, length: int, prot: int, pkey: int) -> None:
    grows = prot & (_GROWSDOWN | _GROWSUP)
    prot &= ~grows
    if grows == _GROWSDOWN | _GROWSUP or addr % space.limits.page_size:
        raise os_error(EINVAL)
    if not length:
        return
    end = (addr + page_end(length, space.limits.page_size)) % ADDRESS_END
    if end <= addr:
        raise os_error(ENOMEM)
    if prot & ~_KNOWN:
        raise os_error(EINVAL)
    if pkey != _NO_KEY:
        check_key(space._counters.keys, pkey, space.limits.pkeys)
    vma = find_vma(space, addr)
    if vma is None:
        raise os_error(ENOMEM)
    if grows == _GROWSDOWN:
        if vma.start >= end:
            raise os_error(ENOMEM)
        addr = vma.start
        if "gd" not in vma.vm_flags:
            raise os_error(EINVAL)
    elif vma.start > addr:
        raise os_error(ENOMEM)
    elif grows:
        raise os_error(EINVAL)  # no memory of x86 grows up
    while vma is not None and vma.start <= addr:
        _protect(space, vma, addr, end, prot, pkey)
        addr = vma.end
        if addr >= end:
            return
        vma = find_vma(space, addr)
    raise os_error(ENOMEM)


def _protect(space: State, vma: VMA, start: int, end: int, prot: int, pkey: int) -> None:
    old = vma.vm_flags
    pkey = _key_for(space, vma, prot, pkey)
    prot &= 7
    new = _protected(old, prot, _is_untouched(vma), pkey == vma.pkey)
    if new is None:
        raise os_error(EACCES)
    if "sl" in old:
        raise os_error(EPERM)
    if new == old and pkey == vma.pkey:
        return
    if prot & 2:
        size = min(end, vma.end) - max(start, vma.start)
        if accounting(new).data and not accounting(old).data:
            _check_more_data(space, size)
        if "ac" in new and "ac" not in old:
            check_commit(space, size)
    modify(space, vma, start, end, prot, new, pkey)
    if prot & 2 and "lo" in old and old.isdisjoint(("wr", "lf")):
        fault_in(space, max(start, vma.start), min(end, vma.end))


def _key_for(space: State, vma: VMA, prot: int, pkey: int) -> int:
    """Return the key that a VMA gets. mprotect() keeps its key, but for execute-only memory."""
    if pkey != _NO_KEY:
        return pkey
    counters = space._counters
    if prot == _EXECUTE_ONLY:
        counters.keys, pkey = for_execution(counters.keys, space.limits.pkeys)
        return pkey or vma.pkey
    if 0 < vma.pkey == counters.keys.execute_only and _is_execute_only(vma):
        return 0
    return vma.pkey


def _is_execute_only(vma: VMA) -> bool:
    return "ex" in vma.vm_flags and vma.vm_flags.isdisjoint(("rd", "wr"))


def _check_more_data(space: State, more: int) -> None:
    """Check RLIMIT_DATA. Linux skips this check if as much new memory would exceed RLIMIT_AS."""
    limit = space.limits.rlimit_as
    if limit is None or space.size + more <= limit:
        check_data(space, more)


def _is_untouched(vma: VMA) -> bool:
    return vma.name != "[stack]" and not is_touched(vma) and is_anonymous(vma)


@lru_cache(maxsize=4096)
def _protected(
    old: frozenset[str], prot: int, untouched: bool, same_key: bool
) -> frozenset[str] | None:
    """Return VmFlags with the rights `prot`, or None if these rights are not allowed.

    Returns the same object if nothing changes.
    """
    wanted = rights(prot)
    for code in wanted:
        if f"m{code[0]}" not in old:
            return None
    if same_key and wanted == old.intersection(RIGHTS):
        return old
    codes = set(old.difference(RIGHTS)) | wanted
    if "wr" in wanted:
        if old.isdisjoint(("ac", "wr", "ht", "sh", "nr")):
            codes.add("ac")
    elif untouched:
        codes.discard("ac")
    return frozenset(codes)
