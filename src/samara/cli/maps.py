# SPDX-License-Identifier: MIT
"""`samara maps`: a memory map at a glance: what is mapped, in groups, and what is free."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from samara.cli.arguments import CommandParser
from samara.cli.document import add_json_argument, print_document, vma_document
from samara.cli.kinds import kind, label_of
from samara.cli.machine import max_map_count
from samara.cli.maps_plot import plot_maps
from samara.cli.nodes import drawn_nodes, node_document
from samara.cli.plot import add_plot_argument, check_can_plot
from samara.cli.source import file_name, open_space
from samara.cli.table import print_table
from samara.cli.units import format_count, format_size
from samara.cli.vmcore import Dump, open_dump
from samara.mm import VMA, AddressSpace

_GAPS = 5  # how many of the largest are listed
_DESCRIPTION = """\
Print the memory map of a process, its VMAs in groups with their sizes: first by
kind (text, heap, stack, anonymous memory, ...), then by what is mapped (each
file). Below that: how near the process is to vm.max_map_count, how much is
free, the gaps between VMAs, and the largest free ranges.

A VMA (virtual memory area) is one line of /proc/PID/maps. The line [vsyscall]
is not counted anywhere: it is a page of the kernel's, in no process's map.

FILE can be a log with a map in it, a tombstone of Android, or the output of
"info proc mappings" of gdb. Lines that are not mappings are skipped; stderr
says how many. How far addresses reach is guessed: 32 bits, 48 bits (aarch64),
or those of x86-64 with 4 or 5 levels of page tables.

With --vmcore, the process is read from the memory dump of a machine: an ELF
file of /proc/vmcore, or of QEMU's dump-guest-memory, with an x86-64 kernel,
Linux 6.1 or newer. Without --pid and --name, its processes are listed. --nodes
draws the maple tree in which the kernel keeps the VMAs of the process.
"""
_EPILOG = """\
exit status: 0; 1 a process that cannot be read; 2 bad arguments or bad input
"""


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


def add_parser(subparsers: argparse._SubParsersAction[CommandParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "maps",
        help="show a memory map at a glance: what is mapped, and what is free",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        nargs="?",
        metavar="PID|FILE",
        help=(
            "a process id, or a file in the format of /proc/PID/maps or smaps; - is standard "
            "input; a file whose name is a number is written ./4242"
        ),
    )
    parser.add_argument("--vmcore", metavar="DUMP", help="read the memory dump of a machine")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pid", type=int, help="the process of the dump with this id")
    which.add_argument("--name", help="the process of the dump with this name")
    parser.add_argument("--nodes", action="store_true", help="draw the nodes of its maple tree")
    parser.add_argument("--vmas", action="store_true", help="list every VMA too")
    add_plot_argument(parser, "the memory map")
    add_json_argument(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand and return the exit status."""
    _check(arguments)
    check_can_plot(arguments.plot)
    if arguments.vmcore is not None:
        return _run_on_dump(arguments)
    mm, _, not_counted = open_space(arguments.source)
    return _show(arguments, mm, not_counted, file_name(arguments.source), max_map_count())


def _check(arguments: argparse.Namespace) -> None:
    """End with the usage if the arguments do not fit each other."""
    fault = arguments.parser.error
    one = arguments.pid is not None or arguments.name is not None
    if (arguments.source is None) == (arguments.vmcore is None):
        fault("give either PID|FILE or --vmcore DUMP")
    if arguments.vmcore is None and (one or arguments.nodes):
        fault("--pid, --name and --nodes need --vmcore DUMP")
    if arguments.vmcore is not None and not one:
        for option in ("nodes", "vmas", "plot"):
            if getattr(arguments, option):
                fault(f"--{option} needs --pid PID or --name NAME")


def _run_on_dump(arguments: argparse.Namespace) -> int:
    with open_dump(arguments.vmcore) as dump:
        if arguments.pid is None and arguments.name is None:
            _list_processes(arguments, dump)
            return 0
        task, mm = dump.process(arguments.pid, arguments.name)
        name = f"{file_name(arguments.vmcore)}: {task.pid} ({task.name})"
        if not arguments.nodes:
            return _show(arguments, mm, [], name, dump.max_map_count or max_map_count())
        nodes = dump.nodes(task)
    if arguments.json:
        fields = {"source": name, "nodes": len(nodes)}
        listed = {"nodes_listed": [node_document(node) for node in nodes]}
        print_document("maps", {**fields, **listed})
    else:
        print(drawn_nodes(nodes))
    return 0


def _list_processes(arguments: argparse.Namespace, dump: Dump) -> None:
    processes = list(dump.processes())
    if arguments.json:
        listed = [
            {"pid": task.pid, "name": task.name, "vmas": len(mm), "size": mm.size}
            for task, mm in processes
        ]
        fields = {"source": file_name(arguments.vmcore), "release": dump.release}
        print_document("maps", {**fields, "processes": len(listed), "processes_listed": listed})
        return
    print(f"Linux {dump.release}: {_processes(len(processes))} with an address space\n")
    rows = [[str(t.pid), f"{len(mm):,}", format_size(mm.size), t.name] for t, mm in processes]
    print_table(("pid", "VMAs", "size", "name"), rows, text_last=True)


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number:,} processes"


def _show(
    arguments: argparse.Namespace,
    mm: AddressSpace,
    not_counted: list[VMA],
    name: str,
    most: int,
) -> int:
    if arguments.plot:
        plot_maps(arguments.plot, mm, name)
    figures = summary(mm, most)
    if arguments.json:
        lists = {
            "vmas_listed": [vma_document(vma) for vma in mm],
            "not_counted": [vma_document(vma) for vma in not_counted],
        }
        print_document("maps", {"source": name, **figures, **lists})
        return 0
    if arguments.vmas:
        headers = ("start", "end", "size", "perms", "what")
        print_table(headers, [_row(vma) for vma in mm], text_last=True)
        print()
    for groups in ("kinds", "groups"):
        print_table(_HEADERS, [_group_row(group) for group in figures[groups]], text_last=True)
        print()
    _print_free(figures)
    return 0


def summary(mm: AddressSpace, max_map_count: int) -> dict[str, Any]:
    """Return the figures that the command prints. O(VMAs).

    >>> mm = AddressSpace([VMA(0x1000, 0x3000, 3), VMA(0x5000, 0x6000, 1)])
    >>> figures = summary(mm, 65530)
    >>> figures["vmas"], figures["size"], figures["groups"][0]["what"], figures["gaps"]["within"]
    (2, 12288, 'anonymous', 1)
    """
    within = [(one.end, two.start) for one, two in pairwise(mm) if one.end < two.start]
    largest = sorted(mm.gaps(), key=lambda gap: gap[0] - gap[1])[:_GAPS]
    free = sum(end - start for start, end in mm.gaps())
    biggest = largest[0][1] - largest[0][0] if largest else 0
    return {
        "vmas": len(mm),
        "max_map_count": max_map_count,
        "size": mm.size,
        "kinds": [vars(group) for group in _groups(mm, kind)],
        "groups": [vars(group) for group in _groups(mm, label_of)],
        "gaps": {
            "within": len(within),
            "free": free,
            "single_pages": sum(1 for start, end in within if end - start == mm.limits.page_size),
            "largest": [list(gap) for gap in largest],
            # The part of the free addresses that one mapping could not have.
            "fragmentation": 1 - biggest / free if free else 0.0,
        },
    }


def _groups(vmas: Iterable[VMA], key: Callable[[VMA], str]) -> list[Group]:
    """Return the groups, the largest first."""
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


def _print_free(figures: dict[str, Any]) -> None:
    gaps = figures["gaps"]
    vmas, most = figures["vmas"], figures["max_map_count"]
    print(f"{format_count(vmas, 'VMA')}, {vmas / most:.1%} of vm.max_map_count ({most:,})")
    print(f"{format_size(figures['size'])} mapped")
    print(
        f"{format_size(gaps['free'])} free; {format_count(gaps['within'], 'gap')} between VMAs, "
        f"{gaps['single_pages']:,} of them of one page"
    )
    fragmentation = f"{gaps['fragmentation']:.1%}"
    print(f"fragmentation {fragmentation}: the part of the free space outside the largest range")
    print("largest free ranges, including those below and above all VMAs:")
    for start, end in gaps["largest"]:
        print(f"  {start:x}-{end:x}  {format_size(end - start)}")
