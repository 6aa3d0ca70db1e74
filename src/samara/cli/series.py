# SPDX-License-Identifier: MIT
"""The figures that were published with the patch series that added __mt_dup() to Linux
("Introduce __mt_dup() to improve the performance of fork()", 2023)."""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple


class Published(NamedTuple):
    """A row of the published table.

    vmas          how many VMAs the process had
    insert        fork() calls in ten seconds before the series
    dup           the same with the series
    gain_percent  how much more that is, as published
    """

    vmas: int
    insert: int
    dup: int
    gain_percent: float


def published() -> list[Published]:
    """Return the published table, by number of VMAs.

    >>> published()[0]
    Published(vmas=21, insert=112100, dup=114558, gain_percent=2.19)
    """
    text = resources.files("samara.cli").joinpath("published_forks.csv").read_text("utf-8")
    return [
        Published(
            int(row["vmas"]),
            int(row["next_20231006_forks_per_10s"]),
            int(row["patchset_forks_per_10s"]),
            float(row["gain_percent"]),
        )
        for row in csv.DictReader(text.splitlines())
    ]


def nearest(vmas: int, table: list[Published], *, exact: bool = False) -> Published | None:
    """Return the row whose number of VMAs is nearest to `vmas` by ratio.

    None if even that is more than twice as much or less than half; with `exact`, if it is not the
    same.

    >>> nearest(135, published()).vmas
    121
    >>> nearest(135, published(), exact=True) is None, nearest(1, published()) is None
    (True, True)
    """

    def ratio(row: Published) -> float:
        return max(row.vmas / vmas, vmas / row.vmas)

    best = min(table, key=ratio)
    return best if ratio(best) <= (1 if exact else 2) else None
