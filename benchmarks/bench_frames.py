# SPDX-License-Identifier: MIT
"""Joins of frames to ranges: samara in each library, beside what the library has itself.

    python benchmarks/bench_frames.py [--rows N] [--rounds N] [--engines MILLIONS] [--csv-gb N]
        [--json FILE]

The ranges are those of Debian's tor-geoipdb, 385,602 of IPv4 and 276,626 of IPv6, which apt-get
downloads into build/, and 200,000 made-up periods. Before anything is timed, all results are
compared. All joins take turns; a figure is the median of the rounds, in nanoseconds of wall time
for each row. In a turn, a join that takes less than a second runs twice, and the shorter time
counts. samara's joins are measured in as many threads as pyarrow has, which is what users get, and
in one thread; numpy's load_many has one, unless its name says otherwise.

With --engines, as many million rows go through dask and Spark with two processes each; with
--csv-gb, a CSV file of that size goes through `samara join`. Exits with 1 if a bound is not met.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.metadata
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pyarrow

import geoip
from bench_run import machine
from frame_peers import LIBRARIES, SLOW, Case, inequality_joins
from samara import MapleTree
from samara._implementation import PURE
from suite.report import compact_json
from suite.sections import print_frames

ROWS, ROUNDS = 10_000_000, 5
PERIODS = 200_000
TO_NUMPY, TO_PEERS, STRINGS, WIDE = 1.3, 3.0, 1.5, 2.2  # the bounds
ONE_THREAD = ", one thread"  # at the end of a name
PACKAGES = ("numpy", "pandas", "polars", "pyarrow", "duckdb", "narwhals")
Figures = dict[str, float]


def ipv4(rows: int, rng: Any) -> Case:
    database = geoip.read("ipv4")
    first, last = (numpy.array(ends, "u4") for ends in (database.first, database.last))
    at = rng.integers(0, len(first), rows)
    keys = rng.integers(0, 2**32, rows, dtype="u4")
    inside = first[at] + (rng.random(rows) * (last[at] - first[at])).astype("u4")
    keys[::2] = inside[::2]
    return Case("ipv4", "ipv4", first, last, keys, database.countries)


def ipv6(rows: int, rng: Any) -> Case:
    """Half of the keys begin as some range does, so that half of them or more are in one."""
    database = geoip.read("ipv6")
    first, last = (wide(ends) for ends in (database.first, database.last))
    at = rng.integers(0, len(first), rows)
    words = rng.integers(0, 2**64, (rows, 2), dtype="u8").astype(">u8")
    words[::2, 0] = first[at[::2]].view(">u8").reshape(-1, 2)[:, 0]
    words[1::2, 0] >>= 2
    return Case("ipv6", "ipv6", first, last, words.view("S16").ravel(), database.countries)


def wide(numbers: list[int]) -> Any:
    return numpy.frombuffer(b"".join(n.to_bytes(16, "big") for n in numbers), "S16")


def periods(rows: int, rng: Any) -> Case:
    """Moments of ten years, and periods with gaps."""
    ten_years = 10 * 365 * 86400 * 10**6
    ends = numpy.sort(rng.choice(ten_years // 1000, 2 * PERIODS, replace=False)) * 1000
    first, last = (ends[at::2].astype("M8[us]") for at in (0, 1))
    keys = rng.integers(0, ten_years, rows).astype("M8[us]")
    return Case(
        "periods", "datetime64[us]", first, last, keys, [f"price {n % 50}" for n in ends[::2]]
    )


def timed(work: Callable[[], object]) -> float:
    """Return the nanoseconds that `work` takes: the shorter of two runs, if it takes no second.

    Each library has its own frame. While the others have their turns, the system may take the
    memory of an idle frame from its caches or even away, and the first run gets it back.
    """
    took = time_once(work)
    return min(took, time_once(work)) if took < 1e9 else took


def time_once(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - started


def turns(case: Case) -> dict[str, Callable[[], object]]:
    """Return the joins, after a comparison of what they find."""
    tree: Any = MapleTree.from_arrays(
        *(case.first, case.last, numpy.arange(len(case.first))),
        keys=case.keys_dtype,
        dtype="i8",
        track_gaps=False,
    )
    threads = pyarrow.cpu_count()
    slices = numpy.array_split(case.keys, threads)

    def in_threads() -> object:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda keys: tree.load_many(keys, default=-1), slices))

    found: dict[str, Callable[[], object]] = {
        "numpy load_many": lambda: tree.load_many(case.keys, default=-1),
        f"numpy load_many, {threads} threads": in_threads,
    }
    if case.keys_dtype != "ipv6":
        found["numpy searchsorted"] = lambda: numpy.searchsorted(case.first, case.keys)
    assert (tree.load_many(case.keys, default=-1) == case.expected).all()
    words = numpy.array([*case.text, "none"], object)[case.expected]
    for kind in LIBRARIES:
        library = kind(case)
        print(f"{case.name}: comparing {library.name} ...", file=sys.stderr)
        assert (library.rows(library.samara()) == case.expected).all(), library.name
        texts = library.samara("text")
        texts = texts.to_arrow_table() if hasattr(texts, "to_arrow_table") else texts
        assert (strings(texts["text"]) == words).all(), library.name
        found[library.name] = library.samara
        if not library.in_parts:
            found[library.name + ONE_THREAD] = library.samara
        found[f"{library.name}, strings"] = lambda library=library: library.samara("text")  # type: ignore[misc]
        for name, join in library.peers().items():
            result = join()
            if name != "ASOF":
                assert (library.rows(result) == case.expected).all(), name
            else:
                # In any order. Equal keys have equal rows.
                keys, rows = result.column("key").to_numpy(), library.rows(result)
                ours, theirs = (numpy.argsort(column) for column in (case.keys, keys))
                assert (case.keys[ours] == keys[theirs]).all(), name
                assert (case.expected[ours] == rows[theirs]).all(), name
            found[f"{library.name}: {name}"] = join
    return found


def strings(column: Any) -> Any:
    """Return a column of strings of any library as a numpy array of objects."""
    items = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return numpy.array([item if isinstance(item, str) else "none" for item in items], object)


def measure_case(case: Case, rounds: int) -> Figures:
    works = turns(case)
    times: dict[str, list[float]] = {name: [] for name in works}
    threads = pyarrow.cpu_count()
    for turn in range(rounds + 1):  # the first one warms up
        print(f"{case.name}: round {turn} of {rounds}", file=sys.stderr)
        for name, work in works.items():
            pyarrow.set_cpu_count(1 if name.endswith(ONE_THREAD) else threads)
            took = timed(work) / len(case.keys)
            if turn:
                times[name].append(took)
    pyarrow.set_cpu_count(threads)
    figures = {name: statistics.median(values) for name, values in times.items()}
    if case.keys_dtype != "ipv6":
        hits = case.expected[: len(case.keyed.slice(0, SLOW))]
        for name, join in inequality_joins(case).items():
            assert (join() == hits[hits >= 0]).all(), name
            figures[f"{name}, {SLOW:,} rows"] = timed(join) / len(hits)
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def bounds(figures: dict[str, Figures]) -> list[tuple[str, float, float]]:
    """Return what each bound is about, the figure, and the most that it may be."""
    found = []
    for case, times in figures.items():
        base = times["numpy load_many"]
        for library in (kind.name for kind in LIBRARIES):
            ours = times[library]
            peers = [value for name, value in times.items() if name.startswith(f"{library}:")]
            if case == "ipv4":
                for name in filter(times.get, (library, library + ONE_THREAD)):
                    ratio = times[name] / base
                    found.append((f"{case}, {name} / numpy load_many", ratio, TO_NUMPY))
            if peers:
                found.append(
                    (f"{case}, {library} / its best peer", ours / min(peers), 1 / TO_PEERS)
                )
            text = times[f"{library}, strings"] / ours
            found.append((f"{case}, {library}, strings / numbers", text, STRINGS))
            if case == "ipv6" and "ipv4" in figures:
                ratio = ours / figures["ipv4"][library]
                found.append((f"{library}, ipv6 / ipv4", ratio, WIDE))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--engines", type=float, default=0, metavar="MILLIONS")
    parser.add_argument("--csv-gb", type=float, default=0, metavar="GB")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if PURE:
        sys.exit("bench_frames: the pure-Python tree is in use; this measures the extension")
    rng = numpy.random.default_rng(1)
    figures, ranges = {}, {}
    for make in (ipv4, ipv6, periods):
        case = make(options.rows, rng)
        ranges[case.name] = len(case.first)
        figures[case.name] = measure_case(case, options.rounds)
    data: dict[str, Any] = {
        "command": ["python", "benchmarks/bench_frames.py", *sys.argv[1:]],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in PACKAGES},
        },
        "rows": options.rows,
        "rounds": options.rounds,
        "threads": pyarrow.cpu_count(),
        "ranges": ranges,
        "figures": figures,
        "bounds": bounds(figures),
    }
    if options.engines or options.csv_gb:
        import frame_engines

        table = ipv4(1, rng).table
        data["engines"], more = frame_engines.measure(
            table, int(options.engines * 1e6), options.csv_gb
        )
        data["bounds"] += more
    if options.json:
        options.json.write_text(compact_json(data))
    return 0 if print_frames(data) else 1


if __name__ == "__main__":
    sys.exit(main())
