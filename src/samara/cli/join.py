# SPDX-License-Identifier: MIT
"""`samara join`: join a file of any size to a table of ranges."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from samara.cli.arguments import CommandParser
from samara.cli.errors import InputError, WorkError, reason
from samara.cli.progress import progress
from samara.cli.streams import standard_input
from samara.cli.units import format_count

if TYPE_CHECKING:
    from samara.frames import RangeTable

_DESCRIPTION = """\
Add to each row of FILE the columns of the range in TABLE that contains the
row's key. Files of any size need the memory of TABLE and a few blocks of rows.

TABLE and FILE are CSV (also .csv.gz, .csv.bz2, .tsv), Parquet or Arrow IPC
(.arrow, .feather), by the ends of their names. FILE can be -, standard input:
then it is CSV. Values of CSV files leave as they came.

Needs the packages of samara[frames].
"""
_EPILOG = """\
the ranges of TABLE, unless samara wrote the file:
  --first A --last B   columns with the first and the last key of each range
  --first A --end B    the same if the end is exclusive
  --network A          networks, such as 10.0.0.0/8
  --keys KIND          ipv4, ipv6 or ip (both) for columns with addresses; other
                       kinds follow from the columns: int64, uint64, float64,
                       date, "datetime64[us]", "datetime64[us, UTC]"
  --geoip              TABLE is a CSV file of IP ranges, or a folder of some:
                       start,end,columns or network,columns; text or numbers;
                       IPv4, IPv6 or both; with or without a header

examples:
  samara join prices.csv orders.csv --first since --end until --on at \\
     -o out.parquet
  samara join --geoip /usr/share/tor log.csv --on client > countries.csv

exit status: 0 success; 1 a file cannot be read or written; 2 bad arguments or
bad input; 130 after Ctrl-C; 141 if the reader of the output went away
"""


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "join",
        help="add columns of a table of ranges to the rows of a file",
        usage="%(prog)s [options] TABLE FILE --on COLUMN [-o OUT]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", metavar="TABLE", help="the table of ranges")
    parser.add_argument("file", metavar="FILE", help="the rows")
    parser.add_argument("--on", metavar="COLUMN", required=True, help="the column with the keys")
    parser.add_argument(
        *("-o", "--output"),
        metavar="OUT",
        default="-",
        help="the file to write, of the kind that its name says; - is CSV on standard output",
    )
    parser.add_argument(
        "--how",
        choices=("left", "inner"),
        default="left",
        help="what happens to rows without a range: left keeps them (default), inner drops them",
    )
    parser.add_argument(
        "--columns", metavar="A,B", help="columns of TABLE (default: all but bounds)"
    )
    parser.add_argument(
        "--suffix", default="_right", help="for names that FILE has too (default: _right)"
    )
    parser.add_argument(
        "--skip-invalid",
        action="store_true",
        help="values that are no keys find nothing; otherwise they end the command",
    )
    ranges = parser.add_argument_group("the ranges of TABLE")
    for name in ("first", "last", "end", "network", "keys"):
        ranges.add_argument(
            f"--{name}", metavar="KIND" if name == "keys" else "COLUMN", help="see below"
        )
    ranges.add_argument(
        "--overlap",
        choices=("error", "last"),
        default="error",
        help="where ranges overlap: error (default), or last: the later row wins",
    )
    ranges.add_argument("--geoip", action="store_true", help="see below")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    try:
        from samara.frames import FrameError
    except ImportError as error:
        raise WorkError(str(error)) from None
    try:
        rows, seconds = _join(arguments)
    except (FrameError, TypeError, ValueError) as error:
        raise InputError(str(error)) from None
    except KeyError as error:
        raise InputError(error.args[0]) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WorkError(reason(error)) from None
    speed = f"{rows / seconds / 1e6:.2f} million rows per second" if seconds else ""
    print(f"samara join: {format_count(rows, 'row')} in {seconds:.1f} s, {speed}", file=sys.stderr)
    return 0


def _join(arguments: argparse.Namespace) -> tuple[int, float]:
    """Return the number of rows that were read, and the seconds."""
    import pyarrow as pa

    from samara.frames import RangeTable
    from samara.frames.batches import format_of, reading, writing
    from samara.frames.text import join_text

    table = _table(arguments)
    options: dict[str, Any] = {
        "how": arguments.how,
        "columns": arguments.columns.split(",") if arguments.columns else None,
        "suffix": arguments.suffix,
        "invalid": "miss" if arguments.skip_invalid else "error",
    }
    started, rows = time.monotonic(), 0
    given = standard_input() if arguments.file == "-" else None
    with reading(arguments.file, given) as source, progress(source.size) as step:

        def counted() -> Iterator[Any]:
            nonlocal rows
            for batch in source.batches:
                rows += len(batch)
                speed = rows / max(time.monotonic() - started, 1e-3)
                step(source.done(), f"{rows:,} rows, {speed / 1e6:.2f} million per second")
                yield batch

        reader = pa.RecordBatchReader.from_batches(source.schema, counted())
        join = join_text if format_of(arguments.file) == "csv" else RangeTable.join
        joined = join(table, reader, arguments.on, **options)
        with writing(arguments.output, joined.schema, sys.stdout) as write:
            for batch in joined:
                write(batch)
    return rows, time.monotonic() - started


def _table(arguments: argparse.Namespace) -> RangeTable:
    """Read the table of ranges."""
    from samara.frames import RangeTable
    from samara.frames.batches import format_of, read_whole
    from samara.frames.geoip import read_geoip

    names = ("first", "last", "end", "network", "keys")
    ranges = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
    if arguments.geoip:
        if ranges or arguments.overlap != "error":
            raise InputError("--geoip finds out the ranges by itself: leave their options away")
        return read_geoip(arguments.table)
    if ranges:
        table = read_whole(arguments.table)
        return RangeTable.from_frame(table, overlap=arguments.overlap, **ranges)
    if format_of(arguments.table) == "csv":
        raise InputError("name the bounds of TABLE: --first and --last or --end, or --network")
    read = RangeTable.read_ipc if format_of(arguments.table) == "arrow" else RangeTable.read_parquet
    return read(arguments.table)
