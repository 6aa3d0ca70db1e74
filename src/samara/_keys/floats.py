# SPDX-License-Identifier: MIT
"""Keys that are floats: "float64", from -inf to inf. -0.0 is 0.0, and NaN is no key."""

import struct
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from samara._arguments import float_of
from samara._columns import ArrowColumn, Opened
from samara._errors import NoKey
from samara._keys.arrays import numbers_in
from samara._keys.kind import Kind

INFINITY: Final = 0x7FF0 << 48  # the bits of inf; the code of 0.0
SIGN: Final = 1 << 63
DOUBLE: Final = struct.Struct("<d")
WORD: Final = struct.Struct("<Q")


class FloatKind(Kind):
    """The codes of floats from 0.0 up are their bits plus INFINITY; below, it goes down from there.

    So the next code is that of the next float: `math.nextafter(x, math.inf)`.
    """

    name = "float64"
    top = 2 * INFINITY
    zero = None

    def code(self, key: Any, name: str) -> int:
        number = key if type(key) is float else float_of(key, name)
        if number != number:
            raise NoKey(f"{name} must not be NaN")
        bits: int = WORD.unpack(DOUBLE.pack(number))[0]
        return INFINITY + bits if bits < SIGN else INFINITY - (bits - SIGN)

    def key(self, code: int) -> float:
        bits = code - INFINITY if code >= INFINITY else INFINITY - code + SIGN
        number: float = DOUBLE.unpack(WORD.pack(bits))[0]
        return number

    def count(self, size: Any, name: str) -> NoReturn:
        raise TypeError("float64 keys have no sizes")

    def size(self, count: int) -> NoReturn:
        raise TypeError("float64 keys have no sizes")

    def of_arrow(self, column: ArrowColumn, name: str) -> Opened | None:
        return numbers_in(column, self.bits)

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        return numpy.fromiter(map(self.key, codes), numpy.float64, len(codes))

    def shown(self, key: Any) -> str:
        return repr(float(key))
