# SPDX-License-Identifier: MIT
"""Figures as a person reads them."""

from __future__ import annotations


def format_size(size: int) -> str:
    """Bytes in the unit that leaves at most four figures before the point; whole KiB as they are.

    >>> format_size(140_737_488_351_232), format_size(8192), format_size(3_000_000)
    ('128.00 TiB', '8 KiB', '2.86 MiB')
    """
    if size < 1 << 20:
        return f"{size / 1024:g} KiB"
    value = size / (1 << 20)
    for unit in ("MiB", "GiB"):
        if value < 1024:
            return f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} TiB"


def format_count(number: int, what: str) -> str:
    """So many of what there is.

    >>> format_count(1, "VMA"), format_count(65530, "VMA")
    ('1 VMA', '65,530 VMAs')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
