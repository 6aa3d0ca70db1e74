# SPDX-License-Identifier: MIT
"""Where a kernel says about itself what it is: VMCOREINFO and its table of symbols.

VMCOREINFO is described in the kernel's Documentation/admin-guide/kdump/vmcoreinfo.rst. Since Linux
6.0 it says where the table of symbols is (kallsyms). Owns both formats. Called by `Vmcore`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

_MOST_SYMBOLS: Final = 1 << 21
_TOKENS: Final = 256
_LONGEST_TOKEN, _LONGEST_NAME, _PIECE = 64, 1024, 1 << 16  # bytes
_KNOWN: Final = ("_stext", "init_uts_ns")  # in VMCOREINFO too


def parse_vmcoreinfo(data: bytes) -> dict[str, str]:
    """Return the lines `NAME=value` of a VMCOREINFO note. O(lines).

    >>> parse_vmcoreinfo(b"OSRELEASE=6.12\\nSYMBOL(_stext)=ffffffff81000000\\n")["SYMBOL(_stext)"]
    'ffffffff81000000'
    """
    lines = data.rstrip(b"\0").decode("ascii", "replace").splitlines()
    return {
        name: value for name, equals, value in (line.partition("=") for line in lines) if equals
    }


def symbol(info: Mapping[str, str], name: str) -> int:
    """Return the address of a symbol in VMCOREINFO.

    Raises:
        ValueError: It is missing, or is no number.
    """
    text = info.get(f"SYMBOL({name})", "")
    try:
        return int(text, 16)
    except ValueError:
        raise ValueError(f"VMCOREINFO has no address of {name}, but {text!r}") from None


def number(info: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Return a number in VMCOREINFO.

    Raises:
        ValueError: It is missing and there is no default, or is no number.
    """
    text = info.get(f"NUMBER({name})")
    if text is None and default is not None:
        return default
    try:
        return int(text or "", 0)
    except ValueError:
        raise ValueError(f"VMCOREINFO has no number {name}, but {text!r}") from None


def read_symbols(
    read: Callable[[int, int], bytes], info: Mapping[str, str], wanted: Iterable[str]
) -> dict[str, int]:
    """Return the addresses of those wanted symbols that the kernel has. O(symbols), about 0.3 s.

    Args:
        read: Returns bytes of the kernel's memory; LookupError if they are missing.
        info: VMCOREINFO.
        wanted: Names.

    Raises:
        ValueError: VMCOREINFO does not say where the table is, or the table is damaged.
        LookupError: The table is not in the dump.
    """
    (count,) = struct.unpack("<I", read(symbol(info, "kallsyms_num_syms"), 4))
    if count > _MOST_SYMBOLS:
        raise ValueError(f"the table of symbols is damaged: it has {count} names")
    missing = {*wanted, *_KNOWN}
    positions = {}
    for position, name in enumerate(_names(read, info, count)):
        if name in missing:
            positions[name] = position
            missing.remove(name)
            if not missing:
                break
    table = symbol(info, "kallsyms_offsets")
    offsets = {
        name: struct.unpack("<i", read(table + 4 * position, 4))[0]
        for name, position in positions.items()
    }
    known = {name: symbol(info, name) for name in _KNOWN}
    if known.keys() - offsets.keys():
        raise ValueError(f"the table of symbols is damaged: it lacks {_KNOWN}")
    anchor = known[_KNOWN[0]] - offsets[_KNOWN[0]]
    mirror = known[_KNOWN[0]] + offsets[_KNOWN[0]]
    # Kernels store offsets in three ways: from a base; from a base and negative, if there are
    # absolute symbols too; from the place of the offset itself. The known symbols tell which.
    for found in (
        {name: anchor + offset for name, offset in offsets.items()},
        {name: mirror - offset for name, offset in offsets.items()},
        {name: table + 4 * positions[name] + offset for name, offset in offsets.items()},
    ):
        if known.items() <= found.items():
            return found
    raise ValueError("the table of symbols is damaged, or of an unknown kind")


def _names(read: Callable[[int, int], bytes], info: Mapping[str, str], count: int) -> Iterator[str]:
    """Yield the names: each is a list of tokens, and the first character is its kind."""
    index = struct.unpack(f"<{_TOKENS}H", read(symbol(info, "kallsyms_token_index"), 2 * _TOKENS))
    start = symbol(info, "kallsyms_token_table")
    table = read(start, max(index) + _LONGEST_TOKEN)
    tokens = [table[place : table.find(b"\0", place)] for place in index]
    address = symbol(info, "kallsyms_names")
    data, place = b"", 0
    for _ in range(count):
        if len(data) - place < _LONGEST_NAME:
            data, place = data[place:] + read(address, _PIECE), 0
            address += _PIECE
        length = data[place]
        place += 1
        if length & 0x80:  # long names have two bytes
            length = length & 0x7F | data[place] << 7
            place += 1
        yield b"".join([tokens[token] for token in data[place : place + length]])[1:].decode(
            errors="replace"
        )
        place += length
