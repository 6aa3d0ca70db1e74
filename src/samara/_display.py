# SPDX-License-Identifier: MIT
"""What a tree looks like in a notebook and in rich. Both implementations call this.

A long tree shows only its first and its last entries, so showing it is O(1) in the number of
ranges. `repr()` does the same: in `_pure/tree.py` with the functions here, and in the extension's
`tree_repr.c`.
"""

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Any, Final

from samara._entry import Entry

# The same numbers as in binding/tree_repr.c.
SHOWN_WHOLE: Final = 20
"""The most entries that are all shown."""
SHOWN_EDGE: Final = 3
"""Of a longer tree, so many are shown at each end."""
SHOWN_TEXT: Final = 200
"""The most characters of a value in a notebook."""

_LEFT: Final = "style='text-align: left'"
_ROW: Final = f"<tr><td>{{}}</td><td>{{}}</td><td>{{}}</td><td {_LEFT}>{{}}</td></tr>"
_PAGE: Final = f"""<div>
<table>
<thead><tr><th>first</th><th>last</th><th>size</th><th {_LEFT}>value</th></tr></thead>
<tbody>
{{rows}}
</tbody>
</table>
<p>{{caption}}</p>
</div>"""


class _Dots:
    """Stands for the entries that are left out."""

    def __repr__(self) -> str:
        return "..."


_DOTS: Final = _Dots()


def shortened(
    entries: Iterator[Entry[Any, Any]], reverse: Iterator[Entry[Any, Any]]
) -> list[Entry[Any, Any] | None]:
    """Return the entries to show, given all of them in both directions. None: some are left out."""
    shown: list[Entry[Any, Any] | None] = list(islice(entries, SHOWN_WHOLE + 1))
    if len(shown) > SHOWN_WHOLE:
        shown[SHOWN_EDGE:] = [None]
        shown += list(islice(reverse, SHOWN_EDGE))[::-1]
    return shown


def caption(tree: Any, count: int) -> str:
    """Return the tree's class, size and options without those that have their default."""
    ranges = "1 range" if count == 1 else f"{count} ranges"
    return f"{type(tree).__name__} of {ranges}{options(tree)}"


def has_other_keys(tree: Any) -> bool:
    return type(tree.keys_dtype) is not str or tree.keys_dtype != "uint64"


def options(tree: Any) -> str:
    text = f", keys={tree.keys_dtype!r}" if has_other_keys(tree) else ""
    text += f", dtype={tree.dtype!r}" if tree.dtype else ""
    return text + ("" if tree.track_gaps else ", track_gaps=False")


def _cell(text: str) -> str:
    return escape(text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]}...")


def _size(entry: Entry[Any, Any]) -> str:
    """Format a size; nothing for floats, which have none, or if it is too large for numpy."""
    try:
        return str(entry.size)
    except (TypeError, OverflowError):
        return ""


def as_html(tree: Any) -> str:
    """Return a table for a notebook, in the notebook's own fonts and colours."""
    snapshot = tree.fork()
    rows = [
        _ROW.format(*map(_cell, (*map(str, entry[:2]), _size(entry), repr(entry.value))))
        if entry
        else _ROW.format(*["..."] * 4)
        for entry in shortened(snapshot.entries(), snapshot.entries(reverse=True))
    ]
    return _PAGE.format(rows="\n".join(rows), caption=escape(caption(snapshot, len(snapshot))))


def for_rich(tree: Any) -> Iterator[Any]:
    """Iterate over what rich shows of a tree: arguments that would make it, if all is shown."""
    snapshot = tree.fork()
    entries = shortened(snapshot.entries(), snapshot.entries(reverse=True))
    shown = [_DOTS if entry is None else tuple(entry) for entry in entries]
    given: list[Any] = [shown]
    if None in entries:
        given = [("ranges", len(snapshot)), ("entries", shown)]
    if has_other_keys(snapshot):
        given.append(("keys", snapshot.keys_dtype))
    given.append(("dtype", snapshot.dtype, None))
    given.append(("track_gaps", snapshot.track_gaps, True))
    return iter(given)
