# SPDX-License-Identifier: MIT
"""Page faults, as far as VMAs show them: private memory gets an anon_vma when it is written.

Owns the numbers of anon_vmas. Called by the system calls that fault pages in, by `touch`, and by
replay.
"""

from __future__ import annotations

from typing import Final

from samara.mm.file import is_one_file
from samara.mm.keys import is_denied
from samara.mm.state import State
from samara.mm.vm_flags import RIGHTS
from samara.mm.vma import VMA, AnonVma, TouchedVMA, is_touched
from samara.mm.vma_ops import store_apart, vmas_over

# VMAs that share an anon_vma for future pages may differ in these.
_MAY_DIFFER: Final = frozenset((*RIGHTS, "sd", "gu"))


def fault_in(space: State, start: int, end: int, rights: int = 2) -> None:
    """Write the private memory of [start, end) that has these rights. O(log n) for each VMA.

    Memory whose protection key forbids it is skipped, unless no rights are asked for.
    """
    keys = space._counters.keys
    for vma in vmas_over(space, start, end):
        private = vma.vm_flags.isdisjoint(("ms", "pf", "io"))
        if rights and is_denied(keys, vma.pkey, write=True):
            continue
        if not is_touched(vma) and int(vma.prot) & rights == rights and private:
            anon_vma = _reusable(space, vma) or AnonVma(next(space._identities), _shift(vma))
            store_apart(space, TouchedVMA.of(vma, anon_vma))


def _reusable(space: State, vma: VMA) -> AnonVma | None:
    """Return the anon_vma of a neighbour that could merge with this VMA if the rights were equal.

    Returns None if there is no such neighbour. O(log n).
    """
    for at in (vma.end, vma.start - 1):
        other = space.tree.get(at) if at >= 0 else None
        if not isinstance(other, TouchedVMA) or not is_touched(other):
            continue
        if not is_one_file(other.file, vma.file):
            continue
        if vma.file is None:
            goes_on = other.anon_vma.shift == _shift(vma)
        else:
            goes_on = other.offset - other.start == vma.offset - vma.start
        if other.pkey != vma.pkey or other.policy != vma.policy:
            continue
        if goes_on and other.vm_flags ^ vma.vm_flags <= _MAY_DIFFER:
            return other.anon_vma
    return None


def _shift(vma: VMA) -> int:
    return vma.anon_vma.shift if isinstance(vma, TouchedVMA) else 0
