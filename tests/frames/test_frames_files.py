# SPDX-License-Identifier: MIT
"""Tables in files: what comes back, what other programs see, and that columns are mapped."""

import datetime as dt
import os
import pickle
import subprocess
import sys

import pytest

from frames import pa
from interpreter import scaled
from samara.frames import FrameError, RangeTable

TABLES = {
    "integers": ({"a": [10, 0], "b": [19, 5], "s": ["x", "x"]}, {"first": "a", "last": "b"}),
    "floats": ({"a": [1.5, 0.5], "b": [2.5, 1.5], "n": [1, 2]}, {"first": "a", "end": "b"}),
    "moments": (
        {
            "a": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)],
            "b": [dt.datetime(2026, 2, 1, tzinfo=dt.UTC)],
            "s": ["x"],
        },
        {"first": "a", "end": "b"},
    ),
    "addresses": (
        {"a": ["10.0.0.0", "::1"], "b": ["10.0.0.9", "::9"], "s": ["x", "y"]},
        {"first": "a", "last": "b", "keys": "ip"},
    ),
    "ipv4": ({"a": [1], "b": [5], "s": ["x"]}, {"first": "a", "last": "b", "keys": "ipv4"}),
    "networks": (
        {"net": ["10.0.0.0/8", "10.9.0.0/16", "::/8"], "s": ["x", "y", "z"]},
        {"network": "net", "overlap": "last"},
    ),
    "nothing": (
        {"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())},
        {"first": "a", "last": "b"},
    ),
}


@pytest.fixture(params=TABLES)
def table(request):
    columns, options = TABLES[request.param]
    return RangeTable.from_frame(columns, **options)


def parquet(table, path):
    table.write_parquet(path)
    return RangeTable.read_parquet(path)


def ipc(table, path):
    table.write_ipc(path)
    return RangeTable.read_ipc(path)


def pickled(table, path):
    path.write_bytes(pickle.dumps(table))
    return pickle.loads(path.read_bytes())


def shared(table, path):
    table.write_ipc(path)
    small = pickle.dumps(RangeTable.read_ipc(path, share=True))
    assert len(small) < 200 + len(str(path))
    return pickle.loads(small)


@pytest.mark.parametrize("way", [parquet, ipc, pickled, shared])
def test_round_trips(table, way, tmp_path):
    again = way(table, tmp_path / "table")
    assert repr(again) == repr(table)
    assert again.to_frame().equals(table.to_frame())
    assert again.to_frame().schema.metadata is None
    keys = table.to_frame().column(0)
    if pa.types.is_string(keys.type):
        keys = [text.partition("/")[0] for text in keys.to_pylist()]
    assert again.look_up(keys).equals(table.look_up(keys))
    twice = way(again, tmp_path / "again")
    assert twice.look_up(keys).equals(table.look_up(keys))


def test_other_programs_read_the_files(table, tmp_path):
    pl = pytest.importorskip("polars")
    table.write_parquet(tmp_path / "t.parquet")
    table.write_ipc(tmp_path / "t.arrow")
    for frame in (pl.read_parquet(tmp_path / "t.parquet"), pl.read_ipc(tmp_path / "t.arrow")):
        names = table.to_frame().column_names
        assert frame.columns[: len(names)] == names


def test_files_of_other_programs(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    columns = pa.table({"a": [0, 10], "b": [9, 19], "s": ["x", "y"]})
    pq.write_table(columns, tmp_path / "t.parquet")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink:
        with pa.ipc.new_file(sink, columns.schema) as writer:
            writer.write_table(columns)
    for read, name in ((RangeTable.read_parquet, "t.parquet"), (RangeTable.read_ipc, "t.arrow")):
        table = read(tmp_path / name, first="a", last="b")
        assert table.look_up([5, 15])["s"].to_pylist() == ["x", "y"]
        with pytest.raises(FrameError, match="samara did not write this file"):
            read(tmp_path / name)
    with pytest.raises(TypeError, match="only files that write_ipc"):
        RangeTable.read_ipc(tmp_path / "t.arrow", share=True, first="a", last="b")
    with pytest.raises(FileNotFoundError):
        RangeTable.read_ipc(tmp_path / "none")


def test_files_of_newer_versions(tmp_path):
    table = RangeTable.from_frame({"a": [0], "b": [9]}, first="a", last="b")
    table.write_ipc(tmp_path / "t")
    path = tmp_path / "t"
    data = path.read_bytes()
    assert data.count(b'"version": 1') > 0
    path.write_bytes(data.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(FrameError, match="newer version of samara"):
        RangeTable.read_ipc(path)


MAPPED = """
import sys
from samara.frames import RangeTable
table = RangeTable.read_ipc(sys.argv[1])
arrays = list(table._content.columns.values())
addresses = [buffer.address for array in arrays for buffer in array.buffers() if buffer]
with open("/proc/self/maps") as maps:
    lines = [line.split() for line in maps if line.rstrip().endswith(sys.argv[1])]
ranges = [[int(end, 16) for end in line[0].split("-")] for line in lines]
print(all(any(a <= at < b for a, b in ranges) for at in addresses), len(addresses))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
def test_columns_are_those_of_the_mapped_file(tmp_path):
    """So the pages of the file are the only copy, however many processes read it."""
    rows = scaled(20_000)
    table = RangeTable.from_frame(
        {
            "a": list(range(rows)),
            "b": list(range(rows)),
            "words": [f"word {n % 7}" for n in range(rows)],
            "text": [f"text {n}" for n in range(rows)],
        },
        first="a",
        last="b",
    )
    path = tmp_path / "table.arrow"
    table.write_ipc(path)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, "-c", MAPPED, str(path)], env=env, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[0] == "True" and int(found.stdout.split()[1]) >= 5
