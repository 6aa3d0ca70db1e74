# SPDX-License-Identifier: MIT
"""Addresses, sizes and pages as 64-bit words. Anybody may call it."""

from __future__ import annotations

from operator import index
from typing import Final

PAGE_SIZE: Final = 4096
ADDRESS_END: Final = 2**64


def page_end(size: int) -> int:
    """`size` rounded up to a whole page in 64 bits: 0 if that exceeds them, as in Linux."""
    return (size + PAGE_SIZE - 1) & (ADDRESS_END - PAGE_SIZE)


def as_u64(*words: int) -> tuple[int, ...]:
    """The arguments of a call as plain ints. ValueError for a number that no register holds,
    TypeError for anything that is not an integer."""
    words = tuple(map(index, words))
    for word in words:
        if word >> 64:  # negative, or too large
            raise ValueError(f"{word} is outside 0...2**64-1")
    return words
