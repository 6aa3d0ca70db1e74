# SPDX-License-Identifier: MIT
"""Relations of duckdb: they come and go through Arrow."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from samara.frames.libraries import arrow

NAME: Final = "duckdb"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, duckdb.DuckDBPyRelation)


def apply(request: Any, frame: Any) -> Any:
    """Run the relation, and return a relation of the result on the same connection."""
    joined = request.apply(table(frame), arrow)
    # duckdb finds `joined` by its name. A relation's query() is the way to its connection.
    result = frame.query("samara_frame", "SELECT * FROM joined")
    del joined
    return result


def table(frame: Any) -> Any:
    newer = hasattr(frame, "to_arrow_table")
    return frame.to_arrow_table() if newer else frame.fetch_arrow_table()
