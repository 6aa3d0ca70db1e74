# SPDX-License-Identifier: MIT
"""`samara maps`: an address space at a glance: what is mapped, in groups, and what is free."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from samara.cli.source import open_space
from samara.cli.table import print_table
from samara.mm import PAGE_SIZE, VMA, AddressSpace, Limits

_GAPS = 5  # the largest that are listed
_HEADERS = ("what", "VMAs", "KiB", "writable", "executable", "lowest", "highest")


@dataclass
class Group:
    """VMAs of one kind. Sizes in bytes."""

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
            "Print the VMAs of a process in groups (the heap, the stack, anonymous memory, each "
            "file), with sizes; then how much is free, in how many gaps, the largest of them, and "
            "how near the process is to vm.max_map_count."
        ),
        epilog="exit status: 0; 1 a process that cannot be read; 2 bad arguments or input",
    )
    parser.add_argument(
        "source", metavar="PID|FILE", help="or - for standard input, in the format of maps or smaps"
    )
    parser.add_argument("--vmas", action="store_true", help="print every VMA too")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    mm = open_space(arguments.source)
    document = summary(mm)
    if arguments.json:
        document["vmas_listed"] = [
            {"start": vma.start, "end": vma.end, "perms": vma.perms, "label": vma.label}
            for vma in mm
        ]
        print(json.dumps(document))
        return 0
    if arguments.vmas:
        print_table(("start", "end", "KiB", "permissions", "what"), [_row(vma) for vma in mm])
        print()
    print_table(_HEADERS, [_group_row(group) for group in document["groups"]])
    _print_free(document)
    return 0


def kind(vma: VMA) -> str:
    """What a VMA is: a name of the kernel's, a file's path, or anonymous memory."""
    if vma.name:
        return vma.name
    if vma.file is None:
        return "reserved" if not vma.prot else "anonymous"
    return vma.file.path or "?"


def summary(mm: AddressSpace) -> dict[str, Any]:
    """The figures that the command prints. O(VMAs).

    >>> figures = summary(AddressSpace([VMA(0x1000, 0x3000, 3), VMA(0x5000, 0x6000, 1)]))
    >>> figures["vmas"], figures["size"], figures["groups"][0]["what"], figures["gaps"]["within"]
    (2, 12288, 'anonymous', 1)
    """
    limits = Limits()
    inside = [vma for vma in mm if vma.start < limits.task_size]
    groups = _groups(mm)
    within = [(one.end, two.start) for one, two in pairwise(inside) if one.end < two.start]
    largest = sorted(mm.gaps(), key=lambda gap: gap[0] - gap[1])[:_GAPS]
    free = limits.task_size - sum(vma.size for vma in inside)
    biggest = largest[0][1] - largest[0][0] if largest else 0
    return {
        "vmas": len(inside),
        "max_map_count": limits.max_map_count,
        "size": mm.size,
        "groups": [vars(group) for group in groups],
        "gaps": {
            "within": len(within),
            "free": free,
            "single_pages": sum(1 for start, end in within if end - start == PAGE_SIZE),
            "largest": [list(gap) for gap in largest],
            # The part of the free addresses that one mapping could not have.
            "fragmentation": 1 - biggest / free if free else 0.0,
        },
    }


def _groups(vmas: Iterable[VMA]) -> list[Group]:
    """The largest first."""
    groups: dict[str, Group] = {}
    for vma in vmas:
        what = kind(vma)
        groups.setdefault(what, Group(what)).add(vma)
    return sorted(groups.values(), key=lambda group: (-group.size, group.start))


def _group_row(group: dict[str, Any]) -> list[str]:
    return [
        group["what"],
        f"{group['vmas']:,}",
        *(f"{group[key] // 1024:,}" for key in ("size", "writable", "executable")),
        f"{group['start']:x}",
        f"{group['end']:x}",
    ]


def _row(vma: VMA) -> list[str]:
    size = f"{vma.size // 1024:,}"
    return [f"{vma.start:x}", f"{vma.end:x}", size, vma.perms, vma.label or "anonymous"]


def _print_free(document: dict[str, Any]) -> None:
    gaps = document["gaps"]
    vmas, most = document["vmas"], document["max_map_count"]
    print()
    print(f"{vmas:,} VMAs, {vmas / most:.1%} of vm.max_map_count ({most:,})")
    print(f"{document['size'] // 1024:,} KiB mapped")
    print(
        f"{_large(gaps['free'])} free; {gaps['within']:,} gaps between VMAs, "
        f"{gaps['single_pages']:,} of them of one page"
    )
    print(f"{gaps['fragmentation']:.1%} of what is free is outside the largest gap")
    print("largest gaps:")
    for start, end in gaps["largest"]:
        print(f"  {start:x}-{end:x}  {_large(end - start)}")


def _large(size: int) -> str:
    """A size in the unit that leaves it at most four figures before the point.

    >>> _large(140_737_488_351_232), _large(8192)
    ('128.00 TiB', '8.00 KiB')
    """
    value = size / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:,.2f} {unit}"
        value /= 1024
    return f"{value:,.2f} TiB"
