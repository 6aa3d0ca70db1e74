# SPDX-License-Identifier: MIT
"""Record batch readers of pyarrow: a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from samara.frames.libraries import arrow

NAME: Final = "pyarrow"


def is_frame(thing: Any) -> bool:
    return isinstance(thing, pa.RecordBatchReader)


def apply(request: Any, frame: Any) -> Any:
    schema = request.apply(frame.schema.empty_table(), arrow).schema

    def batches() -> Iterator[Any]:
        start = 0
        for batch in frame:
            yield request.apply(batch, arrow, start)
            start += len(batch)

    return pa.RecordBatchReader.from_batches(schema, batches())


def table(frame: Any) -> Any:
    return frame.read_all()
