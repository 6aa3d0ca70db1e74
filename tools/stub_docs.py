#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check that the stub has the public docstrings, or write them into it.

Editors show docstrings from the stub, `src/samara/_core.pyi`. The texts come from
`src/samara/_docs/`. Each goes below the class, method or property that it describes, and below
each overload of it.
"""

import argparse
import ast
import runpy
import sys
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent.parent / "src" / "samara"
DOCS: Final = sorted((PACKAGE / "_docs").glob("[!_]*.py"))
STUB: Final = PACKAGE / "_core.pyi"
CLASSES: Final = {"MapleTree": "MAPLE_TREE", "Cursor": "CURSOR", "TreeLock": "TREE_LOCK"}

Tables = dict[str, dict[str, str]]
Definition = ast.ClassDef | ast.FunctionDef


def read_tables(paths: list[Path]) -> Tables:
    """Return each class's docstrings by name, without the signatures."""
    names = {name: value for path in paths for name, value in runpy.run_path(str(path)).items()}
    return {
        class_name: {key.partition("(")[0]: text.strip("\n") for key, text in names[table].items()}
        for class_name, table in CLASSES.items()
    }


def literal(text: str, indent: str) -> list[str]:
    """Return the lines of a docstring, formatted as by `ruff format`."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = text.split("\n")
    end = '"""' if len(lines) == 1 and not text.endswith('"') else f'\n{indent}"""'
    indented = [f"{indent}{line}".rstrip() for line in lines]
    indented[0] = f'{indent}"""{lines[0]}'
    return ("\n".join(indented) + end).split("\n")


def document(node: Definition, text: str | None, lines: list[str]) -> None:
    """Replace a definition's docstring, or its `...`, with a docstring."""
    indent = " " * (node.col_offset + 4)
    new = literal(text, indent) if text is not None else []
    body = node.body[0]
    if not (isinstance(body, ast.Expr) and isinstance(body.value, ast.Constant)):
        decorators = getattr(body, "decorator_list", [])
        first = min(part.lineno for part in (body, *decorators))
        lines[first - 1 : first - 1] = [*new, ""] if new else []
        return
    # `ruff format` leaves `...` on the header's last line.
    header = body.lineno - (1 if body.value.value is Ellipsis else 2)
    text_of_header = lines[header].removesuffix(" ...")
    if not new and isinstance(node, ast.FunctionDef):
        text_of_header += " ..."
    lines[header : body.end_lineno] = [text_of_header, *new]


def documented(stub: str, tables: Tables) -> str:
    """Return the stub with the docstrings of the tables and no others.

    Raises:
        ValueError: A docstring is about a name that is not in the stub.
    """
    found: list[tuple[Definition, str | None]] = []
    missing = {f"{name}.{key}" for name, texts in tables.items() for key in texts}
    for node in ast.parse(stub).body:
        if not isinstance(node, ast.ClassDef):
            continue
        texts = tables.get(node.name, {})
        definitions: list[Definition] = [node]
        definitions += [member for member in node.body if isinstance(member, ast.FunctionDef)]
        for definition in definitions:
            text = texts.get(definition.name)
            found.append((definition, text))
            missing.discard(f"{node.name}.{definition.name}")
    if missing:
        raise ValueError(f"not in the stub: {', '.join(sorted(missing))}")

    lines = stub.split("\n")
    for definition, text in reversed(found):  # from below, so that line numbers stay right
        document(definition, text, lines)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring the stub up to date")
    write: bool = parser.parse_args().write
    stub = STUB.read_text()
    wanted = documented(stub, read_tables(DOCS))
    if write:
        STUB.write_text(wanted)
    elif stub != wanted:
        print(f"{STUB.name} is out of date: run `make format`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
