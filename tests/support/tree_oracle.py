# SPDX-License-Identifier: MIT
"""A plain array with the operations of a tree, one cell per index; and seeds for random tests.

A cell is None or (number of the store that wrote it, value). Neighbouring cells of one store are
one range.
"""

import math
import os
import random

from samara import MAX


def seeded(name):
    """Return a random generator. Its seed is printed and can be given as SAMARA_SEED."""
    seed = int(os.environ.get("SAMARA_SEED") or random.SystemRandom().randrange(2**32))
    print(f"{name}: SAMARA_SEED={seed}")
    return random.Random(f"{name} {seed}")


COMBINE = {
    "add": lambda a, b: a + b,
    "min": lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else min(a, b),
    "max": lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else max(a, b),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
}


class Index:
    """An integer that is not an int, and can do something when asked for its value."""

    def __init__(self, number, call=lambda: None):
        self.number = number
        self.call = call

    def __index__(self):
        self.call()
        return self.number


class Oracle:
    """An array of `size` indices from `base` on. Nothing is ever stored outside.

    Alignment counts from `origin`.
    """

    def __init__(self, base, size, origin=0):
        self.base, self.origin = base, origin
        self.cells = [None] * size
        self.stores = 0
        self.changes = 0

    def copy(self):
        other = Oracle(self.base, len(self.cells), self.origin)
        other.cells = self.cells[:]
        other.stores = self.stores
        return other

    def __eq__(self, other):
        return self.entries() == other.entries()

    # ---- writes

    def fill(self, first, last, cell):
        self.changes += 1
        for index in range(first, last + 1):
            self.cells[index - self.base] = cell

    def store(self, first, last, value):
        self.stores += 1
        self.fill(first, last, (self.stores, value))

    def clear(self, first, last):
        self.fill(first, last, None)

    def erase(self, index):
        entry = self.entry(index)
        if entry:
            self.clear(entry[0], entry[1])
        return entry

    def pop(self, first, last):
        removed = self.clipped(first, last)
        self.clear(first, last)
        return removed

    def map(self, first, last, function, gaps=False):
        """Replace each value by function(value); with `gaps`, a gap by function(None).

        Ranges are cut at the ends of [first, last], and stay apart.
        """
        for low, high, cell in self.runs():
            low, high = max(low, first), min(high, last)
            if low <= high and (cell or gaps):
                self.store(low, high, function(cell[1] if cell else None))

    def accumulate(self, first, last, value, op):
        """Combine the values over [first, last] with a number, which gaps get itself."""
        self.map(first, last, lambda v: value if v is None else COMBINE[op](v, value), gaps=True)

    def unite(self, other):
        """Store each entry of another array, except those that are here with the same value."""
        here = {entry[:2]: entry[2] for entry in self.entries()}
        for first, last, value in other.entries():
            if (first, last) not in here or here[first, last] is not value:
                self.store(first, last, value)

    def clear_where(self, other, covered):
        """Clear the indices where another array has a value, or has none."""
        for index in range(self.base, self.base + len(self.cells)):
            if (other.cell(index) is not None) is covered:
                self.clear(index, index)

    # ---- look-ups

    def cell(self, index):
        position = index - self.base
        return self.cells[position] if 0 <= position < len(self.cells) else None

    def get(self, index, default=None):
        cell = self.cell(index)
        return cell[1] if cell else default

    def runs(self):
        """Return all ranges of 0 ... MAX, including gaps, as (first, last, cell)."""
        runs = []
        if self.base > 0:
            runs.append((0, self.base - 1, None))
        for position, cell in enumerate(self.cells):
            index = self.base + position
            if runs and runs[-1][2] == cell:
                runs[-1] = (runs[-1][0], index, cell)
            else:
                runs.append((index, index, cell))
        end = self.base + len(self.cells)
        if end <= MAX:
            if runs[-1][2] is None:
                runs[-1] = (runs[-1][0], MAX, None)
            else:
                runs.append((end, MAX, None))
        return runs

    def entries(self):
        return [(first, last, cell[1]) for first, last, cell in self.runs() if cell]

    def diff(self, other):
        """Return (first, last, before, after) for each range where two arrays differ."""
        runs = self.runs(), other.runs()
        starts = sorted({first for side in runs for first, _, _ in side})
        found = []
        for first, last in zip(starts, [*(start - 1 for start in starts[1:]), MAX], strict=True):
            a, b = self.cell(first), other.cell(first)
            if (a is None) != (b is None) or (a and b and a[1] is not b[1] and a[1] != b[1]):
                found.append((first, last, a and a[1], b and b[1]))
        return found

    def within(self, first, last):
        return [entry for entry in self.entries() if entry[1] >= first and entry[0] <= last]

    def clipped(self, first, last):
        return [(max(a, first), min(b, last), v) for a, b, v in self.within(first, last)]

    def gaps(self, first=0, last=MAX):
        return [
            (max(a, first), min(b, last))
            for a, b, cell in self.runs()
            if cell is None and b >= first and a <= last
        ]

    def is_empty(self):
        return not any(self.cells)

    def around(self, index):
        """Return the range around an index as (first, last, cell)."""
        return next(run for run in self.runs() if run[0] <= index <= run[1])

    def range_at(self, index):
        """Return the range around an index as (first, last, whether it is an entry)."""
        first, last, cell = self.around(index)
        return first, last, bool(cell)

    def entry(self, index):
        return next((e for e in self.entries() if e[0] <= index <= e[1]), None)

    def find(self, index, last=MAX):
        return next((e for e in self.entries() if e[1] >= index and e[0] <= last), None)

    def find_rev(self, index, first=0):
        return next((e for e in self.entries()[::-1] if e[0] <= index and e[1] >= first), None)

    def next(self, index):
        return next((e for e in self.entries() if e[0] > index), None)

    def prev(self, index):
        return next((e for e in self.entries()[::-1] if e[1] < index), None)

    def is_free(self, first, last):
        return not self.within(first, last)

    def covers(self, first, last):
        return not self.gaps(first, last)

    def covered(self):
        return sum(cell is not None for cell in self.cells)

    def empty_area(self, size, first=0, last=MAX, align=1, reverse=False):
        """Return the lowest or highest place, or None, by trying each gap."""
        for low, high in self.gaps(first, last)[:: -1 if reverse else 1]:
            if high - low + 1 < size:
                continue
            start = high - size + 1 if reverse else low
            above = (start - self.origin) % align
            start -= above if reverse or not above else above - align
            if start >= low and start + size - 1 <= high:
                return start
        return None


def random_write(random, tree, oracle, values):
    """Store one of the values over a random range of the array, or clear it, in both."""
    end = oracle.base + len(oracle.cells) - 1
    first = random.randint(oracle.base, end)
    last = min(first + random.choice([0, 0, 1, 4, 30]), end)
    if random.random() < 0.3:
        oracle.clear(first, last)
        del tree[first : last + 1]
    else:
        value = random.choice(values)
        oracle.store(first, last, value)
        tree[first : last + 1] = value
