# SPDX-License-Identifier: MIT
"""What a child inherits of its parent's VMAs.

Owns which VMAs fork leaves out or changes, and how. Called by fork, and by the writes that keep a
record of such VMAs.
"""

from __future__ import annotations

from typing import Final

from samara.mm.vma import VMA, is_touched, untouched

# VmFlags that keep a VMA from the child, and those that the child's VMA does not inherit: locks
# (mlock(2)) and registrations of a userfaultfd (userfaultfd(2)).
NOT_COPIED: Final = "dc"
NOT_INHERITED: Final = frozenset(("lo", "lf", "um", "uw", "ui"))
_CHANGED_BY_FORK: Final = NOT_INHERITED | {NOT_COPIED}
# The VmFlag of memory that is empty in the child. There, a VMA that was written has no pages.
WIPED: Final = "wf"


def is_changed_by_fork(vma: VMA) -> bool:
    """Return whether fork leaves this VMA out, or gives the child a different one. O(1).

    A VMA that is wiped on fork (wf) differs if it was written.

    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me wf"))
    False
    >>> is_changed_by_fork(VMA(0x1000, 0x2000, vm_flags="rd mr mw me lo"))
    True
    """
    vm_flags = vma.vm_flags
    return not _CHANGED_BY_FORK.isdisjoint(vm_flags) or (WIPED in vm_flags and is_touched(vma))


def child_vma(vma: VMA) -> VMA | None:
    """Return the child's copy of its parent's VMA, or None if fork does not copy it (dc). O(1).

    The copy is not locked (lo, lf), and not registered with a userfaultfd (um, uw, ui). With
    wipe-on-fork (wf), it keeps that flag but has no written pages.

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
