# SPDX-License-Identifier: MIT
"""tools/stub_docs.py adds docstrings to a stub, replaces them and removes them."""

import runpy

import pytest

from places import ROOT

SCRIPT = runpy.run_path(str(ROOT / "tools" / "stub_docs.py"))
documented = SCRIPT["documented"]

BARE = """\
from typing import overload

class Tree:
    @overload
    def get(self, key: int) -> int: ...
    @overload
    def get(
        self,
        key: int,
        default: int,
    ) -> int: ...
    @property
    def size(self) -> int: ...
    def other(self) -> None: ...

def alone() -> None: ...
"""

WITH_TEXTS = '''\
from typing import overload

class Tree:
    """A tree.

    It has keys.
    """

    @overload
    def get(self, key: int) -> int:
        """Return "the value"
        """
    @overload
    def get(
        self,
        key: int,
        default: int,
    ) -> int:
        """Return "the value"
        """
    @property
    def size(self) -> int:
        """A \\\\ is kept."""
    def other(self) -> None: ...

def alone() -> None: ...
'''

TEXTS = {
    "Tree": {
        "Tree": "A tree.\n\nIt has keys.",
        "get": 'Return "the value"',
        "size": r"A \ is kept.",
    }
}


def test_texts_go_in():
    assert documented(BARE, TEXTS) == WITH_TEXTS


def test_texts_stay():
    assert documented(WITH_TEXTS, TEXTS) == WITH_TEXTS


def test_texts_are_replaced():
    texts = {"Tree": {**TEXTS["Tree"], "get": "Return."}}
    assert documented(WITH_TEXTS, texts) == documented(BARE, texts)


def test_texts_without_a_source_go():
    stub = documented(WITH_TEXTS, {"Tree": {"Tree": "A tree."}})
    assert stub == documented(BARE, {"Tree": {"Tree": "A tree."}})
    assert "the value" not in stub


def test_a_name_that_the_stub_lacks():
    with pytest.raises(ValueError, match=r"not in the stub: Tree\.put"):
        documented(BARE, {"Tree": {"put": "Store."}})


def test_the_stub_has_the_public_docstrings():
    stub = SCRIPT["STUB"].read_text()
    assert stub == documented(stub, SCRIPT["read_tables"](SCRIPT["DOCS"]))
