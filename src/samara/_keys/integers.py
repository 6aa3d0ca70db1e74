# SPDX-License-Identifier: MIT
"""Keys that are ints: "uint64", "int64" and "uint128"."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from samara._arguments import index_of, shown
from samara._columns import ArrowColumn, Opened
from samara._keys.arrays import number_array, numbers_in, wide_array, wide_numbers
from samara._keys.kind import Kind


class IntegerKind(Kind):
    """The code of an int is the int itself, plus the code of 0."""

    has_int_keys = True

    def __init__(self, name: str, bits: int, zero: int = 0) -> None:
        self.name, self.bits, self.top, self.zero = name, bits, 2**bits - 1, zero
        self.shift = zero

    def code(self, key: Any, name: str) -> int:
        return index_of(key, name) + self.shift

    def key(self, code: int) -> int:
        return code - self.shift

    def stop(self, code: int) -> int:
        return code + 1 - self.shift

    def count(self, size: Any, name: str) -> int:
        return index_of(size, name)

    def size(self, count: int) -> int:
        return count

    def items(self, array: Any) -> Iterable[Any] | None:
        return wide_numbers(array) if self.bits == 128 else None

    def of_arrow(self, column: ArrowColumn, name: str) -> Opened | None:
        return numbers_in(column, self.bits)

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        if self.bits == 128:
            return wide_array(numpy, codes)
        return number_array(numpy, codes, self.name, self.shift)

    def shown(self, key: Any) -> str:
        return shown(index_of(key, "key"))


UINT64: Final = IntegerKind("uint64", 64)
KINDS: Final = (UINT64, IntegerKind("int64", 64, 2**63), IntegerKind("uint128", 128))
