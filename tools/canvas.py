# SPDX-License-Identifier: MIT
"""Draw live trees of samara._pure as SVG, for draw.py. Text and boxes know their extent."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from samara._arguments import MAX
from samara._pure import MapleTree
from samara._pure.node import GAP, Node
from samara._pure.walk import Level

CHAR, LINE, PAD = 7.3, 16, 7  # character width, line height and padding, in pixels

# How a node looks: fill, edge, dashes, and the meaning.
LOOKS = {
    "plain": ("#ffffff", "#566573", "", "a node"),
    "mark": ("#e0d5f5", "#7d5fb2", "", "the keys of the call"),
    "kept": ("#ffffff", "#566573", "", "the same node as before"),
    "new": ("#d0f0d0", "#1e8449", "", "new"),
    "written": ("#ffe2a0", "#b9770e", "", "written in place"),
    "path": ("#fadbd8", "#b03a2e", "", "on a path of the store"),
    "taken": ("#fadbd8", "#b03a2e", "2 2", "a neighbour, added"),
    "dropped": ("#e5e7e9", "#808b96", "4 3", "dropped without being read"),
    "shared": ("#d6e6fa", "#2162a8", "", "shared by both trees"),
    "single": ("#ffffff", "#566573", "", "used by one tree"),
    "gone": ("#e5e7e9", "#808b96", "4 3", "no longer used"),
    "blank": ("#fdfefe", "#1e8449", "4 3", "allocated, blank"),
    "source": ("#ffffff", "#566573", "", "the source"),
    "seen": ("#ffe2a0", "#b9770e", "", "looked at"),
    "same": ("#d0f0d0", "#1e8449", "", "as the parent's, at another address"),
    "differs": ("#fadbd8", "#b03a2e", "", "other than the parent's"),
    "skipped": ("#e5e7e9", "#808b96", "4 3", "not looked at"),
}
Names = dict[Node, str]
Spot = tuple[float, int]  # column and row
Look = Callable[[Node], str]


class Canvas:
    """Shapes and text, with their extent."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.looks: dict[str, None] = {}
        self.right = self.bottom = 0.0

    def reach(self, right: float, bottom: float) -> None:
        self.right, self.bottom = max(self.right, right), max(self.bottom, bottom)

    def text(self, x: float, y: float, text: str, kind: str = "", faint: str = "") -> None:
        """Draw text from x on, or up to x if the kind is `right`. A faint part comes first."""
        kind = f' class="{kind}"' if kind else ""
        span = f'<tspan class="faint">{escape(faint)}</tspan>' if faint else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{kind}>{span}{escape(text)}</text>')
        if "right" not in kind:
            self.reach(x + CHAR * len(faint + text), y + 4)

    def box(self, x: float, y: float, width: float, height: float, look: str) -> None:
        fill, edge, dashes, _ = LOOKS[look]
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        shape = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
        self.parts.append(f'<rect {shape} fill="{fill}" stroke="{edge}"{dashed}/>')
        self.looks[look] = None
        self.reach(x + width, y + height)

    def mark(self, x: float, y: float, width: float) -> None:
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{LINE}"'
        self.parts.append(f'<rect {place} fill="{LOOKS["mark"][0]}"/>')
        self.looks["mark"] = None

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = "#566573") -> None:
        ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
        self.parts.append(f'<line {ends} stroke="{colour}"/>')

    def caption(self, x: float, y: float, title: str, *lines: str) -> float:
        """Draw a title and lines, and return where they end."""
        self.text(x, y + 12, title, "title")
        for line in lines:
            y += LINE
            self.text(x, y + 12, line)
        return y + LINE + 6

    def legend(self) -> None:
        x, y, width = 0.0, self.bottom + 18, max(self.right, 560)
        for look in [look for look in self.looks if look != "plain"]:
            meaning = LOOKS[look][3]
            wide = 24 + CHAR * len(meaning)
            if x + wide > width:
                x, y = 0.0, y + 22
            self.box(x, y, 18, 14, look)
            self.text(x + 24, y + 11, meaning)
            x += wide + 20

    def svg(self) -> str:
        self.legend()
        width, height = self.right + 32, self.bottom + 32
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="{width:.0f}" '
                f'height="{height:.0f}" viewBox="-16 -16 {width:.0f} {height:.0f}">',
                "<style>text{font:12px DejaVu Sans Mono,Menlo,Consolas,monospace;fill:#1b2631}"
                ".faint{fill:#66707a}.right{text-anchor:end}.title{font-weight:bold}</style>",
                f'<rect x="-16" y="-16" width="{width:.0f}" height="{height:.0f}" fill="#fbfaf5"/>',
                *self.parts,
                "</svg>\n",
            ]
        )


def number(n: int) -> str:
    if n > MAX // 2:
        return "MAX" if n == MAX else f"2⁶⁴−{2**64 - n}"
    return str(n)


class Shot:
    """A copy of a subtree as it is now; later writes do not change it."""

    def __init__(self, level: Level) -> None:
        self.level, self.node, self.slots = level, level.node, range(len(level.slots))
        self.below: list[Shot] = []
        for level.slot in self.slots if not self.node.is_leaf else ():
            self.below.append(Shot(level.enter(0)))

    def all(self) -> Iterator["Shot"]:
        """Yield all nodes in pre-order."""
        yield self
        for child in self.below:
            yield from child.all()

    def nodes(self) -> dict[Node, Any]:
        return {shot.node: shot.level.slots for shot in self.all()}


def shot_of(tree: MapleTree) -> Shot:
    root = tree._head.root
    assert root, "an empty tree has no picture"
    return Shot(Level(root, 0, MAX, 0))


def named(names: Names, nodes: Iterable[Node], new: str) -> Names:
    """Return these names, and new ones for the nodes without a name, in order."""
    unnamed = [node for node in nodes if node not in names]
    return names | dict(zip(unnamed, new.split(), strict=True))


class Drawing:
    """A tree with all its slots, each child below its slot in the parent."""

    def __init__(
        self,
        canvas: Canvas,
        root: Shot,
        names: Names,
        look: Look,
        marked: tuple[int, int] = (1, 0),
    ) -> None:
        self.canvas, self.root, self.names, self.look = canvas, root, names, look
        self.marked = marked
        lines = [
            number(shot.level.slot_first) + number(shot.level.slot_last) + self.content(shot)
            for shot in root.all()
            if shot.node.is_leaf
            for shot.level.slot in shot.slots
        ]
        self.leaf_width = (max(map(len, lines)) + 3) * CHAR + 2 * PAD

    def content(self, shot: Shot) -> str:
        level = shot.level
        free = not shot.node.is_leaf or level.content is GAP
        return f"gap {number(level.gaps[level.slot])}" if free else str(level.content)

    def ends(self, x: float, y: float, level: Level) -> None:
        """Draw a node's ends, faint because the node does not store them."""
        first, last = f"{number(level.slot_first)}–", number(level.slot_last)
        stored = level.slot < len(level.pivots)
        self.canvas.text(x, y, last if stored else "", "", first if stored else first + last)

    def draw(self, x: float, y: float, shot: Shot | None = None) -> None:
        shot = shot or self.root
        canvas, width, level = self.canvas, self.leaf_width, shot.level
        step = width + 10
        height = (len(shot.slots) if shot.node.is_leaf else 2) * LINE + 24
        whole = width if shot.node.is_leaf else step * len(shot.slots) - 10
        canvas.box(x, y, whole, height, self.look(shot.node))
        canvas.text(x + PAD, y + 14, self.names[shot.node], "title")
        for level.slot in shot.slots:
            if shot.node.is_leaf:
                below = y + 16 + (level.slot + 1) * LINE
                low, high = self.marked
                if max(level.slot_first, low) <= min(level.slot_last, high):
                    canvas.mark(x, below - 12, width)
                self.ends(x + PAD, below, level)
                canvas.text(x + width - PAD, below, self.content(shot), "right")
                continue
            left = x + level.slot * step
            self.ends(left + PAD, y + 16 + LINE, level)
            canvas.text(left + PAD, y + 16 + 2 * LINE, self.content(shot))
            if level.slot:
                canvas.line(left - 5, y + 20, left - 5, y + height)
            canvas.line(left + width / 2, y + height, left + width / 2, y + height + 14)
            self.draw(left, y + height + 14, shot.below[level.slot])


def is_blank(node: Node) -> bool:
    """Return whether the node is allocated but nothing is written to it yet."""
    return not hasattr(node, "slots")


class Places:
    """Nodes as small boxes at given positions, with lines from the slots of branches."""

    WIDTH, HEIGHT, ACROSS, DOWN = 60, 40, 67, 72

    def __init__(self, names: Names, places: dict[str, Spot], look: Look) -> None:
        self.names, self.places, self.look = names, places, look

    def draw(
        self, canvas: Canvas, x: float, y: float, roots: dict[str, Node] | None = None
    ) -> None:
        """Draw the nodes that have names, and above each root the name of its tree."""
        corners = {}
        for node, name in self.names.items():
            column, row = self.places[name]
            corners[node] = x + column * self.ACROSS, y + row * self.DOWN
        middle = self.WIDTH / 2
        for node, (left, top) in corners.items():
            joined = not is_blank(node) and not node.is_leaf and self.look(node) != "gone"
            for child in node.slots if joined else ():
                ends = (
                    left + middle,
                    top + self.HEIGHT,
                    corners[child][0] + middle,
                    corners[child][1],
                )
                canvas.line(*ends, LOOKS[self.look(node)][1])
        for node, (left, top) in corners.items():
            canvas.box(left, top, self.WIDTH, self.HEIGHT, self.look(node))
            canvas.text(left + 5, top + 15, self.names[node], "title")
            text = "blank" if is_blank(node) else f"{len(node.slots)} slots"
            canvas.text(left + 5, top + 32, text)
        for i, (tree, root) in enumerate((roots or {}).items()):
            left, top = corners[root]
            canvas.text(left + 14 + 28 * i, top - 18, tree, "title")
            canvas.line(left + 18 + 28 * i, top - 14, left + 18 + 28 * i, top)
