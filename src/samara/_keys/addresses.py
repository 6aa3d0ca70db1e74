# SPDX-License-Identifier: MIT
"""Keys that are IP addresses: "ipv4" and "ipv6". They come in as objects, text or ints.

A network is no key. `t[network]` means all of its addresses, which `window_of()` returns.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from samara._arguments import index_of, shown
from samara._columns import ArrowColumn, Opened
from samara._errors import type_name
from samara._keys.arrays import number_array, numbers_in, wide_array, wide_numbers
from samara._keys.kind import Kind

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressKind(Kind):
    """The code of an address is its number."""

    def __init__(
        self, family: str, width: int, address: type[Address], network: type[Network]
    ) -> None:
        self.name, self.family = family.lower(), family
        self.address, self.network = address, network
        self.top, self.bits = 2**width - 1, max(64, width)

    def code(self, key: Any, name: str) -> int:
        if isinstance(key, str):
            key = self.parsed(str(key), name)
        if isinstance(key, self.address):
            self.require_no_zone(key, key, name)
            return int(key)
        if isinstance(key, Network):
            raise self.not_one(key, name)
        if isinstance(key, Address) or not hasattr(type(key), "__index__"):
            raise TypeError(f"{name} must be an {self.family} address, not {type_name(key)}")
        return index_of(key, name)

    def parsed(self, text: str, name: str) -> Address:
        if "/" in text:
            raise self.not_one(text, name)
        try:
            return self.address(text)
        except ValueError:
            raise ValueError(f"{name} must be an {self.family} address, not {text!r}") from None

    def not_one(self, network: Any, name: str) -> TypeError:
        return TypeError(f"{name} must be one {self.family} address, not the network {network}")

    def require_no_zone(self, address: Address, given: Any, name: str) -> None:
        if getattr(address, "scope_id", None) is not None:
            raise ValueError(f"{name} must be an address without a zone, not '{given}'")

    def ranges_in(self, other: Any) -> tuple[Any, ...]:
        if isinstance(other, Network):  # it can have 2^128 members
            raise TypeError(f"other must be a tree or ranges, not the network {other}")
        return tuple(other)

    def window_of(self, key: Any) -> tuple[int, int] | None:
        if isinstance(key, str):
            if "/" not in key:
                return None
            network = self.parsed_network(str(key))
        elif isinstance(key, self.network):
            network = key
        else:
            return None
        self.require_no_zone(network.network_address, key, "index")
        return int(network.network_address), int(network.broadcast_address)

    def parsed_network(self, text: str) -> Network:
        try:
            return self.network(text)
        except ValueError as error:
            note = ", which has host bits set" if "host bits" in str(error) else ""
            reason = f"index must be an {self.family} network, not {text!r}{note}"
            raise ValueError(reason) from None

    def key(self, code: int) -> Address:
        return self.address(code)

    def count(self, size: Any, name: str) -> int:
        return index_of(size, name)

    def size(self, count: int) -> int:
        return count

    def items(self, array: Any) -> Iterable[Any] | None:
        numbers = wide_numbers(array) if self.bits == 128 else None
        if numbers is None and array.dtype.kind == "S":
            return [text.decode("latin-1") for text in array.tolist()]
        if array.dtype.kind == "U":
            return list(array.tolist())
        return numbers

    def of_arrow(self, column: ArrowColumn, name: str) -> Opened | None:
        return numbers_in(column, self.bits)

    def array(self, numpy: Any, codes: Sequence[int]) -> Any:
        if self.bits == 128:
            return wide_array(numpy, codes)
        return number_array(numpy, codes, "uint32")

    def shown(self, key: Any) -> str:
        if isinstance(key, Address | str):
            return str(key)
        number = index_of(key, "key")
        return str(self.key(number)) if 0 <= number <= self.top else shown(number)


def address_kind(name: str) -> AddressKind:
    if name == "ipv4":
        return AddressKind("IPv4", 32, IPv4Address, IPv4Network)
    return AddressKind("IPv6", 128, IPv6Address, IPv6Network)
