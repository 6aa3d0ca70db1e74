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


def expect(sound: bool, reason: str) -> None:
    if not sound:
        raise ValueError(f"not the state of a MapleTree: {reason}")


def head_of(tree: Any, state: Any) -> Head:
    """A new head from a state."""
    expect(isinstance(state, tuple) and len(state) == 6, "it is no tuple of 6")
    version, track_gaps, *ends, values, attributes = state
    expect(type(version) is int, "the format's version is no integer")
    if version != 1:
        raise ValueError(f"a MapleTree pickled in format {version}, this is format 1")
    expect(isinstance(track_gaps, bool), "track_gaps is no bool")
    expect(all(isinstance(end, bytes) for end in ends), "the ranges are no bytes")
    expect(isinstance(values, list), "the values are no list")
    sizes = {len(end) for end in ends}
    expect(len(sizes) == 1 and not sum(sizes) % 8, "the ranges' ends differ in number")
    dicts = attributes if isinstance(attributes, tuple) else (attributes, {})
    paired = len(dicts) == 2 and isinstance(dicts[1], dict)
    expect(paired, "the attributes are no pair of dicts")
    expect(isinstance(dicts[0], dict | None), "the attributes are no dict")
    homeless = dicts[0] is not None and not hasattr(tree, "__dict__")
    expect(not homeless, "attributes for a class whose instances have none")
    expect(sizes == {len(values) * 8}, "ranges and values differ in number")
    firsts, lasts = (struct.unpack(f"<{len(values)}Q", end) for end in ends)
    free = 0
    for position, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        sound = free <= first <= last
        expect(sound, f"range {position}, [{first}, {last}], is out of order")
        free = last + 1
    head = Head(track_gaps)
    build(head, list(zip(firsts, lasts, values, strict=True)))
    return head
