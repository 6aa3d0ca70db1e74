# SPDX-License-Identifier: MIT
"""Numbers that callers give. An integer is anything with `__index__`.

Keys, and windows of them, are in `samara._keys`.
"""

import operator
from typing import Any, Final

from samara._errors import type_name

MAX: Final = 2**64 - 1
"""The largest index."""


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
