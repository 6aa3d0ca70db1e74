# SPDX-License-Identifier: MIT
"""Databases of IP ranges in CSV files, such as those of countries and networks' owners.

Each row has the first and the last address, or a network such as 10.0.0.0/8, and then any columns.
Addresses are text or numbers, of IPv4 or IPv6. A header, comments at the top and quotes are
optional. These layouts are known among others: Debian's tor-geoipdb, IP2Location (numbers), DB-IP
(text), MaxMind's GeoLite2 (networks).
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from samara.frames.addresses import MAPPED, packed_address, wide_array, wide_from_v4
from samara.frames.errors import FrameError
from samara.frames.table import RangeTable

ENDS: Final = ("first", "last")
NUMBER: Final = re.compile(r"\d{1,39}")


@dataclass(frozen=True)
class Layout:
    """What the lines of a file are: how many to skip, and the names of the columns."""

    skip: int
    names: list[str]
    has_networks: bool
    delimiter: str


def read_geoip(*paths: str | os.PathLike[str]) -> RangeTable:
    """Read a table of IP ranges from CSV files, for example one for IPv4 and one for IPv6.

    Its keys are "ip": addresses of both families. Columns without a header are called "country"
    if there is one, and otherwise "column3", "column4" and so on, by their place. Networks may
    contain others: the smallest one wins.

    Args:
        paths: files, which may be compressed (.gz, .bz2, .zst), or folders of such files

    Raises:
        FrameError: A line has no range, or two ranges overlap.
        OSError: A file cannot be read.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "geoip.csv")
    >>> _ = path.write_text('# from Debian\\n16777216,16777471,AU\\n2001:200::,2001:200::9,JP\\n')
    >>> read_geoip(path).look_up(["1.0.0.7", "2001:200::1", "::1"]).to_pydict()
    {'country': ['AU', 'JP', None]}
    """
    tables = [read_file(path) for path in files_of(paths)]
    if not tables:
        raise FrameError("there is no file of IP ranges")
    networks = [table for table in tables if "network" in table.schema.names]
    if networks and len(networks) != len(tables):
        raise FrameError("some files have networks and some have first and last addresses")
    table = pa.concat_tables(tables, promote_options="default")
    if networks:
        return RangeTable.from_frame(table, network="network", keys="ip", overlap="last")
    return RangeTable.from_frame(table, first="first", last="last", keys="ip")


def files_of(paths: Iterable[str | os.PathLike[str]]) -> Iterable[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if each.is_file())
        else:
            yield path


def read_file(path: Path) -> Any:
    """Return the columns of one file as text, and the addresses as 16 bytes or networks."""
    layout = layout_of(path)
    table = pa.csv.read_csv(
        pa.input_stream(str(path), compression="detect"),
        read_options=pa.csv.ReadOptions(skip_rows=layout.skip, column_names=layout.names),
        parse_options=pa.csv.ParseOptions(delimiter=layout.delimiter),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(layout.names, pa.string()), strings_can_be_null=True
        ),
    )
    if layout.has_networks:
        return table
    wide = is_wide(table)
    for at, name in enumerate(ENDS):
        column = addresses(table.column(name).combine_chunks(), wide, f"{path}: {name}")
        table = table.set_column(at, name, column)
    return table


def layout_of(path: Path) -> Layout:
    """Find out the layout from the first lines.

    Raises:
        FrameError: The first line with values does not begin with an address or a network.
    """
    with pa.input_stream(str(path), compression="detect") as source:
        # Without the last line, which may be cut.
        lines = source.read(1 << 16).decode("utf-8-sig", "replace").splitlines()
    skip = next((at for at, line in enumerate(lines) if line and line[0] != "#"), len(lines))
    delimiter = next((mark for mark in ",;\t" if mark in (lines[skip : skip + 1] or [""])[0]), ",")
    rows = list(islice(csv.reader(lines[skip : skip + 2], delimiter=delimiter), 2))
    header = bool(rows) and not begins_range(rows[0])
    values = rows[1:] if header else rows
    if not values:
        if header or not rows:
            raise FrameError(f"{path}: there is no range in it")
    elif not begins_range(values[0]):
        raise FrameError(f"{path}: the line {values[0]!r} does not begin with an address")
    networks = "/" in values[0][0] or (header and rows[0][0] == "network")
    ends = ["network"] if networks else list(ENDS)
    others = rows[0][len(ends) :]
    if not header:
        first = len(ends) + 1
        others = [f"column{at}" for at in range(first, first + len(others))]
        others = ["country"] if len(others) == 1 else others
    return Layout(skip + header, ends + others, networks, delimiter)


def begins_range(row: Sequence[str]) -> bool:
    """Return whether a line begins with an address, a number or a network.

    >>> begins_range(["::/8", "x"]), begins_range(["1", "2"]), begins_range(["network", "x"])
    (True, True, False)
    """
    text = row[0] if row else ""
    try:
        return bool(NUMBER.fullmatch(text) or packed_address(text.partition("/")[0], "ip"))
    except ValueError:
        return False


def is_wide(table: Any) -> bool:
    """Return whether numbers in a file are addresses of IPv6: some have more than 32 bits."""
    texts = table.column("last").to_pylist()
    return any(len(text or "") > 9 and text.isdigit() and int(text) >> 32 for text in texts)


def addresses(texts: Any, wide: bool, name: str) -> Any:
    """Return addresses as 16 bytes each."""
    if not wide and pc.all(pc.match_substring_regex(texts, r"^\d{1,9}$"), skip_nulls=False).as_py():
        return wide_from_v4(texts.cast(pa.uint32()))
    packed = []
    for row, text in enumerate(texts.to_pylist()):
        try:
            if not text.isdigit():
                packed.append(packed_address(text, "ip"))
            elif wide:
                packed.append(int(text).to_bytes(16, "big"))
            else:
                packed.append(MAPPED + int(text).to_bytes(4, "big"))
        except (AttributeError, OverflowError, ValueError):
            raise FrameError(f"row {row} of {name}: {text!r} is not an address") from None
    return wide_array(b"".join(packed))
