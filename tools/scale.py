# SPDX-License-Identifier: MIT
"""Scale test: many ranges, a long chain of forks, and many forks of one tree.

    python tools/scale.py [RANGES]

Trees are made, used, and destroyed in either order. Prints the time of each step and the memory at
its end, for 50 million ranges, 100,000 generations and a million forks, or in proportion to RANGES.
`test_scale.py` runs a small version.
"""

import gc
import random
import resource
import sys
import threading
import time
from collections.abc import Callable

from samara import MapleTree, _implementation

RANGES = 50_000_000
STEP, WIDTH = 10, 5
CHAINED = 300
STACK = 256 << 10  # the interpreter's own loop uses most of it

Out = Callable[[str], object]


class Report:
    """Reports what was done since the last report."""

    def __init__(self, out: Out) -> None:
        self.out = out
        self.began = time.perf_counter()

    def __call__(self, what: str, count: int = 1) -> float:
        seconds = time.perf_counter() - self.began
        nodes, _, taken = _implementation._pool_stats()
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.out(
            f"{what:34} {count:11,} in {seconds:8.3f} s, {seconds / count * 1e9:9.1f} ns each; "
            f"{nodes:,} nodes, {taken >> 20} MiB; {rss} MiB resident at most"
        )
        self.began = time.perf_counter()
        return seconds


def many_ranges(count: int, out: Out) -> None:
    """Build a packed tree from arrays, and convert it back."""
    import numpy

    first = numpy.arange(count, dtype=numpy.uint64) * STEP
    last, values = first + (WIDTH - 1), first * 3
    keys = numpy.random.default_rng(1).integers(0, count * STEP, count // 5 + 1, dtype=numpy.uint64)
    report = Report(out)
    tree: MapleTree[int, int] = MapleTree.from_arrays(first, last, values)
    report("from_arrays", count)
    assert len(tree) == count and tree.covered == count * WIDTH
    found = tree.load_many(keys, 7)
    report("load_many", len(keys))
    expected = numpy.where(keys % STEP < WIDTH, keys // STEP * (STEP * 3), 7)
    assert (found == expected).all()
    report.began = time.perf_counter()
    fork = tree.fork()
    report("fork")
    fork[WIDTH] = 99
    report("first write to the fork")
    copy = fork.dup()
    report("dup", count)
    step = sum(1 for _ in copy)
    report("iterated over", count)
    assert step == count + 1 and copy[WIDTH] == 99 and tree.get(WIDTH) is None
    firsts, lasts, words = tree.to_arrays()
    report("to_arrays", count)
    assert (firsts == first).all() and (lasts == last).all() and (words == values).all()
    del firsts, lasts, words, found, expected
    report.began = time.perf_counter()
    copy.check()
    report("check", count)
    del tree
    report("ended, its nodes shared", count)
    del copy
    report("ended", count)
    assert len(fork) == count + 1
    del fork
    report("ended, the last that shared", count)


def chained() -> MapleTree[int, object]:
    """Make a tree of objects."""
    return MapleTree((STEP * n, STEP * n + WIDTH - 1, ("old", n)) for n in range(CHAINED))


def end(trees: list[MapleTree[int, object]], backwards: bool) -> None:
    """Destroy the trees one by one."""
    if not backwards:
        trees.reverse()
    while trees:
        trees.pop()


def fork_chain(count: int, out: Out) -> None:
    """Fork again and again: each generation makes one change, and all stay alive."""
    for backwards in (False, True):
        trees = [chained()]
        report = Report(out)
        for n in range(count):
            tree = trees[-1].fork()
            place = STEP * (n % CHAINED)
            tree[place : place + WIDTH] = n
            trees.append(tree)
        report("generations, a change each", count)
        for n in range(0, count, max(1, count // 1000)):
            place = random.randrange(CHAINED)
            value = (n - place) // CHAINED * CHAINED + place
            assert trees[n + 1][STEP * place] == (value if value >= 0 else ("old", place))
        report("looked up in some", 1000)
        gc.collect()
        report("gc.collect(), all alive", count)
        del tree
        end(trees, backwards)
        report("ended, the newest first" if backwards else "ended, the oldest first", count)


def many_forks(count: int, out: Out) -> None:
    """Fork one tree many times. All forks stay alive; each quarter costs as much as the last."""
    for backwards in (False, True):
        trees = [chained()]
        gc.collect()
        report = Report(out)
        for part in range(4):
            for _ in range(count // 4):
                trees.append(trees[0].fork())
            report(f"forks of one tree, quarter {part + 1}", count // 4)
            gc.collect()
            report("gc.collect(), all alive", len(trees))
        nodes = _implementation._pool_stats()[0]
        trees[count // 2][0:WIDTH] = "new"
        report("a write to one of them")
        assert _implementation._pool_stats()[0] == nodes + trees[0].height
        assert trees[0][0] == trees[-1][0] == ("old", 0) and trees[count // 2][0] == "new"
        end(trees, backwards)
        report("ended, the newest first" if backwards else "ended, the oldest first", count)


def run(ranges: int, out: Out) -> None:
    """Run everything in a thread with a small stack."""
    failures = []

    def steps() -> None:
        try:
            for what, count in (
                (many_ranges, ranges),
                (fork_chain, ranges // 500),
                (many_forks, ranges // 50),
            ):
                out(f"{what.__name__}: {count:,}")
                what(count, out)
        except BaseException as error:
            failures.append(error)

    before = threading.stack_size(STACK)
    thread = threading.Thread(target=steps)
    thread.start()
    threading.stack_size(before)
    thread.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else RANGES, lambda line: print(line, flush=True))
