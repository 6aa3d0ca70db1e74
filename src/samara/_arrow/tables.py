# SPDX-License-Identifier: MIT
"""Trees from tables of Arrow: what `MapleTree.from_arrow()` does."""

from typing import Any

from samara._arrow.abi import Chunk, Field, read
from samara._arrow.column import column_of, nulls_of
from samara._arrow.kinds import keys_of
from samara._columns import ArrowColumn, is_arrow
from samara._errors import type_name


def from_arrow(
    make: Any,
    table: Any,
    *,
    first: str = "first",
    last: str = "last",
    value: str = "value",
    keys: Any = None,
    **options: Any,
) -> Any:
    """Call `make`, which is from_arrays() of a class, with three columns of a table."""
    if not is_arrow(table):
        raise TypeError(f"table must have the Arrow C stream interface, not be {type_name(table)}")
    field, chunks = read(table)
    if field.format != "+s":
        raise TypeError(f"table must have columns, not be one of Arrow's type {field.format!r}")
    columns = [column_named(name, field, chunks) for name in (first, last, value)]
    if keys is None:
        keys = keys_of(columns[0].field)
    if keys is None:
        form = columns[0].format
        text = f"column {first!r} has Arrow's type {form!r}: say which keys they are with keys="
        raise TypeError(text)
    return make(*columns, keys=keys, **options)


def column_named(name: str, field: Field, chunks: list[Chunk]) -> ArrowColumn:
    names = [child.name for child in field.children]
    if names.count(name) != 1:
        known = ", ".join(map(repr, names))
        raise ValueError(f"table must have one column {name!r}; its columns are {known or 'none'}")
    place = names.index(name)
    parts = []
    for chunk in chunks:
        if nulls := nulls_of(chunk):
            raise ValueError(f"row {nulls.index(1)} of the table is null")
        array = chunk.array.children[place].contents
        parts.append(Chunk(array, array.offset + chunk.start, chunk.length, chunk.owner))
    return column_of(field.children[place], parts)
