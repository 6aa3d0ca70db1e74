"""Arrays in and out. They come in as columns (`samara/_columns.py`), and go out as numpy's."""

from functools import partial
from typing import Any

from samara._arguments import MAX, required_index
from samara._columns import Column, Columns, array_of, check_order, import_numpy, open_ranges
from samara._pure.build import Triple, build
from samara._pure.node import GAP, Head
from samara._pure.packed import convert
from samara._pure.walk import load


def triples_of(columns: Columns, dtype: str | None, rising: bool) -> list[Triple]:
    """All converted and checked; with `rising` they must be sorted and not overlap."""
    *ends, values = columns
    lists = [end.converted(partial(required_index, name=end.name)) for end in ends]
    lists += [values.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8"))]
    triples: list[Triple] = list(zip(*lists, strict=True))
    check_order(triples, rising)
    return triples


def head_of(columns: Columns, dtype: str | None, track_gaps: bool) -> Head:
    """A new head from ranges in order; without a dtype it is that of the values."""
    head = Head(track_gaps, dtype or columns[2].dtype)
    build(head, triples_of(columns, head.dtype, rising=True))
    return head


def stores_of(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """What store_many() is given, all converted and checked."""
    return triples_of(open_ranges(*given, objects=dtype is None), dtype, rising=False)


def look_up(head: Head, keys: Column, indices: list[int], default: Any) -> Any:
    """A list of values, of packed ones an array."""
    if default is not ...:
        default = convert(default, head.dtype)
    numpy = head.dtype and import_numpy("load_many")
    values = []
    for key, index in zip(keys.items, indices, strict=True):
        value = load(head, index) if 0 <= index <= MAX else GAP
        if value is GAP and default is ...:
            raise KeyError(key)
        values.append(default if value is GAP else value)
    return array_of(numpy, values, head.dtype) if numpy else values
