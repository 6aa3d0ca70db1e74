# SPDX-License-Identifier: MIT
"""The clock: peers take turns, A B C A B C ..., so each round gives a ratio of its own.

Before that, all peers are made and their results compared. A peer that takes too long at this stage
is left out, and that is noted.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from .peers import PEERS, UNCHECKED, Peer, Samara, SamaraPacked
from .workloads import (
    MANY,
    MISSING,
    OPERATIONS,
    Operation,
    Ranges,
)

Samples = dict[str, dict[str, dict[str, list[float]]]]  # operation, n, peer: by round


@dataclass
class Plan:
    sizes: list[int]
    rounds: int
    turn: float  # seconds that a turn takes at most, unless one input takes longer
    patience: float  # seconds until a peer is left out
    growth_sizes: list[int]
    footprint_sizes: list[int]
    threads_sizes: list[int]


@dataclass
class Results:
    samples: Samples = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    checked: list[dict[str, Any]] = field(default_factory=list)


class TooLongError(Exception):
    pass


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise TooLongError after this many seconds."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- one group: an operation at a size ----------------------------------------------------------


@dataclass
class Contestant:
    name: str
    target: Any
    loop: Callable[[Any, Sequence[Any]], int]
    per: int = 1
    count: int = 0

    def turn(self, inputs: Sequence[Any]) -> float:
        """Return the nanoseconds of one operation."""
        part = inputs[: self.count]
        return self.loop(self.target, part) / len(part) / self.per

    def settle(self, inputs: Sequence[Any], seconds: float) -> None:
        """Find out how many inputs fit in a turn, and warm up."""
        count = 1
        while True:
            took = self.loop(self.target, inputs[:count])
            if took > seconds * 1e8 or count >= len(inputs):
                break
            count *= 4
        self.count = max(1, min(len(inputs), int(count * seconds * 1e9 / max(took, 1))))


def contestants_of(operation: Operation, peers: Sequence[Peer], n: int) -> list[Contestant]:
    """Return the peers that have the operation."""
    return [
        Contestant(peer.name, getattr(peer, operation.name), operation.loop, operation.per(n))
        for peer in peers
        if hasattr(peer, operation.name)
    ]


def measure_operation(
    operation: Operation, peers: list[Peer], ranges: Ranges, plan: Plan, results: Results
) -> None:
    n = ranges.n
    contestants = []
    inputs = operation.inputs(ranges, 0)
    for contestant in contestants_of(operation, peers, n):
        try:
            with patience(plan.patience):
                contestant.settle(inputs, plan.turn)
            contestants.append(contestant)
        except TooLongError:
            leave_out(results, contestant.name, n, operation.name, plan)
    by_peer: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for turn in range(plan.rounds):
        inputs = operation.inputs(ranges, turn + 1)
        for contestant in contestants:
            by_peer[contestant.name].append(float(f"{contestant.turn(inputs):.5g}"))
    if by_peer:
        results.samples.setdefault(operation.name, {})[str(n)] = by_peer


def leave_out(results: Results, peer: str, n: int, what: str, plan: Plan) -> None:
    results.left_out.append({"peer": peer, "n": n, "operation": what, "seconds": plan.patience})


def check_answers(
    operation: Operation, peers: list[Peer], ranges: Ranges, plan: Plan, results: Results
) -> list[Peer]:
    """Compare all results with the first peer's. Return the peers that remain."""
    if not operation.answer:
        return peers
    expected = None
    kept, checked = [], []
    for peer in peers:
        if not hasattr(peer, operation.name) or peer.name in UNCHECKED:
            kept.append(peer)
            continue
        try:
            with patience(plan.patience):
                answer = operation.answer(peer, ranges)
        except TooLongError:
            leave_out(results, peer.name, ranges.n, operation.name, plan)
            continue
        kept.append(peer)
        checked.append(peer.name)
        if expected is None:
            expected = answer
        elif answer != expected:
            sys.exit(
                f"{operation.title} at n = {ranges.n:,}: {peer.name} and {checked[0]} do not agree"
            )
    results.checked.append({"operation": operation.name, "n": ranges.n, "peers": checked})
    return kept


def build_peers(
    kinds: Sequence[type[Peer]], ranges: Ranges, plan: Plan, results: Results
) -> list[Peer]:
    peers = []
    for kind in kinds:
        try:
            with patience(plan.patience):
                peers.append(kind(ranges))
        except TooLongError:
            leave_out(results, kind.name, ranges.n, "build", plan)
    return peers


def measure_size(
    kinds: Sequence[type[Peer]],
    n: int,
    plan: Plan,
    results: Results,
    advance: Callable[[str], None],
) -> None:
    """Measure all operations at one size. The collector does not run while the clock does."""
    made: dict[Any, tuple[Ranges, list[Peer]]] = {}
    for operation in OPERATIONS:
        advance(f"n = {n:,}: {operation.title}")
        if operation.data not in made:
            ranges = operation.data(n)
            wanted = [kind for kind in kinds if operation.data is Ranges or kind.searches]
            made[operation.data] = ranges, build_peers(wanted, ranges, plan, results)
        ranges, peers = made[operation.data]
        gc.collect()
        gc.disable()
        able = check_answers(operation, peers, ranges, plan, results)
        measure_operation(operation, able, ranges, plan, results)
        gc.enable()


# ---- growth -------------------------------------------------------------------------------------


def measure_growth(plan: Plan, advance: Callable[[str], None]) -> Samples:
    """Measure samara alone at more sizes."""
    results = Results()
    for n in plan.growth_sizes:
        measure_size([Samara, SamaraPacked], n, plan, results, advance)
    return results.samples


# ---- threads ------------------------------------------------------------------------------------


def side_by_side(work: Callable[[], object], count: int) -> float:
    """Return the seconds that `count` threads need for the work if all start at once."""
    gate = threading.Barrier(count + 1)

    def run() -> None:
        gate.wait()
        work()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def measure_threads(
    plan: Plan, processors: set[int], advance: Callable[[str], None]
) -> dict[str, list[list[float]]]:
    """Return ms by n and round: one thread's load_many(), and two threads with as much each."""
    found: dict[str, list[list[float]]] = {}
    pinned = os.sched_getaffinity(0)
    for n in plan.threads_sizes:
        advance(f"n = {n:,}: two threads of load_many")
        if len(processors) < 2:
            continue
        ranges = Ranges(n)
        tree = SamaraPacked(ranges).tree
        keys = ranges.keys(MANY, 0)

        def work(tree: Any = tree, keys: Any = keys) -> None:
            for _ in range(4):
                tree.load_many(keys, MISSING)

        os.sched_setaffinity(0, processors)
        work()
        found[str(n)] = [
            [round(side_by_side(work, threads) * 1e3, 4) for threads in (1, 2)]
            for _ in range(plan.rounds)
        ]
        os.sched_setaffinity(0, pinned)
    return found


# ---- memory -------------------------------------------------------------------------------------


def tree_bytes(n: int) -> dict[str, float]:
    """Return the bytes per range of a tree's nodes and object: exact, so measured once."""
    found = {}
    for label, gaps in (("without gaps", False), ("with gaps", True)):
        ranges = Ranges(n, gaps=gaps)
        tree = SamaraPacked(ranges).tree
        found[f"{label}, from_arrays"] = tree.nbytes / n
        stored = type(tree)(dtype="u8")
        order = Ranges(n).hits(n, 5).argsort()
        stored.store_many(ranges.first[order], ranges.last[order], ranges.values[order])
        assert stored == tree
        found[f"{label}, random stores"] = stored.nbytes / n
    return {label: round(value, 2) for label, value in found.items()}


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def footprint(name: str, n: int) -> float:
    """Return this process's growth per range of one peer's map, without the objects in it."""
    ranges = Ranges(n)
    assert ranges.firsts and ranges.lasts and ranges.objects
    (kind,) = (kind for kind in PEERS if kind.name == name)
    small = kind(Ranges(100))
    before = resident()
    peer = kind(ranges)
    grown = resident() - before
    del small, peer
    return grown / n


def measure_footprints(
    program: Path, plan: Plan, left_out: list[dict[str, Any]], advance: Callable[[str], None]
) -> dict[str, dict[str, float]]:
    """Return the footprints by n and peer, each measured in a process of its own."""
    found: dict[str, dict[str, float]] = {}
    absent = {(entry["peer"], entry["n"]) for entry in left_out if entry["operation"] == "build"}
    for n in plan.footprint_sizes:
        for kind in PEERS:
            advance(f"n = {n:,}: memory of {kind.name}")
            if kind.name in UNCHECKED or (kind.name, n) in absent:
                continue
            command = [sys.executable, str(program), "--footprint", kind.name, str(n)]
            output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found.setdefault(str(n), {})[kind.name] = round(float(output), 1)
    return found
