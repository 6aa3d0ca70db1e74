# SPDX-License-Identifier: MIT
"""Fork an address space by each method: are the children right, and how many are made in ten
seconds?"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import repeat, zip_longest
from statistics import median
from time import perf_counter
from typing import NamedTuple

from samara.cli.units import format_count
from samara.mm import FORK_METHODS, AddressSpace, ForkMethod, child_vma

METHODS: tuple[ForkMethod, ...] = tuple(FORK_METHODS)
_ROUNDS = 9
TURNS = _ROUNDS * len(METHODS)  # the most of a measurement
_PERIOD = 10.0  # seconds, as the series counts


class Measured(NamedTuple):
    """What forking one address space gave: by method, the median seconds for a fork and the child's
    exit."""

    vmas: int
    changed: int
    seconds: dict[ForkMethod, float]

    def forks(self, method: ForkMethod) -> float:
        """Forks in ten seconds."""
        return _PERIOD / self.seconds[method]

    def gain_percent(self, method: ForkMethod) -> float:
        """How many more forks than by insert in the same time."""
        return (self.seconds["insert"] / self.seconds[method] - 1) * 100


def prove(space: AddressSpace) -> str | None:
    """Fork by each method and compare the children, VMA by VMA, with what fork must give each of
    them; then look whether the parent is what it was and nothing stays open. Returns what is wrong,
    or None. O(n)."""
    before = space.vmas()
    for method in METHODS:
        child = space.fork(method)
        expected = filter(None, map(child_vma, before))
        for number, (want, got) in enumerate(zip_longest(expected, child)):
            if want != got:
                return f"fork by {method}: VMA {number} of the child is {got!r}, not {want!r}"
        child.check()
        child.exit()
        if space.vmas() != before:
            return f"fork by {method} changed the parent"
    space.check()
    if space.ledger.open != len(before):
        left = format_count(space.ledger.open - len(before), "VMA")
        return f"{left} of the children left open"
    return None


def measure(space: AddressSpace, seconds: float, step: Callable[[ForkMethod], None]) -> Measured:
    """Fork and exit for about `seconds` by each method, in rounds that take turns, so that whatever
    else the machine does falls on all. At least one round, so a large address space takes longer.
    `step` is called before each turn with its method."""
    times: dict[ForkMethod, list[float]] = {method: [] for method in METHODS}
    share = seconds / _ROUNDS
    with _no_collector():
        begin = perf_counter()
        for _ in range(_ROUNDS):
            for method in METHODS:
                step(method)
                times[method].append(_turn(space, method, share))
            if perf_counter() - begin >= seconds * len(METHODS):
                break
    changed = sum(1 for vma in space if child_vma(vma) != vma)
    return Measured(len(space), changed, {method: median(times[method]) for method in METHODS})


def _turn(space: AddressSpace, method: ForkMethod, seconds: float) -> float:
    """Seconds for one fork and exit, over 1, 2, 4, ... of them until half of `seconds` is full."""
    count = 1
    while True:
        begin = perf_counter()
        for _ in repeat(None, count):
            space.fork(method).exit()
        elapsed = perf_counter() - begin
        if elapsed * 2 >= seconds:
            return elapsed / count
        count *= 2


@contextmanager
def _no_collector() -> Generator[None, None, None]:
    """A garbage collection in the middle would be charged to whichever method it met."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
