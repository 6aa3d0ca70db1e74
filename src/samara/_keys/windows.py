# SPDX-License-Identifier: MIT
"""Keys, windows, slices and sizes that callers give, as codes: checked before anything else.

Look-ups cut a window at the limits; a window that lies entirely outside becomes None. Writes raise
ValueError for anything outside. A bound that is optional may be None, which means the limit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from samara._arguments import shown
from samara._errors import NoKey
from samara._keys.kind import Kind

Window = tuple[int, int]
NAMES: Final = ("first", "last")
NO_CODE: Final = -1


def code_inside(kind: Kind, key: Any, name: str = "index") -> int:
    """Return the code of a key that is looked up, or NO_CODE if no tree can have it."""
    try:
        code = kind.code(key, name)
    except NoKey:
        return NO_CODE
    return code if 0 <= code <= kind.top else NO_CODE


def required_code(kind: Kind, key: Any, name: str) -> int:
    code = kind.code(key, name)
    if not 0 <= code <= kind.top:
        raise kind.outside(key, name)
    return code


def required_window(kind: Kind, first: Any, last: Any, optional: bool = False) -> Window:
    low = 0 if first is None and optional else required_code(kind, first, "first")
    high = kind.top if last is None and optional else required_code(kind, last, "last")
    if low > high:
        raise ValueError(f"first {kind.shown(first)} is above last {kind.shown(last)}")
    return low, high


def clipped_window(
    kind: Kind,
    first: Any,
    last: Any,
    names: tuple[str, str] = NAMES,
    optional: tuple[bool, bool] = (True, True),
) -> Window | None:
    low = 0 if first is None and optional[0] else kind.code(first, names[0])
    high = kind.top if last is None and optional[1] else kind.code(last, names[1])
    return cut_window(kind, low, high, (first, last), names)


def cut_window(
    kind: Kind, low: int, high: int, keys: tuple[Any, Any], names: tuple[str, str] = NAMES
) -> Window | None:
    """Cut a window at the limits. `keys` are what was given, for the message."""
    if (low > kind.top and high >= kind.top) or (low <= 0 and high < 0):
        return None
    if low > high:
        first, last = keys
        first, last = kind.shown(first), kind.shown(last)
        raise ValueError(f"{names[0]} {first} is above {names[1]} {last}")
    return max(low, 0), min(high, kind.top)


def slice_window(kind: Kind, key: slice, clip: bool) -> Window | None:
    """Convert a half-open slice to a closed window, or to None if it is empty."""
    if key.step is not None:
        raise ValueError(f"the step of a slice must be None, not {key.step!r}")
    end = kind.top + 1
    check: Callable[[Any, str], int] = kind.code if clip else partial(code_to_end, kind)
    start = 0 if key.start is None else check(key.start, "start")
    stop = end if key.stop is None else check(key.stop, "stop")
    low, high = max(start, 0), min(max(stop, 0), end)
    if min(low, end) > high:
        shown = [kind.shown(given) for given in (key.start, key.stop)]
        raise ValueError(f"start {shown[0]} is above stop {shown[1]}")
    return (low, high - 1) if low < high else None


def code_to_end(kind: Kind, key: Any, name: str, low: int = 0) -> int:
    """Return the code of a key from the code `low` on, which may be one past the last key."""
    code = kind.code(key, name)
    if not low <= code <= kind.top + 1:
        raise kind.outside(key, name, low, end=True)
    return code


def shown_size(kind: Kind, count: int) -> str:
    size = kind.size(count)
    return shown(size) if isinstance(size, int) else str(size)


def required_count(kind: Kind, size: Any, name: str) -> int:
    """Return a size as a number of keys."""
    count = kind.count(size, name)
    if count < 1:
        raise ValueError(f"{name} must be {kind.size(1)} or more, not {shown_size(kind, count)}")
    return count


def alignment_of(kind: Kind, align: Any) -> int:
    return 1 if align is None else required_count(kind, align, "align")
