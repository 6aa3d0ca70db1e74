# SPDX-License-Identifier: MIT
"""The arguments of array operations: columns of keys, sizes and values, of any origin."""

from typing import Any

from samara._arrow.intake import opened_keys, opened_values
from samara._columns import (
    Column,
    Opened,
    is_foreign,
    open_buffer,
    open_iterable,
)
from samara._keys import Kind
from samara._keys.arrays import wide_of_bytes


def open_column(given: Any, name: str, objects: bool = False) -> Column:
    """Open a column of numbers or objects. With `objects`, it is one of objects in any case."""
    if is_foreign(given):
        opened = opened_values(given, objects)
        given = given if opened is None else opened
    column = None if objects else open_buffer(given, name)
    return column or open_iterable(given, name)


def open_keys(kind: Kind, given: Any, name: str) -> Column:
    """Open a column of keys. `kind.code()` takes each of its items."""
    opened = opened_keys(kind, given, name) if is_foreign(given) else None
    if opened is not None:
        return column_of(opened, name)
    array = kind.as_array(given)
    items = None if array is None else kind.items(array)
    if items is not None:
        return Column(name, tuple(items))
    column = open_buffer(given, name)
    if column is None and array is not None:
        column = open_buffer(array, name)
    return column or open_iterable(given, name)


def column_of(opened: Opened, name: str) -> Column:
    """Read a column of Arrow."""
    data, column = opened.data, None
    if opened.layout == "numbers":
        column = open_buffer(data, name)
    elif opened.item is not None:
        data = map(opened.item, data)
    elif opened.layout == "bytes":
        data = wide_of_bytes(bytes(data))
    column = column or Column(name, tuple(data))
    return column._replace(nulls=opened.nulls)
