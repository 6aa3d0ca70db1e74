# SPDX-License-Identifier: MIT
"""Lazy frames of polars: joined when they are collected, and in parts if that is streaming."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from samara.frames.libraries import polars

NAME: Final = "polars"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, pl.LazyFrame)


def apply(request: Any, frame: Any) -> Any:
    empty = pl.DataFrame(schema=frame.collect_schema())
    return frame.map_batches(
        lambda part: request.apply_to_part(part, polars),
        schema=request.apply(empty, polars).schema,
        streamable=True,
    )


def table(frame: Any) -> Any:
    return frame.collect().to_arrow()
