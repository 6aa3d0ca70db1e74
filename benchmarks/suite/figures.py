# SPDX-License-Identifier: MIT
"""The figures of a run: medians of its rounds, and ratios that are medians of rounds too."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any


class Figures:
    def __init__(
        self,
        data: dict[str, Any],
        kernel: dict[str, Any] | None = None,
        ip: dict[str, Any] | None = None,
        keys: dict[str, Any] | None = None,
        frames: dict[str, Any] | None = None,
    ) -> None:
        self.data = data
        self.kernel = kernel or {}
        self.ip = ip or {}
        self.keys = keys or {}
        self.frames = frames or {}

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Read a run's figures, and those of the other benchmarks from the same folder."""
        others = ("kernel", "ip", "keys", "frames")
        names = path.name, *(f"bench_{name}.json" for name in others)
        return cls(*(json.loads(path.with_name(name).read_text()) for name in names))

    def title(self, operation: str) -> str:
        title: str = self.data["operations"][operation]["title"]
        return title

    def rounds(self, operation: str, peer: str, n: int, part: str = "samples") -> list[float]:
        """Return nanoseconds by round; an empty list if not measured."""
        found: list[float] = self.data[part].get(operation, {}).get(str(n), {}).get(peer, [])
        return found

    def median(self, operation: str, peer: str, n: int, part: str = "samples") -> float | None:
        rounds = self.rounds(operation, peer, n, part)
        return statistics.median(rounds) if rounds else None

    def ratio(self, operation: str, peer: str, other: str, n: int) -> float | None:
        """Return the median of the rounds' ratios: what slows a whole round down cancels out."""
        pairs = (
            list(
                zip(self.rounds(operation, peer, n), self.rounds(operation, other, n), strict=True)
            )
            if self.rounds(operation, peer, n) and self.rounds(operation, other, n)
            else []
        )
        return statistics.median(a / b for a, b in pairs) if pairs else None

    def gain_of_threads(self, n: int) -> float | None:
        rounds = self.data["threads"].get(str(n), [])
        return statistics.median(2 * one / two for one, two in rounds) if rounds else None

    def sizes(self, operation: str, part: str = "samples") -> list[int]:
        return sorted(map(int, self.data[part].get(operation, {})))

    def peers(self, operation: str, part: str = "samples") -> list[str]:
        """Return the peers in the order of their first appearance."""
        found: dict[str, None] = {}
        for by_peer in self.data[part].get(operation, {}).values():
            found.update(dict.fromkeys(by_peer))
        return list(found)
