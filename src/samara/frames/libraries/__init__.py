# SPDX-License-Identifier: MIT
"""The libraries whose frames can be joined, one module for each.

A module for frames in memory has the operations that `Request.apply()` needs: names(), column(),
take() and append(); and table(), column_of() and look_up(). A module for lazy frames and engines
has apply(), which applies a request to each part. A module is imported when one of its frames
comes: nothing here imports a library that is not in use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

# The modules of a library, by the first part of the name of the module that has the frame's class.
EAGER: Final = {"pandas": "pandas", "polars": "polars", "pyarrow": "arrow"}
LAZY: Final = {
    "polars": "polars_lazy",
    "pyarrow": "arrow_stream",
    "duckdb": "duckdb",
    "_duckdb": "duckdb",
    "dask": "dask",
    "dask_expr": "dask",
    "pyspark": "spark",
}


def library_of(thing: Any, modules: dict[str, str], check: str) -> Any:
    """Return the module whose function `check` accepts the object, or None."""
    for base in type(thing).__mro__:
        name = modules.get(base.__module__.split(".")[0])
        if name is not None:
            library = import_module(f"samara.frames.libraries.{name}")
            if getattr(library, check)(thing):
                return library
    return None


def module_of(name: str) -> Any:
    """Return the module for the frames in memory of a library."""
    return import_module(f"samara.frames.libraries.{EAGER[name]}")


def eager(frame: Any) -> Any:
    """Return the module for a frame in memory, or None for anything else."""
    return library_of(frame, EAGER, "is_frame")


def lazy(frame: Any) -> Any:
    """Return the module for a lazy frame, or None for anything else."""
    return library_of(frame, LAZY, "is_frame")


def column_library(column: Any) -> Any:
    """Return the module for a column in memory, or None for anything else."""
    return library_of(column, EAGER, "is_column")


def register_expressions() -> None:
    """Give expressions of polars their namespace `samara`, if the program has imported polars."""
    if "polars" in sys.modules:
        import_module("samara.frames.libraries.polars_expressions")


def without_narwhals(frame: Any) -> tuple[Any, bool]:
    """Return the frame inside a frame of narwhals, and whether it was in one."""
    if type(frame).__module__.split(".")[0] == "narwhals":
        return import_module("narwhals").to_native(frame), True
    return frame, False


def with_narwhals(frame: Any) -> Any:
    return import_module("narwhals").from_native(frame)


def apply(request: Any, frame: Any) -> Any:
    """Return the result of a request on a frame of any library, of the same library."""
    frame, wrapped = without_narwhals(frame)
    library = eager(frame)
    if library is not None:
        result = request.apply(frame, library)
    elif (library := lazy(frame)) is not None:
        result = library.apply(request, frame)
    else:
        raise TypeError(f"frame must be a frame of a library that samara knows, not {named(frame)}")
    return with_narwhals(result) if wrapped else result


def to_arrow(frame: Any) -> Any:
    """Return a frame of any library as an Arrow table, and the name of its library."""
    import pyarrow

    frame, _ = without_narwhals(frame)
    library = eager(frame) or lazy(frame)
    if library is not None:
        return library.table(frame), library.NAME
    if isinstance(frame, dict) or hasattr(frame, "__arrow_c_stream__"):
        return pyarrow.table(frame), "pyarrow"
    raise TypeError(f"frame must be a frame of a library that samara knows, not {named(frame)}")


def from_arrow(table: Any, name: str) -> Any:
    """Return an Arrow table as a frame of a library in memory; for others, as it is."""
    if name not in EAGER:
        return table
    return module_of(name).of_table(table)


def named(thing: Any) -> str:
    kind = type(thing)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
