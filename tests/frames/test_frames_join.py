# SPDX-License-Identifier: MIT
"""Joins of frames of each library to a RangeTable, compared with joins in plain Python."""

import datetime
import pickle
import threading

import pytest

import frames
from frames import EAGER, FRAMES, content, joined, pa, some_ranges, streamed
from interpreter import scaled
from samara.frames import RangeTable
from samara.frames.index import Lookup


@pytest.fixture(params=EAGER)
def eager_frame_of(request):
    return FRAMES[request.param]


def values_of_each_type(count, rng):
    """Return columns with values of many types, some of them null."""
    some = rng.randrange
    moment = datetime.datetime(2026, 1, 1)
    columns = {
        "text": [f"unique {n}" for n in range(count)],
        "word": [f"word {some(3)}" for _ in range(count)],
        "small": [some(-128, 128) for _ in range(count)],
        "large": [some(-(2**63), 2**63) for _ in range(count)],
        "unsigned": [some(2**64) for _ in range(count)],
        "float": [some(1000) / 8 for _ in range(count)],
        "flag": [bool(some(2)) for _ in range(count)],
        "day": [datetime.date(2026, 1, 1) + datetime.timedelta(some(500)) for _ in range(count)],
        "moment": [moment + datetime.timedelta(seconds=some(10**6)) for _ in range(count)],
        "items": [[some(9)] * some(3) for _ in range(count)],
    }
    types = {"small": pa.int8(), "unsigned": pa.uint64(), "moment": pa.timestamp("us")}
    arrays = {}
    for name, values in columns.items():
        arrays[name] = pa.array(values, types.get(name))
        holes = [None if some(4) == 0 else value for value in values]
        arrays[f"{name} or null"] = pa.array(holes, arrays[name].type)
    return arrays


@pytest.mark.parametrize("closed", ["both", "left"])
def test_columns_of_each_type(rng, frame_of, closed):
    count = 40
    ranges = some_ranges(rng, count, 2000, closed)
    columns = values_of_each_type(count, rng)
    bounds = {
        "first": pa.array([first for first, _ in ranges]),
        "last": pa.array([last for _, last in ranges]),
    }
    table = RangeTable.from_frame(bounds | columns, first="first", last="last", closed=closed)
    keys = [rng.randrange(2000) for _ in range(300)]
    for how in ("left", "inner"):
        found = content(table.join(frame_of({"key": pa.array(keys)}), on="key", how=how))
        assert list(found) == ["key", *columns]
        rows = [frames.row_with(ranges, key, closed) for key in keys]
        kept = [at for at, row in enumerate(rows) if how == "left" or row is not None]
        assert found.pop("key") == [keys[at] for at in kept]
        for name, values in found.items():
            expected = joined(ranges, columns[name].to_pylist(), [keys[at] for at in kept], closed)
            assert [None if v is None else as_list(v) for v in values] == expected, name


def as_list(value):
    return list(value) if hasattr(value, "dtype") or isinstance(value, tuple) else value


@pytest.fixture(params=[1, 3])
def threads(request, monkeypatch):
    """Let pyarrow, and so joins, use as many threads; blocks are small."""
    monkeypatch.setattr("samara.frames.found.BLOCK", 1000)
    before = pa.cpu_count()
    pa.set_cpu_count(request.param)
    yield request.param
    pa.set_cpu_count(before)


def test_many_rows(rng, frame_of, threads):
    """More rows than are looked up at a time; nulls among them."""
    count, top = 500, 10**6
    ranges = some_ranges(rng, count, top)
    table = RangeTable.from_frame(
        {"a": [a for a, _ in ranges], "b": [b for _, b in ranges], "row": list(range(count))},
        first="a",
        last="b",
    )
    keys = [rng.randrange(top) for _ in range(scaled(20_500))]
    for at in range(0, len(keys), 7):
        keys[at] = None
    found = content(table.join(frame_of({"key": pa.array(keys, pa.int64())}), on="key"))
    where = {}
    for row, (a, b) in enumerate(ranges):
        where.update(dict.fromkeys(range(a, b + 1), row))
    assert found["row"] == [where.get(key) for key in keys]


def test_joins_use_as_many_threads_as_pyarrow(prices, threads, monkeypatch):
    seen = set()
    at = Lookup.at

    def watched(self, part):
        seen.add(threading.get_ident())
        return at(self, part)

    monkeypatch.setattr(Lookup, "at", watched)
    found = prices.join(pa.table({"day": [1, 5, 9] * 1000}), on="day")
    assert found["name"].to_pylist() == ["a", "b", None] * 1000
    assert (seen == {threading.get_ident()}) == (threads == 1)
    assert len(seen) <= threads


@pytest.fixture
def prices():
    return RangeTable.from_frame(
        {"since": [5, 1], "until": [9, 5], "price": [2.5, 1.5], "name": ["b", "a"]},
        first="since",
        end="until",
    )


def test_names_that_clash_get_a_suffix(prices, frame_of):
    columns = {"price": pa.array([1, 5]), "name": pa.array(["x", "y"])}
    found = content(prices.join(frame_of(columns), on="price"))
    assert found == {
        "price": [1, 5],
        "name": ["x", "y"],
        "price_right": [1.5, 2.5],
        "name_right": ["a", "b"],
    }
    assert list(content(prices.join(frame_of(columns), on="price", suffix="!"))) == [
        *("price", "name", "price!", "name!")
    ]


def test_a_suffix_that_clashes(prices, frame_of):
    columns = {"price": pa.array([1]), "price_right": pa.array([1])}
    with pytest.raises(ValueError, match="two columns 'price_right'"):
        prices.join(frame_of(columns), on="price")


def test_chosen_columns(prices, frame_of):
    columns = {"key": pa.array([5, 0])}
    chosen = ["name", "since"]
    found = content(prices.join(frame_of(columns), on="key", columns=chosen))
    assert found == {"key": [5, 0], "name": ["b", None], "since": [5, None]}
    found = content(prices.join(frame_of(columns), on="key", columns={"price": "cost"}))
    assert found == {"key": [5, 0], "cost": [2.5, None]}
    found = content(prices.join(frame_of(columns), on="key", columns=[]))
    assert found == {"key": [5, 0]}
    found = content(prices.join(frame_of(columns), on="key", columns=[], how="inner"))
    assert found == {"key": [5]}


def test_no_rows(prices, frame_of):
    found = content(prices.join(frame_of({"key": pa.array([], pa.int64())}), on="key"))
    assert found == {"key": [], "price": [], "name": []}


def test_an_empty_table(frame_of):
    nothing = pa.array([], pa.int64())
    table = RangeTable.from_frame(
        {"a": nothing, "b": nothing, "s": pa.array([], pa.string()), "n": nothing},
        first="a",
        last="b",
    )
    assert len(table) == 0
    frame = frame_of({"key": pa.array([1, 2, None])})
    assert content(table.join(frame, on="key"))["s"] == [None] * 3
    frame = frame_of({"key": pa.array([1, 2, None])})
    assert content(table.join(frame, on="key", how="inner")) == {"key": [], "s": [], "n": []}


def test_the_callers_frame_stays_as_it_is(prices, eager_frame_of):
    frame = eager_frame_of({"key": pa.array([1, 2, 5])})
    prices.join(frame, on="key", how="inner")
    prices.join(frame, on="key")
    assert content(frame) == {"key": [1, 2, 5]}


def test_the_table_can_come_from_each_library(frame_of):
    columns = {
        "a": pa.array([10, 0]),
        "b": pa.array([19, 9]),
        "text": pa.array(["x", "y"]),
        "word": pa.array(["same", "same"]),
        "number": pa.array([1, None]),
    }
    table = RangeTable.from_frame(frame_of(columns), first="a", last="b")
    keys = pa.table({"key": [15, 5, 25]})
    assert table.join(keys, on="key").to_pydict() == {
        "key": [15, 5, 25],
        "text": ["x", "y", None],
        "word": ["same", "same", None],
        "number": [1, None, None],
    }
    frame = table.to_frame()
    assert content(frame)["a"] == [0, 10]
    for name in ("pandas", "polars", "pyarrow"):
        frame = table.to_frame(name)
        assert type(frame).__module__.split(".")[0] == name
        assert content(frame)["text"] == ["y", "x"]


def test_dictionaries_come_in_and_go_out(frame_of):
    """Categories of keys and of values, with nulls, and with items that repeat."""
    words = pa.DictionaryArray.from_arrays([0, 1, None, 2], ["b", "a", "b"])
    numbers = pa.array([1, 2, 1, 2]).dictionary_encode()
    table = RangeTable.from_frame(
        {"a": [0, 10, 20, 30], "b": [9, 19, 29, 39], "word": words, "number": numbers},
        first="a",
        last="b",
    )
    keys = [5, 15, 25, 35, 45]
    found = content(table.join(frame_of({"key": pa.array(keys)}), on="key"))
    assert found["word"] == ["b", "a", None, "b", None]
    assert found["number"] == [1, 2, 1, 2, None]
    # Keys of a dictionary, in pyarrow alone: others have only text there.
    frame = pa.table({"key": pa.array([5, 5, None, 99, 15]).dictionary_encode()})
    assert table.join(frame, on="key")["word"].to_pylist() == ["b", "b", None, None, "a"]


def test_types_do_not_depend_on_the_data(prices):
    """Parts of a lazy frame or of an engine's frame must fit together."""
    pd = pytest.importorskip("pandas")
    table = RangeTable.from_frame(
        {
            "a": [0, 10],
            "b": [9, 19],
            **{"int": [1, 2], "flag": [True, False], "float": [0.5, 1.5]},
            "word": ["x", "x"],
            "day": [datetime.date(2026, 1, 1)] * 2,
            "moment": [datetime.datetime(2026, 1, 1)] * 2,
        },
        first="a",
        last="b",
    )
    for how in ("left", "inner"):
        for make in (frames.pandas_frame, frames.polars_frame, frames.arrow_table):
            dtypes = []
            for keys in ([], [5], [5, 50], [50]):
                frame = make({"key": pa.array(keys, pa.int64())})
                result = table.join(frame, on="key", how=how)
                known = result.dtypes if hasattr(result, "dtypes") else result.schema
                dtypes.append(list(known) if isinstance(known, pd.Series) else known)
            assert all(known == dtypes[0] for known in dtypes), dtypes


def test_pandas_keeps_its_index(prices):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"key": [5, 0, 1]}, index=pd.Index([30, 10, 20], name="id"))
    found = prices.join(frame, on="key")
    assert found.index.tolist() == [30, 10, 20] and found.index.name == "id"
    assert prices.join(frame, on="key", how="inner").index.tolist() == [30, 20]
    by_index = prices.join(frame.set_index("key"), on="key")
    assert by_index["price"].tolist()[::2] == [2.5, 1.5]


def test_pandas_makes_floats_of_integers_with_holes(prices):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"key": [5, None, 1, float("inf"), -1e300]})
    assert frame["key"].dtype == float
    assert content(prices.join(frame, on="key"))["price"] == [2.5, None, 1.5, None, None]


def test_look_up(prices):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    keys, expected = [5, 0, None], {"price": [2.5, None, None], "name": ["b", None, None]}
    series = pd.Series(keys, index=[7, 8, 9], name="key", dtype="Int64")
    found = prices.look_up(series)
    assert found.index.tolist() == [7, 8, 9]
    assert content(found) == expected
    assert content(prices.look_up(pl.Series(keys))) == expected
    assert content(prices.look_up(pa.array(keys))) == expected
    assert content(prices.look_up(pa.chunked_array([keys, keys]))) == {
        name: values * 2 for name, values in expected.items()
    }
    assert content(prices.look_up(keys)) == expected
    assert content(prices.look_up(pd.Index([5]), columns=["name"])) == {"name": ["b"]}
    assert content(prices.look_up(keys, columns={"price": "cost"})) == {"cost": expected["price"]}


def test_expressions_of_polars(prices):
    pl = pytest.importorskip("polars")
    import samara.frames.libraries.polars_expressions  # noqa: F401

    frame = pl.DataFrame({"key": [5, 0, None, 1]})
    look_up = pl.col("key").samara.look_up
    expected = [2.5, None, None, 1.5]
    for made in (frame, frame.lazy()):
        found = content(made.with_columns(look_up(prices, "price")))
        assert found == {"key": [5, 0, None, 1], "price": expected}
    found = frame.select(both=look_up(prices)).unnest("both")
    assert content(found) == {"price": expected, "name": ["b", None, None, "a"]}


def test_lazy_frames_stream(prices):
    pl = pytest.importorskip("polars")
    lazy = pl.LazyFrame({"key": [5, 0, None, 1] * 1000})
    plan = prices.join(lazy, on="key", how="inner").filter(pl.col("price") > 2)
    assert streamed(plan)["price"].to_list() == [2.5] * 1000
    assert plan.collect()["price"].to_list() == [2.5] * 1000


def test_readers_are_joined_batch_by_batch(prices):
    """Nothing is read before somebody asks for it."""
    seen = []

    def batches():
        for keys in ([5], [0], [1]):
            seen.append(keys)
            yield pa.RecordBatch.from_pydict({"key": keys})

    schema = pa.schema([("key", pa.int64())])
    reader = prices.join(pa.RecordBatchReader.from_batches(schema, batches()), on="key")
    assert seen == []
    assert next(iter(reader)).to_pydict() == {"key": [5], "price": [2.5], "name": ["b"]}
    assert len(seen) == 1


def test_relations_of_other_connections(prices):
    """The result belongs to the relation's own connection, and can be read twice."""
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE orders AS SELECT range AS day FROM range(12)")
    found = prices.join(connection.table("orders"), on="day")
    other = connection.sql("SELECT 1 AS day")
    assert found.join(other, "day").fetchall() == [(1, 1.5, "a")]
    assert len(found.fetchall()) == 12
    assert len(found.fetchall()) == 12


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(prices, protocol):
    again = pickle.loads(pickle.dumps(prices, protocol))
    assert repr(again) == repr(prices)
    assert again.look_up([5, 0]).equals(prices.look_up([5, 0]))


def test_pickles_have_their_columns_apart():
    rows = scaled(50_000)
    table = RangeTable.from_frame(
        {"a": range_column(rows), "b": range_column(rows), "v": range_column(rows)},
        first="a",
        last="b",
    )
    buffers = []
    small = pickle.dumps(table, 5, buffer_callback=buffers.append)
    assert len(small) < 1000
    again = pickle.loads(small, buffers=buffers)
    assert again.look_up([7])["v"].to_pylist() == [7]


def range_column(count):
    return pa.array(list(range(count)))
