# SPDX-License-Identifier: MIT
"""How type checkers understand the public interface; `make lint` runs all of them on this file.

`assert_type` fails in a type checker. At run time it returns its argument, so the calls run too.
"""

import tempfile
from array import array
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from types import NotImplementedType
from typing import Any, Literal, assert_type

import pytest

from samara import COALESCE, OFFSET, Change, Cursor, Entry, Gap, MapleTree, Policy, common_gaps
from samara.mm import VMA, AddressSpace

TRIPLES = [(10, 19, "a")]


class Named(MapleTree[int, str]):
    pass


class Counts(MapleTree[int, int]):
    pass


def test_values_of_any_type() -> None:
    t = MapleTree(TRIPLES)
    assert_type(t, MapleTree[int, str])
    assert_type(t[15], str)
    assert_type(t[10:20], MapleTree[int, str])
    assert_type(t.get(15), str | None)
    assert_type(t.get(15, 0), str | int)
    assert_type(t.entry(15), Entry[int, str] | None)
    assert_type(t.entries(), Iterator[Entry[int, str]])
    assert_type(t.first_entry(), Entry[int, str] | None)
    assert_type(t.ranges(), Iterator[tuple[int, int]])
    assert_type(t.values(5, clip=True), Iterator[str])
    assert_type(t.items(reverse=True), Iterator[tuple[tuple[int, int], str]])
    assert_type(t.covers(5, 6), bool)
    assert_type(t.gaps(), Iterator[Gap[int]])
    assert_type(common_gaps([t, MapleTree(dtype="u8")], 5), Iterator[Gap[Any]])
    assert_type(t.fork(), MapleTree[int, str])
    assert_type(t.diff(t), Iterator[Change[int, str]])
    assert_type(t.diff(MapleTree([(1, 2, 3)])), Iterator[Change[int, str | int]])
    assert_type(t | [(1, 2, "b")], MapleTree[int, str])
    assert_type(t | t, MapleTree[int, str])
    assert_type(t & [(1, 2)], MapleTree[int, str])
    assert_type(t - MapleTree([(1, 2, 3)]), MapleTree[int, str])
    assert_type(t - t.gaps(), MapleTree[int, str])
    t |= [(1, 2, "b")]
    t &= t.gaps()
    t -= [(3, 4)]
    t.update(MapleTree(TRIPLES))
    assert_type(t, MapleTree[int, str])
    t = MapleTree(TRIPLES)
    assert_type(t.alloc_range(5, "b"), int)
    assert_type(t.alloc_many([1, 2], ["b", "c"]), list[int])
    assert_type(t.load_many([15], found=True), tuple[Any, Any])
    assert_type(t.load_many([15], None, True), tuple[Any, Any])
    assert_type(t.alloc_cyclic("b", next=5), tuple[int, int, bool])
    assert_type(t.cursor(), Cursor[int, str])
    assert_type(t.cursor().next_range(), Entry[int, str] | Gap[int] | None)
    for first, last, value in t:
        assert_type((first, last, value), tuple[int, int, str])


def test_literals_make_trees_of_their_classes() -> None:
    t = MapleTree([(10, 19, "a"), (30, 39, "b")])
    assert_type(t, MapleTree[int, str])
    t[12:14] = "c"
    assert_type(MapleTree([(1, 2, 3)]), MapleTree[int, int])
    assert_type(MapleTree([(1, 2, None), (3, 4, "a")]), MapleTree[int, str | None])
    wider: MapleTree[int, float | str] = MapleTree([(1, 2, 3)])
    lists: MapleTree[int, list[int]] = MapleTree([(1, 2, [])])
    empty: MapleTree[int, str] = MapleTree([])
    assert_type(MapleTree(empty), MapleTree[int, str])
    assert len(wider) + len(lists) == 2


def test_packed_values() -> None:
    assert_type(MapleTree(dtype="u8"), MapleTree[int, int])
    assert_type(MapleTree([(1, 2, 3)], dtype="f8"), MapleTree[int, float])
    chosen: Literal["u8", "i8", "f8"] | None = "f8" if len("chosen at run time") else None
    tree: MapleTree[int, float] = MapleTree(dtype=chosen)
    assert_type(tree.dtype, Literal["u8", "i8", "f8"] | None)


def test_arithmetic() -> None:
    t = MapleTree([(1, 5, 3)], dtype="u8")
    assert_type(t.accumulate(1, 2, 5), None)
    t.accumulate(1, 2, 5, "or")
    t.accumulate_many([1, 4], [2, 5], 1)
    t.accumulate_many(array("Q", [1, 4]), range(4, 6), [1, 2], "max")
    f = MapleTree([(1, 5, 3)], dtype="f8")
    f.accumulate(1, 2, 0.5, op="min")
    f.accumulate_many([1], [2], 0.5)
    f.accumulate_many([1], [2], array("d", [0.5]))
    t.map_range(1, 9, lambda value: value + 1)
    names = MapleTree(TRIPLES)
    assert_type(names.map_range(1, 15, str.upper), None)
    names.map_range(1, 15, lambda name: name or "none", default=None)


def test_arrays() -> None:
    pytest.importorskip("numpy")
    import numpy as np
    from numpy.typing import NDArray

    # A class method of plain `MapleTree` leaves the value type open in some checkers.
    strings: MapleTree[int, str] = MapleTree.from_arrays([1], [2], ["a"])
    integers: MapleTree[int, int] = MapleTree.from_arrays([1], [2], [3], dtype="u8")
    floats: MapleTree[int, float] = MapleTree.from_arrays([1], [2], [3], dtype="f8")
    halves: MapleTree[int, float] = MapleTree.from_arrays(
        np.array([1]), np.array([2]), np.array([0.5])
    )
    assert [len(tree) for tree in (strings, integers, floats, halves)] == [1] * 4
    t = MapleTree[int, str].from_arrays([1], [2], ["a"], closed="left", sort=True, overlap="last")
    assert_type(t, MapleTree[int, str])
    assert_type(MapleTree[int, str].from_arrays([1], [2], ["a"]), MapleTree[int, str])
    assert_type(
        MapleTree[int, float].from_arrays([1], [2], array("d", [1.5])), MapleTree[int, float]
    )
    assert_type(MapleTree[int, int].from_arrays([1], [2], [3], dtype="u8"), MapleTree[int, int])
    ends = np.array([1])
    f = MapleTree[int, float].from_arrays(ends, ends, [3], dtype="f8")
    assert_type(f, MapleTree[int, float])
    first, last, values = f.to_arrays()
    assert_type((first, last), tuple[NDArray[Any], NDArray[Any]])
    assert_type(values, NDArray[Any])


class Version:
    """Keys (major, minor)."""

    name = "version"
    bits: Literal[64] = 64

    def encode(self, key: tuple[int, int]) -> int:
        return key[0] << 32 | key[1]

    def decode(self, code: int) -> tuple[int, int]:
        return code >> 32, code & 0xFFFFFFFF


def test_keys() -> None:
    wide: MapleTree[int, str] = MapleTree(keys="uint128")
    wide[2**100] = "a"
    assert_type(wide.first_key, int)
    assert_type(MapleTree([(0.5, 1, "a")], keys="float64"), MapleTree[float, str])
    days = MapleTree([(date(2024, 1, 1), date(2024, 1, 31), "January")], keys="date")
    assert_type(days, MapleTree[date, str])
    assert_type(days.get(date(2024, 1, 15)), str | None)
    assert_type(days.alloc_range(timedelta(5), "b"), date)
    moments: MapleTree[datetime, str] = MapleTree(keys="datetime64[us, Europe/Berlin]")
    assert_type(moments.first_key, datetime)
    addresses = MapleTree([("10.0.0.0", "10.0.0.255", "lan")], keys="ipv4")
    assert_type(addresses, MapleTree[IPv4Address, str])
    assert_type(addresses.find("10.0.0.7"), Entry[IPv4Address, str] | None)
    assert_type(addresses[ip_network("10.0.0.0/24")], MapleTree[IPv4Address, str])
    addresses["10.1.0.0/16"] = "more"
    assert_type(addresses.cursor("10.0.0.1").index, IPv4Address)
    assert_type(addresses.gaps(), Iterator[Gap[IPv4Address]])
    versions = MapleTree([((1, 0), (1, 9), "old")], keys=Version())
    assert_type(versions, MapleTree[tuple[int, int], str])
    counts = MapleTree([((1, 0), (1, 9), 5)], keys=Version(), dtype="u8")
    assert_type(counts, MapleTree[tuple[int, int], int])
    numbers: MapleTree[IPv6Address, float] = MapleTree(keys="ipv6", dtype="f8")
    loaded = MapleTree[IPv6Address, str].from_arrays(["::1"], ["::2"], ["a"], keys="ipv6")
    assert_type(loaded, MapleTree[IPv6Address, str])
    assert len(numbers) == 0 and versions[1, 5] == "old" and counts[1, 5] == 5


class Longest:
    """A policy for strings: the value that is stored wins."""

    def split(self, entry: Entry[int, str], first: int, last: int) -> str:
        return entry.value

    def merge(
        self, left: Entry[int, str], right: Entry[int, str], stored: Entry[int, str]
    ) -> str | NotImplementedType:
        other = right if stored is left else left
        return stored.value if len(stored.value) >= len(other.value) else NotImplemented


def test_policies() -> None:
    policy: Policy[str] = Longest()
    assert_type(MapleTree(TRIPLES, policy=policy), MapleTree[int, str])
    t = MapleTree[int, str].from_arrays([1, 2], [1, 5], ["a", "bc"], policy=policy)
    assert_type(t, MapleTree[int, str])
    assert_type(t.policy, Policy[str] | None)
    assert list(t) == [(1, 5, "bc")]
    cursor = t.cursor(3)
    cursor.store("d", merge=False)
    assert len(t) == 3


def test_built_in_policies() -> None:
    assert_type(MapleTree(TRIPLES, policy=COALESCE), MapleTree[int, str])
    t: MapleTree[int, str] = MapleTree(policy=COALESCE)
    assert_type(t.policy, Policy[str] | None)
    assert_type(MapleTree(dtype="u8", policy=OFFSET), MapleTree[int, int])
    assert_type(MapleTree([(1, 2, 3)], dtype="f8", policy=COALESCE), MapleTree[int, float])
    f = MapleTree[int, float].from_arrays([1], [2], [3], dtype="f8", policy=OFFSET)
    assert_type(f, MapleTree[int, float])
    named = MapleTree[int, str].from_arrays([1], [2], ["a"], policy=COALESCE)
    assert_type(named, MapleTree[int, str])
    either: Policy[Any] = COALESCE if len(named) else OFFSET
    assert_type(MapleTree[int, str](policy=either), MapleTree[int, str])


def test_subclasses_stay_what_they_are() -> None:
    t = Named(TRIPLES)
    assert_type(t.fork(), Named)
    assert_type(t[10:], Named)
    assert_type(Named.from_arrays([1], [2], ["a"]), Named)
    with tempfile.TemporaryDirectory() as folder:
        t.save(f"{folder}/tree")
        assert_type(Named.load(f"{folder}/tree"), Named)
        assert_type(MapleTree[int, str].load(Path(folder) / "tree"), MapleTree[int, str])


def test_packed_subclasses_stay_what_they_are() -> None:
    assert_type(Counts.from_arrays([1], [2], [3], dtype="u8"), Counts)
    assert_type(Counts.from_arrays([1], [2], array("Q", [3])), Counts)


def test_entries_are_covariant() -> None:
    entry: Entry[int, float] = Entry[int, int](1, 2, 3)
    assert_type(entry.first, int)


def test_address_spaces() -> None:
    mm = AddressSpace()
    start = mm.mmap(0, 4096, 3, 0x22)
    assert_type(start, int)
    assert_type(mm.find(start), VMA | None)
    assert_type(mm.fork(), AddressSpace)
