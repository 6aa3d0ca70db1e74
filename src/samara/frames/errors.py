# SPDX-License-Identifier: MIT
"""The exception of the frames, and how messages name a place in a frame."""

from __future__ import annotations

from typing import Any


class FrameError(ValueError):
    """Values in a frame cannot be used. The message names the column and the row.

    Rows are counted from 0, in the frame as it was given.

    >>> issubclass(FrameError, ValueError)
    True
    """


def quoted(names: Any) -> str:
    """Return names for a message.

    >>> quoted(["a", "b"])
    "'a', 'b'"
    """
    return ", ".join(repr(str(name)) for name in names)
