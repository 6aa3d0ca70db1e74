# SPDX-License-Identifier: MIT
"""Packed values: in a tree with a dtype, each value is a 64-bit number.

The extension stores the bits themselves. Here values are Python numbers, converted when they are
stored: exact ints within the limits, or exact floats.
"""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from samara._arguments import MAX, required_index
from samara._errors import type_name
from samara._pure.node import GAP

FORMS: Final = {"u8": "Q", "i8": "q", "f8": "d"}  # the format characters of struct


def checked_dtype(dtype: Any) -> str | None:
    if dtype is None:
        return None
    if not isinstance(dtype, str) or dtype not in FORMS:
        raise ValueError(f"dtype must be None, 'u8', 'i8' or 'f8', not {dtype!r}")
    return str(dtype)


def checked_policy(policy: Any, dtype: str | None, present: Any) -> Any:
    """Check a policy for a tree that has the policy `present`, or None, and return it.

    A tree that has a policy keeps it.
    """
    if present is not None and policy is not present:
        raise ValueError(f"cannot change the policy of a tree from {present!r} to {policy!r}")
    if policy is None:
        return None
    if dtype is not None:
        raise ValueError(f"a tree with dtype {dtype!r} cannot have a policy")
    for name in ("split", "merge"):
        if not callable(method := getattr(policy, name)):
            raise TypeError(f"the policy's {name} must be callable, not {method!r}")
    return policy


def to_float(value: Any) -> float:
    if isinstance(value, float):
        return float.__float__(value)
    known = any(hasattr(type(value), way) for way in ("__float__", "__index__"))
    if not known or isinstance(value, str | bytes):  # numpy's strings have __float__
        raise TypeError(f"value must be a number, not {type_name(value)}")
    return float(value)


LIMITS: Final = {"u8": (0, MAX), "i8": (-(2**63), 2**63 - 1)}  # of integers

CONVERTERS: Final[dict[str, Callable[[Any], int | float]]] = {
    "u8": partial(required_index, name="value"),
    "i8": partial(required_index, name="value", low=LIMITS["i8"][0], top=LIMITS["i8"][1]),
    "f8": to_float,
}


def convert(value: Any, dtype: str | None) -> Any:
    """Convert a value, or GAP, to what a tree of that dtype stores. This can run any code."""
    return value if dtype is None or value is GAP else CONVERTERS[dtype](value)


def word_of(value: Any, dtype: str | None) -> int:
    """Return the 64 bits of a value as in the extension: for an object, its address.

    PyPy gives some objects ids that are not addresses, below 0 or above 64 bits.
    """
    if dtype is None:
        return id(value) & MAX
    return int.from_bytes(struct.pack(f"<{FORMS[dtype]}", value), "little")
