# SPDX-License-Identifier: MIT
"""BTF, the description of its types that a kernel carries: where each field of a struct lies.

Owns the format, which the kernel documents in Documentation/bpf/btf.rst. Only what offsets and
sizes need is read. Anybody may call it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_MAGIC: Final = 0xEB9F
_POINTER, _ARRAY, _STRUCT, _UNION, _ENUM = 2, 3, 4, 5, 6
_VAR, _DATASEC, _ENUM64 = 14, 15, 19
_PLAIN: Final = frozenset((2, 7, 8, 9, 10, 11, 12, 16, 18))  # nothing follows; mostly modifiers
_TYPEDEFS: Final = frozenset((8, 9, 10, 11, 18))  # typedef, volatile, const, restrict, type tag
_MOST_TURNS: Final = 64  # typedefs of typedefs, and structs without names in each other


class Field(NamedTuple):
    """A field of a struct.

    offset  the distance from the beginning of the struct, in bytes
    type    the number of its type
    """

    offset: int
    type: int


class Btf:
    """The types of a kernel.

    Reading costs O(types), about 0.3 seconds for a kernel; a look-up costs O(fields).

    Args:
        data: The content of /sys/kernel/btf/vmlinux, or of a kernel's section .BTF.

    Raises:
        ValueError: This is no BTF, or it is damaged.

    >>> Btf(b"no BTF")
    Traceback (most recent call last):
        ...
    ValueError: this is no BTF: it begins with b'no BTF'
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 24 or data[:2] not in (b"\x9f\xeb", b"\xeb\x9f"):
            raise ValueError(f"this is no BTF: it begins with {data[:8]!r}")
        self._order = "<" if data[0] == 0x9F else ">"
        header = struct.unpack_from(self._order + "HBBIIIII", data)
        _, version, _, length, types, type_size, strings, string_size = header
        if version != 1:
            raise ValueError(f"BTF of version {version} is unknown: 1 is known")
        types, strings = types + length, strings + length
        if max(types + type_size, strings + string_size) > len(data):
            raise ValueError(f"the BTF is cut: it has {len(data)} bytes")
        self._data = data
        self._strings, self._strings_end = strings, strings + string_size
        self._places = [0]  # where each type is described; type 0 is void
        self._structs: dict[str, int] = {}
        try:
            self._scan(types, types + type_size)
        except struct.error:
            raise ValueError("the BTF is damaged: a type is cut") from None

    @classmethod
    def from_file(cls, path: str | Path = "/sys/kernel/btf/vmlinux") -> Btf:
        """Return the types in a file; without a path, those of the running kernel.

        Raises:
            OSError: The file cannot be read.
            ValueError: It has no BTF, or it is damaged.
        """
        return cls(Path(path).read_bytes())

    def _scan(self, place: int, end: int) -> None:
        header = struct.Struct(self._order + "III")
        vector_sizes = {_STRUCT: 12, _UNION: 12, _ENUM: 8, 13: 8, _DATASEC: 12, _ENUM64: 12}
        fixed_sizes = {1: 4, _ARRAY: 12, _VAR: 4, 17: 4} | dict.fromkeys(_PLAIN, 0)
        while place < end:
            name, info, _ = header.unpack_from(self._data, place)
            kind = info >> 24 & 0x1F
            if kind in (_STRUCT, _UNION) and name:
                self._structs.setdefault(self._text(name), len(self._places))
            self._places.append(place)
            if kind in vector_sizes:
                place += 12 + vector_sizes[kind] * (info & 0xFFFF)
            elif kind in fixed_sizes:
                place += 12 + fixed_sizes[kind]
            else:
                raise ValueError(f"the BTF has a type of the unknown kind {kind}")

    def _text(self, offset: int) -> str:
        start = self._strings + offset
        end = self._data.find(b"\0", start, self._strings_end)
        if end < 0:
            raise ValueError(f"the BTF is damaged: there is no name at {offset}")
        return self._data[start:end].decode(errors="replace")

    def _header(self, number: int) -> tuple[int, int, int, int]:
        """Return the kind of a type, the length of its list, its size or type, and its place."""
        if not 0 < number < len(self._places):
            raise ValueError(f"the BTF is damaged: there is no type {number}")
        place = self._places[number]
        _, info, size = struct.unpack_from(self._order + "III", self._data, place)
        return info, info & 0xFFFF, size, place + 12

    def _resolved(self, number: int) -> int:
        """Return the type behind typedefs and qualifiers."""
        for _ in range(_MOST_TURNS):
            info, _, target, _ = self._header(number)
            if info >> 24 & 0x1F not in _TYPEDEFS:
                return number
            number = target
        raise ValueError(f"the BTF is damaged: type {number} is a typedef of itself")

    def _fields(self, number: int, depth: int = 0) -> Iterator[tuple[str, Field]]:
        """Yield the fields of a struct or union; those of fields without a name too."""
        info, count, _, place = self._header(number)
        if info >> 24 & 0x1F not in (_STRUCT, _UNION) or depth > _MOST_TURNS:
            return
        for position in range(count):
            name, type_, offset = struct.unpack_from(
                self._order + "III", self._data, place + 12 * position
            )
            # A struct with bit fields has their widths in the upper byte.
            offset = offset & 0xFFFFFF if info >> 31 else offset
            if name:
                yield self._text(name), Field(offset // 8, type_)
                continue
            for inner, field in self._fields(self._resolved(type_), depth + 1):
                yield inner, Field(offset // 8 + field.offset, field.type)

    def _find(self, struct_: str, path: str) -> Field:
        if struct_ not in self._structs:
            raise KeyError(f"this kernel has no struct {struct_}")
        number, offset = self._structs[struct_], 0
        for name in path.split("."):
            field = next((field for found, field in self._fields(number) if found == name), None)
            if field is None:
                raise KeyError(f"struct {struct_} of this kernel has no field {path}")
            offset, number = offset + field.offset, self._resolved(field.type)
        return Field(offset, number)

    def offset(self, struct_: str, path: str) -> int:
        """Return where a field lies in a struct, in bytes. O(fields).

        Args:
            struct_: The name of a struct or union.
            path: The name of a field, or of fields in each other: `"f_path.dentry"`.

        Raises:
            KeyError: There is no such struct or field.
            ValueError: The BTF is damaged.
        """
        return self._find(struct_, path).offset

    def has(self, struct_: str, path: str) -> bool:
        """Return whether there is such a field. O(fields)."""
        try:
            self._find(struct_, path)
        except KeyError:
            return False
        return True

    def size(self, struct_: str, path: str = "") -> int:
        """Return the size of a struct, or of one of its fields, in bytes. O(fields).

        Raises:
            KeyError: There is no such struct or field.
            ValueError: The BTF is damaged.
        """
        if path:
            return self._size(self._find(struct_, path).type)
        if struct_ not in self._structs:
            raise KeyError(f"this kernel has no struct {struct_}")
        return self._size(self._structs[struct_])

    def _size(self, number: int) -> int:
        count = 1
        for _ in range(_MOST_TURNS):
            info, _, size, place = self._header(self._resolved(number))
            kind = info >> 24 & 0x1F
            if kind == _POINTER:
                return 8 * count
            if kind != _ARRAY:
                return size * count
            number, _, length = struct.unpack_from(self._order + "III", self._data, place)
            count *= length
        raise ValueError(f"the BTF is damaged: type {number} is an array of itself")
