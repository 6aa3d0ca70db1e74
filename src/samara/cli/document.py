# SPDX-License-Identifier: MIT
"""The JSON documents that the subcommands print.

All have one layout: an object on one line, which begins with "command" and "version". Names are in
snake case. A name such as "vmas" or "steps" is a number; the list itself is "vmas_listed" or
"steps_listed". Addresses and sizes are in bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, TextIO

import samara
from samara.mm import VMA, format_vm_flags


def add_json_argument(
    parser: argparse.ArgumentParser, what: str = "print one JSON document, on one line"
) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help=what)


def print_document(command: str, fields: Mapping[str, Any], file: TextIO | None = None) -> None:
    """Print a document of `samara COMMAND` with these fields to stdout, or to `file`.

    >>> print_document("maps", {"vmas": 3})  # doctest: +ELLIPSIS
    {"command": "maps", "version": "...", "vmas": 3}
    """
    document = {"command": command, "version": samara.__version__, **fields}
    print(json.dumps(document), file=file)


def vma_document(vma: VMA) -> dict[str, Any]:
    """Return a VMA as it stands in a document.

    >>> vma_document(VMA(0x1000, 0x3000, 3))["perms"]
    'rw-p'
    """
    return {
        "start": vma.start,
        "end": vma.end,
        "perms": vma.perms,
        "offset": vma.offset,
        "label": vma.label,
        "vm_flags": format_vm_flags(vma.vm_flags),
    }
