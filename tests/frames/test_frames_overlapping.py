# SPDX-License-Identifier: MIT
"""Rows that are ranges themselves: each overlap, compared with comparisons of all pairs."""

import datetime as dt
import ipaddress

import pytest

from frames import content, overlaps, pa, some_ranges
from samara.frames import FrameError, RangeTable


def some_rows(rng, count, top, closed):
    """Return ranges that may overlap each other; some are equal, some have one key."""
    rows = []
    for _ in range(count):
        first = rng.randrange(top)
        rows.append((first, first + rng.choice((0, 1, 5, top // 3)) + (closed == "left")))
    return rows


def keys_like(kind, numbers):
    """Return numbers as keys of a kind, in the same order."""
    if kind == "float64":
        return pa.array([number / 7 - 3 for number in numbers])
    if kind == "date":
        return pa.array(numbers, pa.int32()).cast(pa.date32())
    if kind == "ipv6":
        return pa.array([(number << 60).to_bytes(16, "big") for number in numbers], pa.binary(16))
    if kind == "ip":
        ends = [ipaddress.ip_address((10 << 24) + number) for number in numbers]
        return pa.array([str(end) for end in ends])
    kinds = {"int64": pa.int64(), "uint64": pa.uint64(), "ipv4": pa.uint32()}
    return pa.array(numbers, kinds.get(kind) or pa.timestamp("us", "UTC" if "," in kind else None))


KINDS = ["int64", "uint64", "float64", "date", "datetime64[us]", "datetime64[us, UTC]"]


@pytest.mark.parametrize("closed_rows", ["both", "left"])
@pytest.mark.parametrize("closed", ["both", "left"])
@pytest.mark.parametrize("kind", [*KINDS, "ipv4", "ipv6", "ip"])
def test_all_kinds(rng, kind, closed, closed_rows):
    if kind == "ip" and closed == "left":
        pytest.skip("ranges of both families include their ends")
    ranges = some_ranges(rng, 30, 400, closed)
    rows = some_rows(rng, 100, 450, closed_rows)
    end = {"both": "last", "left": "end"}
    a, b = (keys_like(kind, [ends[at] for ends in ranges]) for at in (0, 1))
    columns = {"a": a, "b": b, "row": list(range(len(ranges)))}
    options = {end[closed]: "b", "keys": kind}
    table = RangeTable.from_frame(columns, first="a", **options)
    x, y = (keys_like(kind, [ends[at] for ends in rows]) for at in (0, 1))
    frame = pa.table({"x": x, "y": y, "at": list(range(len(rows)))})
    found = table.overlapping(frame, "x", **{end[closed_rows]: "y"}).to_pydict()
    pairs = overlaps(ranges, rows, closed, closed_rows)
    assert list(zip(found["at"], found["row"], strict=True)) == pairs
    found = table.overlapping(frame, "x", how="left", **{end[closed_rows]: "y"}).to_pydict()
    there = {at for at, _ in pairs}
    pairs += [(at, None) for at in range(len(rows)) if at not in there]
    assert list(zip(found["at"], found["row"], strict=True)) == sorted(pairs, key=lambda p: p[0])


def test_frames(frame_of):
    table = RangeTable.from_frame(
        {"a": [10, 0, 20], "b": [15, 5, 29], "name": ["ten", "zero", "ten"]}, first="a", last="b"
    )
    columns = {"a": pa.array([4, 6, 12, 16]), "to": pa.array([22, 9, 12, 30])}
    found = content(table.overlapping(frame_of(columns), "a", "to", columns=["name", "a"]))
    assert found == {
        "a": [4, 4, 4, 12, 16],
        "to": [22, 22, 22, 12, 30],
        "name": ["zero", "ten", "ten", "ten", "ten"],
        "a_right": [0, 10, 20, 10, 20],
    }
    found = content(table.overlapping(frame_of(columns), "a", "to", how="left"))
    assert found["name"] == ["zero", "ten", "ten", None, "ten", "ten"]


def test_ranges_that_are_cut_count_as_several(rng):
    table = RangeTable.from_frame(
        {"a": [0, 10], "b": [99, 19], "n": [0, 1]}, first="a", last="b", overlap="last"
    )
    frame = pa.table({"x": [5, 0], "y": [12, 99]})
    assert table.overlapping(frame, "x", "y")["n"].to_pylist() == [0, 1, 0, 1, 0]
    wide = RangeTable.from_frame(
        {"net": ["::/0", "2001::/16"], "n": [0, 1]}, network="net", overlap="last"
    )
    frame = pa.table({"x": ["::", "2001::"], "y": ["ffff::", "2001::"]})
    assert wide.overlapping(frame, "x", "y")["n"].to_pylist() == [0, 1, 0, 1]


def test_an_empty_table():
    nothing = pa.array([], pa.int64())
    table = RangeTable.from_frame({"a": nothing, "b": nothing, "n": nothing}, first="a", last="b")
    frame = pa.table({"x": [1, 2], "y": [3, 4]})
    assert table.overlapping(frame, "x", "y").num_rows == 0
    assert table.overlapping(frame, "x", "y", how="left")["n"].to_pylist() == [None, None]
    assert table.overlapping(frame.slice(2), "x", "y").num_rows == 0


def test_the_ends_of_all_keys():
    low, high = -(2**63), 2**63 - 1
    table = RangeTable.from_frame(
        {"a": [low, 0], "b": [-1, high], "n": [0, 1]}, first="a", last="b"
    )
    frame = pa.table({"x": [low, low, high, -1], "y": [low, high, high, 0]})
    assert table.overlapping(frame, "x", "y")["n"].to_pylist() == [0, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([5, None], [9, 9], {"last": "y"}, "row 1 of 'x' is null"),
        ([5, 9], [9, 5], {"last": "y"}, r"row 1: 'y' \(5\) is before 'x' \(9\)"),
        ([5, 9], [9, 9], {"end": "y"}, r"row 1: the range from 'x' to 'y' is empty \(9\)"),
    ],
)
def test_rows_that_are_no_ranges(x, y, options, message):
    table = RangeTable.from_frame({"a": [1], "b": [2]}, first="a", last="b")
    with pytest.raises(FrameError, match=message):
        table.overlapping(pa.table({"x": x, "y": y}), "x", **options)


def test_arguments():
    table = RangeTable.from_frame({"a": [1], "b": [2]}, first="a", last="b")
    frame = pa.table({"x": [1], "y": [2], "day": [dt.date(2026, 1, 1)]})
    for ends in ({}, {"last": "y", "end": "y"}):
        with pytest.raises(TypeError, match="give one of last and end"):
            table.overlapping(frame, "x", **ends)
    with pytest.raises(KeyError, match="no column 'z'"):
        table.overlapping(frame, "x", "z")
    with pytest.raises(TypeError, match="column 'day' .* does not hold keys of the kind 'int64'"):
        table.overlapping(frame, "x", "day")
    with pytest.raises(ValueError, match="how must be 'left' or 'inner'"):
        table.overlapping(frame, "x", "y", how="outer")
