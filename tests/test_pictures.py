"""The pictures of docs/how-it-works.md are what docs/draw.py draws now, and the page shows each."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = DOCS / "pictures"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_pictures_are_what_live_trees_look_like(tmp_path):
    subprocess.run([sys.executable, DOCS / "draw.py", tmp_path], check=True, cwd=tmp_path)
    drawn = texts(tmp_path)
    kept = texts(PICTURES)
    assert sorted(drawn) == sorted(kept)
    stale = [name for name in drawn if drawn[name] != kept[name]]
    assert not stale, "python docs/draw.py draws these anew"


def test_the_page_shows_each_picture():
    shown = re.findall(r"!\[[^]]+\]\(pictures/([^)]+)\)", (DOCS / "how-it-works.md").read_text())
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
