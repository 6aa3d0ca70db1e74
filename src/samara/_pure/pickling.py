# SPDX-License-Identifier: MIT
"""The state in a pickle of a tree, the same for both implementations.

    (1, track_gaps, firsts, lasts, values, attributes)
    (2, track_gaps, firsts, lasts, values, attributes, dtype)   of a packed tree
    (3, track_gaps, firsts, lasts, values, attributes, policy)  of a tree with a policy
    (4, track_gaps, firsts, lasts, values, attributes, dtype, policy)  of a packed tree with one
    (5, track_gaps, firsts, lasts, values, attributes, dtype, policy, keys)  of any other tree than
        those with keys "uint64"

    firsts, lasts  bytes: the codes of the ends of the ranges in order, 8 bytes each, little-endian;
                   16 bytes if the codes have 128 bits
    values         a list, one value for each range; of a packed tree bytes, 8 for each value
    keys           the name of the kind of keys, or the object with the KeyType protocol
    attributes     what object.__getstate__() returns for an instance of a subclass, else None

With protocol 5, the three columns of a packed tree are pickle.PickleBuffers of these bytes. So a
state in a pickle holds bytes; or any buffers, if its columns went out of band.

A state comes from outside, so all of it is checked before the tree changes.
"""

import copyreg
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

from samara._arguments import shown
from samara._columns import ORDERS
from samara._keys import Kind, kind_of
from samara._pure.build import build
from samara._pure.node import UINT64, Head
from samara._pure.packed import FORMS
from samara._pure.walk import entries_of

MEMBERS: Final = {1: 6, 2: 7, 3: 7, 4: 8, 5: 9}  # of a state, by its format
OWN: Final = ("_head", "_lock")  # the slots of a MapleTree itself


def attributes_of(tree: Any) -> Any:
    """Return what an instance of a subclass has besides the tree itself."""
    state = object.__getstate__(tree)
    if not isinstance(state, tuple):
        return state
    slots = {name: value for name, value in state[1].items() if name not in OWN}
    return (state[0], slots) if slots else state[0]


def set_attributes(tree: Any, attributes: Any) -> None:
    values, slots = attributes if isinstance(attributes, tuple) else (attributes, {})
    if values is not None:
        tree.__dict__.update(values)
    for name, value in slots.items():
        setattr(tree, name, value)


def state_of(head: Head, attributes: Any) -> tuple[Any, ...]:
    entries = entries_of(head, 0, head.kind.top)
    firsts, lasts, values = list(zip(*entries, strict=True)) or ((), (), ())
    form = f"<{len(values)}"
    ends = packed(head.kind, firsts), packed(head.kind, lasts)
    if head.kind is not UINT64:
        words = struct.pack(form + FORMS[head.dtype], *values) if head.dtype else list(values)
        own = head.dtype, head.policy, head.kind.name
        return 5, head.tracks_gaps, *ends, words, attributes, *own
    if head.policy is not None and head.dtype is None:
        return 3, head.tracks_gaps, *ends, list(values), attributes, head.policy
    if head.dtype is None:
        return 1, head.tracks_gaps, *ends, list(values), attributes
    words = struct.pack(form + FORMS[head.dtype], *values)
    if head.policy is not None:
        return 4, head.tracks_gaps, *ends, words, attributes, head.dtype, head.policy
    return 2, head.tracks_gaps, *ends, words, attributes, head.dtype


def packed(kind: Kind, codes: Sequence[int]) -> bytes:
    if kind.bits == 64:
        return struct.pack(f"<{len(codes)}Q", *codes)
    return b"".join(code.to_bytes(16, "little") for code in codes)


def unpacked(kind: Kind, words: bytes) -> Sequence[int]:
    if kind.bits == 64:
        return struct.unpack(f"<{len(words) // 8}Q", words)
    starts = range(0, len(words), 16)
    return [int.from_bytes(words[start : start + 16], "little") for start in starts]


def wrapped(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a state whose columns pickle can hand on without a copy, if the tree is packed."""
    import pickle

    if dtype_in(state) is None or not hasattr(pickle, "PickleBuffer"):
        return state
    return *state[:2], *map(pickle.PickleBuffer, state[2:5]), *state[5:]


def expect(sound: bool, reason: str) -> None:
    if not sound:
        raise ValueError(f"not the state of a MapleTree: {reason}")


def column_of(given: Any, noun: str) -> bytes:
    """Return the bytes of a column: a buffer of bytes or of 64-bit numbers, little-endian."""
    try:
        view = memoryview(given)
    except (TypeError, ValueError, BufferError):
        raise ValueError(f"not the state of a MapleTree: the {noun} are not bytes") from None
    with view:
        row = view.ndim == 1 and view.contiguous
        expect(row, f"the {noun} are not one row of bytes")
        order, code = view.format[:-1], view.format[-1:]
        little = order == "<" or (order in ("", "@", "=") and sys.byteorder == "little")
        codes = {1: "bBc", 8: "qQlLd" if little else ""}.get(view.itemsize, "")
        known = order in ORDERS and code in tuple(codes)
        expect(known, f"the {noun} are neither bytes nor little-endian words")
        return view.tobytes()


def checked_state(tree: Any, state: Any) -> tuple[Any, ...]:
    """Check everything in a state, except what can still change and the order of the ranges.

    Returns it with bytes for buffers.
    """
    expect(isinstance(state, tuple) and 6 <= len(state) <= 9, "expected a tuple of 6 to 9 items")
    version, track_gaps, *ends, values, attributes = state[:6]
    expect(type(version) is int, "the format is not an integer")
    if version not in MEMBERS:
        text = f"the format of a pickled MapleTree must be 1, 2, 3, 4 or 5, not {shown(version)}"
        raise ValueError(text)
    members = MEMBERS[version]
    expect(len(state) == members, f"expected a tuple of {members} items")
    expect(isinstance(track_gaps, bool), "track_gaps is not a bool")
    dtype = dtype_in(state)
    known = dtype in tuple(FORMS) or (version == 5 and dtype is None)
    expect(known or version in (1, 3), "dtype is not 'u8', 'i8' or 'f8'")
    for number, end in enumerate(ends):
        expect(dtype is not None or isinstance(end, bytes), "the ranges are not bytes")
        ends[number] = column_of(end, "ranges")
    if dtype is None:
        expect(isinstance(values, list), "the values are not a list")
    else:
        values = column_of(values, "values")
    sizes, item = {len(end) for end in ends}, kind_in(state).bits // 8
    expect(len(sizes) == 1 and not sum(sizes) % item, "firsts and lasts differ in number")
    dicts = attributes if isinstance(attributes, tuple) else (attributes, {})
    expect(len(dicts) == 2 and isinstance(dicts[1], dict), "the attributes are not a pair of dicts")
    slots = {*copyreg._slotnames(type(tree))}.difference(OWN)  # type: ignore[attr-defined]
    known = all(type(name) is str and name in slots for name in dicts[1])
    expect(known, "attributes for slots that the class does not have")
    expect(isinstance(dicts[0], dict | None), "the attributes are not a dict")
    homeless = dicts[0] is not None and not hasattr(tree, "__dict__")
    expect(not homeless, "attributes for a class whose instances cannot have any")
    return *state[:2], *ends, values, *state[5:]


def policy_in(state: tuple[Any, ...]) -> tuple[Any, str | None]:
    """Return the policy and the dtype of a state that has been checked."""
    place = {3: 6, 4: 7, 5: 7}.get(state[0])
    return state[place] if place else None, dtype_in(state)


def dtype_in(state: tuple[Any, ...]) -> Any:
    return state[6] if state[0] in (2, 4, 5) else None


def kind_in(state: Any) -> Kind:
    """Return the kind of keys in a state that has not been checked yet."""
    return kind_of(state[8]) if isinstance(state, tuple) and len(state) == 9 else UINT64


def head_of(state: tuple[Any, ...], kind: Kind, policy: Any) -> Head:
    """Return a new head from a state that has been checked."""
    _, track_gaps, *ends, values, _ = state[:6]
    dtype = dtype_in(state)
    firsts, lasts = (unpacked(kind, end) for end in ends)
    count = len(firsts)
    expect(len(values) == (count * 8 if dtype else count), "ranges and values differ in number")
    if dtype:
        values = struct.unpack(f"<{count}{FORMS[dtype]}", values)
    free = 0
    for position, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        text = f"range {position}, [{first}, {last}], is out of order"
        expect(free <= first <= last <= kind.top, text)
        free = last + 1
    head = Head(track_gaps, dtype, policy, kind)
    build(head, list(zip(firsts, lasts, values, strict=True)))
    return head
