# SPDX-License-Identifier: MIT
"""The examples of every module run, all of them, whichever modules there are."""

import doctest
import importlib
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import samara

# What is public in these says that it is samara's own, and doctest finds it there. Of the types of
# the extension it does not find all: test_tree_doctests.py runs each example of theirs.
SHOWN_BY_SAMARA = ("samara._docs", "samara._entry", "samara._errors", "samara._policy")
MODULES = {"samara", *(m.name for m in pkgutil.walk_packages(samara.__path__, "samara."))}
SHOWN = {name for name in MODULES if name.startswith(SHOWN_BY_SAMARA)}


def examples_in(module: str) -> int:
    spec = find_spec(module)
    assert spec and spec.origin
    if not spec.origin.endswith(".py"):
        return 0
    return len(re.findall(r"^ *>>> ", Path(spec.origin).read_text(), re.MULTILINE))


@pytest.mark.parametrize("module", sorted(filter(examples_in, MODULES - SHOWN)))
def test_examples_in_the_documentation(module: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(module))
    # None stands where doctest does not look.
    assert (
        attempted > examples_in(module) if module == "samara" else attempted == examples_in(module)
    )
    assert failed == 0
