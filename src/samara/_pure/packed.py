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
from samara._keys import Kind
from samara._policy import COALESCE, OFFSET, Coalesce, Offset, Policy
from samara._pure.node import GAP, UINT64, Head
from samara._pure.results import entry_of, shown_range

FORMS: Final = {"u8": "Q", "i8": "q", "f8": "d"}  # the format characters of struct
LIMITS: Final = {"u8": (0, MAX), "i8": (-(2**63), 2**63 - 1)}  # of integers


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

    def merge(
        self, left: Entry[Any, Any], right: Entry[Any, Any], stored: Entry[Any, Any], /
    ) -> Any:
        words = [word_of(entry.value, "f8") for entry in (left, right)]
        return left.value if words[0] == words[1] else NotImplemented


SAME_BITS: Final = SameBits()


class Limited(Offset):
    """OFFSET of packed integers: a piece's number must fit the dtype."""

    __slots__ = ("dtype", "kind")

    def __init__(self, dtype: str, kind: Kind) -> None:
        self.dtype, self.kind = dtype, kind

    def split(self, entry: Entry[Any, Any], first: int, last: int, /) -> Any:
        number = super().split(entry, first, last)
        low, top = LIMITS[self.dtype]
        if number <= top:
            return number
        place = shown_range(self.kind, entry.first, entry.last)
        text = f"value {entry.value} of {place} cannot advance by {first - entry.first}"
        raise OverflowError(f"{text}: with dtype {self.dtype!r} it must be in {low} ... {top}")


class Keyed:
    """A user's policy, which is asked about entries with keys instead of codes."""

    __slots__ = ("kind", "policy")

    def __init__(self, policy: Policy[Any], kind: Kind) -> None:
        self.policy, self.kind = policy, kind

    def split(self, entry: Entry[Any, Any], first: int, last: int, /) -> Any:
        whole, key = entry_of(self.kind, entry), self.kind.key
        return part_of(self.policy, whole, key(first), key(last), self.kind.shown)

    def merge(
        self, left: Entry[Any, Any], right: Entry[Any, Any], stored: Entry[Any, Any], /
    ) -> Any:
        given, other = entry_of(self.kind, stored), right if stored is left else left
        beside = entry_of(self.kind, other)
        pair = (given, beside) if stored is left else (beside, given)
        return self.policy.merge(*pair, given)


def policy_of(head: Head) -> Policy[Any] | None:
    """Return the policy to ask about the values of a tree, with codes as keys, if it has one."""
    policy, dtype = head.policy, head.dtype
    if policy is None or (dtype is None and head.kind is UINT64):
        return policy
    if not is_built_in(policy):
        return Keyed(policy, head.kind)
    if policy is COALESCE and dtype == "f8":
        return SAME_BITS
    return Limited(dtype, head.kind) if policy is OFFSET and dtype in LIMITS else policy


def part_of(
    policy: Policy[Any],
    whole: Entry[Any, Any],
    first: Any,
    last: Any,
    shown: Callable[[Any], str] = str,
) -> Any:
    """Return the value of [first, last], a part of an entry. Runs the policy's split()."""
    part = policy.split(whole, first, last)
    if part is None and whole.value is not None:
        text = f"[{shown(first)}, {shown(last)}]"
        raise TypeError(f"the policy's split() returned None for {text}")
    return part


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
