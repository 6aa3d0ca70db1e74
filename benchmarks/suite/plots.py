# SPDX-License-Identifier: MIT
"""The plots of docs/performance.md, drawn from the figures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

from .figures import Figures
from .report import number, own_median
from .sections import frame_peers

matplotlib.use("svg")

from matplotlib import pyplot

OPERATIONS = ["get", "load_many", "load_many_sorted", "store", "fork_store", "dup", "empty_area"]
GROWTH = {
    "growth_calls": [
        "subscript", "contains", "get", "entry", "store", "fork", "fork_store", "empty_area",
    ],
    "growth_whole": [
        "load_many", "load_many_sorted", "iterate", "build", "to_arrays", "dup", "dup_packed",
    ],
}  # fmt: skip
# A peer has the same colour in each plot.
COLOURS = {
    "samara": "#c1272d",
    "samara, packed": "#e8833a",
    "list + bisect": "#0072b2",
    "sortedcontainers SortedDict": "#56b4e9",
    "BTrees QOBTree": "#009e73",
    "collections-extended RangeMap": "#8c6bb1",
    "intervaltree": "#999999",
    "numpy": "#000000",
    "numpy, gaps unseen": "#7f7f7f",
    "pandas IntervalIndex": "#cc79a7",
    "polars join_asof": "#b8a200",
}
# The peers in the overview, with their short names.
PEERS = {
    "samara": "samara",
    "list + bisect": "list + bisect",
    "sortedcontainers SortedDict": "SortedDict",
    "BTrees QOBTree": "QOBTree",
    "collections-extended RangeMap": "RangeMap",
    "intervaltree": "intervaltree",
}
DASHED = {
    "empty Python call": "#888888",
    "empty C call": "#bbbbbb",
    "list.copy of the values": "#555555",
}


def finish(axes: Any, title: str, unit: str, path: Path) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("ranges in the map")
    axes.set_ylabel(unit)
    axes.set_title(title)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="x-small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(axes.figure)


def draw_operation(figures: Figures, operation: str, path: Path) -> None:
    about = figures.data["operations"][operation]
    scale = 1000 if about["unit"].startswith("µs") else 1
    _, axes = pyplot.subplots(figsize=(6.4, 4.2))
    for peer in figures.peers(operation):
        points = [
            (n, value / scale)
            for n in figures.sizes(operation)
            if (value := figures.median(operation, peer, n)) is not None
        ]
        yardstick = peer in DASHED
        colour = DASHED[peer] if yardstick else COLOURS[peer]
        axes.plot(
            *zip(*points, strict=True), label=peer, color=colour,
            linestyle=":" if yardstick else "-", marker=None if yardstick else "o", markersize=3,
            linewidth=2.4 if peer.startswith("samara") else 1.2,
        )  # fmt: skip
    finish(axes, about["title"], about["unit"].split(",")[0], path)


def draw_growth(figures: Figures, operations: list[str], path: Path) -> None:
    _, axes = pyplot.subplots(figsize=(6.4, 4.2))
    for operation in operations:
        points = [
            (n, value)
            for n in figures.sizes(operation, "growth")
            if (value := own_median(figures, operation, n)) is not None
        ]
        if points:
            axes.plot(
                *zip(*points, strict=True), label=figures.title(operation), marker="o", markersize=3
            )
    whole = "load_many" in operations
    title = "samara: whole maps and many keys" if whole else "samara: one call"
    finish(axes, title, "ns per range or key" if whole else "ns per call", path)


def draw_bars(
    axes: Any, bars: list[tuple[str, float, str]], title: str, least: float, room: float
) -> None:
    """Draw a panel of bars: names, nanoseconds, colours. `room` is for the longest label."""
    names, values, colours = zip(*bars, strict=True)
    drawn = axes.barh(names, values, color=colours)
    axes.bar_label(drawn, [duration(value) for value in values], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(least, max(values) * room)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.minorticks_off()
    axes.tick_params(labelsize=8, length=0)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def draw_overview(figures: Figures, path: Path) -> None:
    """Draw the README's plot: three operations on 10,000 ranges, samara and its peers."""
    n = 10_000
    panels = {
        "look up one key": [("get", peer, name) for peer, name in PEERS.items()],
        "overwrite a range": [("store", peer, name) for peer, name in PEERS.items()],
        "copy the whole map": [
            ("fork", "samara", "samara fork"),
            ("dup", "samara", "samara dup"),
            *(("dup", peer, name) for peer, name in PEERS.items() if peer != "samara"),
        ],
    }
    figure, all_axes = pyplot.subplots(1, len(panels), figsize=(11, 2.6), layout="constrained")
    for axes, (title, bars) in zip(all_axes, panels.items(), strict=True):
        measured = [
            (name, value, COLOURS[peer])
            for operation, peer, name in bars
            if (value := figures.median(operation, peer, n)) is not None
        ]
        draw_bars(axes, measured, title, 10, 12)
    figure.supxlabel(f"{n:,} ranges; logarithmic scale, shorter is better", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def draw_frames(figures: Figures, path: Path) -> None:
    """Draw samara in each library beside the library's own joins, for two kinds of keys."""
    cases = {"ipv4": "IPv4 addresses", "periods": "moments"}
    size = (11, 3.6)
    figure, all_axes = pyplot.subplots(1, len(cases), figsize=size, layout="constrained")
    for axes, (case, title) in zip(all_axes, cases.items(), strict=True):
        times = figures.frames["figures"][case]
        bars = [("numpy load_many", times["numpy load_many"], COLOURS["samara"])]
        for name, value in times.items():
            if f"{name}, strings" in times:
                bars.append((f"samara, {name}", value, COLOURS["samara"]))
                bars += [
                    (f"{library} {peer}", theirs, COLOURS["intervaltree"])
                    for library, peer, theirs in frame_peers(times)
                    if library == name
                ]
        draw_bars(axes, bars, f"{title}, {figures.frames['ranges'][case]:,} ranges", 5, 4)
    rows = f"{figures.frames['rows']:,} rows"
    figure.supxlabel(f"time per row, {rows}; logarithmic scale, shorter is better", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def duration(nanoseconds: float) -> str:
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{number(nanoseconds / size)} {unit}"
    return f"{number(nanoseconds)} ns"


def draw_all(figures: Figures, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Make the same file from the same figures.
    matplotlib.rcParams["svg.hashsalt"] = "samara"
    matplotlib.rcParams["svg.fonttype"] = "none"
    draw_overview(figures, folder / "overview.svg")
    draw_frames(figures, folder / "frames.svg")
    for operation in OPERATIONS:
        draw_operation(figures, operation, folder / f"{operation}.svg")
    if figures.data["growth"]:
        for name, operations in GROWTH.items():
            draw_growth(figures, operations, folder / f"{name}.svg")
