# SPDX-License-Identifier: MIT
"""What a child inherits of its parent's VMAs.

Owns which VMAs fork leaves out or changes, and how. Called by the fork itself, and by the writes
that keep count of such VMAs.
"""

from __future__ import annotations

from typing import Final

from samara.mm.vma import VMA, is_touched, untouched

# VmFlags that keep a VMA from the child, and those that the child's VMA does not inherit: locks
# (mlock(2)) and registrations of a userfaultfd (userfaultfd(2)).
NOT_COPIED: Final = "dc"
NOT_INHERITED: Final = frozenset(("lo", "lf", "um", "uw", "ui"))
_CHANGED_BY_FORK: Final = NOT_INHERITED | {NOT_COPIED}
# Of memory that is empty in the child: a VMA that was written has no pages there.
WIPED: Final = "wf"


def is_changed_by_fork(vma: VMA) -> bool:
    """Does fork leave this VMA out, or give the child one that differs from it? One that is wiped
    on fork (wf) differs if it was written. O(1).

    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me wf"))
    False
    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me lo"))
    True
    """
    vm_flags = vma.vm_flags
    return not _CHANGED_BY_FORK.isdisjoint(vm_flags) or (WIPED in vm_flags and is_touched(vma))


def child_vma(vma: VMA) -> VMA | None:
    """What a child has in place of its parent's VMA: None where that is not copied (dc), else a
    copy, no longer locked (lo, lf) nor registered with a userfaultfd (um, uw, ui). Wipe-on-fork
    (wf) stays, and leaves it without written pages. O(1).

    >>> sorted(child_vma(VMA(0x1000, 0x2000, vm_flags="rd lo wf")).vm_flags)
    ['rd', 'wf']
    >>> child_vma(VMA(0x1000, 0x2000, vm_flags="rd dc")) is None
    True
    """
    if not is_changed_by_fork(vma):
        return vma.copy()
    if NOT_COPIED in vma.vm_flags:
        return None
    if WIPED in vma.vm_flags:
        vma = untouched(vma)
    return vma._replace(vm_flags=vma.vm_flags - NOT_INHERITED)
