"""States: what a pickle of a tree holds, the same for both implementations.

    (1, track_gaps, firsts, lasts, values, attributes)

    firsts, lasts  bytes: the ends of the ranges in order, 8 bytes each, little-endian
    values         a list, one value for each range
    attributes     what object.__getstate__() answers for an instance of a subclass, else None

A state comes from outside: all of it is checked before the tree is touched.
"""

import struct
from typing import Any

from samara._pure.building import build
from samara._pure.nodes import MAX, Head
from samara._pure.walking import entries_of


def attributes_of(tree: Any, own: tuple[str, ...]) -> Any:
    """What an instance has beside what makes it a tree."""
    state = object.__getstate__(tree)
    if not isinstance(state, tuple):
        return state
    slots = {name: value for name, value in state[1].items() if name not in own}
    return (state[0], slots) if slots else state[0]


def set_attributes(tree: Any, attributes: Any) -> None:
    values, slots = attributes if isinstance(attributes, tuple) else (attributes, {})
    if values is not None:
        tree.__dict__.update(values)
    for name, value in slots.items():
        setattr(tree, name, value)


def state_of(head: Head, attributes: Any) -> tuple[Any, ...]:
    firsts, lasts, values = list(zip(*entries_of(head, 0, MAX), strict=True)) or ((), (), ())
    form = f"<{len(values)}Q"
    ends = struct.pack(form, *firsts), struct.pack(form, *lasts)
    return 1, head.tracks_gaps, *ends, list(values), attributes


def fault_of(tree: Any, state: Any) -> str:
    """What is wrong with a state before its ranges are looked at."""
    if not isinstance(state, tuple) or len(state) != 6:
        return "it is no tuple of 6"
    version, track_gaps, firsts, lasts, values, attributes = state
    dicts = attributes if isinstance(attributes, tuple) else (attributes, {})
    if type(version) is not int:
        return "the format's version is no integer"
    if version != 1:
        raise ValueError(f"a MapleTree pickled in format {version}, this is format 1")
    if not isinstance(track_gaps, bool):
        return "track_gaps is no bool"
    if not isinstance(firsts, bytes) or not isinstance(lasts, bytes):
        return "the ranges are no bytes"
    if not isinstance(values, list):
        return "the values are no list"
    if len(firsts) != len(lasts) or len(firsts) % 8:
        return "the ranges' ends differ in number"
    if len(dicts) != 2 or not isinstance(dicts[1], dict):
        return "the attributes are no pair of dicts"
    if not isinstance(dicts[0], dict | None):
        return "the attributes are no dict"
    if dicts[0] is not None and not hasattr(tree, "__dict__"):
        return "attributes for a class whose instances have none"
    return "" if len(values) * 8 == len(firsts) else "ranges and values differ in number"


def head_of(tree: Any, state: Any) -> Head:
    """A new head from a state."""
    fault = fault_of(tree, state)
    if fault:
        raise ValueError(f"not the state of a MapleTree: {fault}")
    form = f"<{len(state[4])}Q"
    ends = struct.unpack(form, state[2]), struct.unpack(form, state[3])
    triples = list(zip(*ends, state[4], strict=True))
    free = 0
    for position, (first, last, _) in enumerate(triples):
        if not free <= first <= last:
            where = f"range {position}, [{first}, {last}], is out of order"
            raise ValueError(f"not the state of a MapleTree: {where}")
        free = last + 1
    head = Head(state[1])
    build(head, triples)
    return head
