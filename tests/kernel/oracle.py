# SPDX-License-Identifier: MIT
"""Compare the model with the running kernel: random memory calls in a real process, and its
/proc/PID/smaps after each. These must agree: every VMA in all columns and VmFlags, every result,
and the amounts counted as locked, as mapped and as data.

    python tests/kernel/oracle.py [--calls N] [--seeds N,N,...] [--program FILE]

What the running kernel lacks is reported, and left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import os
import platform
import random
import re
import resource
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import features
from child import Child, build
from scenes import NAMES, SCENES, SEGMENT, Word

from samara.mm import (
    FORK_METHODS,
    VMA,
    AddressSpace,
    File,
    Limits,
    Madv,
    OpenFile,
    Prctl,
    format_vm_flags,
)
from samara.mm.file import is_segment, is_zero
from samara.mm.keys import is_denied
from samara.mm.limit_checks import locked_bytes, vma_count
from samara.mm.proc.maps import parse_maps
from samara.mm.proc.pid import read_layout

PAGE = 4096
HUGE = 2 << 20
ARENA = 0x1000_0000  # where most fixed mappings go
ARENA_PAGES = 96
SEEDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
CALLS = 1500  # for each seed
FORK_EVERY = 100
FILE_SIZE = 16 << 20
MODE_FLAGS = (1 << 13, 1 << 14, 1 << 15, 3 << 14)
MOVES = (0, 0, 0, 1, 2, 3, 8)
# Calls that could harm the process if they reached its program or its stack.
REACHING = (
    *("munmap", "mprotect", "madvise", "mlock"),
    *("pkey_mprotect", "mseal", "remap_file_pages", "name", "mbind"),
)
MAP_KINDS = (0x22, 0x22, 0x22, 0x21, 0x02, 0x01, 0x03, 0x28)
MAP_EXTRAS = (0, 0, 0, 0, 0x80, 0x4000, 0x20000, 0x100, 0x2000, 0x8000, 0x40, 0x800, 0x80000, 0x08)
# All except those that need more memory than there is, or would take pages from the machine.
ADVICE = [int(advice) for advice in Madv if advice not in (25, 100, 101)] + [5, 26, 99]

# The limits that `limit` in a scene sets.
LIMITS = ("rlimit_as", "rlimit_data", "rlimit_stack")
START = -2  # stands for the address of the VMA that is one too many
AT_THE_LIMIT: tuple[tuple[Any, ...], ...] = (
    ("mmap", 0, PAGE, 4, 0x22, -1, 0),
    ("mmap", START, PAGE, 4, 0x32, -1, 0),
    ("munmap", START, PAGE),
    ("munmap", ARENA + PAGE, PAGE),
    ("mprotect", ARENA + PAGE, PAGE, 1),
    ("mprotect", ARENA, PAGE, 1),
    ("madvise", ARENA, PAGE, 10),
    ("mlock", ARENA, PAGE),
    ("mremap", ARENA, PAGE, PAGE, 3, ARENA + 0x100000),
    ("munmap", ARENA + 3 * PAGE, PAGE),
    ("mprotect", ARENA, 3 * PAGE, 1),
    ("munmap", 0x2000_0000, PAGE),
    ("mmap", ARENA, 4 * PAGE, 3, 0x32, -1, 0),
    ("mprotect", ARENA + PAGE, PAGE, 1),
)

END = (1 << 47) - PAGE  # where user space ends
FIXED = 0x32
MOVE, FIX, KEEP = 1, 2, 4  # MREMAP_MAYMOVE, FIXED, DONTUNMAP
Call = tuple[Any, ...]
_FOUR_PAGES: Call = ("mmap", ARENA, 4 * PAGE, 3, FIXED, -1, 0)
# Calls that random choice makes too rarely. Each scene starts in a new process.
EDGES: dict[str, tuple[Call, ...]] = {
    "a hole in an mprotect": (
        _FOUR_PAGES,
        ("munmap", ARENA + 2 * PAGE, PAGE),
        ("mprotect", ARENA, 4 * PAGE, 1),
        ("mprotect", ARENA + 2 * PAGE, 2 * PAGE, 5),
        ("mlock", ARENA, 4 * PAGE),
        ("madvise", ARENA, 4 * PAGE, 10),
    ),
    # The top page itself belongs to the stack, which the process needs.
    "the top page": (
        ("mmap", END, PAGE, 3, FIXED, -1, 0),
        ("mmap", END, PAGE, 3, 0x22, -1, 0),
        ("mmap", END - PAGE, 2 * PAGE, 3, FIXED, -1, 0),
        ("mmap", END - PAGE, PAGE, 3, 0x100022, -1, 0),
        ("mremap", END - PAGE, PAGE, 2 * PAGE, 0),
        ("mremap", END, PAGE, 2 * PAGE, MOVE),
        ("mprotect", END - PAGE, 2 * PAGE, 3),
        ("munmap", END - PAGE, 2 * PAGE),
        ("munmap", END, PAGE),
        ("mlock", END - PAGE, 2 * PAGE),
        ("madvise", END - PAGE, 2 * PAGE, 0),
    ),
    "lengths that overflow": (
        _FOUR_PAGES,
        *(
            (name, ARENA, length, *rest)
            for length in (2**64 - 1, 2**64 - PAGE + 1, 2**64 - PAGE, 2**63, 2**47)
            for name, *rest in (
                ("munmap",),
                ("mprotect", 1),
                ("madvise", 10),
                ("munlock",),
                ("mremap", PAGE, MOVE),
                ("mremap", PAGE, MOVE | FIX, ARENA + 0x100000),
                ("mremap", length, MOVE | KEEP, 0),
                ("mmap", 3, 0x22, -1, 0),
                ("mmap", 3, FIXED, -1, 0),
            )
        ),
        ("mremap", ARENA, PAGE, 2**64 - PAGE, MOVE),
    ),
    "misaligned": (
        _FOUR_PAGES,
        ("mmap", ARENA + 1, PAGE, 3, FIXED, -1, 0),
        ("mmap", ARENA + 0x10001, 1, 3, 0x22, -1, 0),
        ("munmap", ARENA + 1, PAGE),
        ("mprotect", ARENA + 1, PAGE, 1),
        ("madvise", ARENA + 1, PAGE, 10),
        ("mremap", ARENA + 1, PAGE, PAGE, MOVE),
        ("mremap", ARENA, PAGE, PAGE, MOVE | FIX, ARENA + 0x100001),
        ("mlock", ARENA + 1, 1),
    ),
    # This machine may have no pool of huge pages; the model has none.
    "huge pages": tuple(
        ("mmap", addr, length, 3, 0x40020 | kind | shift << 26, -1, 0)
        for addr, kind in ((0, 1), (0, 2), (ARENA, 0x12), (ARENA + PAGE, 0x12), (ARENA, 0x100002))
        for length in (0, 1, PAGE, HUGE, HUGE + 1, 1 << 30, 2**47, 2**64 - PAGE)
        for shift in (0, 12, 16, 21, 30, 34)
    ),
    "stacks that grow": (
        ("mmap", ARENA + 8 * PAGE, 2 * PAGE, 3, 0x132, -1, 0),
        ("mprotect", ARENA + 9 * PAGE, PAGE, 0x1000001),
        ("mprotect", ARENA + 9 * PAGE, PAGE, 0x1000003),
        ("mmap", ARENA, 2 * PAGE, 3, 0x22, -1, 0),
        ("mmap", ARENA + 0x200 * PAGE, PAGE, 3, 0x122, -1, 0),
        ("mmap", ARENA + 0x1FF * PAGE, PAGE, 3, 0x22, -1, 0),
        ("mmap", ARENA + 0x1FF * PAGE, PAGE, 3, 0x100022, -1, 0),
        ("mremap", ARENA + 8 * PAGE, PAGE, 2 * PAGE, MOVE),
        ("munmap", ARENA + 9 * PAGE, PAGE),
        ("mmap", 0, PAGE, 3, 0x121, -1, 0),
        ("mmap", 0, 3 * PAGE, 3, 0x122, -1, 0),
        ("mmap", 0, PAGE, 3, 0x22, -1, 0),
    ),
    "DONTUNMAP of locked memory": (
        ("mmap", ARENA, 12 * PAGE, 3, FIXED, -1, 0),
        ("mlock", ARENA + PAGE, 10 * PAGE),
        ("mremap", ARENA + 3 * PAGE, 2 * PAGE, 2 * PAGE, MOVE | KEEP),
        ("mremap", ARENA + PAGE, PAGE, PAGE, MOVE | KEEP | FIX, ARENA + 0x20 * PAGE),
        ("mremap", ARENA + 10 * PAGE, PAGE, PAGE, MOVE | KEEP, 0),
        ("mremap", ARENA + 2 * PAGE, PAGE, PAGE, MOVE | KEEP | FIX, ARENA + 0x21 * PAGE),
        ("munlock", ARENA, 12 * PAGE),
        ("mremap", ARENA + 4 * PAGE, 3 * PAGE, 3 * PAGE, MOVE | KEEP, 0),
        ("mlock2", ARENA + 4 * PAGE, 4 * PAGE, 1),
        ("mremap", ARENA + 4 * PAGE, 4 * PAGE, 4 * PAGE, MOVE | KEEP, 0),
        ("mremap", ARENA, 12 * PAGE, 12 * PAGE, MOVE | KEEP, 0),
        ("mlockall", 3),
        ("mremap", ARENA, PAGE, PAGE, MOVE | KEEP, 0),
    ),
}  # fmt: skip


class Difference(AssertionError):
    """The model and the kernel differ."""


def columns(vma: VMA, ignored: frozenset[str]) -> tuple[object, ...]:
    file = vma.file
    label = vma.label
    return (
        f"{vma.start:x}-{vma.end:x}",
        vma.perms,
        f"{vma.offset:x}",
        ("00:00", 0) if file is None else (file.dev, file.inode),
        label,
        format_vm_flags(vma.vm_flags - ignored),
        vma.pkey,
    )


class Kernel(NamedTuple):
    """The program that makes the calls, and what the running kernel lacks (`features.lacking`)."""

    program: Path
    lacking: frozenset[str]


class Oracle:
    """One process and its model."""

    def __init__(self, kernel: Kernel, directory: Path, seed: int) -> None:
        lacking = self.lacking = kernel.lacking
        self.rng = random.Random(seed)
        self.files = [self._open(directory / "on_disk", os.O_RDWR | os.O_CREAT)]
        self.modes = ["rw"]
        for flags, mode in (
            (os.O_RDONLY, "r"),
            (os.O_WRONLY, "w"),
            (os.O_RDWR | os.O_APPEND, "rw"),
        ):
            self.files.append(self._open(directory / "on_disk", flags))
            self.modes.append(mode)
        if os.path.isdir("/dev/shm"):
            path = Path("/dev/shm") / f"samara-{os.getpid()}"
            self.files.append(self._open(path, os.O_RDWR | os.O_CREAT))
            self.modes.append("rw")
            path.unlink()
        self.named = {f"fd{index}": fd for index, fd in enumerate(self.files)}
        self._add("zero", self._open(Path("/dev/zero"), os.O_RDWR))
        if "secret" not in lacking:
            self._add("secret", features.secret(FILE_SIZE))
        self.mapped_at_random = len(self.files)
        if "perf" not in lacking:
            self._add("perf", features.perf_event())
        self.segments = [] if "segment" in lacking else [features.segment(SEGMENT)]
        self.child = Child(kernel.program, self.files)
        self.behind = [self._behind(fd) for fd in self.files]
        vmas = parse_maps(self.child.maps("smaps"))
        self.model = AddressSpace(vmas, limits=self._limits())
        start_brk, start_stack, data = read_layout(self.child.pid)
        self.model.exec(vmas, start_brk=start_brk, start_stack=start_stack, data_segment=data)
        if seed % 2 == 0 and seed:
            self._tighten()
        self.compare("at the beginning")

    def _add(self, name: str, fd: int) -> None:
        self.files.append(fd)
        self.modes.append("rw")
        self.named[name] = fd

    def _tighten(self) -> None:
        """Set limits that the calls will reach."""
        size = self.model.size + (4 << 20)
        resource.prlimit(self.child.pid, resource.RLIMIT_AS, (size, size))
        resource.prlimit(self.child.pid, resource.RLIMIT_DATA, (1 << 20, 1 << 20))
        self.model.limits = dataclasses.replace(
            self.model.limits, rlimit_as=size, rlimit_data=1 << 20
        )

    @staticmethod
    def _open(path: Path, flags: int) -> int:
        fd = os.open(path, flags, 0o600)
        if not flags & os.O_WRONLY and path.parent != Path("/dev"):
            if os.fstat(fd).st_size == 0:
                os.ftruncate(fd, FILE_SIZE)
        return fd

    def _behind(self, fd: int) -> OpenFile:
        """Return the open file of a descriptor, with the kernel's name for it."""
        mode = self.modes[self.files.index(fd)]
        if "r" not in mode:
            return self._behind(self.files[0])
        sharing = 1 if fd in (self.named.get("secret"), self.named.get("perf")) else 2
        addr = self.child.call("mmap", 0, PAGE, 1, sharing, fd, 0)
        row = next(vma for vma in parse_maps(self.child.maps()) if vma.start == addr)
        self.child.call("munmap", addr, PAGE)
        assert row.file is not None
        return OpenFile(*row.file)

    def _limits(self) -> Limits:
        memory = Path("/proc/meminfo").read_text()
        total = sum(
            int(match) * 1024
            for match in re.findall(r"^(?:MemTotal|SwapTotal): +(\d+)", memory, re.MULTILINE)
        )
        privileged = os.geteuid() == 0
        return Limits(
            total_memory=total,
            privileged=privileged,
            rlimit_memlock=8 << 20,
            pkeys="pkeys" not in self.lacking,
            nodes=features.nodes_with_memory(),
            anon_names="names" not in self.lacking,
        )

    def close(self) -> None:
        self.child.__exit__(None, None, None)
        for fd in self.files:
            os.close(fd)
        for identity in self.segments:
            features.remove_segment(identity)

    # ---- choosing a call -------------------------------------------------------------------------

    def addr(self) -> int:
        """Return an address, mostly in the arena or in something that is mapped."""
        rng = self.rng
        if rng.random() < 0.75:
            return ARENA + rng.randrange(ARENA_PAGES) * PAGE
        mine = [vma for vma in self.model if self._may_go(vma)]
        if mine and rng.random() < 0.9:
            vma = rng.choice(mine)
            return vma.start + rng.randrange(vma.pages + 1) * PAGE
        return rng.choice((0, 1, 0x1001, ARENA + 5, 0x7FFF_FFFF_E000, 1 << 47, 1 << 63))

    def _may_go(self, vma: VMA) -> bool:
        """Return whether a VMA may be unmapped: the process needs its program and its stack."""
        return 0x1000_0000 <= vma.start < 0x7FFF_F7FF_7000 or vma.name == "[heap]"

    def length(self) -> int:
        rng = self.rng
        kind = rng.random()
        if kind < 0.85:
            return rng.randint(1, 12) * PAGE
        if kind < 0.92:
            return rng.randint(1, 5 * PAGE)
        if kind < 0.96:
            return rng.choice((HUGE, HUGE + PAGE, 2 * HUGE))
        return rng.choice((0, 1, 2**47, 2**64 - 1, 2**64 - 5000, 2**63))

    def whole(self) -> tuple[int, int]:
        """Return the address and size of a VMA, or of its first or last page."""
        rng = self.rng
        mine = [vma for vma in self.model if self._may_go(vma) and not length_is_wild(vma.size)]
        if not mine:
            return self.addr(), self.length()
        vma = rng.choice(mine)
        pages = rng.choice((vma.size, vma.size, PAGE))
        return rng.choice((vma.start, vma.end - pages)), pages

    def is_safe(self, addr: int, length: int) -> bool:
        """Return whether a call on this range cannot harm the process."""
        end = min(addr + length + PAGE, 1 << 47)
        return all(
            self._may_go(vma) for vma in self.model if vma.start < end and vma.end > addr - PAGE
        )

    def choose(self) -> tuple[str, tuple[int, ...]]:
        rng = self.rng
        name = rng.choice(
            ("mmap",) * 6
            + ("touch",) * 4
            + ("munmap",) * 3
            + ("mprotect",) * 5
            + ("mremap",) * 4
            + ("madvise",) * 4
            + ("brk", "brk", "mlock2", "mlock2", "mlock", "munlock", "munlock")
            + (("mlockall", "munlockall") if rng.random() < 0.1 else ())
            + ("pkey_mprotect", "remap_file_pages", "shmat")
            + (("pkey_alloc", "pkey_free", "shmdt") if rng.random() < 0.5 else ())
            + (("mseal",) if rng.random() < 0.2 else ())
            + ("name", "mbind")
        )
        if name in self.lacking or (name == "shmat" and not self.segments):
            return self.choose()
        addr, length = self.addr(), self.length()
        if name != "mmap" and rng.random() < 0.3:
            addr, length = self.whole()
        if name == "touch":
            return name, (addr + rng.choice((0, 0, -1, -5 * PAGE, 9)),)
        if name == "mmap":
            return name, (self._beside() if rng.random() < 0.25 else self._mmap(addr, length))
        if name == "mprotect":
            prot = rng.choice((0, 1, 3, 3, 5, 7, 1, 2, 4, 8, 0x1000001, 0x10, 0x2000001))
            return name, (addr, length, prot)
        if name == "mremap":
            new = self.length() if rng.random() < 0.5 else length
            flags = rng.choice((0, 1, 1, 1, 3, 3, 5, 5, 7, 7, 2, 4, 8))
            beside = rng.choice((addr + length, addr - length, self.addr(), self.addr()))
            return name, (addr, length, new, flags, beside % 2**64)
        if name == "madvise":
            return name, (addr, length, rng.choice(ADVICE))
        if name == "brk":
            start, end = self.model.heap
            return name, (rng.choice((0, start - 1, end - PAGE, end + rng.randint(1, 9000))),)
        if name == "mlock2":
            return name, (addr, length, rng.choice((1, 1, 1, 1, 0, 2)))
        if name == "mlockall":
            return name, (rng.choice((0, 4, 5, 6, 7, 8)),)
        if name == "munlockall":
            return name, ()
        if name in ("pkey_alloc", "pkey_free", "pkey_mprotect"):
            return name, self._of_keys(name, addr, length)
        if name in ("shmat", "shmdt", "remap_file_pages"):
            return name, self._of_shared_memory(name, addr, length)
        if name == "mseal":
            return name, (addr, rng.choice((PAGE, PAGE, 0, 1, length)), int(rng.random() < 0.1))
        if name == "name":
            return name, (addr, length, rng.randrange(len(NAMES)))
        if name == "mbind":
            mode = rng.choice((0, 0, 1, 2, 2, 3, 4, 5, 6, 7)) | rng.choice((0, 0, 0, *MODE_FLAGS))
            return name, (addr, length, mode, rng.choice((0, 1, 1, 1, 2, 3)), rng.choice(MOVES))
        return name, (addr, length)

    def _of_keys(self, name: str, addr: int, length: int) -> tuple[int, ...]:
        rng = self.rng
        if name == "pkey_alloc":
            return int(rng.random() < 0.1), rng.choice((0, 0, 0, 1, 2, 3, 4))
        if name == "pkey_free":
            return (rng.randint(1, 16),)  # key 0 belongs to the program itself
        prot = rng.choice((0, 1, 3, 3, 4, 4, 5, 7))
        return addr, length, prot, rng.choice((2**64 - 1, 0, 0, 1, 2, 3, 3, 15, 16))

    def _of_shared_memory(self, name: str, addr: int, length: int) -> tuple[int, ...]:
        rng = self.rng
        attached = [vma for vma in self.model if self._may_go(vma) and is_segment(vma.file)]
        if name == "shmdt":
            vma = rng.choice(attached) if attached else VMA(addr & -PAGE, (addr & -PAGE) + PAGE)
            return (rng.choice((vma.start - vma.offset, vma.start)) % 2**64,)
        if name == "shmat":
            flags = rng.choice((0, 0, 0, 0o10000, 0o20000, 0o40000, 0o60000, 0o100000))
            return self.segments[0], rng.choice((0, addr, addr, addr + 7)), flags
        shared = [vma for vma in self.model if self._may_go(vma) and "ms" in vma.vm_flags]
        if shared and rng.random() < 0.8:
            vma = rng.choice(shared)
            addr = vma.start + rng.randrange(vma.pages) * PAGE
            length = rng.randint(1, 3) * PAGE
        return addr, length, int(rng.random() < 0.05), rng.randrange(8), rng.choice((0, 0x10000))

    def _beside(self) -> tuple[int, ...]:
        """Return a mapping that starts where a VMA ends. Its file may be opened again."""
        rng = self.rng
        mine = [vma for vma in self.model if self._may_go(vma)]
        vma = rng.choice(mine) if mine else VMA(ARENA, ARENA + PAGE)
        length = rng.randint(1, 4) * PAGE
        prot = int(vma.prot) if rng.random() < 0.8 else 3
        flags = 0x10 if self.is_safe(vma.end, length) else 0
        opened = [fd for fd, file in zip(self.files, self.behind, strict=True) if file == vma.file]
        if not opened:
            kind = 0x28 if "dp" in vma.vm_flags else 0x22
            return vma.end, length, prot, kind | flags, -1, 0
        offset = vma.offset + vma.size
        return vma.end, length, prot, int(vma.flags) & 3 | flags, rng.choice(opened), offset

    def _mmap(self, addr: int, length: int) -> tuple[int, ...]:
        rng = self.rng
        flags = rng.choice(MAP_KINDS) | rng.choice(MAP_EXTRAS)
        flags |= rng.choice((0, 0, 0x10, 0x100000, 0x100010))
        if not flags & 0x100010 and rng.random() < 0.5:
            addr = 0
        fd = rng.randrange(self.mapped_at_random) if not flags & 0x20 else 0
        offset = rng.choice((0, 0, 1, 2, 3, 7)) * PAGE + (rng.random() < 0.03)
        descriptor = self.files[fd] if not flags & 0x20 and rng.random() < 0.97 else -1
        prot = rng.choice((0, 1, 3, 3, 3, 5, 7, 2))
        return addr, length, prot, flags, descriptor, offset

    def word(self, word: Word) -> int:
        """Convert a word of a scene: a number, the name of a descriptor or limit, or a place."""
        if callable(word):
            return word(self.model)
        if isinstance(word, str):
            if word == "segment":
                return self.segments[0]
            return self.named[word] if word in self.named else LIMITS.index(word)
        return word

    # ---- making the call -------------------------------------------------------------------------

    def step(self) -> str:
        """Make one call on both sides, compare, and return what was called."""
        while True:
            name, args = self.choose()
            fixed = name == "mmap" and args[3] & 0x10
            reaches = fixed or name in REACHING
            if name == "shmat" and not self.is_safe(args[1], SEGMENT):
                continue
            if reaches and not self.is_safe(args[0], args[1]):
                continue
            if name == "mremap" and not (
                self.is_safe(args[0], args[1]) and self.is_safe(args[4], args[2])
            ):
                continue
            if name == "mmap" and length_is_wild(args[1]) and args[3] & 0xA000:
                continue  # would lock or fill all memory of the machine
            if self._meets_no_pages(name, args):
                continue
            if name == "touch" and not self._may_write(args[0]):
                continue
            if self.model._counters.future_locks and any(map(length_is_wild, args[1:3])):
                continue
            break
        self.make(name, *args)
        self.compare(f"{name}({', '.join(map(hex, args))})")
        return name

    def make(self, name: str, *args: int) -> int:
        """Make a call on both sides, and return the result of both. `limit` sets a limit on both,
        so many bytes above the current use. `fork` looks at a child; `enter` continues with it."""
        if name == "limit":
            return self._set_limit(LIMITS[args[0]], args[1])
        if name == "fork":
            return self.fork()
        if name == "enter":
            return self.enter()
        if name == "touch":
            answer = self.child.call("getrandom", args[0], 1)  # writes there
        elif name in ("name", "mbind"):
            answer = self._call_with_memory(name, args)
        else:
            answer = self.child.call(name, *args)
        mine = self.call(name, args, answer)
        if mine != answer:
            shown = f"{name}({', '.join(map(hex, args))})"
            raise Difference(f"{shown}: the kernel {show(answer)}, the model {show(mine)}")
        return answer

    def _call_with_memory(self, name: str, args: Sequence[int]) -> int:
        """Make a call that reads the process's memory: above its stack, which it does not use."""
        free = read_layout(self.child.pid)[1]
        if name == "mbind":
            addr, length, mode, nodes, flags = args
            self.child.write(free, nodes.to_bytes(8, "little"))
            return self.child.call("mbind", addr, length, mode, free, 64, flags)
        addr, length, number = args
        text = NAMES[number]
        if text is not None:
            self.child.write(free, text.encode() + b"\0")
        pointer = 0 if text is None else free
        return self.child.call("prctl", Prctl.SET_VMA, 0, addr, length, pointer)

    def _set_limit(self, name: str, more: int) -> int:
        model = self.model
        used = {"rlimit_as": model.size, "rlimit_data": model._counters.data}.get(name, 0)
        kind = getattr(resource, name.upper())
        hard = resource.prlimit(self.child.pid, kind)[1]
        resource.prlimit(self.child.pid, kind, (used + more, hard))
        limit: dict[str, Any] = {name: used + more}
        model.limits = dataclasses.replace(model.limits, **limit)
        return 0

    def _may_write(self, addr: int) -> bool:
        """Return whether a write cannot harm the process, and faults only if the model says so."""
        entry = self.model.tree.find(addr) if addr < END else None
        if entry is None:
            return True
        vma = entry.value
        if not self._may_go(vma) or not vma.vm_flags.isdisjoint(("gu", "sh", "ms")):
            return False
        return not self._is_behind_the_end(vma, addr) and "sl" not in vma.vm_flags

    def _meets_no_pages(self, name: str, args: Sequence[int]) -> bool:
        """Return whether the call would populate pages where guards may be, or after the end of an
        object. The model knows VMAs, not pages."""
        brings_in = name in ("mlock", "mlock2") or (name == "madvise" and args[2] in (22, 23))
        if not brings_in:
            return False
        end = args[0] + args[1] + PAGE
        return any(
            "gu" in vma.vm_flags or self._is_behind_the_end(vma, vma.end - 1)
            for vma in self.model
            if vma.start < end and vma.end > args[0] - PAGE
        )

    def _is_behind_the_end(self, vma: VMA, addr: int) -> bool:
        """Return whether addr is, or may be, after the end of the file that it maps."""
        if vma.file is None or (is_zero(vma.file) and not vma.shared):
            return False
        return vma.file not in self.behind or vma.offset + addr - vma.start >= FILE_SIZE

    def fork(self) -> int:
        """Fork the process. Its child has the VMAs of the model's child, for all three methods."""
        pid = self.child.call("fork")
        if pid < 0:
            raise Difference(f"fork(): the kernel {show(pid)}")
        with open(f"/proc/{pid}/smaps", "rb") as file:
            kernel = self.columns(parse_maps(os.fsdecode(file.read())))
        os.kill(pid, signal.SIGKILL)
        self.child.call("wait4", pid)
        for method in FORK_METHODS:
            child = self.model.fork(method)
            child.check()
            if self.columns(child) != kernel:
                raise Difference(f"fork by {method}: the child's VMAs differ")
            child.exit()
        return 0

    def enter(self) -> int:
        """Fork, and continue with the child, on both sides."""
        self.child.enter_fork()
        self.model = self.model.fork(self.rng.choice(list(FORK_METHODS)))
        return 0

    def call(self, name: str, args: Sequence[int], answer: int) -> int:
        model = self.model
        try:
            if name == "mmap":
                return self._model_mmap(args, answer)
            if name == "brk":
                return model.brk(args[0])
            if name == "mremap":
                return model.mremap(*args)
            if name == "touch":
                return self._write(args[0])
            if name == "mlock2":
                name = "mlock"
            if name == "name":
                addr, length, number = args
                model.prctl(Prctl.SET_VMA, 0, addr, length, NAMES[number])
                return 0
            if name == "shmat":
                return self._model_shmat(args, answer)
            if name == "pkey_alloc":
                return model.pkey_alloc(*args)
            getattr(model, name)(*args)
        except OSError as error:
            return -(error.errno or 0)
        return 0

    def _write(self, addr: int) -> int:
        try:
            vma = self.model.expand_stack(addr)
        except OSError:
            return -errno.EFAULT
        keys = self.model._counters.keys
        if "wr" not in vma.vm_flags or is_denied(keys, vma.pkey, write=True):
            return -errno.EFAULT
        self.model.touch(addr)
        return 1

    def _model_mmap(self, args: Sequence[int], answer: int) -> int:
        addr, length, prot, flags, descriptor, offset = args
        file, mode = None, "rw"
        zero = not flags & 0x20 and descriptor == self.named["zero"]
        if answer >= 0 and flags & 1 and (flags & 0x20 or zero):
            file = self._file_at(answer)
        elif descriptor >= 0:
            index = self.files.index(descriptor)
            file, mode = self.behind[index], self.modes[index]
        return self.model.mmap(addr, length, prot, flags, file, offset, mode=mode)

    def _file_at(self, addr: int) -> File | None:
        rows = parse_maps(self.child.maps())
        return next(vma.file for vma in rows if vma.start <= addr < vma.end)

    def _model_shmat(self, args: Sequence[int], answer: int) -> int:
        file = self._file_at(answer) if answer >= 0 else None
        unknown = File("00:01", 0, "/SYSV00000000 (deleted)")
        return self.model.shmat(file or unknown, SEGMENT, *args[1:])

    def _compare_policies(self, shown: str) -> None:
        """Compare the policies of VMAs. For shared memory, /proc shows that of the object."""
        kernel = {}
        for line in self.child.maps("numa_maps").splitlines():
            start, _, rest = line.partition(" ")
            kernel[int(start, 16)] = rest
        for vma in self.model:
            in_memory = vma.file is not None and vma.file.dev.startswith("00:")
            if in_memory or vma.start not in kernel:
                continue
            mine = "default" if vma.policy is None else str(vma.policy)
            theirs = kernel[vma.start]
            if theirs != mine and not theirs.startswith(mine + " "):
                raise Difference(f"after {shown}: policies of {vma!r}: {theirs!r}, {mine!r}")

    def columns(self, vmas: Iterable[VMA]) -> list[tuple[object, ...]]:
        # Some kernels track which pages were written, and set sd in every new VMA.
        ignored = frozenset(("sd", "gu") if "gu" in self.lacking else ("sd",))
        return [columns(vma, ignored) for vma in vmas]

    def compare(self, shown: str) -> None:
        kernel = self.columns(parse_maps(self.child.maps("smaps")))
        model = self.columns(self.model)
        if kernel == model:
            self._compare_counts(shown)
            if "mbind" not in self.lacking:
                self._compare_policies(shown)
            return
        lines = [f"after {shown}:"]
        lines += [f"  kernel {row}" for row in kernel if row not in model]
        lines += [f"  model  {row}" for row in model if row not in kernel]
        raise Difference("\n".join(lines))

    def _compare_counts(self, shown: str) -> None:
        status = self.child.maps("status")
        mine = (locked_bytes(self.model), self.model.size, self.model._counters.data)
        for name, size in zip(("VmLck", "VmSize", "VmData"), mine, strict=True):
            line = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
            assert line is not None
            if int(line[1]) * 1024 != size:
                raise Difference(f"after {shown}: {name} is {line[1]} kB, the model's {size} bytes")


def length_is_wild(length: int) -> bool:
    return length > 64 << 20


def show(answer: int) -> str:
    return hex(answer) if answer >= 0 else errno.errorcode.get(-answer, str(answer))


def cannot_run() -> str:
    """Return why the test cannot run, or ""."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"the model is of x86-64 Linux, and this is {sys.platform} on {platform.machine()}"
    if not os.path.exists("/proc/self/smaps"):
        return "there is no /proc/PID/smaps"
    return ""


def run(kernel: Kernel, seed: int, calls: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        oracle = Oracle(kernel, Path(name), seed)
        made: dict[str, int] = {}
        try:
            for number in range(calls):
                try:
                    kind = oracle.step()
                except Difference as error:
                    raise Difference(f"seed {seed}, call {number}: {error}") from None
                made[kind] = made.get(kind, 0) + 1
                if number % FORK_EVERY == FORK_EVERY - 1:
                    oracle.fork()
                    oracle.model.check()
            oracle.model.check()
        finally:
            oracle.close()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(made.items()))
    print(
        f"seed {seed}: {calls} calls agree ({kinds}, "
        f"{calls // FORK_EVERY} forks); {len(oracle.model)} VMAs at the end"
    )


def run_at_the_limit(kernel: Kernel) -> None:
    """Make calls with as many VMAs as vm.max_map_count allows."""
    limit = int(Path("/proc/sys/vm/max_map_count").read_text())
    if limit > 200_000:
        print(f"not run at the limit: vm.max_map_count is {limit}")
        return
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(kernel, Path(folder), 0)
        try:
            oracle.model.limits = dataclasses.replace(oracle.model.limits, max_map_count=limit)
            many = 0x2000_0000
            oracle.make("mmap", ARENA, 4 * PAGE, 3, 0x32, -1, 0)
            while vma_count(oracle.model) < limit:
                oracle.make("mmap", many, PAGE, 1, 0x32, -1, 0)
                many += 2 * PAGE
            oracle.compare("filling it")
            start = oracle.make("mmap", 0, PAGE, 1, 0x22, -1, 0)
            for call in AT_THE_LIMIT:
                name, *words = call
                oracle.make(name, *(start if word == START else word for word in words))
                oracle.compare(str(call))
            oracle.model.check()
        finally:
            oracle.close()
    print(f"at the limit of {limit} VMAs: {len(AT_THE_LIMIT)} calls agree")


def run_edges(kernel: Kernel) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for title, calls in (EDGES | SCENES).items():
            missing = {word for call in calls for word in call if isinstance(word, str)}
            missing &= kernel.lacking
            if missing:
                print(f"{title}: not run without {', '.join(sorted(missing))}")
                continue
            oracle = Oracle(kernel, Path(folder), 0)
            try:
                for name, *words in calls:
                    numbers = tuple(map(oracle.word, words))
                    oracle.make(name, *numbers)
                    oracle.compare(f"{title}: {name}{numbers}")
                oracle.model.check()
            except Difference as error:
                raise Difference(f"{title}: {error}") from None
            finally:
                oracle.close()
            print(f"{title}: {len(calls)} calls agree")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help="for each seed")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument(
        "--program", type=Path, help="caller.c, compiled; it is compiled if missing"
    )
    options = parser.parse_args()
    reason = cannot_run()
    if reason:
        print(f"not run: {reason}")
        return 0
    print(f"beside {platform.system()} {platform.release()}")
    with tempfile.TemporaryDirectory() as folder:
        program = options.program or build(Path(folder))
        kernel = Kernel(program, features.lacking(program))
        if kernel.lacking:
            print(f"this kernel or processor lacks: {', '.join(sorted(kernel.lacking))}")
        run_edges(kernel)
        run_at_the_limit(kernel)
        for seed in map(int, options.seeds.split(",")):
            run(kernel, seed, options.calls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
