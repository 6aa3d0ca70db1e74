# SPDX-License-Identifier: MIT
"""One mapping of an address space: `VMA`, the `File` behind it, and Linux's flags.

Numbers and two-letter codes are Linux's own, as its manual pages and /proc show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import index
from typing import Any, Final, NamedTuple, Self

from samara.mm.constants import Map, Prot

PAGE_SIZE: Final = 4096
ADDRESS_END: Final = 2**64

# The codes of the VmFlags line of /proc/PID/smaps, in the order in which Linux prints them.
VM_FLAGS: Final = {
    "rd": "readable",
    "wr": "writable",
    "ex": "executable",
    "sh": "shared",
    "mr": "may be made readable",
    "mw": "may be made writable",
    "me": "may be made executable",
    "ms": "may be shared",
    "gd": "stack segment, grows down",
    "um": "userfaultfd: missing pages are tracked",
    "pf": "page frame numbers only, no struct page",
    "gu": "may hold guard regions",
    "uw": "userfaultfd: write protection is tracked",
    "lo": "pages are locked in memory",
    "io": "memory-mapped input and output",
    "sr": "advised to be read sequentially",
    "rr": "advised to be read randomly",
    "dc": "not copied on fork",
    "de": "does not expand on remapping",
    "lf": "pages are locked when they are faulted in",
    "ac": "accountable",
    "nr": "no swap space reserved",
    "ht": "huge TLB pages",
    "sf": "synchronous page faults",
    "ar": "architecture-specific",
    "wf": "wiped on fork",
    "dd": "not included in a core dump",
    "sd": "soft-dirty",
    "mm": "mixed map",
    "hg": "advised to use huge pages",
    "nh": "advised not to use huge pages",
    "mg": "advised mergeable",
    "bt": "guarded by branch target identification",
    "mt": "memory tagging",
    "ui": "userfaultfd: minor faults are tracked",
    "ss": "shadow or guarded control stack",
    "sl": "sealed",
    "dp": "may be dropped under memory pressure",
}
# Of what may be done with the memory, by the bits of `Prot`.
RIGHTS: Final = ("rd", "wr", "ex")
_ORDER: Final = {code: position for position, code in enumerate(VM_FLAGS)}
_new: Final = tuple.__new__


@lru_cache(maxsize=1024)  # a process has a few combinations; a hostile text may have any number
def parse_vm_flags(text: str) -> frozenset[str]:
    """The set of the codes in `text`; the same text gives the same object. Codes that `VM_FLAGS`
    does not list are kept, since newer kernels know more. O(codes).

    >>> sorted(parse_vm_flags("rd wr mr"))
    ['mr', 'rd', 'wr']
    """
    return frozenset(text.split())


def format_vm_flags(vm_flags: Iterable[str]) -> str:
    """The codes in Linux's order, separated by blanks; codes that `VM_FLAGS` does not list come
    last, in alphabetical order. O(codes).

    >>> format_vm_flags({"ac", "wr", "rd", "zz"})
    'rd wr ac zz'
    """
    return " ".join(sorted(vm_flags, key=lambda code: (_ORDER.get(code, len(_ORDER)), code)))


@lru_cache(maxsize=1024)
def checked_codes(vm_flags: frozenset[str]) -> frozenset[str]:
    """The same set, known to hold texts. O(1) for one that is known already, else O(codes)."""
    for code in vm_flags:
        if not isinstance(code, str):
            raise TypeError(f"VmFlags are texts, not {code!r}")
    return vm_flags


def checked_flags(number: int, name: str) -> int:
    """The bits of a `Prot` or `Map` as a plain int."""
    number = index(number)
    if not 0 <= number < 2**32:
        raise ValueError(f"{name} {number:#x} is outside 0...2**32-1")
    return number


def rights(prot: int) -> set[str]:
    """The codes of rights. O(1).

    >>> sorted(rights(Prot.READ | Prot.EXEC))
    ['ex', 'rd']
    """
    codes: set[str] = set()
    for bit, code in enumerate(RIGHTS):
        if prot >> bit & 1:
            codes.add(code)
    return codes


def implied_vm_flags(prot: int, flags: int, name: str = "") -> frozenset[str]:
    """The VmFlags that most mappings with these permissions have: rd, wr, ex by `prot`; sh and ms
    for a shared mapping; ac for one that is private and writable; mr, mw, me; and gd for [stack].
    The kernel's own [vdso], [vvar] and [vsyscall] have theirs. O(1).

    >>> format_vm_flags(implied_vm_flags(Prot.READ | Prot.WRITE, Map.PRIVATE))
    'rd wr mr mw me ac'
    """
    if name.startswith("[vvar"):
        name = "[vvar]"
    elif name not in _NAMES_WITH_FLAGS:
        name = ""
    return _implied(prot, flags, name)


# Looked up by few names, so that none of a hostile text's is kept.
_NAMES_WITH_FLAGS: Final = frozenset(("[stack]", "[vdso]", "[vsyscall]"))


@lru_cache(maxsize=1024)
def _implied(prot: int, flags: int, name: str) -> frozenset[str]:
    codes = rights(prot)
    if name == "[vvar]":
        return frozenset(codes | {"mr", "pf", "io", "de", "dd"})
    if name == "[vsyscall]":
        return frozenset(codes)
    codes |= {"mr", "mw", "me"}
    if flags & Map.SHARED:
        codes |= {"sh", "ms"}
    elif prot & 2:
        codes.add("ac")
    if name == "[stack]":
        codes.add("gd")
    elif name == "[vdso]":
        codes.add("de")
    return frozenset(codes)


class _FileFields(NamedTuple):
    dev: str
    inode: int
    path: str


class File(_FileFields):
    """The file behind a mapping: device as /proc shows it ("fe:00"), inode number, and path, to
    which Linux adds " (deleted)" once the file has no name any more. A thing of the wrong type
    raises TypeError.

    >>> File("fe:00", 26723, "/usr/bin/python3").path
    '/usr/bin/python3'
    """

    __slots__ = ()

    def __new__(cls, dev: str, inode: int, path: str) -> Self:
        if not (isinstance(dev, str) and isinstance(path, str)):
            raise TypeError(f"device and path of a file are texts, not {dev!r} and {path!r}")
        return _new(cls, (dev, index(inode), path))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]  # by any protocol: what is read is checked

    @property
    def deleted(self) -> bool:
        """Has the file no name any more?

        >>> File("00:01", 7, "/memfd:x (deleted)").deleted
        True
        """
        return self.path.endswith(" (deleted)")


class OpenFile(File):
    """A file as one open(2) gives it. It is equal to a `File` with the same fields, but mappings
    merge only where they are of one open file, which is the object: give each mapping of a
    descriptor the same. A plain `File` stands for any: /proc does not tell who opened it.

    >>> one, other = OpenFile("fe:00", 7, "/lib/x"), OpenFile("fe:00", 7, "/lib/x")
    >>> one == other, is_one_file(one, one), is_one_file(one, other)
    (True, True, False)
    """

    __slots__ = ()


FILES: Final = (File, OpenFile)


def is_one_file(file: File | None, other: File | None) -> bool:
    """Was it opened once, as far as is known? O(1)."""
    if file is other:
        return True
    return file == other and file.__class__ is not OpenFile and other.__class__ is not OpenFile


class _Fields(NamedTuple):
    start: int
    end: int
    prot: Prot
    flags: Map
    offset: int
    file: File | None
    name: str
    vm_flags: frozenset[str]


class VMA(_Fields):
    """A mapping: the bytes [start, end), end exclusive, with one set of rights and one thing behind
    them.

    Attributes:
        start, end: byte addresses, multiples of 4,096, 0 <= start < end <= 2**64
        prot: `Prot`, what may be done
        flags: `Map`, SHARED or PRIVATE, and ANONYMOUS if there is no file
        offset: of `start` in the file, in bytes, a multiple of 4,096
        file: `File`, or None
        name: what Linux calls it if that is not a path: "[heap]", "[anon:...]", or ""
        vm_flags: frozenset of the two-letter codes of /proc/PID/smaps (`VM_FLAGS` lists them);
            can be given as a text ("rd wr mr") or any iterable. Left out: those that
            `prot`, `flags` and `name` imply (`implied_vm_flags`).

    Immutable and hashable; equal where all fields are; sorts by address. A number out of bounds
    raises ValueError, a thing of the wrong type TypeError. `vma._replace(end=...)` gives a changed
    one, checked in the same way.

    >>> vma = VMA(0x1000, 0x3000, Prot.READ | Prot.WRITE)
    >>> vma.size, vma.pages, vma.perms
    (8192, 2, 'rw-p')
    >>> vma
    VMA(0x1000-0x3000 rw-p)
    >>> format_vm_flags(vma.vm_flags)
    'rd wr mr mw me ac'
    >>> VMA(0x1000, 0x1000, Prot.READ)
    Traceback (most recent call last):
        ...
    ValueError: a VMA cannot begin at 0x1000 and end at 0x1000
    """

    __slots__ = ()

    def __new__(
        cls,
        start: int,
        end: int,
        prot: int = Prot.NONE,
        flags: int = Map.PRIVATE | Map.ANONYMOUS,
        offset: int = 0,
        file: File | None = None,
        name: str = "",
        vm_flags: str | Iterable[str] | None = None,
    ) -> Self:
        if not type(start) is type(end) is type(offset) is int:
            start, end, offset = int(index(start)), int(index(end)), int(index(offset))
        if not isinstance(name, str):
            raise TypeError(f"the name of a VMA is a text, not {name!r}")
        if not 0 <= start < end <= ADDRESS_END:
            raise ValueError(f"a VMA cannot begin at {start:#x} and end at {end:#x}")
        if (start | end | offset) % PAGE_SIZE:
            raise ValueError(
                f"start {start:#x}, end {end:#x} or offset {offset:#x} is no multiple of 4096"
            )
        if not 0 <= offset < ADDRESS_END:
            raise ValueError(f"offset {offset} is outside 0...2**64-1")
        if file is not None and type(file) not in FILES:
            raise TypeError(f"file must be a File or None, not {file!r}")
        if type(prot) is not Prot:
            prot = Prot(checked_flags(prot, "prot"))
        if type(flags) is not Map:
            flags = Map(checked_flags(flags, "flags"))
        if vm_flags is None:
            vm_flags = implied_vm_flags(prot, flags, name)
        elif isinstance(vm_flags, str):
            vm_flags = parse_vm_flags(vm_flags)
        else:
            vm_flags = checked_codes(frozenset(vm_flags))
        return _new(cls, (start, end, prot, flags, offset, file, name, vm_flags))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]

    def copy(self) -> VMA:
        """A new, equal VMA object, as fork makes one for the child. O(1).

        >>> vma = VMA(0x1000, 0x3000)
        >>> vma.copy() == vma, vma.copy() is vma
        (True, False)
        """
        return _new(VMA, self[:])

    @property
    def size(self) -> int:
        """In bytes."""
        return self.end - self.start

    @property
    def pages(self) -> int:
        """In pages of 4,096 bytes."""
        return (self.end - self.start) // PAGE_SIZE

    @property
    def shared(self) -> bool:
        """Is the mapping shared (MAP_SHARED)?"""
        return bool(int(self.flags) & 1)

    @property
    def perms(self) -> str:
        """The permissions as /proc/PID/maps writes them, such as "rw-p"."""
        prot = int(self.prot)
        return (
            ("r" if prot & 1 else "-")
            + ("w" if prot & 2 else "-")
            + ("x" if prot & 4 else "-")
            + ("s" if int(self.flags) & 1 else "p")
        )

    @property
    def label(self) -> str:
        """The last column of /proc/PID/maps: the name, or else the file's path, or else "".

        >>> VMA(0x1000, 0x3000, name="[heap]").label
        '[heap]'
        """
        if self.name or self.file is None:
            return self.name
        return self.file.path

    def __repr__(self) -> str:
        offset = f" at {self.offset:#x}" if self.offset else ""
        label = f" {self.label!r}" if self.label else ""
        return f"VMA({self.start:#x}-{self.end:#x} {self.perms}{label}{offset})"


class AnonVma(NamedTuple):
    """What ties VMAs to the private pages that were written in them: Linux's anon_vma.

    identity    VMAs with different ones never become one; 0 is none: all pages are gone again
    shift       how far the memory was moved since it was first written, in bytes; only for memory
                without a file
    """

    identity: int
    shift: int


class TouchedVMA(VMA):
    """A private VMA in which a page was written. It is equal to a VMA with the same fields, but
    merges only with memory that was not written or belongs to the same `anon_vma`. (Without an
    identity it is as if never written, but for its shift.)

    >>> vma = TouchedVMA.of(VMA(0x1000, 0x3000), AnonVma(1, 0))
    >>> vma == VMA(0x1000, 0x3000), vma._replace(end=0x2000).anon_vma
    (True, AnonVma(identity=1, shift=0))
    """

    anon_vma: AnonVma

    @classmethod
    def of(cls, vma: VMA, anon_vma: AnonVma) -> TouchedVMA:
        """The same VMA, touched. O(1)."""
        touched = _new(cls, vma[:])
        touched.anon_vma = anon_vma
        return touched

    def copy(self) -> TouchedVMA:
        return TouchedVMA.of(self, self.anon_vma)

    def _replace(self, **fields: Any) -> TouchedVMA:
        plain = _new(VMA, self[:])
        return TouchedVMA.of(plain._replace(**fields), self.anon_vma)

    def __reduce__(self) -> tuple[Any, ...]:
        return _touched, (_new(VMA, self[:]), *self.anon_vma)


def _touched(vma: VMA, identity: int, shift: int) -> TouchedVMA:
    """What a pickle holds, which may be forged."""
    if type(vma) is not VMA:
        raise TypeError(f"a touched VMA is made of a VMA, not {vma!r}")
    return TouchedVMA.of(vma, AnonVma(index(identity), index(shift)))


def is_touched(vma: VMA) -> bool:
    """Has it pages that were written? O(1)."""
    return vma.__class__ is not VMA and vma.anon_vma.identity != 0  # type: ignore[attr-defined]


def untouched(vma: VMA) -> VMA:
    """The same VMA when its pages are gone: memory without a file stays as far from where it was
    first written. O(1)."""
    if not isinstance(vma, TouchedVMA):
        return vma
    plain, shift = _new(VMA, vma[:]), vma.anon_vma.shift
    return TouchedVMA.of(plain, AnonVma(0, shift)) if shift and vma[5] is None else plain


def same_kind(vma: VMA, fields: tuple[Any, ...]) -> VMA:
    """A VMA of these fields, known to be right, touched where `vma` is. O(1)."""
    new = _new(VMA, fields)
    return new if vma.__class__ is VMA else TouchedVMA.of(new, vma.anon_vma)  # type: ignore[attr-defined]
