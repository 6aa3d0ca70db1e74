# SPDX-License-Identifier: MIT
"""Trees to tables of Arrow and back. pyarrow, polars, pandas and duckdb are the readers."""

import gc
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest

from samara import COALESCE, MapleTree, implementation
from samara._keys import kind_of
from tree_oracle import seeded

pa = pytest.importorskip("pyarrow")

ZONED = ["datetime64[us, UTC]", "datetime64[s, Europe/Berlin]", "datetime64[ms, Asia/Tokyo]"]
NAIVE = [f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")]
NAMES = ["uint64", "int64", "uint128", "float64", "date", "ipv4", "ipv6", *NAIVE, *ZONED]
TYPES = {
    **{"uint64": pa.uint64(), "int64": pa.int64(), "float64": pa.float64(), "ipv4": pa.uint32()},
    **{"date": pa.date32(), "uint128": pa.binary(16), "ipv6": pa.binary(16)},
    **{f"datetime64[{unit}]": pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")},
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
    "datetime64[s, Europe/Berlin]": pa.timestamp("s", "Europe/Berlin"),
    "datetime64[ms, Asia/Tokyo]": pa.timestamp("ms", "Asia/Tokyo"),
}


class Hex:
    """A KeyType whose keys are text."""

    name = "hex"
    bits = 64

    def encode(self, key):
        return int(key, 16)

    def decode(self, code):
        return f"{code:x}"


def random_tree(keys, dtype, random, count=200):
    kind = kind_of(keys)
    ends = sorted({0, kind.top, *(random.randrange(kind.top + 1) for _ in range(2 * count))})
    tree = MapleTree(keys=keys, dtype=dtype)
    for first, last in zip(ends[::2], ends[1::2], strict=False):
        value = random.randrange(2**31)
        tree.store_range(kind.key(first), kind.key(last), value / 4 if dtype == "f8" else value)
    return tree


def plain(keys, column):
    """Return a column's items as keys: what pyarrow gives for addresses is no address."""
    items = column.to_pylist()
    if keys == "ipv4":
        return [IPv4Address(item) for item in items]
    if keys in ("uint128", "ipv6"):
        numbers = [int.from_bytes(item, "big") for item in items]
        return numbers if keys == "uint128" else [IPv6Address(number) for number in numbers]
    if keys == "datetime64[ns]":
        return column.cast(pa.int64()).to_pylist()
    return items


@pytest.mark.parametrize("dtype", [None, "u8", "i8", "f8"])
@pytest.mark.parametrize("keys", NAMES)
def test_keys_and_values(keys, dtype):
    random = seeded(f"{keys} {dtype}")
    tree = random_tree(keys, dtype, random)
    table = pa.table(tree)
    table.validate(full=True)
    assert table.column_names == ["first", "last", "value"]
    assert [table.schema.field(name).type for name in ("first", "last")] == [TYPES[keys]] * 2
    assert (
        table.schema.field("value").type
        == {**{None: pa.int64(), "u8": pa.uint64(), "i8": pa.int64(), "f8": pa.float64()}}[dtype]
    )
    firsts, lasts, values = zip(*tree, strict=True)
    if keys == "datetime64[ns]":
        firsts, lasts = ([int(key.astype("int64")) for key in ends] for ends in (firsts, lasts))
    assert plain(keys, table["first"].combine_chunks()) == list(firsts)
    assert plain(keys, table["last"].combine_chunks()) == list(lasts)
    assert table["value"].to_pylist() == list(values)
    back = MapleTree.from_arrow(table, dtype=dtype)
    assert back == tree and back.keys_dtype == keys
    start = random.randrange(len(table))
    pieces = pa.concat_tables([table.slice(0, start), table.slice(start)])
    assert MapleTree.from_arrow(pieces) == tree
    part = MapleTree.from_arrow(table.slice(start, 5))
    assert list(part) == list(tree)[start : start + 5]


@pytest.mark.parametrize("keys", NAMES)
def test_without_entries(keys):
    for dtype in (None, "u8"):
        table = pa.table(MapleTree(keys=keys, dtype=dtype))
        table.validate(full=True)
        assert len(table) == 0 and table.schema.field("first").type == TYPES[keys]
        assert table.schema.field("value").type == (pa.uint64() if dtype else pa.null())
        assert MapleTree.from_arrow(table) == MapleTree(keys=keys, dtype=dtype)


MOMENT = datetime(2020, 5, 1, 12, 30, 15, 123456)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["a", None, "", "ärger" * 50], pa.string()),
        ([b"", b"\0\1", None, b"x" * 100], pa.binary()),
        ([True, False, None, True, True, False, False, True, True, None], pa.bool_()),
        ([1, -(2**63), None, 2**63 - 1], pa.int64()),
        ([1, None, 2**64 - 1], pa.uint64()),
        ([1, 2.5, None], pa.float64()),
        ([None, None], pa.null()),
        ([date(1, 1, 1), None, date(9999, 12, 31)], pa.date32()),
        ([MOMENT, datetime.min, None, datetime.max], pa.timestamp("us")),
        ([MOMENT.replace(tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    ],
    ids=lambda given: str(given) if isinstance(given, pa.DataType) else "",
)
def test_values_of_objects(values, form):
    tree = MapleTree([(10 * n, 10 * n + 5, value) for n, value in enumerate(values)])
    table = pa.table(tree)
    table.validate(full=True)
    assert table.schema.field("value").type == form
    assert table["value"].to_pylist() == values
    back = MapleTree.from_arrow(table)
    assert list(back.values()) == values
    for start in range(len(values)):
        assert list(MapleTree.from_arrow(table.slice(start)).values()) == values[start:]


def test_numbers_and_text_of_numpy():
    np = pytest.importorskip("numpy")
    for value, form in ((np.int32(5), pa.int64()), (np.float64(1.5), pa.float64())):
        table = pa.table(MapleTree([(1, 2, value)]))
        assert table.schema.field("value").type == form and table["value"].to_pylist() == [value]


def test_values_that_arrow_does_not_have():
    for values, message in (
        ([(1, 2)], "Arrow has no column for values of tuple: convert them first"),
        ([1, "a"], "Arrow has no column for values of int, str: convert them first"),
        ([True, 1], "Arrow has no column for values of bool, int: convert them first"),
        ([MOMENT, MOMENT.replace(tzinfo=UTC)], "value must be a datetime without a time zone"),
    ):
        tree = MapleTree([(n, n, value) for n, value in enumerate(values)])
        with pytest.raises(TypeError, match=message):
            tree.__arrow_c_stream__()
    for values in ([2**64], [-1, 2**63], [-(2**63) - 1]):
        tree = MapleTree([(n, n, value) for n, value in enumerate(values)])
        with pytest.raises(ValueError, match="no column of Arrow has values from"):
            tree.__arrow_c_stream__()


def test_keys_of_a_key_type():
    keys = Hex()
    tree = MapleTree([("a", "ff", 1), ("100", "1ff", 2)], keys=keys, dtype="u8")
    table = pa.table(tree)
    assert table["first"].to_pylist() == ["a", "100"]
    with pytest.raises(TypeError, match="column 'first' has Arrow's type 'u': say which keys"):
        MapleTree.from_arrow(table)
    assert MapleTree.from_arrow(table, keys=keys) == tree


def test_the_other_columns_of_a_table():
    table = pa.table({"x": ["a"], "start": [10], "end": [20], "what": ["v"]})
    tree = MapleTree.from_arrow(
        table, first="start", last="end", value="what", closed="left", keys="uint64"
    )
    assert list(tree) == [(10, 19, "v")]
    for names, message in (
        ({"first": "y"}, "must have one column 'y'; its columns are 'x', 'start', 'end', 'what'"),
        ({"first": "start"}, "must have one column 'last'"),
        ({"first": "start", "last": "end", "value": ""}, "must have one column ''"),
    ):
        with pytest.raises(ValueError, match=message):
            MapleTree.from_arrow(table, **names)
    twice = pa.table([[1], [2]], names=["first", "first"])
    with pytest.raises(ValueError, match="must have one column 'first'"):
        MapleTree.from_arrow(twice)


def test_options():
    table = pa.table({"first": [20, 0, 5], "last": [29, 9, 19], "value": [1, 1, 1]})
    tree = MapleTree.from_arrow(
        table,
        **{"keys": "uint64", "dtype": "u8", "track_gaps": False, "policy": COALESCE},
        **{"sort": True, "overlap": "last"},
    )
    assert list(tree) == [(0, 29, 1)]
    assert (tree.dtype, tree.track_gaps, tree.policy) == ("u8", False, COALESCE)
    with pytest.raises(ValueError, match="positions 1 and 2 overlap"):
        MapleTree.from_arrow(table, sort=True)
    with pytest.raises(ValueError, match="closed must be 'both' or 'left', not 'right'"):
        MapleTree.from_arrow(table, closed="right")
    with pytest.raises(TypeError, match="from_arrow"):
        MapleTree.from_arrow(table, colour="red")


def test_kinds_by_the_types_of_a_table():
    aware = pa.array([datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("ms", "+02:00"))
    for column, keys in (
        (pa.array([1], pa.int8()), "int64"),
        (pa.array([1], pa.uint16()), "uint64"),
        (pa.array([1], pa.float32()), "float64"),
        (pa.array([date(2020, 1, 1)], pa.date64()), "date"),
        (aware, "datetime64[ms, UTC]"),
        (pa.array([b"x" * 16], pa.binary(16)), "uint128"),
    ):
        tree = MapleTree.from_arrow(pa.table({"first": column, "last": column, "value": ["v"]}))
        assert tree.keys_dtype == keys and len(tree) == 1


def test_what_is_no_table():
    for given, message in (
        ([1, 2], "table must have the Arrow C stream interface, not be list"),
        (pa.array([1]), "table must have columns, not be one of Arrow's type 'l'"),
    ):
        with pytest.raises(TypeError, match=message):
            MapleTree.from_arrow(given)


def test_rows_and_values_that_cannot_be():
    good = {"first": [1, 10], "last": [5, 15]}
    with pytest.raises(ValueError, match="position 1: first is null"):
        MapleTree.from_arrow(pa.table({**good, "first": [1, None], "value": [1, 2]}))
    rare = pa.array([[1], [2]])
    with pytest.raises(TypeError, match=r"column 'value' has Arrow's type '\+l', which samara"):
        MapleTree.from_arrow(pa.table({**good, "value": rare}))
    rows = pa.array([{"first": 1, "last": 2, "value": 3}, None])
    with pytest.raises(ValueError, match="row 1 of the table is null"):
        MapleTree.from_arrow(rows)


def test_a_subclass_and_a_relative():
    class Own(MapleTree):
        pass

    tree = MapleTree([(1, 5, "a")])
    assert type(Own.from_arrow(tree)) is Own
    assert MapleTree.from_arrow(tree) == tree


def test_polars():
    pl = pytest.importorskip("polars")
    for keys in NAMES:
        tree = random_tree(keys, "u8", seeded(keys))
        frame = pl.DataFrame(tree)
        assert frame.columns == ["first", "last", "value"] and len(frame) == len(tree)
        assert MapleTree.from_arrow(frame, keys=keys) == tree
        assert MapleTree.from_arrow(frame.lazy().collect(), keys=keys) == tree
    text = MapleTree([(1, 5, "short"), (10, 20, "longer than twelve bytes"), (30, 31, None)])
    frame = pl.DataFrame(text)
    assert frame["value"].to_list() == ["short", "longer than twelve bytes", None]
    for start in range(4):
        assert list(MapleTree.from_arrow(frame[start:])) == list(text)[start:]
    named = frame.with_columns(pl.col("value").cast(pl.Categorical))
    assert list(MapleTree.from_arrow(named)) == list(text)


def test_pandas():
    pd = pytest.importorskip("pandas")
    tree = random_tree("datetime64[us, UTC]", "f8", seeded("pandas"))
    frame = pa.table(tree).to_pandas()
    assert MapleTree.from_arrow(frame) == tree
    frame = pd.DataFrame({"first": [1, 10], "last": [5, 15], "value": ["a", None]})
    assert list(MapleTree.from_arrow(frame)) == [(1, 5, "a"), (10, 15, None)]


def test_duckdb():
    duckdb = pytest.importorskip("duckdb")
    tree = MapleTree([(1, 5, "a"), (10, 19, "b")])
    connection = duckdb.connect()
    connection.register("tree", tree)
    found = connection.sql("select sum(last - first + 1) from tree").fetchall()
    assert found == [(tree.covered,)]
    rows = connection.sql("select first + 1 as first, last, value from tree")
    assert list(MapleTree.from_arrow(rows, keys="uint64")) == [(2, 5, "a"), (11, 19, "b")]


def test_a_capsule_that_nobody_takes():
    tree = MapleTree([(1, 5, "a")])
    for _ in range(3):
        tree.__arrow_c_stream__()
        tree.__arrow_c_stream__(requested_schema=None)
    gc.collect()
    if implementation == "python":
        from samara._arrow import export

        assert not export.LIVE


def test_a_reader_that_stops_early():
    tree = random_tree("uint64", "u8", seeded("early"))
    reader = pa.RecordBatchReader.from_stream(tree)
    assert reader.schema.names == ["first", "last", "value"]
    del reader
    reader = pa.RecordBatchReader.from_stream(tree)
    column = reader.read_all()["value"]
    tree.clear()
    del reader
    gc.collect()
    assert len(column.to_pylist()) == len(column)
    with pytest.raises(StopIteration):
        empty = pa.RecordBatchReader.from_stream(tree)
        empty.read_next_batch()
        empty.read_next_batch()


def test_a_table_that_outlives_the_interpreter():
    """What is still in use at the end is released by whoever comes last."""
    code = (
        "import builtins, samara, pyarrow as pa\n"
        "builtins.kept = pa.table(samara.MapleTree([(1, 2, 'a')]))\n"
        "builtins.capsule = samara.MapleTree([(1, 2, 'a')]).__arrow_c_stream__()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_many_rows():
    count = 300_000
    start = datetime(2020, 1, 1)
    moments = pa.array([start + timedelta(seconds=n) for n in range(1000)])
    tree = MapleTree.from_arrays(moments, moments, pa.array(range(1000)), keys="datetime64[us]")
    assert pa.table(tree)["first"].to_pylist() == moments.to_pylist()
    if implementation == "python":
        count = 3000
    ends = pa.array(range(0, 2 * count, 2))
    big = MapleTree.from_arrays(ends, ends, ends)
    assert pa.table(big)["value"].combine_chunks().cast(pa.int64()).equals(ends)
