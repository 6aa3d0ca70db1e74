# SPDX-License-Identifier: MIT
"""One mapping of an address space: `VMA`, and `TouchedVMA` for one with written pages.

Owns the fields of a VMA, and how one VMA is made from another. Anybody may call it. `make_vma`,
`with_flags` and `same_kind` do not check the fields that they are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, Final, NamedTuple, Self

from samara.mm.constants import Map, Prot
from samara.mm.file import FILES, File, is_perf_event, is_zero
from samara.mm.policy import Policy
from samara.mm.units import ADDRESS_END, PAGE_SIZE
from samara.mm.vm_flags import checked_codes, implied_vm_flags, parse_vm_flags

_PROTS: Final = tuple(Prot(bits) for bits in range(8))
_new: Final = tuple.__new__
PKEYS: Final = 16
_ANON: Final = ("[anon:", "[anon_shmem:")  # without and with a file


def anon_label(anon_name: str | None, file: File | None) -> str:
    """Return how /proc shows a name of anonymous memory, or "" for None. O(1)."""
    return "" if anon_name is None else f"{_ANON[file is not None]}{anon_name}]"


def _checked_names(name: str, anon_name: str | None, file: File | None) -> tuple[str, str | None]:
    """Return `name` and `anon_name` such that they agree."""
    prefix = _ANON[file is not None]
    shown = name.startswith(prefix) and name.endswith("]")
    if anon_name is None:
        return name, name[len(prefix) : -1] if shown else None
    if not isinstance(anon_name, str):
        raise TypeError(f"anon_name must be a str or None, not {anon_name!r}")
    return (anon_label(anon_name, file) if shown or not name else name), anon_name


def _as_flags(number: int, name: str) -> int:
    """Return the bits of a `Prot` or `Map` as a plain int."""
    number = index(number)
    if not 0 <= number < 2**32:
        raise ValueError(f"{name} {number:#x} is outside 0 ... 2**32-1")
    return number


class _Fields(NamedTuple):
    start: int
    end: int
    prot: Prot
    flags: Map
    offset: int
    file: File | None
    name: str
    vm_flags: frozenset[str]
    pkey: int
    policy: Policy | None
    anon_name: str | None


class VMA(_Fields):
    """A mapping: the bytes [start, end), end exclusive, with the same rights and the same backing.

    Attributes:
        start, end: byte addresses, multiples of 4,096, 0 <= start < end <= 2**64
        prot: the rights, a `Prot`
        flags: a `Map`: SHARED or PRIVATE, and ANONYMOUS if there is no file
        offset: the offset of `start` in the file, in bytes, a multiple of 4,096
        file: a `File`, or None
        name: Linux's name for it, if that is not a path: "[heap]", "[anon:...]", or ""
        vm_flags: a frozenset of the two-letter codes of /proc/PID/smaps (`VM_FLAGS` lists them).
            It can be given as a text ("rd wr mr") or as any iterable. The default is what
            `prot`, `flags` and `name` imply (`implied_vm_flags`).
        pkey: the protection key, 0 to 15 (pkey_mprotect(2))
        policy: the NUMA `Policy` (mbind(2)), or None for the default
        anon_name: the name that a program gave to memory without a file (PR_SET_VMA), or None.
            `name` shows it as "[anon:...]" or, for shared memory, "[anon_shmem:...]". But the heap
            and the stack keep their own `name`. Each of the two fields follows from the other.

    VMAs are immutable and hashable. They are equal if all fields are, and sort by address.
    `vma._replace(end=...)` returns a changed VMA, checked in the same way.

    Raises:
        ValueError: A number is out of bounds.
        TypeError: A field has the wrong type.

    >>> vma = VMA(0x1000, 0x3000, Prot.READ | Prot.WRITE)
    >>> vma.size, vma.pages, vma.perms
    (8192, 2, 'rw-p')
    >>> vma
    VMA(0x1000-0x3000 rw-p)
    >>> sorted(vma.vm_flags)
    ['ac', 'me', 'mr', 'mw', 'rd', 'wr']
    >>> VMA(0x1000, 0x1000, Prot.READ)
    Traceback (most recent call last):
        ...
    ValueError: start and end must satisfy 0 <= start < end <= 2**64, not 0x1000 and 0x1000
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
        pkey: int = 0,
        policy: Policy | None = None,
        anon_name: str | None = None,
    ) -> Self:
        if not type(start) is type(end) is type(offset) is int:
            start, end, offset = int(index(start)), int(index(end)), int(index(offset))
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, not {name!r}")
        if not 0 <= start < end <= ADDRESS_END:
            raise ValueError(
                f"start and end must satisfy 0 <= start < end <= 2**64, not {start:#x} and {end:#x}"
            )
        if (start | end | offset) % PAGE_SIZE:
            raise ValueError(
                f"start {start:#x}, end {end:#x} and offset {offset:#x} must be multiples of 4096"
            )
        if not 0 <= offset < ADDRESS_END:
            raise ValueError(f"offset {offset} is outside 0 ... 2**64-1")
        if file is not None and type(file) not in FILES:
            raise TypeError(f"file must be a File or None, not {file!r}")
        if type(prot) is not Prot:
            prot = Prot(_as_flags(prot, "prot"))
        if type(flags) is not Map:
            flags = Map(_as_flags(flags, "flags"))
        if vm_flags is None:
            vm_flags = implied_vm_flags(prot, flags, name)
        elif isinstance(vm_flags, str):
            vm_flags = parse_vm_flags(vm_flags)
        else:
            vm_flags = checked_codes(frozenset(vm_flags))
        if pkey:
            pkey = index(pkey)
            if not 0 <= pkey < PKEYS:
                raise ValueError(f"pkey {pkey} is outside 0 ... {PKEYS - 1}")
        if policy is not None and type(policy) is not Policy:
            raise TypeError(f"policy must be a Policy or None, not {policy!r}")
        if anon_name is not None or name.startswith("[anon"):
            name, anon_name = _checked_names(name, anon_name, file)
        fields = (start, end, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name)
        return _new(cls, fields)

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]

    def copy(self) -> VMA:
        """Return a new, equal VMA object, as fork makes one for the child. O(1).

        >>> vma = VMA(0x1000, 0x3000)
        >>> vma.copy() == vma, vma.copy() is vma
        (True, False)
        """
        return _new(VMA, self[:])

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.end - self.start

    @property
    def pages(self) -> int:
        """The size in pages of 4,096 bytes."""
        return (self.end - self.start) // PAGE_SIZE

    @property
    def shared(self) -> bool:
        """Whether the mapping is shared (MAP_SHARED)."""
        return bool(int(self.flags) & 1)

    @property
    def perms(self) -> str:
        """The permissions as in /proc/PID/maps, such as "rw-p"."""
        prot = int(self.prot)
        return (
            ("r" if prot & 1 else "-")
            + ("w" if prot & 2 else "-")
            + ("x" if prot & 4 else "-")
            + ("s" if int(self.flags) & 1 else "p")
        )

    @property
    def label(self) -> str:
        """The last column of /proc/PID/maps: the name, else the file's path, else "".

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
    """The link from VMAs to the private pages that were written in them: Linux's anon_vma.

    Attributes:
        identity: VMAs with different identities never merge. 0 is none: all pages are gone again.
        shift: how far the memory has moved since it was first written, in bytes. Only for memory
            without a file.
    """

    identity: int
    shift: int


class TouchedVMA(VMA):
    """A private VMA in which a page was written.

    It is equal to a VMA with the same fields. But it merges only with memory that was not written,
    or that belongs to the same `anon_vma`. (With identity 0, it counts as never written, except for
    its shift.)

    >>> vma = TouchedVMA.of(VMA(0x1000, 0x3000), AnonVma(1, 0))
    >>> vma == VMA(0x1000, 0x3000), vma._replace(end=0x2000).anon_vma
    (True, AnonVma(identity=1, shift=0))
    """

    anon_vma: AnonVma

    @classmethod
    def of(cls, vma: VMA, anon_vma: AnonVma) -> TouchedVMA:
        """Return the same VMA as a touched one. O(1)."""
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
    """Make a TouchedVMA from a pickle. The pickle may be forged, so this checks it."""
    if type(vma) is not VMA:
        raise TypeError(f"expected a VMA, not {vma!r}")
    return TouchedVMA.of(vma, AnonVma(index(identity), index(shift)))


def is_touched(vma: VMA) -> bool:
    """Return whether the VMA has pages that were written. O(1)."""
    return vma.__class__ is not VMA and vma.anon_vma.identity != 0  # type: ignore[attr-defined]


def untouched(vma: VMA) -> VMA:
    """Return the same VMA without its pages. O(1).

    Memory without a file keeps its shift: the distance from where it was first written.
    """
    if not isinstance(vma, TouchedVMA):
        return vma
    plain, shift = _new(VMA, vma[:]), vma.anon_vma.shift
    return TouchedVMA.of(plain, AnonVma(0, shift)) if shift and vma.file is None else plain


def same_kind(vma: VMA, fields: tuple[Any, ...]) -> VMA:
    """Return a VMA of these fields, touched if `vma` is. Does not check the fields. O(1)."""
    new = _new(VMA, fields)
    return new if vma.__class__ is VMA else TouchedVMA.of(new, vma.anon_vma)  # type: ignore[attr-defined]


def make_vma(
    start: int,
    end: int,
    prot: int,
    flags: Map,
    vm_flags: frozenset[str],
    file: File | None = None,
    offset: int = 0,
    name: str = "",
    pkey: int = 0,
) -> VMA:
    """Return a VMA of these fields, without checking them. O(1)."""
    prot = _PROTS[prot & 7]
    return _new(VMA, (start, end, prot, flags, offset, file, name, vm_flags, pkey, None, None))


def with_flags(
    vma: VMA, start: int, end: int, prot: int, vm_flags: frozenset[str], pkey: int | None = None
) -> VMA:
    """Return the part [start, end) of a VMA, with other rights, VmFlags and key. O(1).

    `pkey` None keeps the key.
    """
    first, last, _, flags, offset, file, name, _, old_pkey, policy, anon_name = vma
    if file is not None:
        offset += start - first
    if name == "[stack]" and end < last:
        name = anon_label(anon_name, file)  # only the upper end is the stack
    if pkey is None:
        pkey = old_pkey
    prot = _PROTS[prot & 7]
    fields = (start, end, prot, flags, offset, file, name, vm_flags, pkey, policy, anon_name)
    return same_kind(vma, fields)


def part_of(vma: VMA, start: int, end: int) -> VMA:
    """Return the part of a VMA in [start, end). O(1)."""
    return with_flags(vma, max(start, vma.start), min(end, vma.end), vma.prot, vma.vm_flags)


def has_given_name(vma: VMA) -> bool:
    """Return whether /proc shows the name that a program gave this memory, if any. O(1)."""
    return not vma.name or vma.name.startswith(_ANON)


def is_special(vma: VMA) -> bool:
    """Return whether this is one of the kernel's own VMAs, such as [vdso]. O(1)."""
    return vma.name.startswith("[v") and vma.file is None


def is_indivisible(vma: VMA) -> bool:
    """Return whether this VMA must not be cut. O(1).

    That is so for the kernel's own VMAs, and for buffers of perf_event_open(2).
    """
    return is_special(vma) or is_perf_event(vma.file)


def is_anonymous(vma: VMA) -> bool:
    """Return whether the pages are the process's own, without a file behind them. O(1).

    A private mapping of /dev/zero is anonymous too.
    """
    if vma.file is None:
        return not is_special(vma)
    return is_zero(vma.file) and not vma.shared
