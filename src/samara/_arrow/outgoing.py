# SPDX-License-Identifier: MIT
"""The columns of a tree in plain Python, as buffers of Arrow."""

import struct
from array import array
from collections.abc import Sequence
from typing import Any, Final

from samara._arrow.export import OutColumn, capsule_of
from samara._arrow.kinds import column_type
from samara._arrow.values import Buffers, encode
from samara._keys import Kind
from samara._keys.times import EPOCH

PACKED: Final = {"u8": ("L", "Q"), "i8": ("l", "q"), "f8": ("g", "d")}
LETTERS: Final = {"L": "Q", "l": "q", "g": "d", "I": "I", "tdD": "i"}


def stream_of(
    kind: Kind, dtype: str | None, columns: tuple[Sequence[int], Sequence[int], Sequence[Any]]
) -> Any:
    """Return the capsule for codes and values: columns first, last and value."""
    *ends, values = columns
    out = []
    for name, codes in zip(("first", "last"), ends, strict=True):
        buffers, metadata = keys_in(kind, codes)
        out.append(OutColumn(name, buffers, metadata, nullable=False))
    buffers = encode(values)
    if dtype:
        form, letter = PACKED[dtype]
        buffers = Buffers(form, 0, None, (struct.pack(f"={len(values)}{letter}", *values),))
    out.append(OutColumn("value", buffers, None, nullable=not dtype))
    return capsule_of(out, len(values))


def keys_in(kind: Kind, codes: Sequence[int]) -> tuple[Buffers, bytes | None]:
    if not isinstance(kind.name, str):
        return encode([kind.key(code) for code in codes]), None
    form, metadata = column_type(kind.name)
    if form == "w:16":
        data = b"".join(code.to_bytes(16, "big") for code in codes)
    else:
        data = array(LETTERS.get(form, "q"), numbers_of(kind, form, codes)).tobytes()
    return Buffers(form, 0, None, (data,)), metadata


def numbers_of(kind: Any, form: str, codes: Sequence[int]) -> list[Any]:
    if form == "tdD":
        return [code + 1 - EPOCH for code in codes]
    if form.startswith("ts"):
        return [code + kind.origin for code in codes]
    return list(codes) if form == "I" else [kind.key(code) for code in codes]
