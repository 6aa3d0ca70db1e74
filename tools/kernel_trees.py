# SPDX-License-Identifier: MIT
"""Draw the trees of a process and of its forked child, as two kernels had them in memory.

Called by draw.py. The trees are those of tests/data/kernel/.
"""

from __future__ import annotations

import gzip
import json
from bisect import bisect_right
from pathlib import Path

from canvas import CHAR, Canvas
from samara.kernel import Node, read_nodes

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "kernel"
KERNELS = {
    "linux_6_1": "stores each VMA into a new tree",
    "linux_6_12": "duplicates the tree with __mt_dup()",
}
WIDTH, HEIGHT, ACROSS, DOWN, BESIDE = 30, 36, 34, 66, 40


def trees(name: str) -> tuple[str, list[list[Node]]]:
    """Return a kernel's release, and the nodes of the parent and the child."""
    content = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    ranges = [(address, bytes.fromhex(text)) for address, text in content["memory"]]
    starts = [address for address, _ in ranges]

    def read(address: int, size: int) -> bytes:
        start, data = ranges[bisect_right(starts, address) - 1]
        return data[address - start : address - start + size]

    roots = [content["trees"][str(pid)][0] for pid in content["processes"]["plain"]]
    return content["release"], [list(read_nodes(read, root)) for root in roots]


def draw_tree(canvas: Canvas, x: float, y: float, nodes: list[Node], looks: list[str]) -> float:
    """Draw a tree, each inner node above the middle of its children; return its right end."""
    places: dict[int, tuple[float, float]] = {}
    below: dict[int, list[int]] = {
        node.address: [word & ~0xFF for word in node.slots]
        for node in nodes
        if not node.type.is_leaf
    }
    left = x
    for node in nodes:
        if node.type.is_leaf:
            places[node.address] = left, y + node.depth * DOWN
            left += ACROSS
    for node in reversed(nodes):
        if not node.type.is_leaf:
            across = [places[child][0] for child in below[node.address]]
            places[node.address] = (across[0] + across[-1]) / 2, y + node.depth * DOWN
    for address, children in below.items():
        for child in children:
            top, bottom = places[address], places[child]
            middle = WIDTH / 2
            canvas.line(top[0] + middle, top[1] + HEIGHT, bottom[0] + middle, bottom[1])
    for node, look in zip(nodes, looks, strict=True):
        place = places[node.address]
        canvas.box(*place, WIDTH, HEIGHT, look)
        text = str(len(node.slots))
        canvas.text(place[0] + (WIDTH - CHAR * len(text)) / 2, place[1] + 15, text, "title")
        size = 16 if node.type.is_leaf else 10
        canvas.text(place[0] + (WIDTH - CHAR * 3) / 2, place[1] + 30, f"/{size}")
    return left


def outline(node: Node) -> tuple[object, ...]:
    """Return everything about a node but the addresses in it."""
    return node.type, node.depth, node.pivots, node.gaps, [word != 0 for word in node.slots]


def kernels(canvas: Canvas) -> None:
    for name, what in KERNELS.items():
        release, (parent, child) = trees(name)
        x, y = 0.0, canvas.bottom + (20 if canvas.bottom else 0)
        version = ".".join(release.split(".")[:2])
        y = canvas.caption(x, y, f"Linux {version} {what}")
        same = [outline(one) == outline(other) for one, other in zip(parent, child, strict=True)]
        canvas.text(x, y + 12, "the parent")
        right = draw_tree(canvas, x, y + 24, parent, ["plain"] * len(parent)) + BESIDE
        canvas.text(right, y + 12, "the child")
        draw_tree(canvas, right, y + 24, child, ["same" if one else "differs" for one in same])
