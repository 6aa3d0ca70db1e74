# SPDX-License-Identifier: MIT
"""Which kind of keys an Arrow column has, and which column a kind of keys makes."""

import struct
from typing import Final

from samara._arrow.abi import Field
from samara._keys import MOMENTS
from samara._keys.times import ARROW_UNITS

KEYS: Final = b"samara.keys"
"""The metadata of a column of keys whose type does not say which kind it is."""
PLAIN: Final = {
    **dict.fromkeys("CSIL", "uint64"),
    **dict.fromkeys("csil", "int64"),
    **dict.fromkeys("efg", "float64"),
    **{"tdD": "date", "tdm": "date", "w:16": "uint128"},
}
FORMATS: Final = {
    **{"uint64": "L", "int64": "l", "float64": "g", "date": "tdD", "ipv4": "I"},
    **{"uint128": "w:16", "ipv6": "w:16"},
}


def kind_named(format: str) -> str | None:
    """Return the kind of keys of a format, or None if there is none."""
    form, _, zone = format.partition(":")
    if not form.startswith("ts"):
        return PLAIN.get(format)
    if zone.startswith(("+", "-")):  # a distance from UTC, which is no zone
        zone = "UTC"
    return f"datetime64[{ARROW_UNITS[form]}{zone and f', {zone}'}]"


def keys_of(field: Field) -> str | None:
    """Return the kind of keys that a column has by its metadata or its type."""
    given = field.metadata.get(KEYS)
    return given.decode() if given else kind_named(field.format)


def format_of(name: str) -> str:
    """Return Arrow's format for the keys of a kind."""
    match = MOMENTS.fullmatch(name)
    return f"ts{match[1][0]}:{match[2] or ''}" if match else FORMATS[name]


def column_type(name: str) -> tuple[str, bytes | None]:
    """Return the format of a column of keys, and metadata if that does not say which kind it is."""
    form = format_of(name)
    return form, None if kind_named(form) == name else packed(KEYS, name.encode())


def packed(key: bytes, value: bytes) -> bytes:
    """Return metadata of one pair, as `abi.metadata_at()` reads it."""
    sizes = [struct.pack("=i", number) for number in (1, len(key), len(value))]
    return sizes[0] + sizes[1] + key + sizes[2] + value
