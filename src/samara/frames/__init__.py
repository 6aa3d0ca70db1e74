# SPDX-License-Identifier: MIT
"""Tables of ranges, and joins of frames to them: pandas, polars, pyarrow, duckdb, dask, Spark.

This needs the extra "frames": `pip install "samara[frames]"`.
"""

try:
    import narwhals as _narwhals  # noqa: F401
    import numpy as _numpy  # noqa: F401
    import pyarrow as _pyarrow  # noqa: F401
except ImportError as _error:
    raise ImportError(
        f'samara.RangeTable needs {_error.name}: pip install "samara[frames]"', name=_error.name
    ) from _error

from samara.frames.errors import FrameError
from samara.frames.table import RangeTable

__all__ = ["FrameError", "RangeTable"]
