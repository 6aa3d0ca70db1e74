# SPDX-License-Identifier: MIT
"""Arguments of the plain-Python tree: numbers, windows and slices, checked before anything else.

An index is anything with `__index__`. Look-ups cut a window at 0 and MAX; a window that lies
entirely outside becomes None. Writes raise ValueError for anything outside.
"""

import operator
from functools import partial
from typing import Any, Final

from samara._errors import type_name

MAX: Final = 2**64 - 1
"""The largest index."""

Window = tuple[int, int]
NAMES: Final = ("first", "last")


def shown(number: int) -> str:
    """Format a number for a message: in base 16 if it is too long for Python's base 10."""
    try:
        return str(number)
    except ValueError:
        return hex(number)


def index_of(number: Any, name: str) -> int:
    if not hasattr(type(number), "__index__"):
        raise TypeError(f"{name} must be an integer, not {type_name(number)}")
    return int.__index__(operator.index(number))  # an exact int, not a subclass such as bool


def float_of(number: Any, name: str) -> float:
    if isinstance(number, float):
        return float.__float__(number)
    known = any(hasattr(type(number), way) for way in ("__float__", "__index__"))
    if not known or isinstance(number, str | bytes):  # numpy's strings have __float__
        raise TypeError(f"{name} must be a number, not {type_name(number)}")
    return float(number)


def required_index(number: Any, name: str, top: int = MAX, low: int = 0) -> int:
    index = index_of(number, name)
    if not low <= index <= top:
        raise ValueError(f"{name} {shown(index)} is outside {low} ... {top}")
    return index


def positive(number: Any, name: str) -> int:
    value = index_of(number, name)
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, not {shown(value)}")
    return value


def in_order(first: int, last: int, names: tuple[str, str] = NAMES) -> Window:
    if first > last:
        raise ValueError(f"{names[0]} {shown(first)} is above {names[1]} {shown(last)}")
    return first, last


def required_window(first: Any, last: Any) -> Window:
    return in_order(required_index(first, "first"), required_index(last, "last"))


def clipped_window(first: Any, last: Any, names: tuple[str, str] = NAMES) -> Window | None:
    low, high = index_of(first, names[0]), index_of(last, names[1])
    if (low > MAX and high >= MAX) or (low <= 0 and high < 0):
        return None
    in_order(low, high, names)
    return max(low, 0), min(high, MAX)


def slice_window(key: slice, clip: bool) -> Window | None:
    """Convert a half-open slice to a closed window, or to None if it is empty."""
    if key.step is not None:
        raise ValueError(f"the step of a slice must be None, not {key.step!r}")
    check = index_of if clip else partial(required_index, top=MAX + 1)
    start = 0 if key.start is None else check(key.start, "start")
    stop = MAX + 1 if key.stop is None else check(key.stop, "stop")
    low, high = max(start, 0), min(max(stop, 0), MAX + 1)
    if min(low, MAX + 1) > high:
        raise ValueError(f"start {shown(start)} is above stop {shown(stop)}")
    return (low, high - 1) if low < high else None
