# SPDX-License-Identifier: MIT
"""Addresses, sizes and pages as 64-bit words. Anybody may call it."""

from __future__ import annotations

from operator import index
from typing import Final

PAGE_SIZE: Final = 4096  # the smallest page; `Limits.page_size` is that of a process
ADDRESS_END: Final = 2**64


def page_end(size: int, page_size: int) -> int:
    """Round `size` up to a whole page in 64 bits. Returns 0 on overflow, as Linux does."""
    return (size + page_size - 1) & (ADDRESS_END - page_size)


def as_u64(*words: int) -> tuple[int, ...]:
    """Return the arguments of a call as plain ints.

    Raises:
        ValueError: A number does not fit a 64-bit register.
        TypeError: An argument is not an integer.
    """
    words = tuple(map(index, words))
    for word in words:
        if word >> 64:  # negative, or too large
            raise ValueError(f"{word} is outside 0...2**64-1")
    return words
