# SPDX-License-Identifier: MIT
"""madvise(2): advice that a VMA keeps as a flag, and advice that only affects its pages.

Called as a method of `AddressSpace`.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EACCES, EAGAIN, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EPERM
from typing import Final, NamedTuple

from samara.mm.constants import Madv
from samara.mm.errors import os_error
from samara.mm.fault import fault_in
from samara.mm.file import is_perf_event, is_secret
from samara.mm.keys import is_denied
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vma import VMA, is_anonymous
from samara.mm.vma_ops import modify, store_apart, vmas_over

_SPECIAL: Final = frozenset(("io", "de", "pf", "mm"))


def _always(vma: VMA) -> int:
    return 0


def _private_memory(vma: VMA) -> int:
    return EINVAL if vma.file is not None or vma.shared else 0


def _not_dropped(vma: VMA) -> int:
    return EINVAL if "dp" in vma.vm_flags else 0


def _dumpable(vma: VMA) -> int:
    kept_out = not _SPECIAL.isdisjoint(vma.vm_flags) and "ht" not in vma.vm_flags
    return EINVAL if kept_out or "dp" in vma.vm_flags else 0


def _no_device(vma: VMA) -> int:
    return EINVAL if "io" in vma.vm_flags else 0


def _has_pages(vma: VMA) -> int:
    return EINVAL if "pf" in vma.vm_flags else 0


def _droppable_pages(vma: VMA) -> int:
    return EINVAL if not vma.vm_flags.isdisjoint(("lo", "pf")) else 0


def _freeable(vma: VMA) -> int:
    special = not _SPECIAL.isdisjoint(vma.vm_flags)
    return EINVAL if special or not is_anonymous(vma) else _droppable_pages(vma)


def _reclaimable(vma: VMA) -> int:
    return EINVAL if not vma.vm_flags.isdisjoint(("lo", "pf", "ht")) else 0


def _punchable(vma: VMA) -> int:
    if "lo" in vma.vm_flags or vma.file is None:
        return EINVAL
    if is_perf_event(vma.file):
        return ENODEV
    if is_secret(vma.file):
        return EOPNOTSUPP
    return 0 if "sh" in vma.vm_flags and "mw" in vma.vm_flags else EACCES


def _readable(vma: VMA) -> int:
    return EINVAL if "pf" in vma.vm_flags or not int(vma.prot) & 1 else 0


def _writable(vma: VMA) -> int:
    return EINVAL if "pf" in vma.vm_flags or "wr" not in vma.vm_flags else 0


def _guardable(vma: VMA) -> int:
    flags = vma.vm_flags
    return EINVAL if not _SPECIAL.isdisjoint(flags) or "ht" in flags else 0


def _guardable_unlocked(vma: VMA) -> int:
    return EINVAL if "lo" in vma.vm_flags else _guardable(vma)


def _anything(vma: VMA) -> bool:
    return True


def _mergeable(vma: VMA) -> bool:
    flags = vma.vm_flags
    return flags.isdisjoint(_SPECIAL | {"sh", "ms", "ht", "dp"})


class _Advice(NamedTuple):
    """What an advice does.

    Attributes:
        set: codes that it sets
        clear: codes that it clears
        refuse: returns the errno for a VMA that cannot have the advice, or 0
        applies: returns whether the advice has an effect on a VMA; if not, the VMA is skipped
    """

    set: frozenset[str] = frozenset()
    clear: frozenset[str] = frozenset()
    refuse: Callable[[VMA], int] = _always
    applies: Callable[[VMA], bool] = _anything


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ADVICE: Final = {
    int(advice): effect
    for advice, effect in {
        Madv.NORMAL: _Advice(clear=_codes("rr sr")),
        Madv.RANDOM: _Advice(_codes("rr"), _codes("sr")),
        Madv.SEQUENTIAL: _Advice(_codes("sr"), _codes("rr")),
        Madv.WILLNEED: _Advice(),
        Madv.DONTNEED: _Advice(refuse=_droppable_pages),
        Madv.FREE: _Advice(refuse=_freeable),
        Madv.REMOVE: _Advice(refuse=_punchable),
        Madv.DONTFORK: _Advice(_codes("dc")),
        Madv.DOFORK: _Advice(clear=_codes("dc"), refuse=_no_device),
        Madv.MERGEABLE: _Advice(_codes("mg"), applies=_mergeable),
        Madv.UNMERGEABLE: _Advice(clear=_codes("mg")),
        Madv.HUGEPAGE: _Advice(_codes("hg"), _codes("nh")),
        Madv.NOHUGEPAGE: _Advice(_codes("nh"), _codes("hg")),
        Madv.DONTDUMP: _Advice(_codes("dd")),
        Madv.DODUMP: _Advice(clear=_codes("dd"), refuse=_dumpable),
        Madv.WIPEONFORK: _Advice(_codes("wf"), refuse=_private_memory),
        Madv.KEEPONFORK: _Advice(clear=_codes("wf"), refuse=_not_dropped),
        Madv.COLD: _Advice(refuse=_reclaimable),
        Madv.PAGEOUT: _Advice(refuse=_reclaimable),
        Madv.POPULATE_READ: _Advice(refuse=_readable),
        Madv.POPULATE_WRITE: _Advice(refuse=_writable),
        Madv.DONTNEED_LOCKED: _Advice(refuse=_has_pages),
        Madv.COLLAPSE: _Advice(refuse=_guardable),
        Madv.GUARD_INSTALL: _Advice(_codes("gu"), refuse=_guardable_unlocked),
        Madv.GUARD_REMOVE: _Advice(refuse=_guardable),
    }.items()
}
# Advice that drops contents. It is refused for sealed memory that cannot be written again.
_DROPS: Final = frozenset(
    int(advice)
    for advice in (
        *(Madv.DONTNEED, Madv.FREE, Madv.REMOVE, Madv.DONTFORK, Madv.WIPEONFORK),
        *(Madv.DONTNEED_LOCKED, Madv.GUARD_INSTALL),
    )
)
_POPULATES: Final = (int(Madv.POPULATE_READ), int(Madv.POPULATE_WRITE))
_POPULATE_WRITE: Final = int(Madv.POPULATE_WRITE)
_COLLAPSE: Final = int(Madv.COLLAPSE)
_GUARD_INSTALL: Final = int(Madv.GUARD_INSTALL)
_POISONS: Final = (int(Madv.HWPOISON), int(Madv.SOFT_OFFLINE))


@atomic
def madvise(space: State, addr: int, length: int, advice: int) -> None:
    """madvise(2): advise the kernel about the use of [addr, addr + length).

    Advice that Linux keeps with a VMA changes its VmFlags. Other advice is checked, but has no
    effect here.

    Raises:
        OSError: ENOMEM if there are holes (everything else is done nevertheless); EINVAL (an
            unaligned address, unknown advice, memory that cannot have it); EACCES (`Madv.REMOVE` of
            memory that is not shared and writable); EAGAIN (too many VMAs).

    >>> from samara.mm import VMA, AddressSpace, Madv
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.madvise(0x10000, 4096, Madv.DONTFORK)
    >>> mm.fork().vmas()
    [VMA(0x11000-0x12000 ---p)]
    """
    addr, length, advice = as_u64(addr, length, advice)
    advice %= 1 << 32  # an int
    effect = _ADVICE.get(advice)
    if effect is None and advice not in _POISONS or addr % space.limits.page_size:
        raise os_error(EINVAL)
    size = page_end(length, space.limits.page_size)
    end = (addr + size) % ADDRESS_END
    if (length and not size) or end < addr:
        raise os_error(EINVAL)
    if effect is None:
        raise os_error(EPERM)  # for the administrator only, and not modelled
    if end == addr:
        return
    unmapped = False
    for vma in vmas_over(space, addr, end):
        if vma.start > addr:
            unmapped = True
            if advice in _POPULATES:
                break
        if advice in _DROPS and _is_sealed_for_reading(space, vma):
            raise os_error(EPERM)
        if advice in _POPULATES and _is_unreadable(space, vma, advice):
            raise os_error(EINVAL)
        if advice == _COLLAPSE and not _holds_huge_page(vma, space.limits.huge_page_size):
            raise os_error(EINVAL)
        _advise(space, vma, addr, end, effect)
        if advice == _POPULATE_WRITE:
            fault_in(space, max(addr, vma.start), min(end, vma.end))
        elif advice == _GUARD_INSTALL and (vma.file is None or is_anonymous(vma)):
            fault_in(space, max(addr, vma.start), min(end, vma.end), 0)  # whatever its rights
        addr = vma.end
    if unmapped or addr < end:
        raise os_error(ENOMEM)


def _holds_huge_page(vma: VMA, size: int) -> bool:
    return vma.end // size > -(-vma.start // size)


def _is_sealed_for_reading(space: State, vma: VMA) -> bool:
    if "sl" not in vma.vm_flags or not is_anonymous(vma):
        return False
    return "wr" not in vma.vm_flags or is_denied(space._counters.keys, vma.pkey, write=True)


def _is_unreadable(space: State, vma: VMA, advice: int) -> bool:
    """Return whether its protection key or memfd_secret(2) keeps the kernel from populating it."""
    write = advice == _POPULATE_WRITE
    return is_secret(vma.file) or is_denied(space._counters.keys, vma.pkey, write)


def _advise(space: State, vma: VMA, start: int, end: int, effect: _Advice) -> None:
    old = vma.vm_flags
    refusal = effect.refuse(vma)
    if refusal:
        raise os_error(refusal)
    if not (effect.set or effect.clear) or not effect.applies(vma):
        return
    if "gu" in effect.set:
        # Guards belong to pages. The flag only says that the VMA may have some.
        if "gu" not in old:
            store_apart(space, vma._replace(vm_flags=old | effect.set))
        return
    _change(space, vma, start, end, (old - effect.clear) | effect.set)


def _change(space: State, vma: VMA, start: int, end: int, vm_flags: frozenset[str]) -> None:
    try:
        modify(space, vma, start, end, vma.prot, vm_flags)
    except OSError as error:
        raise os_error(EAGAIN if error.errno == ENOMEM else error.errno or EINVAL) from None
