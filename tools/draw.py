# SPDX-License-Identifier: MIT
"""Draw the pictures of how-it-works.md and kernels.md: python tools/draw.py [FOLDER]

Real operations on trees of samara._pure make each picture. The identity of the nodes shows which
ones a write created, wrote in place or left alone, so no picture can be wrong about it.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from canvas import LINE, Canvas, Drawing, Names, Places, Spot, is_blank, named, number, shot_of
from kernel_trees import kernels
from samara._arguments import MAX
from samara._pure import MapleTree
from samara._pure import dup as duplication
from samara._pure.node import POOL, Node
from samara._pure.walk import Level, descend
from samara._pure.write import Splice


def plain(node: Node) -> str:
    return "plain"


def noting(seen: set[Node]) -> Any:
    """Note each node that a walk visits."""
    begin = Level.__init__

    def noted(level: Level, node: Node, first: int, last: int, index: int) -> None:
        seen.add(node)
        begin(level, node, first, last, index)

    return patch.object(Level, "__init__", noted)


class Store:
    """A store into a tree: the nodes on its paths, and those it drops, creates or writes."""

    def __init__(self, tree: MapleTree, first: int, last: int, value: Any) -> None:
        paths = descend(tree._head, first) + descend(tree._head, last)
        self.paths = {level.node for level in paths}
        self.shot_before = shot_of(tree)
        self.seen: set[Node] = set()
        count = Splice._counts

        def counts(splice: Splice) -> tuple[int, int] | None:
            """Forget the nodes of this count: it comes before the splice looks at anything."""
            counted = count(splice)
            self.seen.clear()
            return counted

        with noting(self.seen), patch.object(Splice, "_counts", counts):
            tree.store_range(first, last, value)
        tree.check()
        self.shot_after = shot_of(tree)
        self.before, self.after = self.shot_before.nodes(), self.shot_after.nodes()

    def look_before(self, node: Node) -> str:
        if node in self.seen:
            return "path" if node in self.paths else "taken"
        return "kept" if node in self.after else "dropped"

    def look_after(self, node: Node) -> str:
        if node not in self.before:
            return "new"
        return "kept" if self.before[node] is self.after[node] else "written"


def downwards(count: int, step: int, first: Callable[[int], int], end: int = 0) -> MapleTree:
    """Store entries from the highest down, which makes leaves of eight slots."""
    tree: MapleTree = MapleTree()
    for i in reversed(range(count)):
        tree.store_range(first(i), max(i * step + step - 1, end), chr(ord("a") + i % 26))
        end = 0
    return tree


def side_by_side(count: int) -> MapleTree:
    """Make entries that cover all keys, without a gap."""
    return downwards(count, 10, lambda i: i * 10, MAX)


def leaf(canvas: Canvas) -> None:
    tree = MapleTree([(10, 19, "a"), (20, 24, "b"), (40, 99, "c")])
    shot = shot_of(tree)
    Drawing(canvas, shot, named({}, shot.nodes(), "A"), plain).draw(0, 0)
    node = shot.node
    lines = [
        "pivots  " + " ".join(map(str, node.pivots)),
        "slots   " + " ".join(map(str, node.slots)),
        "gaps    " + " ".join(map(number, node.gaps)),
        "",
        "Dark: the pivots, each the last key",
        "of its slot. Faint: stored nowhere; it",
        "follows from the slot before or from",
        "the path to the node.",
    ]
    for i, line in enumerate(lines):
        canvas.text(220, 14 + i * LINE, line)


def tree(canvas: Canvas) -> None:
    tree = downwards(12, 10, lambda i: i * 10 + [2, 4, 1, 3][i % 4])
    shot = shot_of(tree)
    Drawing(canvas, shot, named({}, shot.nodes(), "R A B C"), plain).draw(0, 0)


def split(canvas: Canvas) -> None:
    tree = MapleTree((i * 10, i * 10 + 9, chr(ord("a") + i)) for i in range(14))
    fits, splits = Store(tree, 140, 149, "x"), Store(tree, 42, 44, "y")
    names = named({}, fits.before, "A")
    top = canvas.caption(0, 0, "1. 15 slots")
    Drawing(canvas, fits.shot_before, names, plain).draw(0, top)
    canvas.caption(190, 0, "2. store_range(140, 149, 'x')")
    Drawing(canvas, fits.shot_after, names, fits.look_after, (140, 149)).draw(190, top)
    canvas.caption(430, 0, "3. store_range(42, 44, 'y')")
    names = named(names, splits.after, "R B C")
    Drawing(canvas, splits.shot_after, names, splits.look_after, (42, 44)).draw(430, top)


def spanning(canvas: Canvas) -> None:
    stored(canvas, side_by_side(49), (105, 334), "R A B C D E F", "G")


def collapse(canvas: Canvas) -> None:
    stored(canvas, side_by_side(17), (20, 49), "R A B", "C")


def stored(canvas: Canvas, tree: MapleTree, keys: tuple[int, int], old: str, new: str) -> None:
    store = Store(tree, *keys, "x")
    names = named({}, store.before, old)
    y = canvas.caption(0, 0, "Before")
    Drawing(canvas, store.shot_before, names, store.look_before, keys).draw(0, y)
    x, y = (canvas.right + 40, 0.0) if canvas.right < 300 else (0.0, canvas.bottom + 16)
    y = canvas.caption(x, y, f"After store_range({keys[0]}, {keys[1]}, 'x')")
    names = named(names, store.after, new)
    Drawing(canvas, store.shot_after, names, store.look_after, keys).draw(x, y)


def search(canvas: Canvas) -> None:
    sizes = [5, 10, 5, 8, 12, 6, 9, 4, 7, 35, 3, 11, 5, 9, 40, 6]
    tree = downwards(16, 50, lambda i: i * 50 + sizes[i])
    shot, y = shot_of(tree), 0.0
    names = named({}, shot.nodes(), "R A B C D")
    for request in ({"size": 30}, {"size": 30, "align": 64}):
        seen: set[Node] = set()
        with noting(seen):
            start = tree.empty_area(**request)
        asked = ", ".join(f"{name}={value}" for name, value in request.items())
        y = canvas.caption(0, y, f"empty_area({asked}) is {start}")
        look = {node: "seen" if node in seen else "skipped" for node in names}.__getitem__
        Drawing(canvas, shot, names, look, (start, start)).draw(0, y)
        y = canvas.bottom + 16


class Duplication:
    """Draws a frame at each step of a dup(): nodes allocated, or a node copied."""

    def __init__(self, canvas: Canvas, tree: MapleTree) -> None:
        self.canvas, self.tree, self.frames = canvas, tree, 0
        self.names = named({}, shot_of(tree).nodes(), "R A B C")
        places: dict[str, Spot] = {"R": (1, 0), "A": (0, 1), "B": (1, 1), "C": (2, 1)}
        copies = {f"{name}′": (column + 3.2, row) for name, (column, row) in places.items()}
        self.places = places | copies
        self.take, self.copy_node = POOL.take, duplication.copy_node

    def look(self, node: Node) -> str:
        if "′" not in self.names[node]:
            return "source"
        return "blank" if is_blank(node) else "new"

    def frame(self, title: str) -> None:
        x, y = self.frames % 2 * 440.0, self.frames // 2 * 170.0
        self.frames += 1
        y = self.canvas.caption(x, y, f"{self.frames}. {title}")
        Places(self.names, self.places, self.look).draw(self.canvas, x, y)

    def observed_take(self, count: int, owner: object) -> list[Node]:
        if count > 1:
            self.frame("R copied whole: R′ has R's children")
        nodes = self.take(count, owner)
        self.names = named(self.names, nodes, "R′" if count == 1 else "A′ B′ C′")
        self.frame("A node for the root" if count == 1 else "Nodes for all children at once")
        return nodes

    def observed_copy(self, node: Node, copy: Node) -> None:
        self.copy_node(node, copy)
        name = self.names[node]
        self.frame(f"{name} copied" if node.is_leaf else "R′ gets its own children")

    def run(self) -> None:
        """Run once to the end, and once until the pool fails to allocate the children."""
        source = self.names
        with (
            patch.object(POOL, "take", self.observed_take),
            patch.object(duplication, "copy_node", self.observed_copy),
        ):
            self.tree.dup().check()
        self.names = source
        other = MapleTree()
        POOL.fail_nth = 2
        try:
            self.tree.dup_into(other)
        except MemoryError:
            self.frame("Or step 3 fails: R′ is dropped")
        assert not other
        self.tree.check()


def dup(canvas: Canvas) -> None:
    Duplication(canvas, side_by_side(25)).run()


def fork(canvas: Canvas) -> None:
    t = side_by_side(33)
    t.check()
    names = named({}, shot_of(t).nodes(), "R A B C D")
    rows = {"A": 0, "B": 1, "B′": 2, "C": 3, "D": 4, "D″": 5}
    places: dict[str, Spot] = {name: (column, 1) for name, column in rows.items()}
    places |= {"R": (1, 0), "R′": (3, 0), "R″": (4.5, 0)}

    def frame(
        index: int, title: str, trees: dict[str, MapleTree], names: Names, old: Names
    ) -> None:
        held = {name: set(shot_of(tree).nodes()) for name, tree in trees.items()}

        def look(node: Node) -> str:
            users = sum(node in nodes for nodes in held.values())
            if users == 1:
                return "single" if node in old else "new"
            return ["gone", "single", "shared"][users]

        x, y = index % 2 * 450.0, index // 2 * 210.0
        y = canvas.caption(x, y, title) + 22
        roots = {name: tree._head.root for name, tree in trees.items() if tree._head.root}
        Places(names, places, look).draw(canvas, x, y, roots)

    frame(0, "1. One tree", {"t": t}, names, names)
    u = t.fork()
    frame(1, "2. u = t.fork()", {"t": t, "u": u}, names, names)
    u.store_range(160, 164, "x")
    after = named(names, shot_of(u).nodes(), "R′ B′")
    frame(2, "3. u.store_range(160, 164, 'x')", {"t": t, "u": u}, after, names)
    t.store_range(300, 304, "y")
    last = named(after, shot_of(t).nodes(), "R″ D″")
    frame(3, "4. t.store_range(300, 304, 'y')", {"t": t, "u": u}, last, after)
    t.check()
    u.check()


DRAWN: list[Callable[[Canvas], None]]
DRAWN = [leaf, tree, split, spanning, collapse, search, dup, fork, kernels]


def main() -> None:
    folder = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "pictures"
    )
    for draw in DRAWN:
        canvas = Canvas()
        draw(canvas)
        (folder / f"{draw.__name__}.svg").write_text(canvas.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
