# SPDX-License-Identifier: MIT
"""The pictures of docs/how-it-works.md are what tools/draw.py draws, and the page shows each."""

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


def test_the_page_shows_each_picture():
    shown = re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", (DOCS / "how-it-works.md").read_text())
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
