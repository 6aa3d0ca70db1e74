# SPDX-License-Identifier: MIT
"""Shared code of the C benchmarks' drivers: run the program pinned, take medians, store figures.

A program prints one line for each size, method and run, with columns separated by tabs: entries,
nodes, method, run, repetitions, time. bench_kernel takes no sizes: each of its methods has one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

Times = dict[str, float]


def measure(
    program: Path, options: list[int], sizes: list[int]
) -> tuple[list[str], str, dict[int, int]]:
    """Run the C program on one processor; return its command, its output and the nodes by size."""
    cpu = max(os.sched_getaffinity(0))
    command = [str(program), str(cpu), *map(str, options), *map(str, sizes)]
    lines = []
    nodes: dict[int, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            entries, count, *_ = line.split("\t")
            if sizes and int(entries) not in nodes:
                print(f"measuring {int(entries):,} entries ...", file=sys.stderr)
            nodes[int(entries)] = int(count)
    if process.returncode:
        sys.exit(f"{program.name} ended with {process.returncode}")
    return command, "".join(lines), nodes


def medians(output: str) -> dict[int, Times]:
    """Return the medians of the runs by size and method."""
    runs: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in output.splitlines():
        entries, _nodes, method, _run, _repetitions, time = line.split("\t")
        runs[int(entries)][method].append(float(time))
    return {
        entries: {method: statistics.median(times) for method, times in methods.items()}
        for entries, methods in runs.items()
    }


def alternate(
    ours: Callable[[], Times], theirs: Callable[[], Times], rounds: int
) -> Iterator[tuple[Times, Times]]:
    """Yield what two builds measure in each round. They take turns at going first."""
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        if number % 2:
            second = theirs()
            yield ours(), second
        else:
            yield ours(), theirs()


def number(value: float) -> str:
    """Format a number with three or four significant digits."""
    return f"{value:,.3f}" if value < 10 else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def compiler(program: Path) -> dict[str, object]:
    """Return what built the program, read from its build folder."""
    about = program.parent / "meson-info" / "intro-compilers.json"
    if not about.exists():
        return {}
    c = json.loads(about.read_text())["host"]["c"]
    return {"id": c["id"], "version": c["full_version"]}


def machine() -> dict[str, object]:
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
    }


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every driver."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--program", type=Path, required=True, help="the compiled benchmark")
    parser.add_argument("--runs", type=int, default=5, help="runs of each method (default 5)")
    parser.add_argument("--milliseconds", type=int, default=60, help="the least that a turn takes")
    parser.add_argument("--quick", action="store_true", help="three sizes, short turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser


def turn(arguments: argparse.Namespace) -> int:
    """Return the least milliseconds that a turn takes."""
    return 10 if arguments.quick else int(arguments.milliseconds)


def write_json(
    arguments: argparse.Namespace,
    command: list[str],
    output: str,
    nodes: dict[int, int],
    figures: dict[str, object],
) -> None:
    """Store the figures, if asked to, with the machine and the command that made them."""
    if not arguments.json:
        return
    about = {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "compiler": compiler(arguments.program),
        "runs": arguments.runs,
        "milliseconds_per_turn": turn(arguments),
        "nodes": {str(entries): count for entries, count in nodes.items()},
        "output": output.splitlines(),
    }
    arguments.json.write_text(json.dumps(about | figures, indent=1) + "\n")
