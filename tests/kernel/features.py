# SPDX-License-Identifier: MIT
"""What the running kernel has of the calls that are newer or optional, and objects to map."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from child import Child

_MEMFD_SECRET = 447
_PERF_EVENT_OPEN = 298
_PAGE = 4096
_SET_VMA = 0x53564D41
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def lacking(program: Path) -> frozenset[str]:
    """Return the calls, objects and VmFlags that the running kernel or processor does not have."""
    missing = set()
    with Child(program) as child:
        page = child.call("mmap", 0, _PAGE, 3, 0x22, -1, 0)
        child.write(page, b"x\0")
        if child.call("prctl", _SET_VMA, 0, page, _PAGE, page) < 0:
            missing.add("names")
        if child.call("mseal", 0, 0, 0) < 0:
            missing.add("mseal")
        if child.call("mbind", page, _PAGE, 0, 0, 0, 0) < 0:
            missing.add("mbind")
        if child.call("remap_file_pages", page, 0, 1, 0, 0) == -38:
            missing.add("remap_file_pages")
        if child.call("madvise", page, _PAGE, 102) < 0 or " gu " not in child.maps("smaps"):
            missing.add("gu")
        if "ProtectionKey:" not in child.maps("smaps"):
            missing.add("pkeys")
    for name, make in (("secret", secret), ("perf", perf_event), ("segment", segment)):
        try:
            made = make()
        except OSError:
            missing.add(name)
        else:
            remove_segment(made) if name == "segment" else os.close(made)
    return frozenset(missing)


def _syscall(*words: int) -> int:
    answer = int(_libc.syscall(*(ctypes.c_long(word) for word in words)))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def secret(size: int = _PAGE) -> int:
    """Return a descriptor of memfd_secret(2)."""
    fd = _syscall(_MEMFD_SECRET, 0)
    os.ftruncate(fd, size)
    return fd


def perf_event() -> int:
    """Return a descriptor of perf_event_open(2): the clock of this process."""
    attributes = bytearray(128)
    struct.pack_into("IIQ", attributes, 0, 1, 128, 0)  # PERF_TYPE_SOFTWARE, its size, CPU_CLOCK
    buffer = (ctypes.c_char * 128).from_buffer(attributes)
    return _syscall(_PERF_EVENT_OPEN, ctypes.addressof(buffer), 0, -1, -1, 0)


def segment(size: int = _PAGE) -> int:
    """Return the id of a new shared memory segment."""
    found = _libc.shmget(0, ctypes.c_size_t(size), 0o1600)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(found)


def remove_segment(identity: int) -> None:
    _libc.shmctl(identity, 0, None)


def nodes_with_memory() -> int:
    """Return the NUMA nodes of the machine that have memory, as a bit mask."""
    try:
        text = Path("/sys/devices/system/node/has_memory").read_text()
    except OSError:
        return 1
    return sum(1 << node for node in _numbers(text.strip()))


def _numbers(text: str) -> Iterable[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
