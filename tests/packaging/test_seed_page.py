# SPDX-License-Identifier: MIT
"""docs/seed.md and docs/threads.md have all their parts, and each test that they name exists."""

import re

import pytest

from places import ROOT

# Each page, the heading of its parts, and their number.
PAGES = {"seed": ("\n## ", 10), "threads": ("\n### ", 15)}
TEXTS = {page: (ROOT / "docs" / f"{page}.md").read_text() for page in PAGES}
# "- `file`: `name`, `name`"; the names may continue on the next lines.
ITEM = re.compile(r"^- `([^`]+)`:((?:\s+`\w[^`]*`,?)+)", re.MULTILINE)
NAMED = [
    (path, name)
    for text in TEXTS.values()
    for path, names in ITEM.findall(text)
    for name in re.findall(r"`([^`]+)`", names)
]


def is_defined(path: str, name: str) -> bool:
    text = (ROOT / path).read_text()
    if path.endswith(".c"):
        # It is defined, and among the cases that the program runs.
        case = rf'\{{"{name}",\s+{name}\}}'
        return f"static void {name}(void)" in text and bool(re.search(case, text))
    if path.endswith(".py"):
        return f"\ndef {name}(" in text
    return f"\n{name}:" in text


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_test_exists(path, name):
    assert is_defined(path, name), f"{path} has no {name}"


@pytest.mark.parametrize("page", PAGES)
def test_all_parts_name_a_test(page):
    heading, count = PAGES[page]
    parts = [part for part in TEXTS[page].split(heading)[1:] if part[0].isdigit()]
    assert [int(part.split(".")[0]) for part in parts] == list(range(1, count + 1))
    for part in parts:
        assert ITEM.search(part), part.splitlines()[0]


def test_nothing_else_passes_for_a_test():
    assert not is_defined("core/tests/test_dup.c", "duplicate")
    assert not is_defined("tests/tree/test_kernel_traces.py", "test_that_is_not_there")
