# SPDX-License-Identifier: MIT
"""Joins on engines with several processes: dask's LocalCluster, and Spark with two threads.

`make test-engines` runs these; they need dask, distributed, pyspark and Java.
"""

import datetime as dt
import os
import pickle
import random
import signal
import sys

import pytest

from frames import content, joined, overlaps, pa, some_ranges
from samara.frames import FrameError, RangeTable
from samara.frames.partitioned import join_partitioned

SEED = int(os.environ.get("SAMARA_SEED") or random.randrange(2**32))
TOP = 5000


@pytest.fixture
def rng():
    print(f"SAMARA_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **options) as cluster:
        with distributed.Client(cluster) as client:
            yield client


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # otherwise python3 of the PATH
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.shuffle.partitions", "3")
    session = builder.config("spark.sql.session.timeZone", "Asia/Tokyo").getOrCreate()
    yield session
    session.stop()


def columns_of(ranges):
    count = len(ranges)
    return {
        "first": pa.array([first for first, _ in ranges]),
        "last": pa.array([last for _, last in ranges]),
        "word": pa.array([f"word {at % 5}" if at % 4 else None for at in range(count)]),
        "number": pa.array([at if at % 3 else None for at in range(count)]),
        "float": pa.array([at / 4 for at in range(count)]),
        "flag": pa.array([at % 2 == 0 for at in range(count)]),
        "day": pa.array([dt.date(2026, 1, 1) + dt.timedelta(at) for at in range(count)]),
    }


class Case:
    """Random ranges and keys, and what comes out."""

    def __init__(self, rng, keys=2000, ranges=300):
        self.ranges = some_ranges(rng, ranges, TOP)
        self.columns = columns_of(self.ranges)
        self.table = RangeTable.from_frame(self.columns, first="first", last="last")
        self.keys = [rng.randrange(TOP) for _ in range(keys)]

    def expected(self):
        """Return the joined rows, in any order."""
        names = [name for name in self.columns if name not in ("first", "last")]
        found = {
            name: joined(self.ranges, self.columns[name].to_pylist(), self.keys) for name in names
        }
        return in_order({"key": self.keys, **found})


def in_order(columns):
    return sorted(zip(*columns.values(), strict=True), key=repr)


def without_times(columns):
    """Return columns with dates instead of what some engines have for them."""
    days = [dt.date.fromisoformat(d) if isinstance(d, str) else d for d in columns["day"]]
    columns["day"] = [d.date() if hasattr(d, "date") else d for d in days]
    return columns


# ---- dask ----------------------------------------------------------------------------------------


def dask_frame(columns, parts=5):
    dd = pytest.importorskip("dask.dataframe")
    return dd.from_pandas(pa.table(columns).to_pandas(), npartitions=parts)


def test_dask_without_a_client(rng):
    """This must be the first test: later ones have a client."""
    case = Case(rng)
    frame = case.table.join(dask_frame({"key": pa.array(case.keys)}), on="key", how="inner")
    found = content(frame.compute(scheduler="sync"))
    expected = [row for row in case.expected() if row[3] is not None]
    assert in_order(without_times(found)) == expected


def test_dask(client, rng):
    case = Case(rng)
    frame = case.table.join(dask_frame({"key": pa.array(case.keys)}), on="key")
    assert frame.npartitions == 5
    found = frame.compute()
    assert list(frame.dtypes) == list(found.dtypes)
    assert found.index.tolist() == list(range(len(case.keys)))
    assert in_order(without_times(content(found))) == case.expected()
    counts = frame.groupby("word").number.count().compute()
    assert counts.sum() == sum(row[1] is not None and row[2] is not None for row in case.expected())


def test_dask_overlapping(client, rng):
    case = Case(rng)
    rows = [(key, key + rng.randrange(100)) for key in case.keys[:200]]
    frame = dask_frame({"a": pa.array([a for a, _ in rows]), "b": pa.array([b for _, b in rows])})
    found = content(case.table.overlapping(frame, "a", "b", columns=["first"]).compute())
    pairs = [(*rows[at], case.ranges[row][0]) for at, row in overlaps(case.ranges, rows)]
    assert list(zip(*found.values(), strict=True)) == pairs


def test_dask_sends_the_table_once(client, rng):
    """Each worker gets the table; the tasks of partitions do not have it."""
    case = Case(rng, ranges=311)
    frame = case.table.join(dask_frame({"key": pa.array(case.keys)}, parts=20), on="key")
    assert len(frame.compute()) == len(case.keys)
    held = client.run(
        lambda dask_worker: [
            len(thing) for thing in dask_worker.data.values() if type(thing) is RangeTable
        ]
    )
    assert [sizes.count(311) for sizes in held.values()] == [1, 1]
    # What tells a pickled table; its words are in the types of the result.
    assert b"samara.range_table" in pickle.dumps(case.table)
    assert b"samara.range_table" not in pickle.dumps(frame.optimize().__dask_graph__())


def test_dask_errors_say_which_value(client):
    table = RangeTable.from_frame({"a": [0], "b": [9], "v": [1]}, first="a", last="b")
    frame = table.join(dask_frame({"key": pa.array([1.0, 2.0, 2.5, 3.0])}, parts=2), on="key")
    with pytest.raises(FrameError, match="of 'key': 2.5 is not a whole number"):
        frame.compute()


def kill_worker_once(part, path):
    """End this worker's process the first time that it comes here."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return part
    os.kill(os.getpid(), signal.SIGKILL)


def test_dask_when_a_worker_dies(client, rng, tmp_path):
    """The scheduler runs the lost tasks again, on a new worker, which gets the table too."""
    case = Case(rng)
    frame = dask_frame({"key": pa.array(case.keys)}, parts=8)
    frame = case.table.join(frame, on="key")
    path = str(tmp_path / "killed")
    found = frame.map_partitions(kill_worker_once, path, meta=frame._meta).compute()
    assert os.path.exists(path)
    assert in_order(without_times(content(found))) == case.expected()
    client.wait_for_workers(2)


@pytest.mark.parametrize("how", ["left", "inner"])
def test_dask_partitioned(client, rng, how):
    case = Case(rng)
    frame = dask_frame({"key": pa.array(case.keys)})
    ranges = dask_frame(case.columns, parts=3)
    found = join_partitioned(frame, ranges, "key", how, first="first", last="last", parts=7)
    computed = found.compute()
    assert list(found.dtypes) == list(computed.dtypes)
    expected = [row for row in case.expected() if how == "left" or row[3] is not None]
    assert in_order(without_times(content(computed))) == expected


# ---- Spark ---------------------------------------------------------------------------------------


def spark_frame(spark, columns):
    rows = list(zip(*(array.to_pylist() for array in columns.values()), strict=True))
    types = {
        "int64": "long", "string": "string", "double": "double", "bool": "boolean",
        "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp", "binary": "binary",
    }  # fmt: skip
    schema = ", ".join(f"{name} {types[str(array.type)]}" for name, array in columns.items())
    return spark.createDataFrame(rows, schema)


def spark_content(frame):
    rows = frame.collect()
    return {name: [row[name] for row in rows] for name in frame.columns}


def test_spark(spark, rng):
    case = Case(rng)
    frame = spark_frame(spark, {"key": pa.array(case.keys)})
    found = case.table.join(frame, on="key")
    assert dict(found.dtypes)["word"] == "string"
    assert in_order(spark_content(found)) == case.expected()
    found = case.table.join(frame, on="key", how="inner")
    assert found.count() == sum(row[3] is not None for row in case.expected())


def test_spark_overlapping(spark, rng):
    case = Case(rng)
    rows = [(key, key + rng.randrange(100)) for key in case.keys[:200]]
    columns = {"a": pa.array([a for a, _ in rows]), "b": pa.array([b for _, b in rows])}
    frame = spark_frame(spark, columns)
    found = spark_content(case.table.overlapping(frame, "a", "b", columns=["first"]))
    pairs = [(*rows[at], case.ranges[row][0]) for at, row in overlaps(case.ranges, rows)]
    assert in_order(found) == sorted(pairs, key=repr)


def test_spark_moments_addresses_and_unsigned_numbers(spark):
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    hour = dt.timedelta(hours=1)
    table = RangeTable.from_frame(
        {"a": [noon], "b": [noon + hour], "n": pa.array([2**64 - 1], pa.uint64())},
        first="a",
        end="b",
    )
    keys = pa.array([noon, noon + hour, None], pa.timestamp("us", "UTC"))
    found = spark_content(table.join(spark_frame(spark, {"at": keys}), on="at"))
    assert [n and int(n) for n in found["n"]] == [2**64 - 1, None, None]
    table = RangeTable.from_frame(
        {"net": ["10.0.0.0/8", "2001::/16"], "site": ["x", "y"]}, network="net"
    )
    frame = spark_frame(spark, {"ip": pa.array(["10.1.2.3", "2001::1", "::", None])})
    assert spark_content(table.join(frame, on="ip"))["site"] == ["x", "y", None, None]


def test_spark_errors_say_which_value(spark):
    table = RangeTable.from_frame({"a": [0], "b": [9], "v": [1]}, first="a", last="b")
    frame = table.join(spark_frame(spark, {"key": pa.array([1.0, 2.5])}), on="key")
    with pytest.raises(Exception, match="of 'key': 2.5 is not a whole number"):
        frame.collect()


def test_the_table_can_come_from_spark(spark):
    ranges = spark_frame(spark, {"a": pa.array([0, 10]), "b": pa.array([9, 19])})
    table = RangeTable.from_frame(ranges, first="a", last="b")
    assert table.look_up([15], columns=["a"])["a"].to_pylist() == [10]


@pytest.mark.parametrize("how", ["left", "inner"])
def test_spark_partitioned(spark, rng, how):
    case = Case(rng)
    frame = spark_frame(spark, {"key": pa.array(case.keys)})
    ranges = spark_frame(spark, case.columns)
    found = join_partitioned(frame, ranges, "key", how, first="first", last="last", parts=7)
    expected = [row for row in case.expected() if how == "left" or row[3] is not None]
    assert in_order(spark_content(found)) == expected


# ---- both ----------------------------------------------------------------------------------------


def test_arguments_of_partitioned_joins(client):
    frame = dask_frame({"key": pa.array([1])}, parts=1)
    ranges = dask_frame({"a": pa.array([1]), "b": pa.array([2])}, parts=1)
    with pytest.raises(TypeError, match="give one of last and end"):
        join_partitioned(frame, ranges, "key", first="a")
    with pytest.raises(ValueError, match="parts must be 1 or more, not 0"):
        join_partitioned(frame, ranges, "key", first="a", last="b", parts=0)
    with pytest.raises(TypeError, match="must both be frames of dask"):
        join_partitioned(frame, pa.table({"a": [1]}), "key", first="a", last="b")
    with pytest.raises(KeyError, match="no column 'c'"):
        join_partitioned(frame, ranges, "key", first="c", last="b")
    with pytest.raises(TypeError, match="columns of text"):
        text = dask_frame({"key": pa.array(["10.0.0.1"])}, parts=1)
        join_partitioned(text, ranges, "key", first="a", last="b", keys="ipv4")


def test_ray_data_recipe(rng):
    """The recipe of the documentation, without Ray: its map_batches() gives and takes tables."""
    case = Case(rng)
    batches = pa.table({"key": case.keys}).to_batches(max_chunksize=100)
    tables = [case.table.join(pa.Table.from_batches([batch]), on="key") for batch in batches]
    assert in_order(content(pa.concat_tables(tables))) == case.expected()
