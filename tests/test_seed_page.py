"""docs/seed.md names ten parts, and each test that it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "seed.md").read_text()
# "- `file`: `name`, `name`", the names at times on more lines.
ITEMS = re.findall(r"^- `([^`]+)`:((?:\s+`\w[^`]*`,?)+)", PAGE, re.MULTILINE)
NAMED = [(path, name) for path, names in ITEMS for name in re.findall(r"`([^`]+)`", names)]


def is_defined(path: str, name: str) -> bool:
    text = (ROOT / path).read_text()
    if path.endswith(".c"):
        # Defined, and among the cases that the program runs.
        return f"static void {name}(void)" in text and f'{{"{name}", {name}}}' in text
    if path.endswith(".py"):
        return f"\ndef {name}(" in text
    return f"\n{name}:" in text


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_test_exists(path, name):
    assert is_defined(path, name), f"{path} has no {name}"


def test_all_ten_parts_name_a_test():
    parts = PAGE.split("\n## ")[1:]
    assert [int(part.split(".")[0]) for part in parts] == list(range(1, 11))
    for part in parts:
        assert re.search(r"^- `[^`]+`: `", part, re.MULTILINE), part.splitlines()[0]


def test_nothing_else_passes_for_a_test():
    assert not is_defined("core/tests/test_dup.c", "duplicate")
    assert not is_defined("tests/test_kernel_traces.py", "test_that_is_not_there")
