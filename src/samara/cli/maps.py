# SPDX-License-Identifier: MIT
"""`samara maps`: an address space at a glance: what is mapped, in groups, and what is free."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from samara.cli.kinds import kind, label_of
from samara.cli.machine import max_map_count
from samara.cli.maps_plot import plot_maps
from samara.cli.plot import add_plot_argument, check_can_plot
from samara.cli.source import file_name, open_space
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.mm import PAGE_SIZE, VMA, AddressSpace, Limits

_GAPS = 5  # the largest that are listed


@dataclass
class Group:
    """VMAs that belong together. Sizes in bytes."""

    what: str
    vmas: int = 0
    size: int = 0
    writable: int = 0
    executable: int = 0
    start: int = 1 << 64
    end: int = 0

    def add(self, vma: VMA) -> None:
        """Count a VMA."""
        self.vmas += 1
        self.size += vma.size
        self.writable += vma.size * bool(vma.prot & 2)
        self.executable += vma.size * bool(vma.prot & 4)
        self.start = min(self.start, vma.start)
        self.end = max(self.end, vma.end)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "maps",
        help="an address space at a glance: what is mapped, and what is free",
        description=(
            "Print the VMAs of a process in groups, with sizes: by what they are (text, heap, "
            "stack, anonymous memory, ...), and by what they are of (each file); then how much is "
            "free, the gaps between VMAs, the largest free ranges, and how near the process is to "
            "vm.max_map_count."
        ),
        epilog="exit status: 0; 1 a process that cannot be read; 2 bad arguments or input",
    )
    parser.add_argument(
        "source",
        metavar="PID|FILE",
        help=(
            "a file in the format of maps or smaps, - for standard input; one whose name is a "
            "number is written ./4242"
        ),
    )
    parser.add_argument("--vmas", action="store_true", help="print every VMA too")
    add_plot_argument(parser, "the address space")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    check_can_plot(arguments.plot)
    mm = open_space(arguments.source).space
    if arguments.plot:
        plot_maps(arguments.plot, mm, file_name(arguments.source))
    document = summary(mm, max_map_count())
    if arguments.json:
        document["vmas_listed"] = [
            {"start": vma.start, "end": vma.end, "perms": vma.perms, "label": vma.label}
            for vma in mm
        ]
        print(json.dumps(document))
        return 0
    if arguments.vmas:
        headers = ("start", "end", "size", "perms", "what")
        print_table(headers, [_row(vma) for vma in mm], text_last=True)
        print()
    for groups in ("kinds", "groups"):
        print_table(_HEADERS, [_group_row(group) for group in document[groups]], text_last=True)
        print()
    _print_free(document)
    return 0


def summary(mm: AddressSpace, max_map_count: int) -> dict[str, Any]:
    """The figures that the command prints. O(VMAs).

    >>> mm = AddressSpace([VMA(0x1000, 0x3000, 3), VMA(0x5000, 0x6000, 1)])
    >>> figures = summary(mm, 65530)
    >>> figures["vmas"], figures["size"], figures["groups"][0]["what"], figures["gaps"]["within"]
    (2, 12288, 'anonymous', 1)
    """
    limits = Limits()
    inside = [vma for vma in mm if vma.start < limits.task_size]
    within = [(one.end, two.start) for one, two in pairwise(inside) if one.end < two.start]
    largest = sorted(mm.gaps(), key=lambda gap: gap[0] - gap[1])[:_GAPS]
    free = limits.task_size - sum(vma.size for vma in inside)
    biggest = largest[0][1] - largest[0][0] if largest else 0
    return {
        "vmas": len(inside),
        "max_map_count": max_map_count,
        "size": mm.size,
        "kinds": [vars(group) for group in _groups(mm, kind)],
        "groups": [vars(group) for group in _groups(mm, label_of)],
        "gaps": {
            "within": len(within),
            "free": free,
            "single_pages": sum(1 for start, end in within if end - start == PAGE_SIZE),
            "largest": [list(gap) for gap in largest],
            # The part of the free addresses that one mapping could not have.
            "fragmentation": 1 - biggest / free if free else 0.0,
        },
    }


def _groups(vmas: Iterable[VMA], key: Callable[[VMA], str]) -> list[Group]:
    """The largest first."""
    groups: dict[str, Group] = {}
    for vma in vmas:
        what = key(vma)
        groups.setdefault(what, Group(what)).add(vma)
    return sorted(groups.values(), key=lambda group: (-group.size, group.start))


_SIZES = ("size", "writable", "executable")
_HEADERS = ("VMAs", "size", "writable", "exec", "lowest", "what")


def _group_row(group: dict[str, Any]) -> list[str]:
    return [
        f"{group['vmas']:,}",
        *(format_size(group[key]) if group[key] else "-" for key in _SIZES),
        f"{group['start']:x}",
        group["what"],
    ]


def _row(vma: VMA) -> list[str]:
    label = vma.label or "anonymous"
    return [f"{vma.start:x}", f"{vma.end:x}", format_size(vma.size), vma.perms, label]


def _print_free(document: dict[str, Any]) -> None:
    gaps = document["gaps"]
    vmas, most = document["vmas"], document["max_map_count"]
    print(f"{format_count(vmas, 'VMA')}, {vmas / most:.1%} of vm.max_map_count ({most:,})")
    print(f"{format_size(document['size'])} mapped")
    print(
        f"{format_size(gaps['free'])} free; {format_count(gaps['within'], 'gap')} between VMAs, "
        f"{gaps['single_pages']:,} of them of one page"
    )
    print(f"fragmentation {gaps['fragmentation']:.1%}: what is free outside the largest range")
    print("largest free ranges, those below and above all VMAs too:")
    for start, end in gaps["largest"]:
        print(f"  {start:x}-{end:x}  {format_size(end - start)}")
