# SPDX-License-Identifier: MIT
"""samara's promises about its speed, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .figures import Figures

PYTHON = "empty Python call"
LIST = "list + bisect"
SEARCHSORTED = "numpy, gaps unseen"
LARGE = 6421


def large(n: int) -> bool:
    return n >= LARGE


@dataclass
class Case:
    """One measured value with its limit."""

    n: int
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def strain(self) -> float:
        """Return the share of the limit that is used: above 1 is a miss."""
        return self.limit / self.value if self.at_least else self.value / self.limit


@dataclass
class Bound:
    operation: str
    claim: str
    cases: Callable[[Figures], Iterable[Case]]


def ratios(
    operation: str,
    peer: str,
    other: str,
    limit: float,
    sizes: Callable[[int], bool] = lambda n: True,
) -> Callable[[Figures], Iterable[Case]]:
    def cases(figures: Figures) -> Iterable[Case]:
        for n in filter(sizes, figures.sizes(operation)):
            value = figures.ratio(operation, peer, other, n)
            if value is not None:
                yield Case(n, value, limit)

    return cases


def nanoseconds(
    operation: str, peer: str, limit: float, least: int
) -> Callable[[Figures], Iterable[Case]]:
    def cases(figures: Figures) -> Iterable[Case]:
        for n in figures.sizes(operation):
            value = figures.median(operation, peer, n)
            if value is not None and n >= least:
                yield Case(n, value, limit)

    return cases


def threads(figures: Figures) -> Iterable[Case]:
    for n in map(int, figures.data["threads"]):
        value = figures.gain_of_threads(n)
        if value is not None:
            yield Case(n, value, 1.7, at_least=True)


def memory(state: str, limit: float) -> Callable[[Figures], Iterable[Case]]:
    def cases(figures: Figures) -> Iterable[Case]:
        for n, by_state in figures.data["memory"].items():
            yield Case(int(n), by_state[state], limit)

    return cases


def memory_after_stores(state: str) -> Callable[[Figures], Iterable[Case]]:
    def cases(figures: Figures) -> Iterable[Case]:
        for n, by_state in figures.data["memory"].items():
            built = by_state[f"{state}, from_arrays"]
            yield Case(int(n), by_state[f"{state}, random stores"] / built, 1.5)

    return cases


BOUNDS = [
    Bound(
        "`get`, object values, half hits",
        "≤ 0.35 × list + bisect at 135 and 6,421",
        ratios("get", "samara", LIST, 0.35, lambda n: n in (135, 6421)),
    ),
    Bound(
        "",
        "≤ 0.25 × list + bisect at 51,221 and 1M",
        ratios("get", "samara", LIST, 0.25, lambda n: n in (51221, 1_000_000)),
    ),
    Bound(
        "`load_many`, random keys",
        "≤ 0.2 × `numpy.searchsorted` and `take` at 6,421 and 51,221",
        ratios("load_many", "samara, packed", SEARCHSORTED, 0.2, lambda n: n in (6421, 51221)),
    ),
    Bound(
        "",
        "≤ 0.12 × `numpy.searchsorted` and `take` at 1M",
        ratios("load_many", "samara, packed", SEARCHSORTED, 0.12, lambda n: n == 1_000_000),
    ),
    Bound(
        "",
        "≤ polars `join_asof` from 10,000 up",
        ratios("load_many", "samara, packed", "polars join_asof", 1, lambda n: n >= 10_000),
    ),
    Bound(
        "`load_many`, sorted keys",
        "≤ 0.35 × `numpy.searchsorted` and `take`",
        ratios("load_many_sorted", "samara, packed", SEARCHSORTED, 0.35),
    ),
    Bound("two threads of `load_many`", "≥ 1.7 × one thread", threads),
    Bound(
        "overwriting store, random",
        "≤ 6 empty Python calls up to 51,221",
        ratios("store", "samara", PYTHON, 6, lambda n: n <= 51221),
    ),
    Bound(
        "",
        "≤ 0.2 × `QOBTree` at 1M",
        ratios("store", "samara", "BTrees QOBTree", 0.2, lambda n: n == 1_000_000),
    ),
    Bound(
        "`dup`, packed",
        "≤ 2 × a numpy copy of the same bytes from 6,421 up",
        ratios(
            "dup_packed",
            "samara, packed",
            "numpy copy of the tree's bytes",
            2,
            large,
        ),
    ),
    Bound(
        "`dup`, object values",
        "≤ 1.5 × `list.copy` of as many values from 6,421 up",
        ratios("dup", "samara", "list.copy of the values", 1.5, large),
    ),
    Bound(
        "`fork`",
        "≤ 4 empty Python calls at any n",
        ratios("fork", "samara", PYTHON, 4),
    ),
    Bound(
        "`fork` and one store",
        "≤ 20 empty Python calls at any n",
        ratios("fork_store", "samara", PYTHON, 20),
    ),
    Bound(
        "`empty_area` of 64, few such gaps",
        "≤ 8 empty Python calls at any n",
        ratios("empty_area", "samara", PYTHON, 8),
    ),
    Bound(
        "`for entry in tree`",
        "≤ 5 × iterating a zip of three lists",
        ratios("iterate", "samara", "zip of three lists", 5),
    ),
    Bound(
        "`from_arrays`",
        "≤ 12 ns per range from 51,221 up",
        nanoseconds("build", "samara, packed", 12, 51221),
    ),
    Bound(
        "`to_arrays`",
        "≤ 5 ns per range from 51,221 up",
        nanoseconds("to_arrays", "samara, packed", 5, 51221),
    ),
    Bound(
        "memory after `from_arrays`",
        "≤ 24 bytes per range without gaps",
        memory("without gaps, from_arrays", 24),
    ),
    Bound("", "≤ 40 bytes per range with gaps", memory("with gaps, from_arrays", 40)),
    Bound(
        "memory after random stores",
        "≤ 1.5 × that, without gaps",
        memory_after_stores("without gaps"),
    ),
    Bound("", "≤ 1.5 × that, with gaps", memory_after_stores("with gaps")),
]


def judge(figures: Figures) -> list[tuple[Bound, list[Case]]]:
    return [(bound, list(bound.cases(figures))) for bound in BOUNDS]
