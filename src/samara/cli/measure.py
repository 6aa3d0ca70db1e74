# SPDX-License-Identifier: MIT
"""Fork an address space by each method: check the children, and count forks in ten seconds."""

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
TURNS = _ROUNDS * len(METHODS)  # at most, in a measurement
_PERIOD = 10.0  # seconds, as in the published table


class Measured(NamedTuple):
    """How long forks of one address space took.

    vmas     how many VMAs it has
    changed  how many of them fork leaves out or changes
    seconds  the median time of a fork and the child's exit, by method
    """

    vmas: int
    changed: int
    seconds: dict[ForkMethod, float]

    def forks(self, method: ForkMethod) -> float:
        """Return how many forks are made in ten seconds."""
        return _PERIOD / self.seconds[method]

    def speedup(self, method: ForkMethod) -> float:
        """Return how many times as many forks are made as by insert in the same time."""
        return self.seconds["insert"] / self.seconds[method]


def verify_children(space: AddressSpace) -> str | None:
    """Fork by each method and compare each child, VMA by VMA, with what fork must give it.

    Then check that the parent is unchanged and that no VMA of a child is left open. O(VMAs).

    Returns:
        What is wrong, or None.
    """
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
    """Fork and exit for about `seconds` by each method.

    The methods take turns, so that other load on the machine falls on all of them. There is at
    least one round, so a large address space takes longer. `step` is called before each turn with
    its method.
    """
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
    """Return the seconds for one fork and exit, from a run of 1, 2, 4, ... of them: the first run
    that takes at least half of `seconds`."""
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
    """Turn the garbage collector off, whose runs would be charged to one method or another."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
