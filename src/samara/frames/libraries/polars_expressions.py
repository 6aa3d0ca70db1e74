# SPDX-License-Identifier: MIT
"""Expressions of polars: `pl.col("ip").samara.look_up(table)`.

Importing this module registers the namespace. The first table that is made after polars was
imported does so.
"""

from __future__ import annotations

from typing import Any

import polars as pl


@pl.api.register_expr_namespace("samara")
class SamaraExpressions:
    """What `.samara` of an expression has."""

    def __init__(self, expression: Any) -> None:
        self._expression = expression

    def look_up(self, table: Any, column: str | None = None, *, invalid: str = "error") -> Any:
        """Return the value of a column of the table for each key, or a struct of all its columns.

        Args:
            table: a RangeTable
            column: the name of the column; None makes a struct of all that `RangeTable.columns` has
            invalid: as in `RangeTable.join()`

        >>> import pyarrow as pa
        >>> from samara.frames import RangeTable
        >>> table = RangeTable.from_frame(
        ...     {"since": [1, 5], "until": [5, 9], "price": [1.5, 2.5]}, first="since", end="until"
        ... )
        >>> orders = pl.DataFrame({"day": [4, 5]})
        >>> orders.select(pl.col("day").samara.look_up(table, "price"))["price"].to_list()
        [1.5, 2.5]
        """
        columns = table.columns if column is None else [column]

        def found(series: Any) -> Any:
            frame = table.look_up(series, columns=columns, invalid=invalid)
            return frame.to_struct(series.name) if column is None else frame.get_column(column)

        empty = table.look_up(pl.Series([], dtype=pl.Null), columns=columns)
        kind = pl.Struct(empty.schema) if column is None else empty.schema[column]
        result = self._expression.map_batches(found, return_dtype=kind, is_elementwise=True)
        return result if column is None else result.alias(column)
