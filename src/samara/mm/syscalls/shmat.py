# SPDX-License-Identifier: MIT
"""shmop(2): shmat, shmdt. Called as methods of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL
from typing import Final

from samara.mm.constants import Map, Shm
from samara.mm.do_mmap import do_mmap
from samara.mm.errors import os_error
from samara.mm.file import FILES, File, Segment, is_segment
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import ADDRESS_END, as_u64, page_end
from samara.mm.vma import VMA
from samara.mm.vma_ops import unmap

_RDONLY: Final = int(Shm.RDONLY)
_RND: Final = int(Shm.RND)
_REMAP: Final = int(Shm.REMAP)
_EXEC: Final = int(Shm.EXEC)
_SHARED: Final = int(Map.SHARED)
_FIXED: Final = int(Map.FIXED)
_READ, _WRITE, _EXECUTE = 1, 2, 4


@atomic
def shmat(space: State, file: File, size: int, addr: int = 0, flags: int = 0) -> int:
    """shmat(2): attach a shared memory segment of System V.

    Two attachments never merge, even if they are of the same segment.

    Args:
        file: the segment as /proc shows it: `File("00:01", ID, "/SYSV00000000 (deleted)")`, with
            the key in hexadecimal digits
        size: its size in bytes, at least 1
        addr: where to attach it. With 0, the model chooses.
        flags: a `Shm`

    Returns:
        The address of the attachment.

    Raises:
        OSError: EINVAL (an unaligned address without RND, memory that is mapped already without
            REMAP, REMAP without an address, an overflow); ENOMEM, EPERM and EAGAIN as mmap(2).
        ValueError: The file is not a segment, or the size is 0, or overflows.

    >>> from samara.mm import AddressSpace, File, Shm
    >>> mm = AddressSpace()
    >>> hex(mm.shmat(File("00:01", 7, "/SYSV00000000 (deleted)"), 5000, flags=Shm.RDONLY))
    '0x7ffff7ffd000'
    >>> mm.vmas()
    [VMA(0x7ffff7ffd000-0x7ffff7fff000 r--s '/SYSV00000000 (deleted)')]
    """
    size, addr, flags = as_u64(size, addr, flags)
    if type(file) not in FILES:
        raise TypeError(f"file must be a File, not {file!r}")
    page_size = space.limits.page_size
    length = page_end(size, page_size)
    if not is_segment(file):
        raise ValueError(f"file must be a shared memory segment, not {file!r}")
    if not length:
        raise ValueError(f"size must be from 1 to 2**64 - {page_size}, not {size}")
    how = _SHARED
    if addr:
        if addr % page_size:
            if not flags & _RND:
                raise os_error(EINVAL)
            addr &= -page_size
            if not addr and flags & _REMAP:
                raise os_error(EINVAL)
        how |= _FIXED
    elif flags & _REMAP:
        raise os_error(EINVAL)
    prot, mode = (_READ, "r") if flags & _RDONLY else (_READ | _WRITE, "rw")
    if flags & _EXEC:
        prot |= _EXECUTE
    if addr and not flags & _REMAP:
        if addr + length > ADDRESS_END or not space.tree.is_free(addr, addr + length - 1):
            raise os_error(EINVAL)
    return do_mmap(space, addr, length, prot, how, Segment.of(file, length), 0, mode)


@atomic
def shmdt(space: State, addr: int) -> None:
    """shmdt(2): detach the shared memory segment that is attached at `addr`.

    Parts that were unmapped or moved away do not matter. Sealed parts stay. O(n).

    Raises:
        OSError: EINVAL (nothing is attached there, an unaligned address).

    >>> from samara.mm import AddressSpace, File
    >>> mm = AddressSpace()
    >>> mm.shmdt(mm.shmat(File("00:01", 7, "/SYSV00000000 (deleted)"), 5000))
    >>> mm.vmas()
    []
    """
    (addr,) = as_u64(addr)
    if addr % space.limits.page_size:
        raise os_error(EINVAL)
    found: File | None = None
    start, end = addr, space.limits.task_size
    # Not vmas_over(): a generator that is left early needs memory to end.
    while start < end and (entry := space.tree.find(start, end - 1)) is not None:
        vma = entry.value
        start = vma.end
        if start <= end and _is_part(vma, addr) and (found is None or found is vma.file):
            if found is None:
                found = vma.file
                end = addr + found.size if isinstance(found, Segment) else end
            _detach(space, vma)
    if found is None:
        raise os_error(EINVAL)


def _is_part(vma: VMA, addr: int) -> bool:
    """Return whether this is a part of a segment attached at `addr`, in its place."""
    return is_segment(vma.file) and vma.start >= addr and vma.start - addr == vma.offset


def _detach(space: State, vma: VMA) -> None:
    try:
        unmap(space, vma.start, vma.end)
    except OSError:  # it is sealed: Linux does not report that
        return
