# SPDX-License-Identifier: MIT
"""Many rows through dask, Spark and `samara join`: rows per second, and memory of each worker.

Each worker must stay below its memory before the join, the table and 512 MiB. A file of any size
must need less than 1 GiB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pandas
import psutil
import pyarrow

from samara import RangeTable

MIB = 1 << 20
EXTRA, FILE = 512 * MIB, 1024 * MIB
PART = 1_000_000  # rows
Found = dict[str, Any]
Bounds = list[tuple[str, float, float]]


def keys_of(part: int, rows: int = PART) -> Any:
    """Return the keys of a part: the same ones whoever makes them."""
    return numpy.random.default_rng(part).integers(0, 2**32, rows, dtype="i8")


def expected_sum(table: RangeTable, parts: int) -> int:
    """Return the sum of the rows that all keys find."""
    return sum(
        int(pyarrow.compute.sum(table.look_up(keys_of(part), columns=["row"])["row"]).as_py())
        for part in range(parts)
    )


@contextmanager
def most_memory(processes: Callable[[], list[psutil.Process]]) -> Iterator[dict[int, int]]:
    """Watch the resident memory of processes; the most of each, by its number."""
    most: dict[int, int] = {}
    end = threading.Event()

    def watch() -> None:
        while not end.wait(0.1):
            for process in processes():
                try:
                    size = process.memory_info().rss
                except psutil.Error:
                    continue
                most[process.pid] = max(most.get(process.pid, 0), size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        end.set()
        watcher.join()


def part_frame(part: int) -> Any:
    return pandas.DataFrame({"ip": keys_of(part)})


def with_dask(table: RangeTable, parts: int) -> tuple[int, float, float, int]:
    """Return the sum, the seconds, and the most memory of a worker before and during the join."""
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(processes=True, **options) as cluster, Client(cluster) as client:
        frame = dd.from_map(part_frame, range(parts), meta=part_frame(0).iloc[:0])
        frame["ip"].max().compute()  # imports, and memory that the engine itself takes
        pids = list(client.run(os.getpid).values())
        workers = [psutil.Process(pid) for pid in pids]
        before = max(worker.memory_info().rss for worker in workers)
        started = time.perf_counter()
        with most_memory(lambda: workers) as most:
            joined = table.join(frame, on="ip", columns=["row", "text"])
            found = int(joined["row"].sum().compute())
        return found, time.perf_counter() - started, before, max(most.values())


def with_spark(table: RangeTable, parts: int) -> tuple[int, float, float, int]:
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import sum as total

    def made(batches: Any) -> Any:
        for batch in batches:
            for part in batch.column("id").to_pylist():
                yield pyarrow.RecordBatch.from_pydict({"ip": keys_of(part)})

    def python_workers() -> list[psutil.Process]:
        """Return the Python processes below Java's."""
        return [
            process
            for process in psutil.Process().children(recursive=True)
            if "python" in process.name()
        ]

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # otherwise python3 of the PATH
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.driver.memory", "4g").getOrCreate()
    try:
        session.sparkContext.setLogLevel("ERROR")
        session.sparkContext.addPyFile(__file__)  # its workers have another path
        frame = session.range(parts, numPartitions=parts).mapInArrow(made, "ip long")
        with most_memory(python_workers) as most:
            frame.agg({"ip": "max"}).collect()
        before = max(most.values())
        started = time.perf_counter()
        with most_memory(python_workers) as most:
            joined = table.join(frame, on="ip", columns=["row", "text"])
            found = joined.agg(total("row")).collect()[0][0]
        return int(found), time.perf_counter() - started, before, max(most.values())
    finally:
        session.stop()


def with_file(folder: Path, gigabytes: float) -> Found:
    """Join a CSV file of this size, and return figures."""
    path, out = folder / "log.csv", folder / "out.csv"
    rng = numpy.random.default_rng(1)
    print(f"writing {gigabytes} GB of CSV ...", file=sys.stderr)
    octets = rng.integers(0, 256, (200_000, 4))
    block = "".join(
        f"{a}.{b}.{c}.{d},2026-11-30T12:00:{at % 60:02},GET /page/{at % 1000},{at}\n"
        for at, (a, b, c, d) in enumerate(octets.tolist())
    ).encode()
    with open(path, "wb") as file:
        file.write(b"client,at,request,bytes\n")
        while file.tell() < gigabytes * 1e9:
            file.write(block)
    import geoip

    command = ["join", "--geoip", str(geoip.fetch()), str(path), "--on", "client", "-o", str(out)]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "samara", *command])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    seconds, rows = time.perf_counter() - started, 0
    with open(out, "rb") as file:
        while data := file.read(1 << 24):
            rows += data.count(b"\n")
    size = path.stat().st_size
    assert (rows - 1) * len(block) == (size - 24) * len(octets)
    return {
        "bytes": size,
        "rows": rows - 1,
        "seconds": round(seconds, 1),
        "rows_per_second": round((rows - 1) / seconds),
        "most_memory": usage.ru_maxrss * 1024,
    }


def measure(table: RangeTable, rows: int, gigabytes: float) -> tuple[dict[str, Found], Bounds]:
    """Return the figures by engine, and the bounds."""
    figures: dict[str, Found] = {}
    found: Bounds = []
    parts = rows // PART
    if parts:
        expected = expected_sum(table, parts)
        for name, work in (("dask", with_dask), ("spark", with_spark)):
            print(f"{name}: {rows:,} rows ...", file=sys.stderr)
            total, seconds, before, most = work(table, parts)
            assert total == expected, name
            figures[name] = {
                "rows": rows,
                "seconds": round(seconds, 1),
                "rows_per_second": round(rows / seconds),
                "memory_before": before,
                "most_memory": most,
                "table": table.nbytes,
            }
            limit = before + table.nbytes + EXTRA
            found.append((f"{name}, memory of a worker, MiB", most / MIB, limit / MIB))
    if gigabytes:
        with tempfile.TemporaryDirectory(dir=Path(__file__).parents[1] / "build") as folder:
            figures["samara join"] = with_file(Path(folder), gigabytes)
        most = figures["samara join"]["most_memory"]
        found.append(("samara join, memory, MiB", most / MIB, FILE / MIB))
    return figures, found
