# SPDX-License-Identifier: MIT
"""What a table consists of: its columns in Arrow, in the order of the ranges, and its bounds.

A table in Arrow form, as files and pickles have it, is made of the columns as users know them. The
schema's metadata says which of them are the bounds. Bounds that are text are added as two columns
of their own, so that they are parsed only once.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from samara.frames.addresses import parse_networks
from samara.frames.columns import encoded
from samara.frames.errors import FrameError, quoted
from samara.frames.index import Bounds
from samara.frames.keys import (
    ADDRESSES,
    Kind,
    is_text,
    kind_named,
    kind_of_columns,
    plain,
    require_no_nulls,
    stored,
)
from samara.frames.libraries.missing import no_column

METADATA: Final = b"samara.range_table"
VERSION: Final = 1
EXTRA: Final = ("samara.first", "samara.last")


@dataclass(frozen=True)
class Spec:
    """How the columns of a table are its ranges: what `from_frame()` was told."""

    first: str | None
    last: str | None
    network: str | None
    closed: str
    overlap: str
    keys: str | None
    library: str = "pyarrow"
    categories: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the columns with bounds."""
        return [name for name in (self.first, self.last, self.network) if name is not None]

    def require_columns(self, names: list[str]) -> None:
        for name in self.names:
            if names.count(name) != 1:
                raise no_column(name, names)

    def ends(self, columns: Any) -> tuple[Kind, Any, Any]:
        """Return the kind of keys, and the two columns of bounds in its storage."""
        self.require_columns(columns.schema.names)
        assert self.first is not None and self.last is not None
        first, last = (plain(columns.column(name)) for name in (self.first, self.last))
        names = (self.first, self.last)
        for array, name in zip((first, last), names, strict=True):
            require_no_nulls(array, name)
        kind = kind_named(self.keys) if self.keys else kind_of_columns(first, last, names)
        if kind.name == "ip" and self.closed == "left":
            raise ValueError("ranges with keys='ip' include both ends: give last= instead of end=")
        return kind, stored(first, kind, self.first), stored(last, kind, self.last)

    def networks(self, columns: Any) -> tuple[Kind, Any, Any, Any]:
        """Return the kind of keys, the bounds, and the rows with the largest networks first."""
        self.require_columns(columns.schema.names)
        kind = kind_named(self.keys or "ip")
        if kind.name not in ADDRESSES:
            raise ValueError(f"networks have keys='ipv4', 'ipv6' or 'ip', not {self.keys!r}")
        array, name = plain(columns.column(self.network)), str(self.network)
        require_no_nulls(array, name)
        if not is_text(array.type):
            raise TypeError(f"column {name!r} ({array.type}) does not hold networks as text")
        first, last, sizes = parse_networks(array, kind.name, name)
        return kind, first, last, np.argsort(-sizes, kind="stable")


@dataclass(frozen=True)
class Content:
    """The columns of a table, and the bounds that its index is made from."""

    spec: Spec
    columns: dict[str, Any]
    bounds: Bounds

    def to_arrow(self) -> Any:
        """Return the columns as an Arrow table that `content_of()` takes."""
        data = asdict(self.spec) | {"keys": self.bounds.kind.name, "version": VERSION}
        columns = dict(self.columns)
        if columns[self.spec.names[0]].type != self.bounds.first.type:
            columns |= dict(zip(EXTRA, (self.bounds.first, self.bounds.last), strict=True))
        return pa.table(columns).replace_schema_metadata({METADATA: json.dumps(data).encode()})

    def plain(self) -> Any:
        """Return the columns as users know them."""
        return pa.table(self.columns)


def build(table: Any, spec: Spec) -> Content:
    """Return the content of a table with these columns.

    Raises:
        FrameError: The bounds cannot be used.
        KeyError, TypeError, ValueError: Nor can the arguments.
    """
    if spec.network is None:
        return sorted_content(table, spec, *spec.ends(table))
    kind, first, last, order = spec.networks(table)
    if spec.overlap == "last":
        rows = pa.array(order)
        table, first, last = table.take(rows), first.take(rows), last.take(rows)
    return sorted_content(table, spec, kind, first, last)


def sorted_content(table: Any, spec: Spec, kind: Kind, first: Any, last: Any) -> Content:
    names = (spec.first or str(spec.network), spec.last or str(spec.network))
    bounds = Bounds(kind, first, last, spec.closed, spec.overlap, names)
    order = bounds.order()
    if order is not None:
        bounds, table = bounds.take(order), table.take(order)
    repeated = [name for name in table.schema.names if table.schema.names.count(name) > 1]
    if repeated:
        raise ValueError(f"the frame has several columns {quoted(sorted(set(repeated)))}")
    columns = {name: encoded(table.column(name), spec.categories) for name in table.schema.names}
    return Content(spec, columns, bounds)


def content_of(table: Any) -> Content | None:
    """Return the content of what `to_arrow()` returned, or None for a table from elsewhere."""
    data = (table.schema.metadata or {}).get(METADATA)
    if data is None:
        return None
    fields = json.loads(data)
    if fields.pop("version") != VERSION:
        raise FrameError("the file is of a newer version of samara")
    spec = Spec(**fields)
    if EXTRA[0] not in table.schema.names:
        return build(table, spec)
    first, last = (plain(table.column(name)) for name in EXTRA)
    kind = kind_named(spec.keys)
    return sorted_content(table.drop_columns(list(EXTRA)), spec, kind, first, last)
