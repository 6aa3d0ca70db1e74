# SPDX-License-Identifier: MIT
"""`samara diff`: what changed between two address spaces, or in one over time."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from samara.cli.errors import InputError
from samara.cli.source import open_space
from samara.cli.table import print_table
from samara.mm import VMA, AddressSpace, Difference, format_vm_flags

_HEADERS = ("", "start", "end", "KiB", "permissions", "what")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "diff",
        help="what changed between two address spaces, or in one over time",
        description=(
            "Print which VMAs came, went, grew, shrank, or have other permissions or VmFlags: from "
            "A to B, or with --every in the process A from one moment to the next, until Ctrl-C. "
            "A and B are process ids, or files in the format of /proc/PID/maps or smaps; - is "
            "standard input."
        ),
        epilog="exit status: 0; 1 a process that cannot be read; 2 bad arguments or input",
    )
    parser.add_argument("before", metavar="A")
    parser.add_argument("after", metavar="B", nargs="?")
    parser.add_argument(
        "--every",
        type=_seconds,
        metavar="SECONDS",
        help='look at A again after so many seconds, such as "2" or "0.5s"',
    )
    parser.add_argument(
        "--times", type=int, metavar="N", help="with --every: end after so many looks"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document for each comparison"
    )
    parser.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no seconds") from None
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"seconds are more than 0, not {text}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    if (arguments.after is None) == (arguments.every is None):
        raise InputError("there must be either two to compare, or one and --every")
    if arguments.times is not None and (arguments.every is None or arguments.times < 1):
        raise InputError("--times is at least 1, and of --every")
    before = open_space(arguments.before)
    if arguments.every is None:
        _show(before.diff(open_space(arguments.after)), arguments.json)
        return 0
    looks = 0
    while arguments.times is None or looks < arguments.times:
        time.sleep(arguments.every)
        after = open_space(arguments.before)
        _show(before.diff(after), arguments.json, time.strftime("%H:%M:%S"), after)
        before = after
        looks += 1
    return 0


def _show(
    changes: Sequence[Difference], as_json: bool, when: str = "", now: AddressSpace | None = None
) -> None:
    if as_json:
        document: dict[str, Any] = {"changes": [_document(change) for change in changes]}
        if when:
            document["time"] = when
        print(json.dumps(document), flush=True)
        return
    if now is not None:
        print(f"{when}: {len(now)} VMAs, {now.size // 1024:,} KiB, {len(changes)} changed")
    elif not changes:
        print("nothing differs")
    if changes:
        print_table(_HEADERS, [_row(change) for change in changes])


def _row(change: Difference) -> list[str]:
    kind, before, after = change
    return [
        kind,
        _both(before, after, lambda vma: f"{vma.start:x}"),
        _both(before, after, lambda vma: f"{vma.end:x}"),
        _both(before, after, lambda vma: f"{vma.size // 1024:,}"),
        _both(before, after, _rights if kind == "flagged" else lambda vma: vma.perms),
        _both(before, after, lambda vma: vma.label or "anonymous"),
    ]


def _rights(vma: VMA) -> str:
    return format_vm_flags(vma.vm_flags)


def _both(before: VMA | None, after: VMA | None, text: Callable[[VMA], str]) -> str:
    """A column of both VMAs: once where it is the same."""
    texts = [text(vma) for vma in (before, after) if vma is not None]
    return texts[0] if texts[0] == texts[-1] else " > ".join(texts)


def _document(change: Difference) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "before": None if change.before is None else _vma(change.before),
        "after": None if change.after is None else _vma(change.after),
    }


def _vma(vma: VMA) -> dict[str, Any]:
    return {
        "start": vma.start,
        "end": vma.end,
        "perms": vma.perms,
        "offset": vma.offset,
        "label": vma.label,
        "vm_flags": format_vm_flags(vma.vm_flags),
    }
