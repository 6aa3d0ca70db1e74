#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs_header.py DOCS... HEADER: write the public docstrings as macros of string literals.

DOCS are the files of `src/samara/_docs/`. Each has the table of one class. `MapleTree.get` becomes
DOC_MapleTree_get, with the line that `inspect.signature()` reads; the class itself DOC_MapleTree.
"""

import json
import runpy
import sys
from pathlib import Path

CLASS_METHODS = {"from_arrays", "load", "__class_getitem__"}
CLASSES = {"MAPLE_TREE": "MapleTree", "CURSOR": "Cursor", "TREE_LOCK": "TreeLock"}


def text_signature(name: str, parameters: str, is_class: bool) -> str:
    """Return the first line that CPython's own docstrings have."""
    if not is_class:
        bound = "$type" if name in CLASS_METHODS else "$self"
        parameters = f"{bound}, {parameters}" if parameters else bound
    return f"{name}({parameters})\n--\n\n"


def macro(class_name: str, key: str, text: str) -> str:
    name, has_parameters, rest = key.partition("(")
    is_class = name == class_name
    signature = text_signature(name, rest.removesuffix(")"), is_class) if has_parameters else ""
    lines = (signature + text.strip("\n")).splitlines(keepends=True)
    literals = " \\\n\t".join(json.dumps(line) for line in lines)
    return f"#define DOC_{class_name if is_class else f'{class_name}_{name}'} \\\n\t{literals}\n"


def main(*paths: str) -> None:
    *docs, header = paths
    tables = {name: table for path in docs for name, table in runpy.run_path(path).items()}
    macros = [
        macro(class_name, key, text)
        for table, class_name in CLASSES.items()
        for key, text in tables[table].items()
    ]
    Path(header).write_text("\n".join(["/* Made from src/samara/_docs/. */", *macros]))


if __name__ == "__main__":
    main(*sys.argv[1:])
