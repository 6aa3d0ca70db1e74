# SPDX-License-Identifier: MIT
"""Kinds of keys in frames: what goes with what, units and time zones, addresses, and messages."""

import datetime as dt
import ipaddress

import pytest

from frames import EAGER, FRAMES, content, pa, row_with, some_ranges
from samara.frames import FrameError, RangeTable

UTC = dt.UTC
WIDE = pa.binary(16)


def table_of(first, last, **options):
    """Return a table whose column "row" has the positions of the ranges."""
    columns = {"first": first, "last": last, "row": list(range(len(first)))}
    if options.pop("closed", "both") == "left":
        return RangeTable.from_frame(columns, first="first", end="last", **options)
    return RangeTable.from_frame(columns, first="first", last="last", **options)


def rows(table, frame, **options):
    return content(table.join(frame, on="key", **options))["row"]


# ---- which kind ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.int8(), "int64"),
        (pa.int64(), "int64"),
        (pa.uint8(), "uint64"),
        (pa.uint64(), "uint64"),
        (pa.float32(), "float64"),
        (pa.float64(), "float64"),
        (pa.date32(), "date"),
        (pa.date64(), "date"),
        (pa.timestamp("s"), "datetime64[s]"),
        (pa.timestamp("ns"), "datetime64[ns]"),
        (pa.timestamp("us", "UTC"), "datetime64[us, UTC]"),
        (pa.timestamp("ms", "Europe/Berlin"), "datetime64[ms, UTC]"),
        (pa.binary(16), "ipv6"),
    ],
)
def test_the_kind_follows_from_the_type(kind, expected):
    nothing = pa.array([], kind)
    assert table_of(nothing, nothing).keys == expected


def test_bounds_of_two_types():
    assert table_of(pa.array([1], pa.int32()), pa.array([2], pa.uint64())).keys == "int64"
    one, two = pa.array([1], pa.timestamp("ms")), pa.array([2], pa.timestamp("ns"))
    with pytest.raises(FrameError, match="row 0: the range"):
        table_of(one, two)
    table = table_of(one, pa.array([2 * 10**6], pa.timestamp("ns")))
    assert table.keys == "datetime64[ns]"


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_integers_at_their_ends(kind, frame_of):
    low, high = (-(2**63), 2**63 - 1) if kind == "int64" else (0, 2**64 - 1)
    ends = pa.array([low, high], getattr(pa, kind)())
    table = table_of(ends, ends)
    keys = [low, low + 1, high - 1, high]
    frame = frame_of({"key": pa.array(keys, getattr(pa, kind)())})
    assert rows(table, frame) == [0, None, None, 1]


def test_integers_of_the_other_sign(frame_of):
    table = table_of([-5, 2**62], [5, 2**63 - 1])
    frame = frame_of({"key": pa.array([3, 2**63, 2**64 - 1, 2**62], pa.uint64())})
    assert rows(table, frame) == [0, None, None, 1]
    unsigned = table_of(pa.array([0], pa.uint64()), pa.array([2**64 - 1], pa.uint64()))
    assert rows(unsigned, frame_of({"key": pa.array([-1, 0], pa.int64())})) == [None, 0]


def test_floats(frame_of):
    infinity, nan = float("inf"), float("nan")
    table = table_of([-infinity, 1.0], [1.0, infinity], closed="left")
    keys = [-infinity, 0.999, 1.0, infinity, nan, None, -0.0]
    # The exclusive end is infinite: it does not count.
    expected = [0, 0, 1, None, None, None, 0]
    assert rows(table, frame_of({"key": pa.array(keys, pa.float64())})) == expected
    assert rows(table, frame_of({"key": pa.array([0, 1, 5])})) == [0, 1, 1]


def test_floats_among_integers(frame_of):
    table = table_of([0, 10], [9, 19])
    keys = pa.array([5.0, 10.0, None, 1e300, float("nan")])
    assert rows(table, frame_of({"key": keys})) == [0, 1, None, None, None]
    with pytest.raises(Exception, match="of 'key': 9.5 is not a whole number"):
        content(table.join(frame_of({"key": pa.array([1.0, None, 9.5])}), on="key"))


def test_dates(frame_of):
    day = dt.date
    table = table_of([day(2026, 1, 1), day(1, 1, 1)], [day(9999, 12, 31), day(1969, 12, 31)])
    keys = [day(2026, 1, 1), day(2025, 12, 31), None, day(1, 1, 1), day(1970, 1, 1)]
    expected = [0, None, None, 1, None]
    assert rows(table, frame_of({"key": pa.array(keys, pa.date32())})) == expected


@pytest.mark.parametrize("closed", ["both", "left"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit_of_keys", ["s", "ms", "us", "ns"])
def test_moments_in_units(rng, closed, unit, zone, unit_of_keys):
    """Keys finer than the table's unit find what is exact: not a moment after a range's end."""
    sizes = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
    ranges = some_ranges(rng, 30, 1000, closed)
    exact = [(first * sizes[unit], last * sizes[unit]) for first, last in ranges]
    types = [pa.timestamp(each, zone) for each in (unit, unit_of_keys)]
    first, last = (pa.array([ends[at] for ends in ranges], types[0]) for at in (0, 1))
    table = table_of(first, last, closed=closed)
    step = sizes[unit_of_keys]
    keys = {end // step + more for ends in exact for end in ends for more in (-1, 0, 1)}
    keys = sorted(key for key in keys if abs(key) < 2**60 // step)
    found = rows(table, pa.table({"key": pa.array(keys, types[1])}))
    assert found == [row_with(exact, key * step, closed) for key in keys]


def test_moments_that_have_no_nanoseconds():
    """Open ends such as the year 9999 work with keys in nanoseconds, which end in 2262."""
    moment = dt.datetime
    table = table_of(
        [moment(2026, 1, 1), moment(1, 1, 1), moment(2300, 1, 1)],
        [moment(2290, 1, 1), moment(1700, 1, 1), moment(9999, 12, 31, 23, 59, 59)],
    )
    limit = 2**63 - 1
    keys = pa.array([limit, -limit, 1782864000 * 10**9, 0], pa.timestamp("ns"))
    assert table.look_up(keys)["row"].to_pylist() == [0, 1, 0, None]
    keys = pa.array([2**40, None], pa.timestamp("s"))
    assert table.look_up(keys)["row"].to_pylist() == [None, None]
    assert table.look_up([moment(9999, 12, 31)])["row"].to_pylist() == [2]


def test_zones(frame_of):
    """Moments of any zone are compared as moments."""
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=UTC)
    hour = dt.timedelta(hours=1)
    table = table_of([noon], [noon + hour], closed="left")
    assert table.keys == "datetime64[us, UTC]"
    keys = pa.array([noon - hour, noon, noon + hour, None], pa.timestamp("us", "Asia/Tokyo"))
    assert rows(table, frame_of({"key": keys})) == [None, 0, None, None]


def test_naive_and_aware():
    naive, aware = pa.array([0], pa.timestamp("us")), pa.array([0], pa.timestamp("us", "UTC"))
    with pytest.raises(TypeError, match="'last' has a time zone and column 'first' has none"):
        table_of(naive, aware)
    with pytest.raises(TypeError, match="'first' has a time zone and column 'last' has none"):
        table_of(aware, naive)
    with pytest.raises(TypeError, match="column 'key' has a time zone, and the table's keys have"):
        rows(table_of(naive, naive), pa.table({"key": aware}))
    with pytest.raises(TypeError, match="column 'key' has no time zone, and the table's keys have"):
        rows(table_of(aware, aware), pa.table({"key": naive}))


# ---- addresses -----------------------------------------------------------------------------------


def mapped(text):
    """Return an address as 16 bytes, IPv4 as IPv4-mapped."""
    address = ipaddress.ip_address(text)
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def test_ipv4(frame_of):
    texts = ["10.0.0.0", "10.0.0.255", "9.255.255.255", None, "10.0.0.0"]
    expected = [0, 0, None, None, 0]
    numbers = [None if text is None else int(ipaddress.ip_address(text)) for text in texts]
    from_text = table_of(["10.0.0.0"], ["10.0.0.255"], keys="ipv4")
    from_numbers = table_of([10 << 24], [(10 << 24) + 255], keys="ipv4")
    for table in (from_text, from_numbers):
        assert table.keys == "ipv4"
        assert rows(table, frame_of({"key": pa.array(texts)})) == expected
        for kind in (pa.uint32(), pa.int64()):
            assert rows(table, frame_of({"key": pa.array(numbers, kind)})) == expected
        assert rows(table, pa.table({"key": pa.array([-1, 2**32, 2**40])})) == [None] * 3
        words = pa.array(texts).dictionary_encode()
        assert rows(table, frame_of({"key": words})) == expected


def test_ipv6(frame_of):
    texts = ["2001:db8::", "2001:db8::ffff", "2001:db8::1:0", None, "::"]
    packed = [None if text is None else ipaddress.ip_address(text).packed for text in texts]
    expected = [0, 0, None, None, 1]
    by_text = table_of(["2001:db8::", "::"], ["2001:db8::ffff", "::"], keys="ipv6")
    first, last = pa.array([packed[0], packed[4]]), pa.array([packed[1], packed[4]])
    by_bytes = table_of(first.cast(pa.binary(16)), last.cast(pa.binary(16)))
    for table in (by_text, by_bytes, table_of(first, last, keys="ipv6")):
        assert table.keys == "ipv6"
        assert rows(table, frame_of({"key": pa.array(texts)})) == expected
        for kind in (pa.binary(16), pa.binary()):
            assert rows(table, frame_of({"key": pa.array(packed, kind)})) == expected


def test_bytes_of_polars_in_any_order(rng):
    """polars has places of bytes in a buffer, which are out of order after a sort or a filter."""
    pl = pytest.importorskip("polars")
    numbers = [rng.randrange(2**128) for _ in range(100)]
    first = [number.to_bytes(16, "big") for number in sorted(numbers)]
    table = table_of(pa.array(first, WIDE), pa.array(first, WIDE))
    whole = pl.Series("key", first)
    for series in (
        whole,
        whole[30:60],
        whole.reverse(),
        whole.gather([7, 99, 0, 7]),
        whole.filter(pl.Series([at % 3 == 0 for at in range(100)])),
        pl.concat([whole.reverse(), whole[1:]], rechunk=False),
        pl.concat([whole.reverse(), whole[1:]]),
        whole.shift(1),
        whole[:0],
    ):
        expected = [None if key is None else first.index(key) for key in series]
        assert rows(table, series.to_frame()) == expected
    with pytest.raises(FrameError, match="^row 1 of 'key': .* is not of 16 bytes$"):
        table.join(pl.DataFrame({"key": [bytes(16), bytes(17)]}), on="key")


def test_both_families(frame_of):
    table = table_of(
        ["10.0.0.0", "::", "2001:db8::"], ["10.0.0.9", "::9", "2001:db8::9"], keys="ip"
    )
    texts = ["10.0.0.5", "::5", "::ffff:10.0.0.5", "2001:db8::5", "9.0.0.0", None, "::ffff:9.0.0.0"]
    expected = [0, 1, 0, 2, None, None, None]
    assert rows(table, frame_of({"key": pa.array(texts)})) == expected
    packed = [None if text is None else mapped(text) for text in texts]
    assert rows(table, frame_of({"key": pa.array(packed, pa.binary(16))})) == expected
    numbers = [10 << 24, 5, None]
    assert rows(table, frame_of({"key": pa.array(numbers, pa.uint32())})) == [0, None, None]


def test_random_addresses_of_both_families(rng):
    ranges = []
    for bits, start in ((32, 0), (128, 1 << 64)):
        for first, last in some_ranges(rng, 50, 10**6):
            kind = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
            ranges.append((kind(start + first), kind(start + last)))
    rng.shuffle(ranges)
    texts = [[str(end) for end in ends] for ends in ranges]
    table = table_of([a for a, _ in texts], [b for _, b in texts], keys="ip")
    keys = [address for ends in ranges for address in ends for _ in range(3)]
    keys = [type(key)(max(0, int(key) + rng.randrange(-2, 3))) for key in keys]

    def row_of(key):
        for row, (a, b) in enumerate(ranges):
            if a.version == key.version and a <= key <= b:
                return row
        return None

    expected = [row_of(key) for key in keys]
    assert rows(table, pa.table({"key": [str(key) for key in keys]})) == expected
    packed = pa.array([mapped(str(key)) for key in keys], pa.binary(16))
    assert rows(table, pa.table({"key": packed})) == expected


@pytest.mark.parametrize("keys", ["ipv4", "ip", None])
def test_networks(keys, frame_of):
    networks = {"net": ["10.0.0.0/8", "192.0.2.7", "10.9.0.0/16"], "row": [0, 1, 2]}
    # The smallest wins, in any order.
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        given = pa.table(networks).take(order)
        table = RangeTable.from_frame(given, network="net", keys=keys, overlap="last")
        assert table.columns == ["row"]
        found = rows(table, frame_of({"key": pa.array(["10.1.2.3", "10.9.0.0", "192.0.2.7"])}))
        assert found == [0, 2, 1]
    with pytest.raises(FrameError, match="rows 0 and 2 overlap"):
        RangeTable.from_frame(networks, network="net", keys=keys)


def test_networks_of_both_families():
    networks = {"net": ["0.0.0.0/0", "::/0", "10.0.0.0/8"], "row": [0, 1, 2]}
    table = RangeTable.from_frame(networks, network="net", overlap="last")
    texts = ["10.1.2.3", "11.1.2.3", "::ffff:10.1.2.3", "::1", "::ffff:0:0:1"]
    assert rows(table, pa.table({"key": texts})) == [2, 0, 2, 1, 1]


# ---- messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", EAGER)
def test_nulls_in_bounds(make):
    columns = {"start": pa.array([1, 5, None]), "end": pa.array([3, 7, 9])}
    with pytest.raises(FrameError, match="row 2 of 'start' is null"):
        RangeTable.from_frame(FRAMES[make](columns), first="start", last="end")


@pytest.mark.parametrize(
    ("first", "last", "options", "message"),
    [
        ([1, 9], [5, 8], {}, r"row 1: the range \[9, 8\] ends before it begins"),
        ([1, 9], [5, 9], {"closed": "left"}, r"row 1: the range \[9, 9\) is empty"),
        ([20, 1, 5], [29, 5, 9], {}, r"rows 1 and 2 overlap: \[1, 5\] and \[5, 9\]"),
        ([5, 1], [9, 6], {"closed": "left"}, r"rows 0 and 1 overlap: \[5, 9\) and \[1, 6\)"),
        ([0.5, float("nan")], [1.5, 2.5], {}, "row 1 of 'first' is NaN"),
        (["10.0.0.1", "x"], ["10.0.0.1"] * 2, {"keys": "ipv4"}, "row 1 of 'first': 'x' is not an"),
        (["::2"], ["::1"], {"keys": "ipv6"}, r"row 0: the range \[::2, ::1\] ends before"),
        (
            *(["10.0.0.9"], ["10.0.0.1"], {"keys": "ip"}),
            r"row 0: the range \[10.0.0.9, 10.0.0.1\] ends before",
        ),
        ([0, -1], [0, -1], {"keys": "ipv4"}, "row 1 of 'first': -1 is not uint32"),
        ([dt.date(1, 1, 1)], [pa.scalar(2**31 - 1, pa.date32())], {}, "columns 'first' and 'last'"),
    ],
)
def test_bounds_that_cannot_be(first, last, options, message):
    with pytest.raises(FrameError, match=message):
        table_of(first, last, **options)


@pytest.mark.parametrize(
    ("first", "last", "keys", "message"),
    [
        (["a"], ["b"], None, "column 'first' holds text: say keys='ipv4', 'ipv6' or 'ip'"),
        ([1], [2.5], None, r"'first' \(int64\) and 'last' \(double\) hold different kinds"),
        ([True], [True], None, r"column 'first' \(bool\) does not hold keys"),
        ([[1]], [[2]], None, "does not hold keys"),
        ([1], [2], "ipv6", "column 'first' .int64. does not hold keys of the kind 'ipv6'"),
        ([1], [2], "date", "does not hold keys of the kind 'date'"),
        (["1"], ["2"], "int64", "does not hold keys of the kind 'int64'"),
    ],
)
def test_types_of_bounds(first, last, keys, message):
    with pytest.raises(TypeError, match=message):
        table_of(first, last, keys=keys)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"first": "a"}, TypeError, "give first and one of last and end"),
        ({"first": "a", "last": "b", "end": "b"}, TypeError, "one of last and end"),
        ({"network": "a", "first": "a", "last": "b"}, TypeError, "either network"),
        ({"first": "aa", "last": "b"}, KeyError, "no column 'aa' in the frame; did you mean 'a'"),
        ({"first": "a", "last": "b", "keys": "int"}, ValueError, "keys must be 'uint64', 'int64'"),
        ({"first": "a", "last": "b", "closed": "right"}, ValueError, "closed must be 'both' or"),
        ({"first": "a", "last": "b", "overlap": "first"}, ValueError, "overlap must be 'error' or"),
        ({"first": "a", "end": "b", "keys": "ip"}, ValueError, "give last= instead of end="),
        ({"network": "a"}, TypeError, "does not hold networks as text"),
        ({"network": "a", "keys": "int64"}, ValueError, "networks have keys='ipv4'"),
    ],
)
def test_arguments_of_from_frame(options, error, message):
    with pytest.raises(error, match=message):
        RangeTable.from_frame({"a": [1], "b": [2]}, **options)


def test_arguments_of_join(frame_of):
    table = table_of([1], [2])
    frame = frame_of({"key": pa.array([1]), "text": pa.array(["x"])})
    with pytest.raises(KeyError, match="no column 'kex' in the frame; did you mean 'key'"):
        table.join(frame, on="kex")
    with pytest.raises(KeyError, match="no column 'rox'"):
        table.join(frame, on="key", columns=["rox"])
    with pytest.raises(TypeError, match="columns must be a list"):
        table.join(frame, on="key", columns="row")
    with pytest.raises(ValueError, match="how must be 'left' or 'inner', not 'outer'"):
        table.join(frame, on="key", how="outer")
    with pytest.raises(ValueError, match="invalid must be"):
        table.join(frame, on="key", invalid="drop")
    with pytest.raises(TypeError, match="column 'text' .*does not hold keys of the kind 'int64'"):
        table.join(frame, on="text")
    for thing in ([1, 2], 7, "text"):
        with pytest.raises(TypeError, match="frame must be a frame of a library"):
            table.join(thing, on="key")


def test_addresses_that_are_none(frame_of):
    table = table_of(["10.0.0.0"], ["10.0.0.9"], keys="ip")
    texts = pa.array(["10.0.0.1", None, "10.0.0.300", "10.0.0.1", "::g", ""])
    expected = [0, None, None, 0, None, None]
    assert rows(table, frame_of({"key": texts}), invalid="miss") == expected
    with pytest.raises(Exception, match="of 'key': '10.0.0.300' is not an IP address"):
        content(table.join(frame_of({"key": texts}), on="key"))
    four = table_of(["10.0.0.0"], ["10.0.0.9"], keys="ipv4")
    with pytest.raises(Exception, match="of 'key': '::1' is not an IPv4 address"):
        content(four.join(frame_of({"key": pa.array(["10.0.0.1", "::1"])}), on="key"))


@pytest.mark.parametrize("make", EAGER)
def test_messages_have_the_row(make):
    """Also with columns in several chunks."""
    table = table_of([0], [9])
    frame = FRAMES[make]({"key": pa.array([1.0, 2.0, None, 4.0, 0.5, 5.0, 6.0])})
    with pytest.raises(FrameError, match="^row 4 of 'key': 0.5 is not a whole number"):
        table.join(frame, on="key")
    table = table_of(["10.0.0.0"], ["10.0.0.9"], keys="ipv4")
    texts = pa.array(["10.0.0.1", None, "10.0.0.1", "10.0.0.2", "10.0.0.1", "::1", "::1"])
    with pytest.raises(FrameError, match="^row 5 of 'key': '::1' is not an IPv4 address$"):
        table.join(FRAMES[make]({"key": texts}), on="key")
    table = table_of(pa.array([bytes(16)], WIDE), pa.array([bytes(16)], WIDE))
    keys = pa.array([bytes(16), None, None, bytes(16), bytes(16), bytes(15)])
    with pytest.raises(FrameError, match="^row 5 of 'key': .* is not of 16 bytes$"):
        table.join(FRAMES[make]({"key": keys}), on="key")


def test_messages_of_parts_say_so():
    table = table_of([0], [9])
    for make in ("polars_lazy",):
        frame = FRAMES[make]({"key": pa.array([1.0, 2.0, 3.5])})
        with pytest.raises(Exception, match="counted from the start of a part"):
            content(table.join(frame, on="key"))


def test_a_table_is_made_by_its_class_methods():
    with pytest.raises(TypeError, match="use RangeTable.from_frame"):
        RangeTable()
