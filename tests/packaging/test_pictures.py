# SPDX-License-Identifier: MIT
"""The pictures of the documents are what tools/draw.py draws, and the pages show each."""

import re
import subprocess
import sys
from pathlib import Path

from places import ROOT

DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_pictures_are_what_live_trees_look_like(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools" / "draw.py", tmp_path], check=True, cwd=tmp_path)
    drawn = texts(tmp_path)
    kept = texts(PICTURES)
    assert sorted(drawn) == sorted(kept)
    stale = [name for name in drawn if drawn[name] != kept[name]]
    assert not stale, "python tools/draw.py draws these anew"


def test_the_pages_show_each_picture():
    pages = "".join((DOCS / f"{name}.md").read_text() for name in ("how-it-works", "kernels"))
    shown = re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", pages)
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
