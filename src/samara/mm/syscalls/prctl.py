# SPDX-License-Identifier: MIT
"""prctl(2), as far as it changes VMAs: PR_SET_VMA. Called as a method of `AddressSpace`."""

from __future__ import annotations

from errno import EAGAIN, EBADF, EINVAL, ENOMEM
from typing import Final

from samara.mm.constants import Prctl
from samara.mm.errors import os_error
from samara.mm.file import is_unnamed
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vma import VMA, anon_label, has_given_name, part_of
from samara.mm.vma_ops import change_part, vmas_over

_SET_VMA: Final = int(Prctl.SET_VMA)
_ANON_NAME: Final = int(Prctl.SET_VMA_ANON_NAME)
_NAME_END: Final = 80  # bytes, with the one that ends the name
_REFUSED: Final = frozenset("[]\\$`")


@atomic
def prctl(
    space: State, option: int, operation: int, addr: int, length: int, name: str | None
) -> None:
    """prctl(2) with PR_SET_VMA: name the anonymous memory of [addr, addr + length).

    /proc shows the name as "[anon:NAME]", or "[anon_shmem:NAME]" for shared memory. VMAs with
    different names do not merge. The heap and the stack keep the names that they have in /proc.

    Args:
        option: `Prctl.SET_VMA`; there is no other
        operation: `Prctl.SET_VMA_ANON_NAME`; there is no other
        addr, length: the memory, in bytes
        name: up to 79 printable ASCII characters, but no square brackets, backslashes, dollar
            signs or backticks. None removes the name.

    Raises:
        OSError: EINVAL (another option or operation, an unaligned address, another name, a kernel
            without names: `limits.anon_names`), EBADF (a mapping of a file; what lies before it has
            the name), ENOMEM (holes; all else has the name), EAGAIN (too many VMAs).

    >>> from samara.mm import VMA, AddressSpace, Prctl
    >>> mm = AddressSpace([VMA(0x10000, 0x12000)])
    >>> mm.prctl(Prctl.SET_VMA, Prctl.SET_VMA_ANON_NAME, 0x11000, 4096, "arena")
    >>> [vma.name for vma in mm]
    ['', '[anon:arena]']
    """
    option, operation, addr, length = as_u64(option, operation, addr, length)
    if option % (1 << 32) != _SET_VMA or operation != _ANON_NAME:  # an int
        raise os_error(EINVAL)
    if not space.limits.anon_names:
        raise os_error(EINVAL)
    if name is not None:
        _check_name(name)
    size = page_end(length, space.limits.page_size)
    end = (addr + size) % ADDRESS_END
    if addr % space.limits.page_size or (length and not size) or end < addr:
        raise os_error(EINVAL)
    if end == addr:
        return
    unmapped = False
    for vma in vmas_over(space, addr, end):
        unmapped = unmapped or vma.start > addr
        if vma.file is not None and not is_unnamed(vma.file):
            raise os_error(EBADF)
        if vma.anon_name != name:
            _name(space, vma, part_of(vma, addr, end), name)
        addr = vma.end
    if unmapped or addr < end:
        raise os_error(ENOMEM)


def _name(space: State, vma: VMA, part: VMA, name: str | None) -> None:
    shown = anon_label(name, vma.file) if has_given_name(part) else part.name
    try:
        change_part(space, vma, part._replace(name=shown, anon_name=name))
    except OSError as error:
        raise os_error(EAGAIN if error.errno == ENOMEM else error.errno or EINVAL) from None


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str or None, not {name!r}")
    if len(name) >= _NAME_END or not _REFUSED.isdisjoint(name):
        raise os_error(EINVAL)
    if not (name.isascii() and (name.isprintable() or not name)):
        raise os_error(EINVAL)
