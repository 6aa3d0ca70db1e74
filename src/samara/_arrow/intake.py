# SPDX-License-Identifier: MIT
"""Columns that a tree is given: those of Arrow, and those of pandas that are arrays of numpy.

Each function returns None for anything else, which is read as any other iterable.
"""

from typing import TYPE_CHECKING, Any

from samara._arrow.column import ArrowColumn, column_of
from samara._columns import Opened, is_arrow, is_of_numpy, numpy_array

if TYPE_CHECKING:
    from samara._keys.kind import Kind


def opened_keys(kind: "Kind", given: Any, name: str) -> Opened | None:
    """Open a column of keys."""
    column = arrow_column(given)
    if column is None:
        return None
    if column.format.startswith("+s"):
        raise TypeError(f"{name} must be one column, not a table or a column of structs")
    opened = kind.of_arrow(column, name) if column.data is not None else None
    return opened or opened_items(given)


def opened_values(given: Any, objects: bool) -> Any:
    """Open a column of values or sizes: a buffer of numbers or a sequence."""
    column = arrow_column(given)
    if column is None:
        array = None if objects or not is_of_numpy(given) else numpy_array(given)
        return array if array is not None and array.dtype.kind in "iuf" else None
    if objects or column.nulls or not column.is_number:
        return listed(given)
    return column.data


def arrow_column(given: Any) -> ArrowColumn | None:
    """Return an object's column. pandas has Arrow's data only if pyarrow is installed."""
    if not is_arrow(given) or is_of_numpy(given):
        return None
    try:
        from samara._arrow.abi import read

        return column_of(*read(given))
    except ImportError:
        return None


def opened_items(given: Any) -> Opened:
    items = listed(given)
    nulls = bytes(item is None or type(item).__name__ == "NAType" for item in items)
    return Opened("items", items, nulls if any(nulls) else None)


def listed(given: Any) -> tuple[Any, ...]:
    """Return the items as Python objects: those of pyarrow are not that when it is iterated."""
    for method in ("to_pylist", "to_list"):
        if hasattr(given, method):
            return tuple(getattr(given, method)())
    return tuple(given)
