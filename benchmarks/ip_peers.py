# SPDX-License-Identifier: MIT
"""samara and other packages that look up IP addresses: one small class for each.

An instance is made from a Database. Each operation that it can do is an attribute with the
operation's name: a callable with as little overhead as Python allows.

    one_text      text -> the country, or None
    one           an address in the form that `form` makes of it -> the same
    many_text     a list of texts -> a list of countries
    many          what `forms` makes of many addresses -> a list, or codes of countries
    is_in         as `one`, but whether there is any country: for sets without values. is_in_text,
                  many_in and many_in_text likewise
    free          -> the first network of a prefix length that is free in a block
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import maxminddb
import netaddr
import numpy
import pytricia

import mmdb
from geoip import Database
from samara import MapleTree

Address = Any


class Block:
    """Where a free network is searched, and how large it must be."""

    def __init__(self, first: int, prefix: int, wanted: int, bits: int) -> None:
        self.first, self.prefix, self.wanted = first, prefix, wanted
        self.last = first + (1 << (bits - prefix)) - 1
        self.size = 1 << (bits - wanted)


class Peer(ABC):
    # Operations that a peer has.
    one_text: Callable[[str], str | None]
    one: Callable[[Address], str | None]
    many_text: Callable[[list[str]], Any]
    many: Callable[[Any], Any]
    is_in_text: Callable[[str], bool]
    is_in: Callable[[Address], bool]
    many_in_text: Callable[[list[str]], list[bool]]
    many_in: Callable[[Any], list[bool]]
    free: Callable[[], int]
    load: Callable[[], Any]

    name: ClassVar[str]
    # The package whose version is stored with the figures.
    package: ClassVar[str | None] = None

    @abstractmethod
    def __init__(self, data: Database, block: Block, folder: Path) -> None: ...

    def form(self, data: Database, address: int) -> Address:
        """Return an address as this peer takes it fastest, apart from text."""
        return address

    def forms(self, data: Database, addresses: list[int]) -> Any:
        """Return many addresses as this peer takes them fastest."""
        return [self.form(data, address) for address in addresses]

    def countries(self, found: Any) -> list[str | None]:
        """Return what many() returned as a list of countries."""
        return list(found)


class Samara(Peer):
    name = "samara"
    package = "samara"

    def __init__(self, data: Database, block: Block, folder: Path) -> None:
        self.names: list[Any] = sorted(set(data.countries))
        numbers = {country: number for number, country in enumerate(self.names)}
        codes = numpy.array([numbers[country] for country in data.countries], numpy.int64)
        first, last = data.array(data.first), data.array(data.last)
        keys: Any = data.family

        def build(values: Any) -> MapleTree[Any, Any]:
            return MapleTree.from_arrays(first, last, values, keys=keys)

        self.load: Callable[[], Any] = lambda: build(codes)
        tree, packed = build(data.countries), build(codes)
        self.tree, self.packed = tree, packed
        self.one_text = self.one = tree.get
        self.is_in = self.is_in_text = tree.__contains__
        load_many, load_packed = tree.load_many, packed.load_many
        self.many_text = lambda texts: load_many(texts, None)
        self.many = lambda array: load_packed(array, -1)
        low, high = data.address(block.first), data.address(block.last)
        empty_area = tree.empty_area
        self.free = lambda: int(empty_area(block.size, low, high, align=block.size))

    def forms(self, data: Database, addresses: list[int]) -> Any:
        return data.array(addresses)

    def countries(self, found: Any) -> list[str | None]:
        if isinstance(found, list):
            return found
        names = [*self.names, None]
        return [names[number] for number in found.tolist()]


class Bisect(Peer):
    name = "bisect"

    def __init__(self, data: Database, block: Block, folder: Path) -> None:
        self.load = lambda: (data.first.copy(), data.last.copy(), data.countries.copy())
        firsts, lasts, values = self.load()
        bisect, integer = bisect_right, int.from_bytes
        parse = socket.inet_pton
        family = socket.AF_INET if data.family == "ipv4" else socket.AF_INET6

        def one(address: int) -> str | None:
            at = bisect(firsts, address) - 1
            return values[at] if at >= 0 and address <= lasts[at] else None

        def one_text(text: str) -> str | None:
            address = integer(parse(family, text))
            at = bisect(firsts, address) - 1
            return values[at] if at >= 0 and address <= lasts[at] else None

        def free() -> int:
            at = bisect(firsts, block.first) - 1
            place = max(block.first, lasts[at] + 1 if at >= 0 else 0)
            while True:
                place = -(-place // block.size) * block.size
                at += 1
                if at == len(firsts) or place + block.size <= firsts[at]:
                    return place
                place = max(place, lasts[at] + 1)

        self.one, self.one_text, self.free = one, one_text, free
        self.is_in = lambda address: one(address) is not None
        self.many = lambda addresses: [one(address) for address in addresses]
        self.many_text = lambda texts: [one_text(text) for text in texts]


class PyTricia(Peer):
    name = "pytricia"
    package = "pytricia"

    def __init__(self, data: Database, block: Block, folder: Path) -> None:
        networks = [(data.text(first), *rest) for first, *rest in data.networks()]
        family = socket.AF_INET if data.family == "ipv4" else socket.AF_INET6

        def load() -> Any:
            tree = pytricia.PyTricia(data.bits, family)
            for first, prefix, country in networks:
                tree.insert(first, prefix, country)
            return tree

        self.load = load
        tree = load()
        get = tree.get
        self.one = self.one_text = get
        self.is_in = tree.__contains__
        self.many = self.many_text = lambda addresses: [get(address) for address in addresses]

    def form(self, data: Database, address: int) -> Address:
        return data.address(address).packed


class MaxMind(Peer):
    name = "maxminddb"
    package = "maxminddb"

    def __init__(self, data: Database, block: Block, folder: Path) -> None:
        path = folder / f"{data.family}.mmdb"
        mmdb.write(path, data.networks(), data.bits)
        self.load = lambda: maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT)
        get = self.load().get
        self.one = self.one_text = get
        self.is_in = lambda address: get(address) is not None
        self.many = self.many_text = lambda addresses: [get(address) for address in addresses]

    def form(self, data: Database, address: int) -> Address:
        return data.address(address)


class NetAddr(Peer):
    """A set of addresses, without countries: netaddr has no map of networks that is not a scan."""

    name = "netaddr"
    package = "netaddr"

    def __init__(self, data: Database, block: Block, folder: Path) -> None:
        version = 4 if data.family == "ipv4" else 6
        used = netaddr.IPSet(
            netaddr.IPNetwork((first, prefix), version=version)
            for first, prefix, _country in data.networks()
        )
        whole = netaddr.IPNetwork((block.first, block.prefix), version=version)
        inside = used & netaddr.IPSet([whole])
        self.is_in = used.__contains__
        self.is_in_text = lambda text: netaddr.IPAddress(text, version) in used
        self.many_in = lambda addresses: [address in used for address in addresses]
        self.many_in_text = lambda texts: [
            netaddr.IPAddress(text, version) in used for text in texts
        ]

        def free() -> int:
            room = netaddr.IPSet([whole]) - inside
            networks = (
                network for network in room.iter_cidrs() if network.prefixlen <= block.wanted
            )
            return int(next(networks).first)

        self.free = free

    def form(self, data: Database, address: int) -> Address:
        return netaddr.IPAddress(address, 4 if data.family == "ipv4" else 6)


PEERS: tuple[type[Peer], ...] = (Samara, Bisect, PyTricia, MaxMind, NetAddr)
