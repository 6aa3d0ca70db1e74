# SPDX-License-Identifier: MIT
"""Columns that a tree is given: those of Arrow, and those of pandas that are arrays of numpy.

The functions return None for anything else, which is read as any other iterable.
"""

from typing import Any

from samara._columns import ArrowColumn, Opened, is_arrow, is_of_numpy, numpy_array
from samara._keys import Kind


def opened_keys(kind: Kind, given: Any, name: str) -> Opened | None:
    """Open a column of keys."""
    column = arrow_column(given)
    if column is None:
        return None
    if column.format.startswith("+s"):
        raise TypeError(f"{name} must be one column, not a table or a column of structs")
    opened = kind.of_arrow(column, name) if column.data is not None else None
    return opened or opened_items(kind, column, given, name)


def opened_items(kind: Kind, column: ArrowColumn, given: Any, name: str) -> Opened:
    """Open a column whose items have no fixed size, or are no keys as they are."""
    items = listed(column, given)
    opened = kind.of_arrow(of_one_size(column, items), name)
    if opened is None:
        nulls = bytes(item is None or type(item).__name__ == "NAType" for item in items)
        opened = Opened("items", items, nulls if any(nulls) else None)
    return opened


def opened_values(given: Any, objects: bool) -> Any:
    """Open a column of values or sizes: a buffer of numbers or a sequence."""
    column = arrow_column(given)
    if column is None:
        array = None if objects else numpy_array(given)
        return array if array is not None and array.dtype.kind in "iuf" else None
    if objects or column.nulls or not column.is_number:
        return listed(column, given)
    return column.data


def arrow_column(given: Any) -> ArrowColumn | None:
    """Return an object's column. pandas has Arrow's data only if pyarrow is installed."""
    if isinstance(given, ArrowColumn):
        return given
    if not is_arrow(given) or is_of_numpy(given):
        return None
    try:
        from samara._arrow.abi import read
        from samara._arrow.column import column_of

        return column_of(*read(given))
    except ImportError:
        return None


def of_one_size(column: ArrowColumn, items: tuple[Any, ...]) -> ArrowColumn:
    """Return a column of bytes as one whose items have a fixed size, if all have the same."""
    sizes = {len(item) for item in items if type(item) is bytes}
    if column.format not in ("z", "Z", "vz") or len(sizes) != 1:
        return column
    (size,) = sizes
    field = column.field._replace(format=f"w:{size}")
    data = memoryview(b"".join(item or bytes(size) for item in items))
    nulls = bytes(item is None for item in items)
    return column._replace(field=field, data=data, nulls=nulls if any(nulls) else None)


def listed(column: ArrowColumn, given: Any) -> tuple[Any, ...]:
    """Return the items as Python objects. Those of rare types, the given object makes."""
    from samara._arrow.items import items_of

    items = items_of(column.field, column.chunks)
    for method in ("to_pylist", "to_list"):
        if items is None and hasattr(given, method):
            items = getattr(given, method)()
    if items is None:
        name, form = column.field.name, column.format
        raise TypeError(f"column {name!r} has Arrow's type {form!r}, which samara does not read")
    return tuple(items)
