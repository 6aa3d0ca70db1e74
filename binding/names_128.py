#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""names_128.py CORE HEADERS... OUT: write the second names of the binding's functions.

The files that know keys are compiled twice, for keys of 64 and of 128 bits. HEADERS declare what
they define. In the second build, each of these functions and variables gets the end `_128`. CORE
is `core/header_128.py`, which reads declarations.
"""

import runpy
import sys
from pathlib import Path


def main(core: str, *files: str) -> None:
    *headers, out = files
    internal_names = runpy.run_path(core)["internal_names"]
    names = {
        name for path in headers for name in internal_names(Path(path).read_text(encoding="utf-8"))
    }
    lines = [f"#define {name} {name}_128\n" for name in sorted(names)]
    Path(out).write_text("".join(["/* Made by names_128.py. */\n", *lines]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
