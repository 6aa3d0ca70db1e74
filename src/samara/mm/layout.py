# SPDX-License-Identifier: MIT
"""`guess_limits`: the limits of a process whose VMAs were read, as far as they show.

Owns how the layout of addresses, the page size and `mmap_base` follow from VMAs. Called by
`AddressSpace` when it reads a process or a text.

What is known of each layout is in the kernel's documentation (x86_64/mm, arm64/memory, 5-level
paging, vm.mmap_rnd_bits). Where the running kernel puts the next mapping was tried
(`tests/kernel/next_mmap.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import filterfalse
from operator import attrgetter
from typing import Any, Final

from samara.mm.limits import Layout, Limits, is_page_size
from samara.mm.units import PAGE_SIZE
from samara.mm.vma import VMA

_STACK: Final = "[stack]"
_KERNEL_PAGES: Final = ("[vdso]", "[vvar", "[sigpage]")  # what their names begin with
_ARM_NAMES: Final = frozenset(("[vectors]", "[sigpage]"))
_GATE_NAMES: Final = frozenset(("[vsyscall]", "[vectors]"))
_OLD_VDSO: Final = 0xFFFF_E000  # of a 32-bit process on an old x86 kernel
_32BIT_END: Final = 1 << 32
_CLOSE: Final = 10  # VMAs with less than this part of all addresses between them, as a shift
_ENOUGH: Final = 8  # VMAs whose alignment tells a page size
_LARGER_PAGES: Final = (65536, 16384)


def guess_limits(vmas: Sequence[VMA], page_size: int | None = None) -> Limits:
    """Return the limits of a process that has these VMAs, which are in order. O(n).

    The layout follows from the end of the stack, or else of the highest VMA, and from [vsyscall].
    `mmap_base` follows from the highest VMA below the stack: it is where the first mapping ends.
    All other limits have their defaults.

    Args:
        vmas: the VMAs
        page_size: the page size that the text told, or None. It is used if all VMAs agree with it.

    >>> stack = VMA(0xfffffffde000, 0x1000000000000, name="[stack]")
    >>> limits = guess_limits([VMA(0xfffff7fc0000, 0xfffff7ffe000), stack])
    >>> hex(limits.task_size), hex(limits.mmap_base)
    ('0x1000000000000', '0xfffff7ffe000')
    """
    user = list(filterfalse(_is_gate, vmas))
    if not user:
        return Limits()
    layout = _layout(vmas, user)
    limits = Limits.of(layout, page_size=_page_size(user, layout, page_size))
    return replace(limits, **_placement(user, limits))


def _is_gate(vma: VMA) -> bool:
    return vma.name in _GATE_NAMES or vma.start >= 1 << 63 or vma.start == _OLD_VDSO


def _stack_of(user: Sequence[VMA]) -> VMA | None:
    for vma in reversed(user):
        if vma.name == _STACK:
            return vma
    return None


def _layout(vmas: Sequence[VMA], user: Sequence[VMA]) -> Layout:
    top = user[-1].end
    stack = _stack_of(user)
    anchor = top if stack is None else stack.end
    if vmas[-1].name == "[vsyscall]":
        return "x86-64" if top <= 1 << 47 else "x86-64-5level"
    if anchor > 1 << 47:
        if anchor > 1 << 48:
            return "x86-64-5level"
        return "aarch64" if top <= 1 << 48 else "aarch64-52bit"
    if top > 1 << 47:
        return "x86-64-5level"
    if 1 << 38 < anchor <= 1 << 39 and top <= 1 << 39:
        return "aarch64-39bit"
    if top <= 1 << 32 and anchor > 1 << 31:
        return _layout_32bit(vmas, top)
    return "x86-64"


def _layout_32bit(vmas: Sequence[VMA], top: int) -> Layout:
    arm = not _ARM_NAMES.isdisjoint(map(attrgetter("name"), vmas))
    if top <= Limits.of("arm").task_size and arm:
        return "arm"
    if top <= Limits.of("i386-3g").task_size:
        return "i386-3g"
    return "arm-4g" if arm or top > Limits.of("i386").task_size else "i386"


def _page_size(user: Sequence[VMA], layout: Layout, told: int | None) -> int:
    bits = 0
    for vma in user:
        bits |= vma.start | vma.end | vma.offset
    if told is not None:
        return told if is_page_size(told) and not bits % told else PAGE_SIZE
    if layout.startswith("aarch64") and len(user) >= _ENOUGH:
        for size in _LARGER_PAGES:
            if not bits % size:
                return size
    return PAGE_SIZE


def _placement(user: Sequence[VMA], limits: Limits) -> dict[str, Any]:
    """Return the limits that say where the kernel places mappings, as far as the VMAs tell.

    Usually, it does so in the upper sixth of the addresses, below the stack. With a large limit of
    the stack, it does so where the dynamic loader and [vdso] lie; with none, in the lowest sixth;
    from the bottom up (vm.legacy_va_layout), above a third. Programs and their heaps lie in
    between.
    """
    window = limits.window
    part = window // 6
    stack = _stack_of(user)
    below = window if stack is None else stack.start
    low = bottom = loaded = None
    cluster = above = below
    for vma in reversed(user):
        if vma.end > below or (stack is None and vma.name.startswith(_KERNEL_PAGES)):
            continue
        if vma.end > window - part:
            return {"mmap_base": vma.end}
        if above - vma.end > window >> _CLOSE:
            cluster = vma.end
        above = vma.start
        if loaded is None and vma.name.startswith(_KERNEL_PAGES):
            loaded = cluster
        if 2 * part <= vma.start < 3 * part and window > _32BIT_END:
            bottom = vma.start
        elif low is None and part // 4 < vma.end <= part and vma.name != "[heap]":
            low = vma.end
    if bottom is not None:
        return {"mmap_base": bottom, "bottom_up": True}
    low = loaded or low
    if low is not None:
        return {"mmap_base": low}
    if stack is None or stack.end <= window - part:
        return {}
    return {"mmap_base": min(limits.mmap_base, stack.end - (window - limits.mmap_base))}
