# SPDX-License-Identifier: MIT
"""Frames of pandas. They keep their index and their own columns.

The types of new columns do not depend on the data. A left join gives integers and bools the
nullable types of pandas, since rows without a hit have no value.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from samara.frames.libraries.missing import no_column

NAME: Final = "pandas"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, pd.DataFrame)


def is_column(thing: Any) -> bool:
    return isinstance(thing, pd.Series | pd.Index)


def names(frame: Any) -> list[Any]:
    return list(frame.columns)


def column(frame: Any, name: Any) -> Any:
    """Return a column, or a level of the index, as an Arrow array."""
    known = names(frame)
    if known.count(name) == 1:
        return column_of(frame[name])
    if name not in known and name in frame.index.names:
        return column_of(frame.index.get_level_values(name))
    raise no_column(name, known)


def take(frame: Any, rows: Any) -> Any:
    return frame.take(rows)


def append(frame: Any, outputs: Any) -> Any:
    # Shallow: the caller's own columns are not copied, and the caller's frame gets no new ones.
    result = frame.copy(deep=False)
    for name, taken in outputs:
        result[name] = pandas_column(taken)
    return result


def pandas_column(taken: Any) -> Any:
    """Return rows of a column as an array of pandas."""
    given = taken.column
    types, kind = pa.types, given.type
    if given.is_dictionary and given.values is not None:
        codes = marked(taken)
        return pd.Categorical.from_codes(codes, dtype=categories(given), validate=False)
    if types.is_boolean(kind):
        return pd.arrays.BooleanArray(taken.bits.view(bool), ~taken.there)
    if types.is_integer(kind):
        return pd.arrays.IntegerArray(taken.bits.view(kind.to_pandas_dtype()), ~taken.there)
    if types.is_float64(kind) or types.is_float32(kind):
        return marked(taken).view(kind.to_pandas_dtype())
    return taken.array.to_pandas().array


def marked(taken: Any) -> Any:
    """Return the bits as signed integers, all of them set where nothing is: -1, or NaN as a float.

    This is without branches, so random hits cost no more than others.
    """
    bits = taken.bits.view(f"i{taken.bits.itemsize}")
    return np.bitwise_or(bits, taken.there.view("i1") - np.int8(1), out=bits)


def categories(given: Any) -> Any:
    """Return the type of categories, which is made once."""
    known = given.__dict__.get("categories")
    if known is None:
        items = given.array.dictionary.to_pandas()
        known = pd.CategoricalDtype(items, ordered=given.type.ordered)
        given.__dict__["categories"] = known
    return known


def table(frame: Any) -> Any:
    """Return the columns in Arrow. FrameError if Arrow has no such column."""
    arrays = {}
    for name in names(frame):
        arrays[str(name)] = column(frame, name)
    return pa.table(arrays)


def column_of(given: Any) -> Any:
    try:
        return pa.array(given, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        what = f"column {given.name!r} ({given.dtype})"
        raise TypeError(f"{what} has no form in Arrow: {error}") from None


def look_up(given: Any, outputs: Any) -> Any:
    index = given.index if isinstance(given, pd.Series) else given
    return append(pd.DataFrame(index=index), outputs)


def of_table(given: Any) -> Any:
    return given.to_pandas()


# ---- for parts of a frame ------------------------------------------------------------------------


def with_column(frame: Any, name: str, values: Any) -> Any:
    return frame.assign(**{name: values})


def without_column(frame: Any, name: str) -> Any:
    return frame.drop(columns=[name])


def concat(frames: Any) -> Any:
    return pd.concat(frames)
