# SPDX-License-Identifier: MIT
"""Debian's database of the countries of IP addresses: fetched with apt into build/, and read.

The package is tor-geoipdb, whose data is under CC BY-SA 4.0. It is not part of this repository.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from socket import AF_INET6, inet_pton
from typing import Any

import numpy

PACKAGE = "tor-geoipdb"
FOLDER = Path(__file__).parents[1] / "build" / "geoip"
FILES = {"ipv4": "geoip", "ipv6": "geoip6"}
BITS = {"ipv4": 32, "ipv6": 128}
WORD = (1 << 64) - 1


@dataclass
class Database:
    """The ranges of one family, in ascending order and without overlaps."""

    family: str
    first: list[int]
    last: list[int]
    countries: list[str]

    @property
    def bits(self) -> int:
        return BITS[self.family]

    def networks(self) -> Iterator[tuple[int, int, str]]:
        """Yield the first address, the prefix length and the country of each network."""
        for first, last, country in zip(self.first, self.last, self.countries, strict=True):
            while first <= last:
                size = 1 << ((last - first + 1).bit_length() - 1)
                if first:
                    size = min(size, first & -first)
                yield first, self.bits - size.bit_length() + 1, country
                first += size

    def text(self, address: int) -> str:
        return str(self.address(address))

    def address(self, address: int) -> IPv4Address | IPv6Address:
        return IPv4Address(address) if self.family == "ipv4" else IPv6Address(address)

    def array(self, addresses: list[int]) -> Any:
        """Return the addresses as samara takes them: uint32, or (n, 2) uint64 for IPv6."""
        if self.family == "ipv4":
            return numpy.array(addresses, numpy.uint32)
        words = [(address >> 64, address & WORD) for address in addresses]
        return numpy.array(words, numpy.uint64)

    def some_addresses(self, count: int, rng: random.Random) -> list[int]:
        """Return random addresses: half of them anywhere, half of them in random ranges."""
        found = []
        for number in range(count):
            at = rng.randrange(len(self.first))
            inside = rng.randint(self.first[at], self.last[at])
            found.append(inside if number % 2 else rng.getrandbits(self.bits))
        rng.shuffle(found)
        return found


def fetch() -> Path:
    """Return the folder with the data, and download it first if it is not there."""
    data = FOLDER / "usr" / "share" / "tor"
    if not data.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"downloading {PACKAGE} ...", file=sys.stderr)
        subprocess.run(
            ["apt-get", "download", PACKAGE], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL
        )
        (package,) = FOLDER.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package.name, "."], cwd=FOLDER, check=True)
        package.unlink()
    return data


def read(family: str) -> Database:
    """Read the ranges of a family."""
    database = Database(family, [], [], [])
    parse = int if family == "ipv4" else lambda text: int.from_bytes(inet_pton(AF_INET6, text))
    with (fetch() / FILES[family]).open() as lines:
        for line in lines:
            if not line.startswith("#"):
                first, last, country = line.strip().split(",")
                database.first.append(parse(first))
                database.last.append(parse(last))
                database.countries.append(country)
    return database
