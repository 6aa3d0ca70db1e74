# SPDX-License-Identifier: MIT
"""usage: cursor_traces.py TRACES OUTPUT

Write recordings of Linux's cursor (linux_6_12_cursor_traces.json.gz) as words for
core/tests/test_cursor_traces.c:

    trace SEED FLAGS, then one line for each range stored before the steps, for each step, and
    for each entry at the end: build FIRST LAST VALUE, the step's columns, end FIRST LAST VALUE
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any


def lines_of(trace: dict[str, Any]) -> list[str]:
    rows = [("trace", trace["seed"], trace["flags"])]
    rows += [("build", *entry) for entry in trace["build"]]
    rows += trace["steps"]
    rows += [("end", *entry) for entry in trace["end"]]
    return [" ".join(map(str, row)) for row in rows]


def main(source: str, output: str) -> None:
    recorded = json.loads(gzip.decompress(Path(source).read_bytes()))
    lines = [line for trace in recorded["traces"] for line in lines_of(trace)]
    Path(output).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
