# SPDX-License-Identifier: MIT
"""usage: check_coverage.py [--all] REPORT.json

Print gcovr's figures for each C file, with the lines and branches that no test covers. With --all,
fail if there are any. Not counted: what gcovr.cfg leaves out, and versions of the search that this
processor cannot run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The flag in /proc/cpuinfo that a version of the search needs. NEON's is compiled on Arm only.
NEEDS = {"_avx2": "avx2", "_avx512": "avx512_vpopcntdq"}


@dataclass
class Count:
    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_taken: int = 0

    def __iadd__(self, other: Count) -> Count:
        self.lines += other.lines
        self.lines_run += other.lines_run
        self.branches += other.branches
        self.branches_taken += other.branches_taken
        return self

    def missed(self) -> int:
        return self.lines - self.lines_run + self.branches - self.branches_taken

    def row(self, name: str) -> str:
        lines = f"{self.lines_run:7} of {self.lines:5} lines"
        branches = f"{self.branches_taken:7} of {self.branches:5} branches"
        return (
            f"{name:24}{lines} {share(self.lines_run, self.lines)}"
            f"{branches} {share(self.branches_taken, self.branches)}"
        )


def share(part: int, whole: int) -> str:
    # Rounded down, so 100 % really means all.
    return f"{part * 1000 // whole / 10 if whole else 100.0:5.1f} %"


def lacking() -> tuple[str, ...]:
    """Return the suffixes of the functions that this processor cannot run."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return tuple(ending for ending, flag in NEEDS.items() if flag not in flags)


def lines_of(file: dict[str, Any], endings: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for line in file["lines"]:
        left_out = line.get("gcovr/excluded") or line.get("gcovr/noncode")
        if not left_out and not str(line.get("function_name")).endswith(endings or ("\0",)):
            yield line


def read_file(file: dict[str, Any], endings: tuple[str, ...]) -> tuple[Count, list[str]]:
    count = Count()
    missed = []
    source = Path(file["file"]).read_text().splitlines()
    for line in lines_of(file, endings):
        branches = [one for one in line["branches"] if not one.get("gcovr/excluded")]
        taken = sum(one["count"] > 0 for one in branches)
        count += Count(1, line["count"] > 0, len(branches), taken)
        if line["count"] and taken == len(branches):
            continue
        what = f"{len(branches) - taken} of {len(branches)} branches" if line["count"] else "line"
        number = line["line_number"]
        missed.append(f"  {number:4} {what:17} {source[number - 1].strip()}")
    return count, missed


def main(*arguments: str) -> int:
    wants_all = arguments[0] == "--all"
    endings = lacking()
    if endings:
        print(f"This processor cannot run functions that end in {' or '.join(endings)}.")
    total = Count()
    for file in json.loads(Path(arguments[-1]).read_text())["files"]:
        count, missed = read_file(file, endings)
        print("\n".join([count.row(file["file"].removeprefix("core/")), *missed]))
        total += count
    print(total.row("all"))
    return 1 if wants_all and total.missed() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
