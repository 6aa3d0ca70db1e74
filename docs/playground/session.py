# SPDX-License-Identifier: MIT
"""What runs in the page: statements, the history of the trees, and what is to be drawn.

The page's script calls the methods of SESSION and gets JSON. Keys are sent as text, since 64-bit
numbers do not fit into JavaScript's.
"""

import ast
import codeop
import io
import json
import traceback
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from reprlib import Repr
from typing import Any

from nodes import GAP, MAX, MapleTree, Node, Slot, Spot, copy_trees, spots_of

import samara

DRAWN_AT_MOST = 400
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SHORT = Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 16
SHORT.maxlevel = 2


def key_text(key: int) -> str:
    return "MAX" if key == MAX else str(key)


def size_text(size: int) -> str:
    return f"2⁶⁴−{MAX + 1 - size}" if MAX - size < 1_000_000 else str(size)


@dataclass
class Names:
    """Node 3 is the third that was made. Its copies are 3.1, 3.2 and so on."""

    of: dict[Node, str] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)

    def add(self, node: Node, source: Node | None) -> None:
        family = self.of[source].partition(".")[0] if source else ""
        self.count[family] = number = self.count.get(family, 0) + 1
        self.of[node] = f"{family}.{number}" if family else str(number)

    def copy(self, nodes: dict[Node, Node]) -> "Names":
        """The same names for the copies of nodes."""
        return Names({new: self.of[old] for old, new in nodes.items()}, dict(self.count))


class Look:
    """All trees at one moment, node by node."""

    def __init__(self, trees: dict[str, MapleTree]) -> None:
        self.trees = trees
        self.spots: dict[Node, Spot] = {}
        self.users: dict[Node, list[str]] = {}
        self.places: dict[tuple[int, int, int], list[Node]] = {}
        self.held: set[tuple[int, int, int]] = (
            set()
        )  # by leaves: first, last, identity of the value
        self.roots: dict[str, Node | None] = {}
        for name, tree in trees.items():
            self.roots[name] = None
            for spot in spots_of(tree):
                self.roots[name] = self.roots[name] or spot.node
                self.users.setdefault(spot.node, []).append(name)
                if spot.node not in self.spots:
                    self.add(spot)

    def add(self, spot: Spot) -> None:
        self.spots[spot.node] = spot
        self.places.setdefault((spot.level, spot.first, spot.last), []).append(spot.node)
        if not spot.level:
            self.held.update((slot.first, slot.last, id(slot.content)) for slot in spot.slots)

    def differs(self, before: "Look") -> bool:
        return (
            {name: id(tree) for name, tree in self.trees.items()}
            != {name: id(tree) for name, tree in before.trees.items()}
            or self.roots != before.roots
            or any(self.change(node, before) != "kept" for node in self.spots)
        )

    def source(self, node: Node, before: "Look") -> Node | None:
        """The node that a new one is a copy of: it had the same place, and is still in use."""
        spot = self.spots[node]
        there = before.places.get((spot.level, spot.first, spot.last), [])
        return next((old for old in there if old in self.spots), None)

    def change(self, node: Node, before: "Look") -> str:
        if node not in before.spots:
            return "copied" if self.source(node, before) else "new"
        same = self.spots[node].written is before.spots[node].written
        return "kept" if same else "written"

    def families(self) -> list[list[str]]:
        """The names of trees, together if they share nodes."""
        families: list[tuple[list[str], set[Node]]] = []
        for name in self.trees:
            nodes = {node for node, users in self.users.items() if name in users}
            relatives = [family for family in families if family[1] & nodes]
            families = [family for family in families if not family[1] & nodes]
            names = [relative for family in relatives for relative in family[0]]
            families.append(([*names, name], nodes.union(*(family[1] for family in relatives))))
        return [names for names, _ in families]


@dataclass
class Step:
    """A state of all trees: what led to it, what is drawn, and copies to go back to."""

    source: str
    frame: dict[str, Any]
    trees: dict[str, MapleTree]
    names: Names


class Session:
    def __init__(self) -> None:
        self.start()

    def start(self) -> str:
        """Begin again, with one small tree."""
        self.namespace: dict[str, Any] = {"MAX": MAX, "MapleTree": MapleTree, "samara": samara}
        self.namespace["t"] = MapleTree([(10, 19, "a"), (30, 39, "b")])
        self.names = Names()
        self.steps: list[Step] = []
        self.position = -1
        look = self.look()
        self.record('t = MapleTree([(10, 19, "a"), (30, 39, "b")])', look, before=look)
        return self.answer("")

    def look(self) -> Look:
        """At every name that is bound to a tree. Several names of one tree are one."""
        names: dict[int, list[str]] = {}
        trees: dict[int, MapleTree] = {}
        for name, value in self.namespace.items():
            if isinstance(value, MapleTree) and not name.startswith("_"):
                names.setdefault(id(value), []).append(name)
                trees[id(value)] = value
        return Look({" = ".join(names[key]): tree for key, tree in trees.items()})

    # ---- statements

    def run(self, source: str) -> str:
        """Run a statement. If the trees have changed, that is a new step."""
        return self.answer(self.execute(source))

    def execute(self, source: str) -> str:
        before = self.look()
        output = io.StringIO()
        with redirect_stdout(output), redirect_stderr(output):
            try:
                body = ast.parse(source, "<console>").body
                exec(compile(ast.Interactive(body), "<console>", "single"), self.namespace)
            except BaseException as error:  # exit() and Ctrl-C too: the page goes on
                output.writelines(traceback.format_exception_only(error))
        after = self.look()
        if after.differs(before):
            self.record(source, after, before)
        return output.getvalue()

    def is_complete(self, source: str) -> bool:
        """Return whether a statement can run, or needs more lines."""
        try:
            return codeop.compile_command(source) is not None
        except (SyntaxError, ValueError, OverflowError):
            return True  # running it shows the error

    def free_name(self) -> str:
        """A name for a new tree."""
        candidates: list[str] = [
            *"uvwxyz",
            *(f"t{number}" for number in range(1, len(self.namespace) + 2)),
        ]
        return next(name for name in candidates if name not in self.namespace)

    def preset(self, which: str, tree: str) -> str:
        """Run the statements of a preset, each a step. The answer has them, too."""
        ran: list[str] = []

        def run(*statements: str) -> None:
            for statement in statements:
                self.execute(statement)
                ran.append(statement)

        if which == "split":
            run(f"{tree}.clear()", *stores(tree, range(8)), f"{tree}.store_range(32, 34, 'x')")
        if which == "fill" or (which == "fork" and self.namespace[tree].node_count < 3):
            run(*stores(tree, range(40)))
        if which == "fork":
            name = self.free_name()
            entries = list(self.namespace[tree])
            first, last, _ = entries[len(entries) // 2]
            run(f"{name} = {tree}.fork()", f"{name}.store_range({first}, {last}, 'X')")
        return self.answer("", ran=ran)

    # ---- the history

    def record(self, source: str, look: Look, before: Look) -> None:
        frame = self.frame(look, before)
        trees = {name: tree for names, tree in look.trees.items() for name in names.split(" = ")}
        copies, nodes = copy_trees(trees)
        del self.steps[self.position + 1 :]
        self.steps.append(Step(source, frame, copies, self.names.copy(nodes)))
        self.position = len(self.steps) - 1

    def go(self, position: int) -> str:
        """Put all trees back to what they were after a step. Other objects stay as they are."""
        self.position = min(max(position, 0), len(self.steps) - 1)
        step = self.steps[self.position]
        for name in [name for names in self.look().trees for name in names.split(" = ")]:
            del self.namespace[name]
        trees, nodes = copy_trees(step.trees)
        self.names = step.names.copy(nodes)
        self.namespace.update(trees)
        return self.answer("")

    # ---- what is drawn

    def answer(self, output: str, ran: Iterable[str] = ()) -> str:
        step = self.steps[self.position]
        answer = {
            "output": output,
            "ran": list(ran),
            "step": self.position,
            "steps": len(self.steps),
            "source": step.source,
            "freeName": self.free_name(),
            **step.frame,
        }
        return json.dumps(answer)

    def frame(self, look: Look, before: Look) -> dict[str, Any]:
        """Names the new nodes, and describes all."""
        for node in look.spots:
            if node not in self.names.of:
                self.names.add(node, look.source(node, before) if look is not before else None)
        self.names.of = {node: self.names.of[node] for node in look.spots}
        nodes = [self.drawn(node, look, before) for node in look.spots]
        dropped = len(before.spots.keys() - look.spots.keys())
        few = len(nodes) <= DRAWN_AT_MOST
        return {
            "families": look.families(),
            "trees": [self.tree(name, look) for name in look.trees],
            "nodes": nodes if few else [],
            "summary": summary(nodes, dropped) + ("" if few else " Too many to draw."),
        }

    def tree(self, name: str, look: Look) -> dict[str, Any]:
        tree, root = look.trees[name], look.roots[name]
        return {
            "name": name,
            "root": self.names.of[root] if root else None,
            "about": f"{counted(len(tree), 'range')}, height {tree.height}, "
            f"{counted(tree.node_count, 'node')}",
        }

    def drawn(self, node: Node, look: Look, before: Look) -> dict[str, Any]:
        spot = look.spots[node]
        change = look.change(node, before)
        source = look.source(node, before) if change == "copied" else None
        return {
            "name": self.names.of[node],
            "level": spot.level,
            "first": str(spot.first),
            "last": str(spot.last),
            "range": f"{key_text(spot.first)}–{key_text(spot.last)}",
            "users": look.users[node],
            "change": change,
            "source": self.names.of[source] if source else None,
            "slots": [self.slot(slot, spot.level, before) for slot in spot.slots],
        }

    def slot(self, slot: Slot, level: int, before: Look) -> dict[str, Any]:
        child = self.names.of[slot.content] if level else None
        if slot.content is GAP:
            text = f"gap {size_text(slot.last - slot.first + 1)}"
        elif level:
            text = f"gap {size_text(slot.largest_gap)}" if slot.largest_gap else ""
        else:
            text = SHORT.repr(slot.content)
        held = bool(level) or (slot.first, slot.last, id(slot.content)) in before.held
        return {
            "first": key_text(slot.first),
            "last": key_text(slot.last),
            "child": child,
            "isGap": slot.content is GAP,
            "text": text,
            "changed": not held,
        }


def stores(tree: str, numbers: Iterable[int]) -> list[str]:
    """Statements that store ranges of eight keys with gaps of two."""
    return [f"{tree}.store_range({i * 10}, {i * 10 + 7}, {LETTERS[i % 26]!r})" for i in numbers]


def counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def summary(nodes: list[dict[str, Any]], dropped: int) -> str:
    """One sentence on all nodes, and one on what the step did to them."""
    shared = sum(len(node["users"]) > 1 for node in nodes)
    changes = [node["change"] for node in nodes]
    numbers = [
        ("new", changes.count("new")),
        ("copied", changes.count("copied")),
        ("written in place", changes.count("written")),
        ("dropped", dropped),
    ]
    done = ", ".join(f"{number} {what}" for what, number in numbers if number)
    return f"{counted(len(nodes), 'node')}, {shared} shared. This step: {done or 'no change'}."


SESSION = Session()
