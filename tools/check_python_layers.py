# SPDX-License-Identifier: MIT
"""usage: check_python_layers.py FOLDER

Fail if a module of the package in FOLDER (src/samara) has a forbidden import, or if modules import
each other in a cycle. All imports count, also those inside functions and those only for types.

    samara.cli, samara.__main__   public names of samara, samara.frames, samara.mm and
                                  samara.kernel
    samara.kernel                 public names of samara and samara.mm
    samara.frames                 public names of samara
    samara.mm                     public names of samara
    samara                        the modules beside the tree, the base, and the implementation
    modules beside the tree       _common_gaps: the base, and the implementation
    samara._implementation        samara._core or samara._pure: the only place that chooses
    samara._core, samara._pure    the base
    the base                      _arguments, _arrow, _columns, _display, _docs, _dtypes, _entry,
                                  _errors, _file, _key_type, _keys and _policy: each other

samara has samara.RangeTable, which is imported when somebody uses it: for this, samara may import
samara.frames for types.

A layer may also import from itself. A name is public if it does not begin with an underscore. A
name of samara itself must also be in `__all__`.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BASE = {
    *("_arguments", "_arrow", "_columns", "_display", "_docs", "_dtypes", "_entry", "_errors"),
    *("_file", "_key_type", "_keys", "_policy"),
}
# The layers that each may import from, besides itself. "samara" is the package's __init__.py.
MAY = {
    "cli": {"frames", "kernel", "mm", "samara"},
    "frames": {"samara"},
    "kernel": {"mm", "samara"},
    "mm": {"samara"},
    "samara": {"_common_gaps", "base", "_implementation"},
    "_common_gaps": {"base", "_implementation"},
    "_implementation": {"_core", "_pure"},
    "_core": {"base"},
    "_pure": {"base"},
    "base": set(),
}
# These use only public names of the layers below.
PUBLIC_ONLY = {"cli", "frames", "kernel", "mm"}
# Imports that do not happen when the module is imported.
ON_DEMAND = {("samara", "samara.frames")}


@dataclass(frozen=True)
class Import:
    """An import of a module, or of a name in it."""

    line: int
    module: str
    name: str = ""


class Package:
    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.trees: dict[str, ast.Module] = {}
        self.packages: set[str] = set()
        for path in sorted(folder.rglob("*.py")) + sorted(folder.rglob("*.pyi")):
            parts = [self.name, *path.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
                self.packages.add(".".join(parts))
            self.trees[".".join(parts)] = ast.parse(path.read_text(), str(path))
        self.public = self.names_in_all()
        self.imports = {module: list(self.imports_of(module)) for module in self.trees}

    def names_in_all(self) -> set[str]:
        for node in self.trees[self.name].body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return set(ast.literal_eval(node.value))
        return set()

    def room(self, module: str) -> str:
        if module == self.name:
            return "samara"
        first = module.split(".")[1]
        if first == "__main__":
            return "cli"
        return "base" if first in BASE else first

    def imports_of(self, module: str) -> Iterator[Import]:
        """Yield a module's imports from this package, each with the module Python looks into."""
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self.found(node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom):
                source = self.absolute(module, node)
                for alias in node.names:
                    if (module, source) not in ON_DEMAND:
                        yield from self.found(node.lineno, source, alias.name)
            elif isinstance(node, ast.Attribute):
                # After `import samara.mm`, samara.mm.name is a use of that name.
                *modules, name = ast.unparse(node).split(".")
                if (dotted := ".".join(modules)) in self.trees:
                    yield from self.found(node.lineno, dotted, name)

    def absolute(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        up = node.level - (module in self.packages)
        return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])

    def found(self, line: int, module: str, name: str = "") -> Iterator[Import]:
        if name and f"{module}.{name}" in self.trees:
            yield Import(line, f"{module}.{name}")
        elif module.split(".")[0] == self.name:
            yield Import(line, module, name)

    def is_public(self, what: Import) -> bool:
        if what.module == self.name:
            return what.name in self.public or not what.name
        parts = [*what.module.split("."), *filter(None, [what.name])]
        return not any(part.startswith("_") for part in parts)

    def faults_of_layers(self) -> Iterator[str]:
        for module, imports in self.imports.items():
            room = self.room(module)
            for what in imports:
                target = self.room(what.module)
                shown = f"{module}:{what.line}: imports {what.module} {what.name}".rstrip()
                if room not in MAY:
                    yield f"{shown}: {room!r} is in no layer"
                elif target == room:
                    continue
                elif target not in MAY[room]:
                    yield f"{shown}: {room} may not import from {target}"
                elif room in PUBLIC_ONLY and not self.is_public(what):
                    yield f"{shown}: the name is not public"

    def faults_of_cycles(self) -> Iterator[str]:
        """Yield the shortest cycle of each set of modules that reach each other."""
        edges = {
            module: {what.module for what in imports if what.module in self.trees} - {module}
            for module, imports in self.imports.items()
        }
        for circle, size in circles(edges):
            way = " -> ".join([*circle, circle[0]])
            yield f"import cycle among {size} modules: {way}"


def reached(edges: dict[str, set[str]], start: str) -> dict[str, str]:
    """Return everything reachable, each with its predecessor on a shortest path."""
    before: dict[str, str] = {}
    queue = [start]
    for module in queue:
        for target in sorted(edges[module]):
            if target not in before:
                before[target] = module
                queue.append(target)
    return before


def circles(edges: dict[str, set[str]]) -> Iterator[tuple[list[str], int]]:
    ways = {module: reached(edges, module) for module in edges}
    seen: set[str] = set()
    for module in sorted(edges):
        if module in seen or module not in ways[module]:
            continue
        together = {other for other in ways[module] if module in ways[other]}
        seen |= together
        shortest = min((circle_at(start, ways[start]) for start in sorted(together)), key=len)
        yield shortest, len(together)


def circle_at(module: str, way: dict[str, str]) -> list[str]:
    circle = [module]
    while (previous := way[circle[0]]) != module:
        circle.insert(0, previous)
    return [module, *circle[:-1]]


def main(folder: str) -> int:
    package = Package(Path(folder))
    faults = [*package.faults_of_layers(), *package.faults_of_cycles()]
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
