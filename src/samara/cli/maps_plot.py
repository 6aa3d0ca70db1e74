# SPDX-License-Identifier: MIT
"""A plot of an address space that shows its clusters of VMAs, although they lie terabytes apart.

At the top are all addresses to scale; the clusters are hardly lines there. Below that, each cluster
has rows of its own, in which widths are logarithms of sizes:

    |  1          2                          3|     0 ... 128 TiB
     \\          /
    1  [ VMA ][VMA]  [  VMA  ] ...                  rows of cluster 1
    2  [VMA] ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from math import log2
from os.path import basename
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from samara.cli.kinds import KINDS, kind, label_of
from samara.cli.plot import draw, drawable
from samara.cli.units import format_count, format_size
from samara.mm import PAGE_SIZE, VMA, AddressSpace, Limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART: Final = 1 << 32  # gaps of this many bytes or more separate clusters
_ROW_WIDTH = 130.0  # in logarithms of sizes
_MOST_ROWS = 44
_WIDTH = 11.0  # inches
_ROW_HEIGHT = 0.26
_LABELS = 0.14  # of the width, to the left of the rows
_TICKS = 8  # on the axis of all addresses
_UNITS = ((40, "TiB"), (30, "GiB"), (20, "MiB"))


class Bar(NamedTuple):
    """A VMA in a row: where it begins in the row, and its width."""

    at: float
    width: float
    vma: VMA


@dataclass
class Row:
    """A line of bars."""

    bars: list[Bar] = field(default_factory=list)
    width: float = 0.0

    def add(self, vma: VMA, gap: float) -> None:
        """Append a VMA."""
        at = self.width + gap
        self.bars.append(Bar(at, extent(vma.size), vma))
        self.width = at + extent(vma.size)


def extent(size: int) -> float:
    """Return how wide this many bytes are drawn.

    >>> extent(4096), extent(8192), extent(1 << 30)
    (1.0, 2.0, 19.0)
    """
    return 1 + log2(size / PAGE_SIZE)


def clusters(vmas: Iterable[VMA]) -> list[list[VMA]]:
    """Return the VMAs in clusters: those with gaps of less than APART bytes. Without [vsyscall].

    >>> low, near, far = VMA(0x1000, 0x2000), VMA(APART, APART + 0x2000), VMA(1 << 40, 1 << 41)
    >>> clusters([low, near, far]) == [[low, near], [far]]
    True
    """
    parted: list[list[VMA]] = []
    for vma in vmas:
        if Limits().is_gate(vma.start):
            continue
        if not parted or vma.start - parted[-1][-1].end >= APART:
            parted.append([])
        parted[-1].append(vma)
    return parted


def rows(cluster: list[VMA], width: float) -> list[Row]:
    """Return the VMAs of a cluster in lines of about this width.

    >>> [len(row.bars) for row in rows([VMA(n << 13, (n << 13) + 4096) for n in range(5)], 3.5)]
    [2, 2, 1]
    """
    lines = [Row()]
    end = cluster[0].start
    for vma in cluster:
        gap = extent(vma.start - end) / 2 if vma.start > end else 0.0
        if lines[-1].bars and lines[-1].width + gap + extent(vma.size) > width:
            lines.append(Row())
            gap = 0.0
        lines[-1].add(vma, gap)
        end = vma.end
    return lines


def plot_maps(path: Path, mm: AddressSpace, title: str) -> None:
    """Draw the address space into the file. O(VMAs)."""
    parted = clusters(mm)
    total = sum(line.width for cluster in parted for line in rows(cluster, float("inf")))
    width = max(_ROW_WIDTH, total / _MOST_ROWS)
    placed = [rows(cluster, width) for cluster in parted]
    lines = sum(len(lines) + _lead(lines, width) for lines in placed)
    height = 1.9 + _ROW_HEIGHT * lines

    def fill(figure: Figure) -> None:
        overview, detail = figure.subplots(2, height_ratios=[0.35, max(_ROW_HEIGHT * lines, 0.3)])
        _draw_overview(overview, parted, mm.limits.task_size)
        _draw_rows(detail, placed, width)
        vmas = format_count(len(mm), "VMA")
        figure.suptitle(f"{drawable(title)}: {vmas}, {format_size(mm.size)} mapped", fontsize=10)
        _draw_legend(figure, mm)

    draw(path, _WIDTH, height, fill)


def _draw_overview(axes: Axes, parted: list[list[VMA]], end: int) -> None:
    """Draw all of user space to scale."""
    axes.set(xlim=(0, end), ylim=(0, 1), yticks=[])
    step = 1 << (end - 1).bit_length() >> _TICKS.bit_length() - 1
    ticks = range(0, end + 1, step)
    shift, unit = next(one for one in _UNITS if step >> one[0])
    axes.set_xticks(ticks, [f"{tick >> shift} {unit}" for tick in ticks])
    taken = -end
    raised = 0
    for number, cluster in enumerate(parted, 1):
        start, size = cluster[0].start, cluster[-1].end - cluster[0].start
        axes.axvspan(start, start + size, color="#d55e00", linewidth=1)
        # The numbers of clusters that would overlap are stacked.
        raised = raised + 1 if start - taken < end / 50 else 0
        taken = start
        axes.annotate(
            str(number),
            (start + size / 2, 1),
            (0, 2 + 9 * raised),
            textcoords="offset points",
            ha="center",
            fontweight="bold",
            annotation_clip=False,
        )
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


def _is_captioned_above(lines: list[Row], width: float) -> bool:
    """Return whether the caption stands above the first row; after a short row there is room."""
    return lines[0].width > 0.5 * width


def _lead(lines: list[Row], width: float) -> float:
    """Return the room above a cluster, in rows."""
    return 1.3 if _is_captioned_above(lines, width) else 0.25


def _draw_rows(axes: Axes, placed: list[list[Row]], width: float) -> None:
    axes.set_xlim(-_LABELS * width, width * 1.005)
    axes.axis("off")
    y = 0.0
    before = 0
    for number, lines in enumerate(placed, 1):
        first, last = lines[0].bars[0].vma, lines[-1].bars[-1].vma
        free = format_size(first.start - before)
        used = format_size(last.end - first.start)
        before = last.end
        y -= _lead(lines, width)
        caption = f"{used}, above {free} free"
        x, up = (0.0, 0.8) if _is_captioned_above(lines, width) else (lines[0].width + 1, 0.0)
        axes.text(x, y + up, caption, color="#666666", va="center", fontsize=7)
        for line in lines:
            start = line.bars[0].vma.start
            mark = f"{number}  " if line is lines[0] else ""
            x = -_LABELS * width
            axes.text(x, y, mark, va="center", fontweight="bold")
            axes.text(-0.01 * width, y, f"{start:x}", va="center", ha="right", family="monospace")
            _draw_bars(axes, line.bars, y, width)
            y -= 1.0
    axes.set_ylim(y + 0.3, 0.1)


def _draw_bars(axes: Axes, bars: list[Bar], y: float, width: float) -> None:
    for what, group in groupby(sorted(bars, key=lambda bar: kind(bar.vma)), lambda b: kind(b.vma)):
        spans = [(bar.at, bar.width) for bar in group]
        axes.broken_barh(
            spans, (y - 0.36, 0.72), facecolors=KINDS[what], edgecolors="white", linewidth=0.4
        )
    # A letter is about 0.05 inches wide.
    per_letter = width * (1 + _LABELS) / (_WIDTH - 0.3) * 0.052
    for start, end, name in _runs(bars):
        letters = int((end - start) / per_letter)
        if letters >= 3:
            text = name if len(name) <= letters else name[: letters - 1] + "…"
            axes.text(
                (start + end) / 2, y, text, ha="center", va="center", fontsize=6,
                bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.6, "linewidth": 0},
            )  # fmt: skip


def _runs(bars: list[Bar]) -> Iterator[tuple[float, float, str]]:
    """Yield neighbours of one file, or of one kind: where they begin and end, and their name."""
    for name, group in groupby(bars, lambda bar: basename(label_of(bar.vma)) or label_of(bar.vma)):
        run = list(group)
        yield run[0].at, run[-1].at + run[-1].width, drawable(name)


def _draw_legend(figure: Figure, mm: AddressSpace) -> None:
    from matplotlib.patches import Patch

    found = {kind(vma) for vma in mm}
    shown = [Patch(color=colour, label=what) for what, colour in KINDS.items() if what in found]
    apart = f"clusters lie {format_size(APART)} or more apart"
    figure.legend(
        handles=shown,
        loc="outside lower center",
        ncols=max(len(shown), 1),
        frameon=False,
        title=f"rows: widths are logarithms of sizes; {apart}",
    )
