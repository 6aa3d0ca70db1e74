# SPDX-License-Identifier: MIT
"""The two-letter codes of the VmFlags line of /proc/PID/smaps, and sets of them.

Owns the meaning of each code, and which codes follow from a mapping's rights. Anybody may call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from samara.mm.constants import Map

# In the order in which Linux prints them.
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
# The codes of the rights, in the order of the bits of `Prot`.
RIGHTS: Final = ("rd", "wr", "ex")
_ORDER: Final = {code: position for position, code in enumerate(VM_FLAGS)}
# The codes that mlock() sets: pages are locked at once, or when they are first used.
LOCKED: Final = frozenset(("lo",))
LOCKED_ON_FAULT: Final = frozenset(("lo", "lf"))
NO_LOCKS: Final[frozenset[str]] = frozenset()


@lru_cache(maxsize=1024)  # a process has a few combinations; a hostile text may have any number
def parse_vm_flags(text: str) -> frozenset[str]:
    """Return the set of the codes in `text`. O(codes).

    The same text gives the same object. Codes that `VM_FLAGS` does not list are kept, since newer
    kernels know more.

    >>> sorted(parse_vm_flags("rd wr mr"))
    ['mr', 'rd', 'wr']
    """
    return frozenset(text.split())


def format_vm_flags(vm_flags: Iterable[str]) -> str:
    """Return the codes as a text, in Linux's order, separated by blanks. O(codes).

    Codes that `VM_FLAGS` does not list come last, in alphabetical order.

    >>> format_vm_flags({"ac", "wr", "rd", "zz"})
    'rd wr ac zz'
    """
    return " ".join(sorted(vm_flags, key=lambda code: (_ORDER.get(code, len(_ORDER)), code)))


@lru_cache(maxsize=1024)
def checked_codes(vm_flags: frozenset[str]) -> frozenset[str]:
    """Check that all codes are texts, and return the same set.

    O(1) for a set that was checked before, else O(codes).
    """
    for code in vm_flags:
        if not isinstance(code, str):
            raise TypeError(f"VmFlags must be str, not {code!r}")
    return vm_flags


def rights(prot: int) -> set[str]:
    """Return the codes of the rights `prot`. O(1).

    >>> from samara.mm import Prot
    >>> sorted(rights(Prot.READ | Prot.EXEC))
    ['ex', 'rd']
    """
    codes: set[str] = set()
    for bit, code in enumerate(RIGHTS):
        if prot >> bit & 1:
            codes.add(code)
    return codes


def implied_vm_flags(prot: int, flags: int, name: str = "") -> frozenset[str]:
    """Return the VmFlags that most mappings with these permissions have. O(1).

    These are: rd, wr, ex by `prot`; sh and ms for a shared mapping; ac for a private writable one;
    mr, mw, me; and gd for [stack]. The kernel's [vdso], [vvar] and [vsyscall] have their own.

    >>> from samara.mm import Map, Prot
    >>> format_vm_flags(implied_vm_flags(Prot.READ | Prot.WRITE, Map.PRIVATE))
    'rd wr mr mw me ac'
    """
    if name.startswith("[vvar"):
        name = "[vvar]"
    elif name not in _NAMES_WITH_FLAGS:
        name = ""
    return _implied(prot, flags, name)


# Only these names reach the cache, so a hostile text cannot fill it with names.
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
