# SPDX-License-Identifier: MIT
"""Recordings of the kernel's maple tree: every operation gives the result of Linux 6.12."""

import gzip
import json

import pytest

from places import DATA
from samara import MapleTree, NoSpaceError, RangeOccupiedError

RECORDING = DATA / "tree" / "linux_6_12_traces.json.gz"
TRACES = 8
EEXIST = -17
EBUSY = -16


class Replay:
    """A tree driven by the operations of one trace, with a method for each letter."""

    def __init__(self):
        self.tree = MapleTree()
        self.dumps = 0

    def S(self, first, last, value):
        self.tree.store_range(first, last, value)

    def N(self, first, last):
        """Alternate between two spellings of the same operation."""
        if first % 2:
            self.tree.pop_range(first, last)
        else:
            del self.tree[first : last + 1]

    def I(self, first, last, value, result):  # noqa: E743 - the recording's letter
        try:
            self.tree.insert_range(first, last, value)
        except RangeOccupiedError as error:
            assert result == EEXIST
            assert error.entry == self.tree.find(first)
        else:
            assert result == 0

    def E(self, index, result):
        entry = self.tree.erase(index)
        assert (entry.value if entry else 0) == result

    def L(self, index, result):
        assert self.tree.get(index, 0) == result

    def A(self, size, low, high, value, result, start):
        self.allocate(size, low, high, value, result, start, reverse=False)

    def R(self, size, low, high, value, result, start):
        self.allocate(size, low, high, value, result, start, reverse=True)

    def allocate(self, size, low, high, value, result, start, reverse):
        window = {"first": low, "last": high, "reverse": reverse}
        if result == 0:
            assert self.tree.empty_area(size, **window) == start
            assert self.tree.alloc_range(size, value, **window) == start
        else:
            assert result == EBUSY
            with pytest.raises(NoSpaceError):
                self.tree.alloc_range(size, value, **window)

    def D(self, contents):
        self.dumps += 1
        contents = [tuple(entry) for entry in contents]
        duplicate = self.tree.dup()
        fork = self.tree.fork()
        for tree in (self.tree, duplicate, fork):
            tree.check()
            assert list(tree) == contents
            assert list(reversed(tree)) == contents[::-1]
            assert len(tree) == len(contents)
            assert tree.covered == sum(last - first + 1 for first, last, _ in contents)
        assert duplicate == self.tree
        assert fork == self.tree


@pytest.mark.parametrize("number", range(TRACES))
def test_every_answer_is_the_kernels(number):
    # Read it for each test: keeping 100,000 lists would slow every garbage collection.
    traces = json.loads(gzip.decompress(RECORDING.read_bytes()))["traces"]
    assert len(traces) == TRACES
    replay = Replay()
    for step, (letter, *arguments) in enumerate(traces[number]["ops"]):
        try:
            getattr(replay, letter)(*arguments)
        except AssertionError as error:
            raise AssertionError(f"step {step}: {letter} {str(arguments)[:200]}") from error
    assert replay.dumps == 8
