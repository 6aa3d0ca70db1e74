# SPDX-License-Identifier: MIT
"""The layers of the Python package: who imports whom. The check itself finds violations."""

import pytest

from check_python_layers import Package
from places import ROOT

SAMARA = Package(ROOT / "src" / "samara")
# A correct package. Each case replaces or adds a file.
RIGHT = {
    "__init__.py": (
        "from samara._entry import Entry\nfrom samara._implementation import MapleTree\n"
        "__all__ = ['Entry', 'MapleTree']\n"
    ),
    "__main__.py": "from samara.cli import main\n",
    "_entry.py": "import typing\n",
    "_errors.py": "from samara._entry import Entry\n",
    "_implementation.py": (
        "if TYPE_CHECKING:\n    from samara._core import MapleTree\n"
        "else:\n    from samara._pure import MapleTree\n"
    ),
    "_core.pyi": "from samara._entry import Entry\n",
    "_pure/__init__.py": "from samara._pure.tree import MapleTree\n",
    "_pure/tree.py": "from .. import _errors\nfrom . import node\n",
    "_pure/node.py": "from samara._entry import Entry\n",
    "mm/__init__.py": "from samara.mm.space import Space\n",
    "mm/space.py": "from samara import MapleTree\nfrom samara.mm import vma\n",
    "mm/vma.py": "import samara\nsamara.MapleTree()\n",
    "cli/__init__.py": "import samara\nfrom samara.cli import maps\nsamara.mm.Space()\n",
    "cli/maps.py": "import samara.mm.space\nfrom samara.mm import Space\n",
}


def package(folder, files=()):
    root = folder / "samara"
    for name, text in (RIGHT | dict(files)).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Package(root)


def test_each_module_imports_what_its_layer_may():
    assert list(SAMARA.faults_of_layers()) == []


def test_no_modules_import_each_other_in_a_circle():
    assert list(SAMARA.faults_of_cycles()) == []


def test_all_modules_are_looked_at():
    assert {"samara", "samara._core", "samara._implementation", "samara.mm"} <= SAMARA.trees.keys()
    assert "MapleTree" in SAMARA.public
    assert any(what.module == "samara" for what in SAMARA.imports["samara.mm.state"])


def test_a_right_package(tmp_path):
    right = package(tmp_path)
    assert [*right.faults_of_layers(), *right.faults_of_cycles()] == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        # An import from a layer above.
        ("mm/vma.py", "from samara.cli import main", "mm may not import from cli"),
        ("_pure/node.py", "from samara import MapleTree", "_pure may not import from samara"),
        ("_pure/node.py", "def f():\n    import samara.mm", "_pure may not import from mm"),
        ("_pure/node.py", "from ..mm import vma", "_pure may not import from mm"),
        ("_entry.py", "from samara._pure.node import Node", "base may not import from _pure"),
        ("_entry.py", "from . import _implementation", "base may not import from _implementation"),
        ("__init__.py", "from samara.mm import Space", "samara may not import from mm"),
        ("_core.pyi", "from samara.mm import Space", "_core may not import from mm"),
        # An import that skips a layer.
        ("__init__.py", "import samara._core", "samara may not import from _core"),
        ("mm/vma.py", "from samara._core import MapleTree", "mm may not import from _core"),
        ("mm/vma.py", "from samara._pure.node import Node", "mm may not import from _pure"),
        ("mm/vma.py", "from samara._entry import Entry", "mm may not import from base"),
        ("mm/vma.py", "from samara import _implementation", "mm may not import from _implement"),
        ("cli/maps.py", "import samara\nsamara._core.f()", "cli may not import from _core"),
        ("_pure/node.py", "from samara._core import MapleTree", "_pure may not import from _core"),
        (
            "_errors.py",
            "if TYPE_CHECKING:\n    from samara._core import MapleTree",
            "base may not import from _core",
        ),
        # An import of a name that is not public.
        ("mm/vma.py", "from samara import PURE", "imports samara PURE: the name is not public"),
        ("mm/vma.py", "import samara\nsamara.PURE", "imports samara PURE: the name is not public"),
        ("cli/maps.py", "from samara.mm import _secret", "the name is not public"),
        ("cli/maps.py", "from samara.mm.vma import _secret", "the name is not public"),
        ("cli/maps.py", "import samara.mm\nsamara.mm._secret", "the name is not public"),
        # A folder that is in no layer.
        ("tables/__init__.py", "from samara import MapleTree", "'tables' is in no layer"),
        # Joins of frames use public names; only samara itself may name them, for types.
        ("frames/__init__.py", "from samara import PURE", "samara PURE: the name is not public"),
        ("frames/__init__.py", "from samara.mm import Space", "frames may not import from mm"),
        ("mm/vma.py", "from samara.frames import RangeTable", "mm may not import from frames"),
    ],
)
def test_an_import_that_may_not_be(file, text, fault, tmp_path):
    found = list(package(tmp_path, {file: text}).faults_of_layers())
    assert fault in found[0]


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        (
            {"mm/vma.py": "from samara.mm import space"},
            "2 modules: samara.mm.space -> samara.mm.vma -> samara.mm.space",
        ),
        (
            {"mm/vma.py": "if TYPE_CHECKING:\n    from .space import Space"},
            "2 modules: samara.mm.space -> samara.mm.vma -> samara.mm.space",
        ),
        (
            {"mm/vma.py": "def f():\n    import samara.mm.space as s"},
            "2 modules: samara.mm.space -> samara.mm.vma -> samara.mm.space",
        ),
        # Through a name of the package itself: its __init__.py imports the module.
        (
            {"mm/vma.py": "from samara.mm import Space"},
            "3 modules: samara.mm -> samara.mm.space -> samara.mm.vma -> samara.mm",
        ),
        (
            {
                "_pure/node.py": "from samara._pure import walk, gap",
                "_pure/gap.py": "",
                "_pure/walk.py": "from samara._pure import tree",
            },
            "3 modules: samara._pure.node -> samara._pure.walk -> samara._pure.tree"
            " -> samara._pure.node",
        ),
    ],
)
def test_a_circle(files, circle, tmp_path):
    assert list(package(tmp_path, files).faults_of_cycles()) == [f"import cycle among {circle}"]
