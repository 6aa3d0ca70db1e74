# SPDX-License-Identifier: MIT
"""mprotect."""

from __future__ import annotations

from errno import EACCES, EINVAL, ENOMEM, EPERM
from functools import lru_cache
from typing import Final

from samara.mm.constants import Prot
from samara.mm.state import Space
from samara.mm.vma import ADDRESS_END, PAGE_SIZE, RIGHTS, VMA, is_touched, rights
from samara.mm.vma_ops import (
    check_commit,
    check_data,
    checked,
    failed,
    find_vma,
    modify,
    page_end,
    touch,
    weight,
)

_GROWSDOWN: Final = int(Prot.GROWSDOWN)
_GROWSUP: Final = int(Prot.GROWSUP)
_KNOWN: Final = int(Prot.READ | Prot.WRITE | Prot.EXEC | Prot.SEM)


def mprotect(space: Space, addr: int, length: int, prot: int) -> None:
    addr, length, prot = checked(addr, length, prot)
    grows = prot & (_GROWSDOWN | _GROWSUP)
    prot &= ~grows
    if grows == _GROWSDOWN | _GROWSUP or addr % PAGE_SIZE:
        raise failed(EINVAL)
    if not length:
        return
    end = (addr + page_end(length)) % ADDRESS_END
    if end <= addr:
        raise failed(ENOMEM)
    if prot & ~_KNOWN:
        raise failed(EINVAL)
    vma = find_vma(space, addr)
    if vma is None:
        raise failed(ENOMEM)
    if grows == _GROWSDOWN:
        if vma[0] >= end:
            raise failed(ENOMEM)
        addr = vma[0]
        if "gd" not in vma[7]:
            raise failed(EINVAL)
    elif vma[0] > addr:
        raise failed(ENOMEM)
    elif grows:
        raise failed(EINVAL)  # no memory of x86 grows up
    while vma is not None and vma[0] <= addr:
        _protect(space, vma, addr, end, prot & 7)
        addr = vma[1]
        if addr >= end:
            return
        vma = find_vma(space, addr)
    raise failed(ENOMEM)


def _protect(space: Space, vma: VMA, start: int, end: int, prot: int) -> None:
    old = vma[7]
    new = _protected(old, prot, _is_untouched(vma))
    if new is None:
        raise failed(EACCES)
    if "sl" in old:
        raise failed(EPERM)
    if new == old:
        return
    if prot & 2:
        size = min(end, vma[1]) - max(start, vma[0])
        if weight(new).data and not weight(old).data:
            _check_more_data(space, size)
        if "ac" in new and "ac" not in old:
            check_commit(space, size)
    modify(space, vma, start, end, prot, new)
    if prot & 2 and "lo" in old and old.isdisjoint(("wr", "lf")):
        touch(space, max(start, vma[0]), min(end, vma[1]))


def _check_more_data(space: Space, more: int) -> None:
    """RLIMIT_DATA, which Linux forgets here where so much would pass RLIMIT_AS, were it new."""
    limit = space.limits.rlimit_as
    if limit is None or space.size + more <= limit:
        check_data(space, more)


def _is_untouched(vma: VMA) -> bool:
    if vma[5] is not None or (vma.__class__ is not VMA and is_touched(vma)):
        return False
    name = vma[6]
    return not name or (name != "[stack]" and name[:2] != "[v")


@lru_cache(maxsize=4096)
def _protected(old: frozenset[str], prot: int, untouched: bool) -> frozenset[str] | None:
    """VmFlags with the rights `prot`, or the same object; None where they may not be had."""
    wanted = rights(prot)
    for code in wanted:
        if f"m{code[0]}" not in old:
            return None
    if wanted == old.intersection(RIGHTS):
        return old
    codes = set(old.difference(RIGHTS)) | wanted
    if "wr" in wanted:
        if old.isdisjoint(("ac", "wr", "ht", "sh", "nr")):
            codes.add("ac")
    elif untouched:
        codes.discard("ac")
    return frozenset(codes)
