# SPDX-License-Identifier: MIT
"""Every file of ours that can hold a comment says its licence in its first lines."""

from places import ROOT

LINE = "SPDX-License-Identifier: MIT"
SUFFIXES = {
    *(".c", ".h", ".py", ".pyi", ".sh", ".build", ".options"),
    *(".cfg", ".ini", ".toml", ".yaml", ".yml"),
}
NAMES = {"Makefile", ".clang-format"}
# What is made by a build or by a tool.
MADE = {".git", ".venv", "build", "dist", "__pycache__"}


def sources(root):
    """The files to look at, and programs without a suffix, which name their interpreter."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            if path.name not in MADE and not path.name.endswith(("_cache", ".egg-info")):
                yield from sources(path)
        elif path.suffix in SUFFIXES or path.name in NAMES:
            yield path
        elif not path.suffix and path.read_bytes().startswith(b"#!"):
            yield path


def unlicensed(root):
    for path in sources(root):
        if LINE not in "\n".join(path.read_text().splitlines()[:3]):
            yield str(path.relative_to(root))


def test_each_file_says_its_licence():
    assert list(unlicensed(ROOT)) == []


def test_a_file_that_does_not_say_it(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "tools").mkdir()
    for name in ("build/made.c", "tools/wrong.py", "tools/ci.yaml", "notes.txt"):
        (tmp_path / name).write_text('"""Nothing."""\n')
    (tmp_path / "tools" / "program").write_text("#!/bin/sh\ntrue\n")
    (tmp_path / "right.py").write_text(f"#!/usr/bin/env python3\n# {LINE}\n")
    assert list(unlicensed(tmp_path)) == ["tools/ci.yaml", "tools/program", "tools/wrong.py"]
