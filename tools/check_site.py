# SPDX-License-Identifier: MIT
"""Check a built documentation site: python tools/check_site.py FOLDER

- Every link inside the site leads to a page, and to an anchor that the page has.
- No page loads anything from another host.
- Every public name of samara and every function of maple_tree.h is in the reference.

Prints each problem, and exits with 1 if there are any.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import samara.mm
from c_header import exported

HEADER = Path(__file__).parent.parent / "core" / "include" / "maple_tree.h"
CLASSES = {
    "samara.MapleTree": samara.MapleTree,
    "samara.Cursor": samara.Cursor,
    "samara.TreeLock": samara.TreeLock,
    "samara.mm.AddressSpace": samara.mm.AddressSpace,
}
# What a browser fetches on its own. A link that a reader follows may lead anywhere.
LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src")}
# Relations of <link> that are not fetched.
NOT_FETCHED = {"canonical", "index", "search", "next", "prev", "author", "copyright"}
LOADED_BY_STYLE = re.compile(r"(?:url\(|@import )\s*['\"]?(?:https?:)?//")


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        for name in {"href", "src"} & set(given):
            self.links.append(given[name])
            if (tag, name) in LOADED and given.get("rel") not in NOT_FETCHED:
                self.loaded.append(given[name])


def is_elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def broken(folder: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{path.relative_to(folder)}: {link} leads nowhere"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(folder)}: {link}: there is no such anchor"


def from_elsewhere(folder: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        for link in filter(is_elsewhere, page.loaded):
            yield f"{path.relative_to(folder)} loads {link}"
    for path in folder.rglob("*.css"):
        if LOADED_BY_STYLE.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(folder)} loads from another host"


def undocumented(pages: dict[Path, Page]) -> Iterator[str]:
    anchors = set[str]().union(*(page.anchors for page in pages.values()))
    names = {f"samara.{name}" for name in samara.__all__ if not name.startswith("_")}
    names |= {f"samara.mm.{name}" for name in samara.mm.__all__}
    for kind in CLASSES:
        names |= {
            f"{kind}.{name}"
            for name, member in inspect.getmembers(CLASSES[kind])
            if not name.startswith("_") and not inspect.ismemberdescriptor(member)
        }
    yield from (f"{name} is not in the reference" for name in sorted(names - anchors))
    for name in sorted(exported(HEADER.read_text(encoding="utf-8"))):
        if f"c.{name}" not in anchors:
            yield f"{name}() of maple_tree.h is not in the reference"


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    errors = [
        *broken(folder, pages),
        *from_elsewhere(folder, pages),
        *undocumented(pages),
    ]
    for error in errors:
        print(error)
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
