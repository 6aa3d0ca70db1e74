# SPDX-License-Identifier: MIT
"""usage: check_c_layers.py INTERFACE FOLDER...

Fail if the C files of a folder depend on each other in a cycle. NAME.c and NAME.h count as one
file. A file is above another if it includes the other's header, or mentions a function or variable
that the other defines: a call, an address, a row of a method table.

Fail also if a file does not match its header: everything that NAME.c defines and other files can
see is declared in NAME.h or in the C header INTERFACE, and NAME.h declares nothing else.
"""

import re
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from check_library import interface

NOISE = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"(\w+)\.h"', re.MULTILINE)
ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)(?!\))")
# Statements that other files cannot see, or that do not define a name.
HIDDEN = re.compile(
    r"\b(static|MT_INLINE|typedef|static_assert|PyMODINIT_FUNC|PyDoc_STRVAR)\b"
    r"|^(WIDE_FORM|DISPATCH|FAST|PLAIN|GETTER|OPERATOR)\w*\("  # the binding's macros
)


@dataclass
class Unit:
    """NAME.c and NAME.h: what they define, declare and include, and all words in them."""

    defined: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    included: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)


def statements(code: str) -> list[str]:
    """Return the file's outermost statements, with each body or initialiser as {}."""
    found = []
    depth = 0
    text = ""
    for char in code:
        if char == "{":
            text += "" if depth else "{"
            depth += 1
        elif char == "}":
            depth -= 1
            text += "" if depth else "}"
            # A function ends here; a type or an initialiser ends with its semicolon.
            if not depth and re.search(r"\)\s*\{\}$", text) and "=" not in text:
                found.append(text)
                text = ""
        elif char == ";" and not depth:
            found.append(text)
            text = ""
        elif not depth:
            text += char
    return [" ".join(ATTRIBUTE.sub(" ", statement).split()) for statement in found]


def name_in(statement: str) -> tuple[str, bool] | None:
    """Return the function or variable of a statement, and whether this is its definition."""
    if HIDDEN.search(statement):
        return None
    bare = statement.partition("=")[0]
    if function := re.search(r"(\w+)\(", bare):
        return function[1], bare.endswith("{}")
    if "{" in bare or re.fullmatch(r"(struct|union|enum) \w+", bare.strip()):
        return None
    if variable := re.fullmatch(r".*[\s*](\w+)\s*(\[.*\]\s*)*", bare):
        return variable[1], not bare.startswith("extern ")
    return None


def read(folder: Path) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for path in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        unit = units.setdefault(path.stem, Unit())
        text = path.read_text()
        unit.included |= set(INCLUDE.findall(text)) - {path.stem}
        code = NOISE.sub(" ", text)
        unit.words |= set(re.findall(r"\w+", code))
        for statement in statements(DIRECTIVE.sub("", code).replace('extern "C"', "")):
            if named := name_in(statement):
                name, is_definition = named
                (unit.defined if is_definition else unit.declared).add(name)
    return units


def edges_of(units: dict[str, Unit]) -> dict[str, dict[str, str]]:
    """Return the files that each file uses, each with a reason."""
    return {
        name: {
            other: f"includes {other}.h" if other in unit.included else f"uses {min(used)}"
            for other, below in units.items()
            if other != name and ((used := below.defined & unit.words) or other in unit.included)
        }
        for name, unit in units.items()
    }


def circle_in(edges: dict[str, dict[str, str]]) -> list[str]:
    """Return a path from a file back to itself, or an empty list if there is none."""
    left = dict(edges)
    while ends := [name for name, used in left.items() if not used.keys() & left.keys()]:
        for name in ends:
            del left[name]
    if not left:
        return []
    way = [min(left)]
    while way[-1] not in way[:-1]:
        way.append(min(other for other in left[way[-1]] if other in left))
    return way[way.index(way[-1]) :]


def faults_of(folder: Path, offered: set[str]) -> list[str]:
    units = read(folder)
    faults = []
    for name, unit in units.items():
        for wrong in sorted(unit.defined - unit.declared - offered):
            faults.append(f"{name}.c defines {wrong}, which {name}.h does not declare")
        for wrong in sorted(unit.declared - unit.defined):
            faults.append(f"{name} declares {wrong}, which {name}.c does not define")
    edges = edges_of(units)
    circle = circle_in(edges)
    if circle:
        faults.append("a circle of files:")
        faults += [f"  {one} {edges[one][two]}" for one, two in pairwise(circle)]
    return faults


def main(header: str, *folders: str) -> int:
    offered = interface(header)
    faults = [f"{one}: {fault}" for one in folders for fault in faults_of(Path(one), offered)]
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
