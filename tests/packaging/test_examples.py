# SPDX-License-Identifier: MIT
"""The programs in examples/ run, and their README has all of them."""

import re
from importlib.util import find_spec

import pytest

import samara
from interpreter import GIL, run_python
from places import ROOT

EXAMPLES = ROOT / "examples"
RUN = "import runpy, sys; sys.argv = {!r}; runpy.run_path(sys.argv[0], run_name='__main__')"


def output_of(name, *arguments):
    """Run an example in a new interpreter, and return the lines that it prints."""
    command = [str(EXAMPLES / name), *arguments]
    return run_python(RUN.format(command), COLUMNS="80", FORCE_COLOR="").splitlines()


def test_the_readme_has_every_example():
    links = re.findall(r"\]\(([\w.]+)\)", (EXAMPLES / "README.md").read_text())
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    assert files == {*links, "README.md"}


def test_the_router():
    pytest.importorskip("rich")
    has_sorted = find_spec("sortedcontainers") is not None
    arguments = "--ranges 200 --seconds 0.05 --rate 20000 --readers 2 --seed 7".split()
    interpreter, run, *lines = output_of("router.py", *arguments)
    assert f", GIL {'on' if GIL else 'off'}, " in interpreter
    assert interpreter.endswith(f" cores, samara in {samara.implementation}")
    assert run == "routes: 200, readers: 2, writers: 1, seed: 7"
    if not has_sorted:
        assert lines.pop(0).startswith("SortedDict is left out: ")
    assert lines.pop(0) == "All tables agree on 5,000 addresses after 5,000 changes."

    titles, *rows = [re.split(r" {2,}", line.strip()) for line in lines]
    assert titles == ["table", "look-ups/s", "longest wait, µs", "stores/s"]
    names = ["samara.MapleTree", "dict of /24s + lock", "lists + bisect + lock"]
    if has_sorted:
        names.insert(2, "SortedDict + lock")
    assert [name for name, *_ in rows] == names
    for _, *numbers in rows:
        assert len(numbers) == 3
        assert all(int(number.replace(",", "")) > 0 for number in numbers), numbers
