# SPDX-License-Identifier: MIT
"""Numbers as a person reads them."""

from __future__ import annotations


def format_size(size: int) -> str:
    """Return bytes in the unit that leaves at most four digits before the point.

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
    """Return a number of things, with the plural if it needs one.

    >>> format_count(1, "VMA"), format_count(65530, "VMA")
    ('1 VMA', '65,530 VMAs')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def format_times(ratio: float) -> str:
    """Return how many times as much, with as many digits as it deserves.

    >>> format_times(0.614), format_times(1.0219), format_times(2.14), format_times(7843.18)
    ('0.61', '1.02', '2.1', '7,843')
    """
    if ratio < 1.995:
        return f"{ratio:.2f}"
    return f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:,.0f}"
