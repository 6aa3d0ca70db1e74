# SPDX-License-Identifier: MIT
"""What a VMA holds: its kind, and the name to show for it."""

from __future__ import annotations

from typing import Final

from samara.mm import VMA

# In the order of a plot's legend, with the colours there. People with colour blindness can tell
# them apart.
KINDS: Final = {
    "text": "#d55e00",
    "file, read only": "#56b4e9",
    "file, writable": "#0072b2",
    "heap": "#e69f00",
    "stack": "#cc79a7",
    "anonymous": "#009e73",
    "code without a file": "#8b0000",
    "no access": "#c8c8c8",
    "the kernel's own": "#333333",
}


def kind(vma: VMA) -> str:
    """Return one of KINDS. "text" is an executable part of a file; "no access" is memory that is
    only reserved, and guard pages; "the kernel's own" is [vdso] and [vvar].

    >>> kind(VMA(0x1000, 0x3000, 3)), kind(VMA(0x1000, 0x3000, 3, name="[heap]"))
    ('anonymous', 'heap')
    """
    if vma.name in ("[heap]", "[stack]"):
        return vma.name[1:-1]
    if vma.name.startswith("[v"):
        return "the kernel's own"
    if not vma.prot:
        return "no access"
    if vma.file is None:
        return "code without a file" if vma.prot & 4 else "anonymous"
    if vma.prot & 4:
        return "text"
    return "file, writable" if vma.prot & 2 else "file, read only"


def label_of(vma: VMA) -> str:
    """Return the kernel's name for a VMA, the path of its file, or what sort of memory it is.

    >>> label_of(VMA(0x1000, 0x3000)), label_of(VMA(0x1000, 0x3000, 3))
    ('reserved', 'anonymous')
    """
    if vma.name:
        return vma.name
    if vma.file is None:
        return "reserved" if not vma.prot else "anonymous"
    return vma.file.path or "?"
