# SPDX-License-Identifier: MIT
"""The exception for a column that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def no_column(name: object, names: Sequence[str]) -> KeyError:
    """Return the exception.

    >>> no_column("clint", ["client", "size"])
    KeyError("no column 'clint' in the frame; did you mean 'client'?")
    """
    if list(names).count(str(name)) > 1:
        return KeyError(f"the frame has several columns {name!r}")
    close = get_close_matches(str(name), [str(known) for known in names], 1)
    if close:
        return KeyError(f"no column {name!r} in the frame; did you mean {close[0]!r}?")
    shown = ", ".join(repr(known) for known in names[:20]) + (", ..." if len(names) > 20 else "")
    return KeyError(f"no column {name!r} in the frame, which has {shown or 'no columns'}")
