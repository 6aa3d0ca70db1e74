# SPDX-License-Identifier: MIT
"""Keys of any other type, through an object with the protocol `samara.KeyType`."""

from typing import Any

from samara._arguments import index_of
from samara._errors import type_name
from samara._keys.kind import Kind


class CustomKind(Kind):
    """The code of a key is what the object's `encode()` returns."""

    def __init__(self, keys: Any) -> None:
        bits = keys.bits
        if type(bits) is not int or bits not in (64, 128):
            raise ValueError(f"the bits of a KeyType must be 64 or 128, not {bits!r}")
        if not isinstance(keys.name, str):
            raise TypeError(f"the name of a KeyType must be a str, not {type_name(keys.name)}")
        for method in ("encode", "decode"):
            if not callable(value := getattr(keys, method)):
                text = f"the {method} of a KeyType must be callable, not {type_name(value)}"
                raise TypeError(text)
        self.name, self.bits, self.top = keys, bits, 2**bits - 1

    def code(self, key: Any, name: str) -> int:
        code = self.name.encode(key)
        return code if type(code) is int else index_of(code, "the result of encode()")

    def key(self, code: int) -> Any:
        return self.name.decode(code)

    def count(self, size: Any, name: str) -> int:
        return index_of(size, name)

    def size(self, count: int) -> int:
        return count

    def same_as(self, other: Kind) -> bool:
        if not isinstance(other, CustomKind) or self.bits != other.bits:
            return False
        return self.name is other.name or bool(self.name == other.name)
