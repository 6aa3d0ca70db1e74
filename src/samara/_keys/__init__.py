# SPDX-License-Identifier: MIT
"""Kinds of keys: what `MapleTree(keys=...)` takes, and how each maps keys to a tree's codes.

`kind_of()` is the entrance. `kind.py` says what a kind is; each of the other modules has some.
"""

import re
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from samara._errors import NoKey, type_name
from samara._keys.custom import CustomKind
from samara._keys.integers import KINDS as INTEGERS
from samara._keys.integers import UINT64
from samara._keys.kind import Kind
from samara._keys.results import add_results

__all__ = ["UINT64", "Kind", "NoKey", "kind_of", "result"]

K = TypeVar("K", bound=Kind)

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in INTEGERS}
CUSTOM: Final[WeakValueDictionary[int, CustomKind]] = WeakValueDictionary()  # by id() of the object
MOMENTS: Final = re.compile(r"datetime64\[(s|ms|us|ns)(?:, (.+))?\]", re.DOTALL)
PROTOCOL: Final = ("name", "bits", "encode", "decode")
NAMES: Final = (
    "'uint64', 'int64', 'uint128', 'float64', 'date', 'datetime64[UNIT]', 'datetime64[UNIT, ZONE]' "
    "(UNIT is s, ms, us or ns), 'ipv4', 'ipv6' or a samara.KeyType"
)


def kind_of(keys: Any) -> Kind:
    """Return the kind for what `keys=` was given: a name, a numpy dtype, or a KeyType object."""
    if type(keys) is str:
        kind = KINDS.get(keys)
        return kind if kind is not None else KINDS.setdefault(keys, with_results(named(keys)))
    if isinstance(keys, str):
        return kind_of(str.__str__(keys))
    if all(hasattr(keys, member) for member in PROTOCOL):
        known = CUSTOM.get(id(keys))
        return known or CUSTOM.setdefault(id(keys), with_results(CustomKind(keys)))
    if hasattr(keys, "itemsize") and hasattr(keys, "kind"):  # a dtype of numpy or pandas
        return kind_of(str(keys))
    raise TypeError(f"keys must be a str or a samara.KeyType, not {type_name(keys)}")


def named(name: str) -> Kind:
    """Return a new kind. Its module is imported only now: samara should be imported quickly."""
    if name == "float64":
        from samara._keys.floats import FloatKind

        return FloatKind()
    if name in ("ipv4", "ipv6"):
        from samara._keys.addresses import address_kind

        return address_kind(name)
    if name == "date":
        from samara._keys.times import DateKind

        return DateKind()
    match = MOMENTS.fullmatch(name)
    if match is None:
        raise ValueError(f"keys must be {NAMES}, not {name!r}")
    from samara._keys.times import moment_kind

    return moment_kind(match[1], match[2])


def with_results(kind: K) -> K:
    add_results(kind, result)
    return kind


def result(name: Any, number: int, *items: Any) -> Any:
    """Return an Entry, Gap or Change: what one of keys that are not ints unpickles with."""
    kind = kind_of(name)
    return (kind.entry, kind.gap, kind.change)[number](*items)
