# SPDX-License-Identifier: MIT
"""What columns of keys find, block by block.

A join looks a block of keys up and takes the columns' items for it before it goes on: so the
numbers of rows stay in the processor's cache, and memory is needed only for what comes out. Blocks
run in as many threads as pyarrow uses: look-ups and numpy release the GIL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

# Rows. Smaller blocks take turns in the cache with the columns that they are taken from.
BLOCK: Final = 1 << 18


@dataclass(frozen=True)
class Found:
    """What keys have found: numbers of rows, any number without a hit; and the hits."""

    rows: Any
    hits: Any

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, part: slice) -> Found:
        return Found(self.rows[part], self.hits[part])

    def take(self, codes: Any) -> Found:
        """Return what a column finds that consists of these items; -1 is an item without a hit."""
        if not len(self.rows):
            return nothing(len(codes))
        return Found(
            self.rows.take(codes, mode="clip"), self.hits.take(codes, mode="clip") & (codes >= 0)
        )


def nothing(count: int) -> Found:
    return Found(np.zeros(count, np.int64), np.zeros(count, bool))


class Part(Protocol):
    """Keys, and what a slice of them finds. Found is one that knows."""

    def __len__(self) -> int: ...

    def at(self, part: slice) -> Found: ...


class Search:
    """A column of keys, in parts one after the other, that is looked up when somebody asks."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def each_block(self, work: Callable[[slice, Found], None]) -> None:
        """Call work(place, found) for each block, in no order, and in several threads."""
        blocks: list[tuple[slice, Part, slice]] = []
        start = 0
        for part in self._parts:
            for at in range(0, len(part), BLOCK):
                end = min(at + BLOCK, len(part))
                blocks.append((slice(start + at, start + end), part, slice(at, end)))
            start += len(part)

        def done(block: tuple[slice, Part, slice]) -> None:
            place, part, inside = block
            work(place, part.at(inside))

        threads = min(pa.cpu_count(), len(blocks))
        if threads < 2:
            for block in blocks:
                done(block)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(done, blocks):
                    pass

    def found(self) -> Found:
        """Look all keys up."""
        if len(self._parts) == 1 and isinstance(self._parts[0], Found):
            return self._parts[0]
        rows, hits = np.empty(len(self), np.int64), np.empty(len(self), bool)

        def write(place: slice, found: Found) -> None:
            rows[place], hits[place] = found.rows, found.hits

        self.each_block(write)
        return Found(rows, hits)
