# SPDX-License-Identifier: MIT
"""Packed values: in a tree with a dtype, each value is a 64-bit number.

The extension stores the bits themselves. Here values are Python numbers, converted when they are
stored: exact ints within the limits, or exact floats.
"""

import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from samara._arguments import MAX, float_of, required_index
from samara._entry import Entry
from samara._policy import COALESCE, OFFSET, Coalesce, Offset, Policy
from samara._pure.node import GAP, Head

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
    if is_built_in(policy):
        return policy
    if dtype is not None:
        text = f"the policy of a tree with dtype {dtype!r} must be samara.COALESCE or samara.OFFSET"
        raise ValueError(f"{text}, not {policy!r}")
    for name in ("split", "merge"):
        if not callable(method := getattr(policy, name)):
            raise TypeError(f"the policy's {name} must be callable, not {method!r}")
    return policy


def is_built_in(policy: Any) -> bool:
    """Return whether a policy is one of those that packed trees can have."""
    return policy is COALESCE or policy is OFFSET


class SameBits(Coalesce):
    """COALESCE of packed floats."""

    __slots__ = ()

    def merge(self, left: Entry[Any], right: Entry[Any], stored: Entry[Any], /) -> Any:
        words = [word_of(entry.value, "f8") for entry in (left, right)]
        return left.value if words[0] == words[1] else NotImplemented


class Limited(Offset):
    """OFFSET of packed integers: a piece's number must fit the dtype."""

    __slots__ = ("dtype", "low", "top")

    def __init__(self, dtype: str, low: int, top: int) -> None:
        self.dtype, self.low, self.top = dtype, low, top

    def split(self, entry: Entry[Any], first: int, last: int, /) -> Any:
        number = super().split(entry, first, last)
        if number <= self.top:
            return number
        text = f"value {entry.value} of [{entry.first}, {entry.last}] cannot advance by "
        text += f"{first - entry.first}: with dtype {self.dtype!r} it must be in "
        raise OverflowError(f"{text}{self.low} ... {self.top}")


# The built-in policies, as packed trees run them.
PACKED_POLICIES: Final[dict[tuple[object, str], Policy[Any]]] = {
    (COALESCE, "u8"): COALESCE,
    (COALESCE, "i8"): COALESCE,
    (COALESCE, "f8"): SameBits(),
    (OFFSET, "u8"): Limited("u8", 0, MAX),
    (OFFSET, "i8"): Limited("i8", -(2**63), 2**63 - 1),
    (OFFSET, "f8"): OFFSET,
}


def policy_of(head: Head) -> Policy[Any] | None:
    """Return the policy to ask about the values of a tree, if it has one."""
    if head.policy is None or head.dtype is None:
        return head.policy
    return PACKED_POLICIES[head.policy, head.dtype]


def part_of(policy: Policy[Any], whole: Entry[Any], first: int, last: int) -> Any:
    """Return the value of [first, last], a part of an entry. Runs the policy's split()."""
    part = policy.split(whole, first, last)
    if part is None and whole.value is not None:
        raise TypeError(f"the policy's split() returned None for [{first}, {last}]")
    return part


LIMITS: Final = {"u8": (0, MAX), "i8": (-(2**63), 2**63 - 1)}  # of integers

CONVERTERS: Final[dict[str, Callable[[Any], int | float]]] = {
    "u8": partial(required_index, name="value"),
    "i8": partial(required_index, name="value", low=LIMITS["i8"][0], top=LIMITS["i8"][1]),
    "f8": partial(float_of, name="value"),
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
