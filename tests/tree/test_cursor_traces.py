# SPDX-License-Identifier: MIT
"""Recordings of Linux's cursor: every step of `Cursor` gives what Linux 6.12 gave.

The flat model that random tests compare cursors with is held to the same recordings.

A step with flag 4 does not bind the status, one with flag 8 does not bind index and last: there,
Linux's answer depends on how it holds the tree.
"""

import gzip
import json
from errno import EBUSY, EEXIST, EINVAL

import pytest

from cursor_model import FlatCursor, FlatTree
from places import DATA
from samara import MAX, Entry, MapleTree, NoSpaceError, RangeOccupiedError

RECORDING = DATA / "tree" / "linux_6_12_cursor_traces.json.gz"
TRACES = 60
STEPS = 24_019
GAPS_TRACKED = 1
# How many arguments an operation has, besides the cursor. Its results come after them.
ARGUMENTS = {
    **dict.fromkeys(("mas_reset", "mas_pause", "mas_walk", "mas_erase", "mtree_destroy"), 0),
    **dict.fromkeys(("mas_next", "mas_next_range", "mas_prev", "mas_prev_range"), 1),
    **dict.fromkeys(("mas_find", "mas_find_range", "mas_find_rev", "mas_find_range_rev"), 1),
    **dict.fromkeys(("mas_set", "mas_store", "mas_insert", "mtree_load", "mtree_erase"), 1),
    **dict.fromkeys(("mas_set_range", "mt_find", "mt_find_after", "mt_next", "mt_prev"), 2),
    "mtree_insert": 2,
    **dict.fromkeys(("mas_empty_area", "mas_empty_area_rev"), 3),
    **dict.fromkeys(("mtree_store_range", "mtree_insert_range"), 3),
    **dict.fromkeys(("mtree_alloc_range", "mtree_alloc_rrange", "mtree_alloc_cyclic"), 4),
}
ANY_STATUS, ANY_PLACE = 4, 8


def value_of(found):
    return found.value if isinstance(found, Entry) else 0


def errno_of(call, *arguments, **options):
    """Return the errno that stands for what a call raises, and what it returns."""
    try:
        return 0, call(*arguments, **options)
    except RangeOccupiedError:
        return -EEXIST, None
    except NoSpaceError as error:
        # Python's trees also raise this if the window is smaller than the size.
        size, low, high = arguments[-3:]
        assert f"no {size} free indices in [{low}, {high}]" == str(error)
        return (-EINVAL if size > high - low + 1 else -EBUSY), None
    except ValueError:
        return -EINVAL, None


class Replay:
    """A tree and its cursors. There is a method for each operation; it returns the results."""

    def __init__(self, trace):
        self.tree = MapleTree(track_gaps=bool(trace["flags"] & GAPS_TRACKED))
        for first, last, value in trace["build"]:
            self.write(first, last, value)
        self.cursors = [self.tree.cursor() for _ in range(trace["cursors"])]

    def write(self, first, last, value):
        if value:
            self.tree.store_range(first, last, value)
        else:
            self.tree.pop_range(first, last)

    def step(self, operation, cursor, arguments):
        """Make a step of a cursor. Returns its result, or nothing."""
        if operation in ("set", "set_range", "reset", "pause"):
            getattr(cursor, operation)(*arguments)
            return []
        if operation == "store":
            value = arguments[0]
            return [errno_of(cursor.store, value)[0] if value else errno_of(cursor.clear)[0]]
        if operation == "insert":
            return [errno_of(cursor.insert, *arguments)[0]]
        if operation.startswith("empty_area"):
            low, high, size = arguments
            error, start = errno_of(getattr(cursor, operation), size, low, high)
            assert error or start == cursor.index
            return [error]
        return [value_of(getattr(cursor, operation)(*arguments))]

    def mtree_load(self, index):
        return [self.tree.get(index, 0)]

    def mt_find(self, index, limit):
        found = self.tree.find(index, limit) if index <= limit else None
        return [found.value, (found.last + 1) & MAX] if found else [0, index]

    def mt_find_after(self, index, limit):
        return self.mt_find(index, limit) if index else [0, index]

    def mt_next(self, index, limit):
        found = self.tree.next(index)
        return [found.value if found and found.first <= limit else 0]

    def mt_prev(self, index, limit):
        found = self.tree.prev(index)
        return [found.value if found and found.last >= limit else 0]

    def mtree_store_range(self, first, last, value):
        return [errno_of(self.write, first, last, value)[0]]

    def mtree_insert_range(self, first, last, value):
        return [errno_of(self.tree.insert_range, first, last, value)[0]]

    def mtree_insert(self, index, value):
        return self.mtree_insert_range(index, index, value)

    def mtree_erase(self, index):
        return [value_of(self.tree.erase(index))]

    def mtree_alloc_range(self, low, high, size, value, reverse=False):
        def alloc(size, low, high):
            return self.tree.alloc_range(size, value, first=low, last=high, reverse=reverse)

        error, start = errno_of(alloc, size, low, high)
        return [error, start or 0]

    def mtree_alloc_rrange(self, low, high, size, value):
        return self.mtree_alloc_range(low, high, size, value, reverse=True)

    def mtree_alloc_cyclic(self, low, high, following, value):
        def alloc(_, low, high):
            return self.tree.alloc_cyclic(value, first=low, last=high, next=following)

        error, answer = errno_of(alloc, 1, low, high)
        if error:
            return [error, 0, following]
        index, following, wrapped = answer
        return [int(wrapped), index, following]

    def mtree_destroy(self):
        self.tree.clear()
        return []

    def check(self, operation, *rest):
        """Make a step and compare what it gives with what is recorded."""
        count = ARGUMENTS[operation]
        if not operation.startswith("mas_"):
            assert getattr(self, operation)(*rest[:count]) == list(rest[count:])
            return
        number, *given, status, index, last, flags = rest
        cursor = self.cursors[number]
        assert self.step(operation[4:], cursor, given[:count]) == given[count:]
        if not flags & ANY_STATUS:
            assert cursor.status == status
        if not flags & ANY_PLACE:
            assert (cursor.index, cursor.last) == (index, last)


class ModelReplay(Replay):
    """The same for the flat model, which returns errnos itself."""

    def __init__(self, trace):
        self.tree = FlatTree(bool(trace["flags"] & GAPS_TRACKED))
        for entry in trace["build"]:
            self.tree.store(*entry)
        self.cursors = [FlatCursor(self.tree) for _ in range(trace["cursors"])]

    def step(self, operation, cursor, arguments):
        if operation == "store":
            return [cursor.store(*arguments) if arguments[0] else cursor.clear()]
        if operation == "insert":
            return [cursor.insert(*arguments)]
        if operation.startswith("empty_area"):
            start = cursor.empty_area(*arguments, reverse=operation.endswith("rev"))
            return [min(start, 0)]
        found = getattr(cursor, operation)(*arguments)
        silent = operation in ("set", "set_range", "reset", "pause")
        return [] if silent else [found[2] if found else 0]

    def mtree_load(self, index):
        return [self.tree.load(index)]

    def mt_find(self, index, limit):
        found = self.tree.find(index, limit)
        return [found[2], (found[1] + 1) & MAX] if found else [0, index]

    def mt_next(self, index, limit):
        return self.step("next", FlatCursor(self.tree, index), [limit])

    def mt_prev(self, index, limit):
        return self.step("prev", FlatCursor(self.tree, index), [limit])

    def mtree_store_range(self, first, last, value):
        return [self.tree.store(first, last, value)]

    def mtree_insert_range(self, first, last, value):
        return [self.tree.insert(first, last, value)]

    def mtree_erase(self, index):
        return [self.tree.erase(index)]

    def mtree_alloc_range(self, low, high, size, value, reverse=False):
        return list(self.tree.alloc(low, high, size, value, reverse))

    def mtree_alloc_cyclic(self, low, high, following, value):
        return list(self.tree.alloc_cyclic(low, high, following, value))

    def mtree_destroy(self):
        self.tree.destroy()
        return []


def read_traces():
    # Read it for each test: keeping the lists would slow every garbage collection.
    return json.loads(gzip.decompress(RECORDING.read_bytes()))["traces"]


def test_the_recording_is_whole():
    traces = read_traces()
    assert len(traces) == TRACES
    assert sum(len(trace["steps"]) for trace in traces) == STEPS


def follow(replay, number, trace):
    for position, step in enumerate(trace["steps"]):
        try:
            replay.check(*step)
        except AssertionError as error:
            error.add_note(f"trace {number}, step {position}: {step}")
            raise


@pytest.mark.parametrize("number", range(TRACES))
def test_every_step_is_the_kernels(number):
    trace = read_traces()[number]
    replay = Replay(trace)
    follow(replay, number, trace)
    replay.tree.check()
    assert [list(entry) for entry in replay.tree] == trace["end"]


@pytest.mark.parametrize("number", range(TRACES))
def test_the_model_makes_the_same_steps(number):
    trace = read_traces()[number]
    replay = ModelReplay(trace)
    follow(replay, number, trace)
    assert [list(entry) for entry in replay.tree.entries] == trace["end"]
