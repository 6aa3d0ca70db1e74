# SPDX-License-Identifier: MIT
"""What `dtype=` takes: samara's own short names, and those that numpy has for the same types."""

from typing import Any, Final

DTYPES: Final[dict[str | None, str | None]] = {
    None: None,
    **{name: name for name in ("u8", "i8", "f8")},
    **{"uint64": "u8", "int64": "i8", "float64": "f8"},
}


def checked_dtype(dtype: Any) -> str | None:
    """Return None, "u8", "i8" or "f8" for a name, or for numpy's dtype or scalar type."""
    name = dtype
    if isinstance(dtype, type) and dtype.__module__ == "numpy":
        import numpy

        name = numpy.dtype(dtype)
    if hasattr(name, "itemsize") and hasattr(name, "kind"):  # a dtype
        name = str(name)
    if name is not None and (not isinstance(name, str) or name not in DTYPES):
        raise ValueError(f"dtype must be None, 'u8', 'i8' or 'f8', not {dtype!r}")
    return DTYPES[name]
