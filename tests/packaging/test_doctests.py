# SPDX-License-Identifier: MIT
"""All examples of all modules run; modules are found automatically."""

import doctest
import importlib
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import samara

# The public names in these modules say that they belong to samara, and doctest finds them there. It
# does not find all types of the extension: test_tree_doctests.py runs each of their examples.
SHOWN_BY_SAMARA = tuple(
    f"samara.{name}"
    for name in ("_common_gaps", "_docs", "_entry", "_errors", "_key_type", "_policy")
)
# Packages that a module for frames needs, if it is not only pyarrow.
NEEDED = {"samara.frames.libraries.polars_expressions": "polars"}
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
    if module.startswith("samara.frames."):
        pytest.importorskip(NEEDED.get(module, "pyarrow"))
    failed, attempted = doctest.testmod(importlib.import_module(module))
    # No example is in a place where doctest does not look.
    assert (
        attempted > examples_in(module) if module == "samara" else attempted == examples_in(module)
    )
    assert failed == 0
