# SPDX-License-Identifier: MIT
"""Every file of the project that can have comments states its licence in its first lines."""

from places import ROOT

LINE = "SPDX-License-Identifier: MIT"
SUFFIXES = {
    *(".c", ".h", ".py", ".pyi", ".sh", ".build", ".options"),
    *(".cfg", ".ini", ".toml", ".yaml", ".yml"),
}
NAMES = {"Makefile", ".clang-format"}
# Hidden folders except these, and folders with these names, are temporary: of tools and builds.
OURS = {".ci", ".github"}
MADE = {"build", "dist", "__pycache__"}


def is_ours(folder):
    return folder.name in OURS or not (folder.name in MADE or folder.name.startswith("."))


def sources(root):
    """Return the files to check, and programs without a suffix, which name their interpreter."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            if is_ours(path):
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
    for name in (".ci", ".made", "build", "tools"):
        (tmp_path / name).mkdir()
    files = (".made/made.py", "build/made.c", ".ci/ci.yaml", "tools/wrong.py", "notes.txt")
    for name in files:
        (tmp_path / name).write_text('"""Nothing."""\n')
    (tmp_path / "tools" / "program").write_text("#!/bin/sh\ntrue\n")
    (tmp_path / "right.py").write_text(f"#!/usr/bin/env python3\n# {LINE}\n")
    assert list(unlicensed(tmp_path)) == [".ci/ci.yaml", "tools/program", "tools/wrong.py"]
