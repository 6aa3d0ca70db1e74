"""Arrays in and out. They come in as columns (`samara/_columns.py`), and go out as numpy's."""

from functools import partial
from typing import Any, Final

from samara._columns import Column, open_column
from samara._pure.arguments import required_index
from samara._pure.building import Triple
from samara._pure.nodes import GAP, MAX, Head
from samara._pure.packed import convert
from samara._pure.walking import entries_of, load

TYPES: Final = {None: "object", "u8": "uint64", "i8": "int64", "f8": "float64"}  # numpy's
Columns = tuple[Column, Column, Column]


def open_ranges(first: Any, last: Any, values: Any, objects: bool = False) -> Columns:
    ends = open_column(first, "first"), open_column(last, "last")
    columns = *ends, open_column(values, "values", objects)
    sizes = [len(column.items) for column in columns]
    if len(set(sizes)) > 1:
        lengths = ", ".join(map(str, sizes))
        raise ValueError(f"first, last and values differ in length: {lengths}")
    return columns


def triples_of(columns: Columns, dtype: str | None, rising: bool) -> list[Triple]:
    """All converted and checked; with `rising` they must be sorted and not overlap."""
    *ends, values = columns
    firsts, lasts = (end.converted(partial(required_index, name=end.name)) for end in ends)
    converted = values.converted(partial(convert, dtype=dtype), floats=dtype not in ("u8", "i8"))
    triples = list(zip(firsts, lasts, converted, strict=True))
    before = (0, -1)
    for position, (first, last, _) in enumerate(triples):
        if first > last:
            raise ValueError(f"position {position}: first {first} is above last {last}")
        if rising and first <= before[1]:
            place = f"[{first}, {last}] overlaps or lies below [{before[0]}, {before[1]}]"
            raise ValueError(f"position {position}: {place}")
        before = first, last
    return triples


def stores_of(given: tuple[Any, Any, Any], dtype: str | None) -> list[Triple]:
    """What store_many() is given, all converted and checked."""
    return triples_of(open_ranges(*given, objects=dtype is None), dtype, rising=False)


def import_numpy(function: str) -> Any:
    try:
        import numpy
    except ImportError as error:
        raise ImportError(f"{function}() needs numpy: pip install samara[numpy]") from error
    return numpy


def read_all(numpy: Any, head: Head) -> tuple[Any, ...]:
    """The ranges as three arrays."""
    firsts, lasts, values = list(zip(*entries_of(head, 0, MAX), strict=True)) or ((), (), ())
    ends = (numpy.fromiter(column, "uint64", len(values)) for column in (firsts, lasts))
    return *ends, numpy.fromiter(values, TYPES[head.dtype], len(values))


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
    return numpy.fromiter(values, TYPES[head.dtype], len(values)) if numpy else values
