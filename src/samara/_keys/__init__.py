# SPDX-License-Identifier: MIT
"""Kinds of keys: what `MapleTree(keys=...)` takes, and how each maps keys to a tree's codes.

`kind_of()` is the entrance. `kind.py` says what a kind is; each of the other modules has some.
"""

import re
from typing import Any, Final
from weakref import WeakValueDictionary

from samara._errors import type_name
from samara._keys import addresses, floats, integers, times
from samara._keys.custom import CustomKind
from samara._keys.integers import UINT64
from samara._keys.kind import Kind, NoKey
from samara._keys.results import add_results

__all__ = ["UINT64", "Kind", "NoKey", "kind_of", "result"]

KINDS: Final[dict[str, Kind]] = {}
CUSTOM: Final[WeakValueDictionary[int, CustomKind]] = WeakValueDictionary()  # by id() of the object
MOMENTS: Final = re.compile(r"datetime64\[(s|ms|us|ns), (.+)\]", re.DOTALL)
PROTOCOL: Final = ("name", "bits", "encode", "decode")
NAMES: Final = (
    "'uint64', 'int64', 'uint128', 'float64', 'date', 'datetime64[UNIT]', 'datetime64[UNIT, ZONE]' "
    "(UNIT is s, ms, us or ns), 'ipv4' or 'ipv6'"
)


def kind_of(keys: Any) -> Kind:
    """Return the kind for what `keys=` was given: a name, a numpy dtype, or a KeyType object."""
    if type(keys) is str:
        kind = KINDS.get(keys)
        return kind if kind is not None else zoned_kind(keys)
    if isinstance(keys, str):
        return kind_of(str.__str__(keys))
    if all(hasattr(keys, member) for member in PROTOCOL):
        return custom_kind(keys)
    if hasattr(keys, "itemsize") and hasattr(keys, "kind"):  # a dtype of numpy or pandas
        return kind_of(str(keys))
    raise TypeError(f"keys must be a str or a samara.KeyType, not {type_name(keys)}")


def zoned_kind(name: str) -> Kind:
    match = MOMENTS.fullmatch(name)
    if match is None:
        raise ValueError(f"keys must be {NAMES}, or a samara.KeyType, not {name!r}")
    return KINDS.setdefault(name, completed(times.moment_kind(match[1], match[2])))


def custom_kind(keys: Any) -> Kind:
    kind = CUSTOM.get(id(keys))
    if kind is None:
        kind = CUSTOM.setdefault(id(keys), CustomKind(keys))
        if kind.entry is Kind.entry:
            completed(kind)
    return kind


def result(name: Any, number: int, *items: Any) -> Any:
    """Return an Entry, Gap or Change: what one of keys that are not ints unpickles with."""
    kind = kind_of(name)
    return (kind.entry, kind.gap, kind.change)[number](*items)


def completed(kind: Kind) -> Kind:
    """Return the kind, with the classes for its results."""
    if not kind.has_int_keys:
        add_results(kind, result)
    return kind


for _kind in (*integers.KINDS, *floats.KINDS, *times.KINDS, *addresses.KINDS):
    KINDS[_kind.name] = completed(_kind)
