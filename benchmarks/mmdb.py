# SPDX-License-Identifier: MIT
"""Write a MaxMind DB file, version 2.0, whose values are strings.

The format: https://maxmind.github.io/MaxMind-DB/. A binary tree of records of 24 or 32 bits, then
16 bytes of zeros, the values, a marker and a map that describes the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy

MARKER = b"\xab\xcd\xefMaxMind.com"
STRING, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11
EMPTY = 0  # no record leads to the root


def head(kind: int, size: int) -> bytes:
    """Return the control bytes of a value. Sizes below 29 are all that is needed here."""
    assert size < 29
    return bytes([kind << 5 | size]) if kind <= MAP else bytes([size, kind - MAP])


def encoded(value: Any, kind: int = STRING) -> bytes:
    if isinstance(value, dict):
        return head(MAP, len(value)) + b"".join(
            encoded(name) + (item if isinstance(item, bytes) else encoded(item))
            for name, item in value.items()
        )
    content = (
        value.encode() if isinstance(value, str) else value.to_bytes(-(-value.bit_length() // 8))
    )
    return head(kind, len(content)) + content


def tree_of(networks: Iterable[tuple[int, int, int]], bits: int) -> Any:
    """Return the records, two for each node. A leaf is -1 minus its value.

    Networks are (first address, prefix length, value), in ascending order.
    """
    records = array("q", [EMPTY, EMPTY])
    path = [0] * (bits + 1)  # the node at each depth on the way to the network before
    before = 0
    depth = 0  # down to where the path is of that network
    for first, prefix, value in networks:
        shared = min(depth, prefix - 1, bits - (first ^ before).bit_length())
        node = path[shared]
        for level in range(shared, prefix - 1):
            at = 2 * node + (first >> (bits - 1 - level) & 1)
            node = records[at] = len(records) // 2
            records.extend((EMPTY, EMPTY))
            path[level + 1] = node
        records[2 * node + (first >> (bits - prefix) & 1)] = -1 - value
        before, depth = first, prefix - 1
    return numpy.frombuffer(records, numpy.int64)


def write(path: Path, networks: Iterable[tuple[int, int, str]], bits: int) -> None:
    """Write the networks: (first address, prefix length, value), in ascending order."""
    places: dict[str, int] = {}
    data = bytearray()

    def place(value: str) -> int:
        if value not in places:
            places[value] = len(data)
            data.extend(encoded(value))
        return places[value]

    tree = tree_of(((first, prefix, place(value)) for first, prefix, value in networks), bits)
    count = len(tree) // 2
    records = numpy.where(tree < 0, count + 15 - tree, numpy.where(tree == EMPTY, count, tree))
    size = 24 if count + 16 + len(data) < 1 << 24 else 32
    about = {
        "binary_format_major_version": encoded(2, UINT16),
        "binary_format_minor_version": encoded(0, UINT16),
        "build_epoch": encoded(1, UINT64),
        "database_type": "countries",
        "description": {},
        "ip_version": encoded(4 if bits == 32 else 6, UINT16),
        "languages": head(ARRAY, 0),
        "node_count": encoded(count, UINT32),
        "record_size": encoded(size, UINT16),
    }
    words = records.astype(">u4").view(numpy.uint8).reshape(-1, 4)[:, 4 - size // 8 :]
    path.write_bytes(words.tobytes() + bytes(16) + data + MARKER + encoded(about))
