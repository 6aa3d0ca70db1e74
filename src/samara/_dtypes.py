# SPDX-License-Identifier: MIT
"""What `dtype=` takes: samara's own short names, and those that numpy has for the same types.

A tree's numbers have 64 bits. Results of `load_many()` can have 32.
"""

from typing import Any, Final

DTYPES: Final[dict[str | None, str | None]] = {
    None: None,
    **{name: name for name in ("u8", "i8", "f8")},
    **{"uint64": "u8", "int64": "i8", "float64": "f8"},
}


HALVES: Final = {"u8": ("u4", "i4"), "i8": ("i4", "u4"), "f8": ("f4",)}
HALF_NAMES: Final = {"uint32": "u4", "int32": "i4", "float32": "f4"}


def checked_dtype(dtype: Any) -> str | None:
    """Return None, "u8", "i8" or "f8" for a name, or for numpy's dtype or scalar type."""
    name = name_of(dtype)
    if name is not None and (not isinstance(name, str) or name not in DTYPES):
        raise ValueError(f"dtype must be None, 'u8', 'i8' or 'f8', not {dtype!r}")
    return DTYPES[name]


def name_of(dtype: Any) -> Any:
    """Return the name of numpy's dtype or scalar type, and anything else as it is."""
    if isinstance(dtype, type) and dtype.__module__ == "numpy":
        import numpy

        dtype = numpy.dtype(dtype)
    return str(dtype) if hasattr(dtype, "itemsize") and hasattr(dtype, "kind") else dtype


def half_dtype(dtype: Any, of: str | None) -> str:
    """Return "u4", "i4" or "f4": 32 bits for the numbers of a tree with the dtype `of`."""
    if of is None:
        raise TypeError("dtype requires a tree of numbers: this one has objects")
    name = name_of(dtype)
    name = HALF_NAMES.get(name, name) if isinstance(name, str) else None
    if name not in HALVES[of]:
        names = " or ".join(map(repr, HALVES[of]))
        raise ValueError(f"dtype must be {names} for a tree of {of!r}, not {dtype!r}")
    return str(name)
