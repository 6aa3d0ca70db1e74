# SPDX-License-Identifier: MIT
"""`samara diff`: what changed between two address spaces, or in one over time."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from samara.cli.arguments import BAD_USAGE, CommandParser, parse_count, parse_seconds
from samara.cli.document import add_json_argument, print_document, vma_document
from samara.cli.errors import InputError
from samara.cli.matching import differences_by_content, layouts_differ
from samara.cli.source import Source, open_space
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.mm import VMA, AddressSpace, Difference, format_vm_flags

_EQUAL, _DIFFERENT = 0, 1  # exit statuses, as diff(1) has them
_DESCRIPTION = """\
Print which memory came, went, or has other permissions, VmFlags or backing:
from A to B, or with --every in the process A from one moment to the next, until
Ctrl-C. VmFlags are compared if both sides have them: processes and smaps files
do, maps files do not.

By address, each row is a stretch of addresses. What grew or shrank belongs to a
VMA whose rest is in both. What was replaced has another file or offset.

A and B are process ids, or files in the format of /proc/PID/maps or smaps; - is
standard input. A file whose name is a number is written ./4242.
"""
_EPILOG = """\
--match says what of A and B is compared:
  address  what lies at the same address
  content  VMAs that map the same part of a file, have the same name, or are
           equal except for the address; a VMA that only moved has not changed
  auto     by content if A and B share files and names, and less than half of
           them lie at the same address, as in two processes whose addresses
           are randomised; otherwise, and with --every, by address

exit status, as for diff(1): 0 nothing differs; 1 something differs, or changed
during --every; 2 trouble (bad arguments, or an input that cannot be read); 130
after Ctrl-C
"""
_KINDS: Final = ("came", "went", "grew", "shrank", "protected", "flagged", "replaced")
_HEADERS = ("", "start", "end", "size", "perms", "what")
# VmFlags that other columns show, and "ac" (accounted), which follows from them.
_SHOWN = frozenset(("rd", "wr", "ex", "sh", "ac"))
# Styles of rich that are readable on light and dark.
_STYLES = {
    "came": "green",
    "went": "red",
    "protected": "yellow",
    "flagged": "cyan",
    "replaced": "magenta",
}


class Comparison(NamedTuple):
    """What differs, and how many VMAs are equal."""

    changes: list[Difference]
    equal: int
    by_content: bool

    @property
    def counts(self) -> dict[str, int]:
        """How many changes there are of each kind that occurs."""
        counts = Counter(change.kind for change in self.changes)
        return {kind: counts[kind] for kind in _KINDS if counts[kind]}


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "diff",
        help="show what differs between two memory maps, or changes in one over time",
        usage=(
            "%(prog)s [--match HOW] [--json] A B\n"
            "       %(prog)s [--match HOW] [--json] A --every SECONDS [--times N]"
        ),
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", metavar="A", help="a process id or a file")
    parser.add_argument("after", metavar="B", nargs="?", help="a process id or a file")
    parser.add_argument(
        "--every",
        type=parse_seconds,
        metavar="SECONDS",
        help='look at A again after this time, such as "2" or "0.5s"',
    )
    parser.add_argument(
        "--times",
        type=partial(parse_count, what="the number of looks"),
        metavar="N",
        help="with --every: end after N looks",
    )
    parser.add_argument(
        "--match",
        choices=("auto", "address", "content"),
        default="auto",
        metavar="HOW",
        help="auto, address or content, see below (default: %(default)s)",
    )
    add_json_argument(parser, "print one JSON document for each comparison, on one line")
    parser.set_defaults(run=run, trouble=BAD_USAGE)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    if arguments.after is None and arguments.every is None:
        raise InputError("expected a second process or file, or --every")
    if arguments.after is not None and arguments.every is not None:
        raise InputError("--every takes one process or file, not two")
    if arguments.times is not None and arguments.every is None:
        raise InputError("--times requires --every")
    if arguments.before == "-" and arguments.after in ("-", None):
        raise InputError("standard input (-) can be read only once")
    before = open_space(arguments.before)
    if arguments.every is not None:
        return _watch(arguments, before)
    found = _compare(before, open_space(arguments.after), arguments.match)
    if arguments.json:
        print_document("diff", _fields(found))
    else:
        _print_table(found)
        if found.changes:
            print()
        print(_summary(found))
    return _DIFFERENT if found.changes else _EQUAL


def _watch(arguments: argparse.Namespace, before: Source) -> int:
    status = _EQUAL
    how = "address" if arguments.match == "auto" else arguments.match
    looks = 0
    while arguments.times is None or looks < arguments.times:
        time.sleep(arguments.every)
        after = open_space(arguments.before, report=False)
        found = _compare(before, after, how)
        now = time.strftime("%H:%M:%S")
        if arguments.json:
            size = {"vmas": len(after.space), "size": after.space.size}
            print_document("diff", {"time": now, **size, **_fields(found)})
        else:
            vmas, size_text = format_count(len(after.space), "VMA"), format_size(after.space.size)
            changed = f"{len(found.changes)} changed{_kinds(found)}"
            print(f"{now}: {vmas}, {size_text}, {changed}")
            _print_table(found)
        sys.stdout.flush()
        if found.changes:
            status = _DIFFERENT
        before = after
        looks += 1
    return status


def _compare(before: Source, after: Source, how: str) -> Comparison:
    """Compare; without VmFlags if one of the two does not have them."""
    old, new = before.space, after.space
    if not (before.has_flags and after.has_flags):
        old, new = _without_flags(old), _without_flags(new)
    by_content = layouts_differ(old, new) if how == "auto" else how == "content"
    changes = differences_by_content(old, new) if by_content else old.diff(new)
    if by_content:
        changed = sum(1 for change in changes if change.before is not None)
        return Comparison(changes, len(old) - changed, by_content)
    return Comparison(changes, len(set(old).intersection(new)), by_content)


def _without_flags(space: AddressSpace) -> AddressSpace:
    vmas = (vma._replace(vm_flags=frozenset()) for vma in space)
    return AddressSpace(vmas, limits=space.limits)


def _print_table(found: Comparison) -> None:
    if found.changes:
        rows_of = _rows_of_vmas if found.by_content else _rows_of_stretch
        rows = [(change.kind, row) for change in found.changes for row in rows_of(change)]
        styles = [_STYLES.get(kind, "") for kind, _ in rows]
        print_table(_HEADERS, [row for _, row in rows], text_last=True, styles=styles)


def _summary(found: Comparison) -> str:
    """Return the last line.

    >>> came = Difference("came", 0, 4096, None, VMA(0, 4096))
    >>> _summary(Comparison([came, came], 7, by_content=False))
    '2 differences: 2 came; 7 VMAs equal'
    >>> _summary(Comparison([], 7, by_content=True))
    'nothing differs (addresses ignored)'
    """
    how = " (addresses ignored)" if found.by_content else ""
    if not found.changes:
        return f"nothing differs{how}"
    differences = format_count(len(found.changes), "difference")
    return f"{differences}{_kinds(found)}; {format_count(found.equal, 'VMA')} equal{how}"


def _kinds(found: Comparison) -> str:
    counts = ", ".join(f"{number:,} {kind}" for kind, number in found.counts.items())
    return f": {counts}" if counts else ""


def _rows_of_vmas(change: Difference) -> Iterator[list[str]]:
    """Yield a row for each VMA: as it was, and below it as it is."""
    kind, _, _, before, after = change
    if before is not None:
        yield _row(kind, before.start, before.end, before)
    if after is not None:
        mark = kind if before is None else "to"
        yield _row(mark, after.start, after.end, after, _what_changed(change))


def _rows_of_stretch(change: Difference) -> Iterator[list[str]]:
    """Yield a row for the memory as it was, and below it one as it is."""
    kind, start, end, before, after = change
    if before is not None:
        yield _row(kind, start, end, before, _backing(change, before))
    if after is not None:
        mark = kind if before is None else "to"
        yield _row(mark, start, end, after, _what_changed(change) or _backing(change, after))


def _row(mark: str, start: int, end: int, vma: VMA, what: str = "") -> list[str]:
    size = format_size(end - start)
    return [mark, f"{start:x}", f"{end:x}", size, vma.perms, what or _label(vma)]


def _label(vma: VMA) -> str:
    return vma.label or "anonymous"


def _backing(change: Difference, vma: VMA) -> str:
    """Return the label, and where the stretch begins in the file if that may be what differs."""
    if change.kind == "replaced" and vma.file is not None:
        return f"{_label(vma)} at {vma.offset + change.start - vma.start:#x}"
    if change.kind == "flagged" and vma.file is None and vma.offset:  # not from /proc
        return f"{_label(vma)} at {vma.offset:#x}"
    return _label(vma)


def _what_changed(change: Difference) -> str:
    """Return the flags that differ, if the other columns do not say all; or else ""."""
    kind, _, _, before, after = change
    if before is None or after is None or kind == "replaced":
        return ""
    return _flag_changes(before, after, () if kind == "flagged" else _SHOWN)


def _flag_changes(before: VMA, after: VMA, shown: Collection[str]) -> str:
    """Return the VmFlags that went and came, except those in `shown`.

    >>> _flag_changes(VMA(0, 4096, vm_flags="mr mw"), VMA(0, 4096, vm_flags="rd mr lo"), {"rd"})
    '-mw +lo'
    """
    went = before.vm_flags.difference(after.vm_flags, shown)
    came = after.vm_flags.difference(before.vm_flags, shown)
    flags = [f"-{code}" for code in format_vm_flags(went).split()]
    return " ".join(flags + [f"+{code}" for code in format_vm_flags(came).split()])


def _fields(found: Comparison) -> dict[str, Any]:
    return {
        "match": "content" if found.by_content else "address",
        "summary": found.counts,
        "equal": found.equal,
        "changes": [
            {
                "kind": change.kind,
                "start": change.start,
                "end": change.end,
                "before": None if change.before is None else vma_document(change.before),
                "after": None if change.after is None else vma_document(change.after),
            }
            for change in found.changes
        ],
    }
