# SPDX-License-Identifier: MIT
"""What the readers of this package share: how memory is read, and what they say about damage.

Owns `Read` and `Damage`. Anybody may call it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

# read(address, size) -> the bytes there. Raises OSError, ValueError, LookupError or EOFError if it
# cannot read them.
Read: TypeAlias = Callable[[int, int], bytes]
ByteOrder: TypeAlias = Literal["little", "big"]

_READ_ERRORS: Final = (OSError, ValueError, LookupError, EOFError, struct.error)
_NAME_STEP: Final = 64  # names are read in pieces that do not cross a multiple of this


class Damage(NamedTuple):
    """A part of a data structure that could not be read, or that makes no sense.

    Attributes:
        address: where it is
        what: what is wrong with it
        first: the first key that is missing from the result because of it
        last: the last one, which is included

    >>> print(Damage(0xffff888003d55000, "a node cannot be read", 0x1000, 0x1fff))
    a node cannot be read (at 0xffff888003d55000, for 0x1000...0x1fff)
    """

    address: int
    what: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.what} (at {self.address:#x}, for {self.first:#x}...{self.last:#x})"


class DamagedMemoryError(ValueError):
    """A data structure in a kernel's memory is damaged, or changed while it was read.

    Attributes:
        damage: the `Damage` that was found first
    """

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage

    def __reduce__(self) -> tuple[type[DamagedMemoryError], tuple[Damage]]:
        return type(self), (self.damage,)


Report: TypeAlias = Callable[[Damage], object]


def raise_damage(damage: Damage) -> None:
    """Raise a DamagedMemoryError: what is done with damage that nobody wants to be told about."""
    raise DamagedMemoryError(damage)


def read_bytes(read: Read, address: int, size: int) -> bytes | None:
    """Return the bytes at an address, or None if they cannot be read."""
    try:
        data = read(address, size)
    except _READ_ERRORS:
        return None
    return data if len(data) == size else None


def read_word(read: Read, address: int, order: ByteOrder = "little", size: int = 8) -> int | None:
    """Return the unsigned number at an address, or None if it cannot be read."""
    data = read_bytes(read, address, size)
    return None if data is None else int.from_bytes(data, order)


def read_name(read: Read, address: int, most: int = 4096) -> str | None:
    """Return the text at an address, up to its zero byte. None if it cannot be read.

    Bytes that are not UTF-8 become surrogates, as in file names of the standard library.
    """
    parts = []
    while most > 0:
        piece = read_bytes(read, address, min(_NAME_STEP - address % _NAME_STEP, most))
        if piece is None:
            return None
        text, zero, _ = piece.partition(b"\0")
        parts.append(text)
        if zero:
            return b"".join(parts).decode(errors="surrogateescape")
        address, most = address + len(piece), most - len(piece)
    return None
