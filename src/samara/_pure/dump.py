# SPDX-License-Identifier: MIT
"""Printing a tree's nodes."""

from collections.abc import Iterator

from samara._pure.node import GAP, Head
from samara._pure.packed import word_of
from samara._pure.walk import Level


def dump(head: Head, hexadecimal: bool) -> str:
    form = "#x" if hexadecimal else "d"
    lines = [f"maple tree: height {head.height}, attributes {2 + head.tracks_gaps:#x}"]
    if head.root:
        lines += node_lines(head, Level(head.root, 0, head.limit, 0), form)
    return "\n".join(lines) + "\n"


def node_lines(head: Head, level: Level, form: str) -> Iterator[str]:
    node = level.node
    kind = "leaf" if node.is_leaf else "node with gaps" if head.tracks_gaps else "node"
    owned = "private" if node.owner is head.owner else "shared"
    place = f"[{level.first:{form}}, {level.last:{form}}]"
    yield f"  {kind} {place}: {len(node.slots)} slots, {owned}"
    for slot, content in enumerate(level.slots):
        level.slot = slot
        if node.is_leaf:
            text = "gap" if content is GAP else f"{word_of(content, head.dtype):#x}"
            yield f"    {slot:2} [{level.slot_first:{form}}, {level.slot_last:{form}}]: {text}"
            continue
        if head.tracks_gaps:
            yield f"    {slot:2} largest gap {level.gaps[slot]}"
        yield from ("  " + line for line in node_lines(head, level.enter(0), form))
