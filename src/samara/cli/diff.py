# SPDX-License-Identifier: MIT
"""`samara diff`: what changed between two address spaces, or in one over time."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from samara.cli.arguments import parse_seconds
from samara.cli.errors import InputError
from samara.cli.source import Source, open_space
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.mm import VMA, AddressSpace, Difference, format_vm_flags

_HEADERS = ("", "start", "end", "size", "perms", "what")
# What other permissions tell, and whether the memory is accounted, which follows from them.
_SHOWN = frozenset(("rd", "wr", "ex", "sh", "ac"))
# Of rich's, readable on light and dark.
_STYLES = {"came": "green", "went": "red", "protected": "yellow", "flagged": "cyan"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "diff",
        help="what changed between two address spaces, or in one over time",
        description=(
            "Print which VMAs came, went, grew, shrank, or have other permissions or VmFlags: from "
            "A to B, or with --every in the process A from one moment to the next, until Ctrl-C. "
            "A and B are process ids, or files in the format of /proc/PID/maps or smaps; - is "
            "standard input, and a file whose name is a number is written ./4242."
        ),
        epilog="exit status: 0; 1 a process that cannot be read; 2 bad arguments or input",
    )
    parser.add_argument("before", metavar="A")
    parser.add_argument("after", metavar="B", nargs="?")
    parser.add_argument(
        "--every",
        type=parse_seconds,
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


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    if (arguments.after is None) == (arguments.every is None):
        raise InputError("there must be either two to compare, or one and --every")
    if arguments.times is not None and (arguments.every is None or arguments.times < 1):
        raise InputError("--times is at least 1, and of --every")
    if arguments.before == "-" and arguments.after in ("-", None):
        raise InputError("standard input (-) can be read only once")
    before = open_space(arguments.before)
    if arguments.every is None:
        _show(_compare(before, open_space(arguments.after)), arguments.json)
        return 0
    looks = 0
    while arguments.times is None or looks < arguments.times:
        time.sleep(arguments.every)
        after = open_space(arguments.before)
        _show(_compare(before, after), arguments.json, time.strftime("%H:%M:%S"), after.space)
        sys.stdout.flush()
        before = after
        looks += 1
    return 0


def _compare(before: Source, after: Source) -> list[Difference]:
    """What changed; but for VmFlags where one of the two does not tell them."""
    if before.has_flags and after.has_flags:
        return before.space.diff(after.space)
    return _without_flags(before.space).diff(_without_flags(after.space))


def _without_flags(space: AddressSpace) -> AddressSpace:
    return AddressSpace(vma._replace(vm_flags=frozenset()) for vma in space)


def _show(
    changes: Sequence[Difference], as_json: bool, when: str = "", now: AddressSpace | None = None
) -> None:
    if as_json:
        document: dict[str, Any] = {"changes": [_document(change) for change in changes]}
        if when:
            document["time"] = when
        print(json.dumps(document))
        return
    if now is not None:
        vmas = format_count(len(now), "VMA")
        print(f"{when}: {vmas}, {format_size(now.size)}, {len(changes)} changed")
    elif not changes:
        print("nothing differs")
    if changes:
        rows = [(change.kind, row) for change in changes for row in _rows(change)]
        styles = [_STYLES.get(kind, "") for kind, _ in rows]
        print_table(_HEADERS, [row for _, row in rows], text_last=True, styles=styles)


def _rows(change: Difference) -> Iterator[list[str]]:
    """One of each VMA: what was, and under it what is."""
    kind, before, after = change
    if before is not None:
        yield _row(kind, before, before.label or "anonymous")
    if after is not None:
        what = after.label or "anonymous"
        if before is not None:
            flagged = kind == "flagged"
            what = _flag_changes(before, after, () if flagged else _SHOWN) or what
            if flagged and before.offset != after.offset:  # of anonymous memory: no kernel's maps
                what += f" at {after.offset:#x}"
        yield _row("to" if before is not None else kind, after, what)


def _row(mark: str, vma: VMA, what: str) -> list[str]:
    return [mark, f"{vma.start:x}", f"{vma.end:x}", format_size(vma.size), vma.perms, what]


def _flag_changes(before: VMA, after: VMA, shown: Collection[str]) -> str:
    """The VmFlags that went and came, but those that are shown otherwise.

    >>> _flag_changes(VMA(0, 4096, vm_flags="mr mw"), VMA(0, 4096, vm_flags="rd mr lo"), {"rd"})
    '-mw +lo'
    """
    went = before.vm_flags.difference(after.vm_flags, shown)
    came = after.vm_flags.difference(before.vm_flags, shown)
    flags = [f"-{code}" for code in format_vm_flags(went).split()]
    return " ".join(flags + [f"+{code}" for code in format_vm_flags(came).split()])


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
