# SPDX-License-Identifier: MIT
"""Every public name of the package has a docstring, and every method a doctest that runs."""

import doctest
import inspect
from types import ClassMethodDescriptorType

import pytest

import samara
from samara import _implementation

TYPES = [samara.MapleTree, samara.Cursor, type(samara.MapleTree().lock)]


def public_members(cls):
    for name, member in vars(cls).items():
        if inspect.isroutine(member) or inspect.isdatadescriptor(member):
            if not name.startswith("_"):
                yield name, member


def cases():
    for cls in TYPES:
        yield pytest.param(cls.__name__, cls.__doc__, id=cls.__name__)
        for name, member in public_members(cls):
            yield pytest.param(name, member.__doc__, id=f"{cls.__name__}.{name}")


def run(name, text):
    globs = {key: getattr(samara, key) for key in samara.__all__}
    test = doctest.DocTestParser().get_doctest(text, globs, name, None, None)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    return test, "".join(report)


@pytest.mark.parametrize(("name", "text"), list(cases()))
def test_each_docstring_has_an_example_that_runs(name, text):
    assert text
    test, report = run(name, text)
    assert test.examples or name == "TreeLock"
    assert not report


@pytest.mark.parametrize(
    "documented",
    [
        *(samara, samara.Entry, samara.Gap, samara.RangeOccupiedError, samara.common_gaps),
        *(samara.Policy, samara.Policy.merge, samara.COALESCE, samara.OFFSET),
    ],
)
def test_examples_of_the_python_files(documented):
    test, report = run("samara", documented.__doc__)
    assert test.examples
    assert not report


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.__name__)
def test_signatures_can_be_inspected(cls):
    for name, member in public_members(cls):
        if isinstance(member, classmethod | ClassMethodDescriptorType):
            assert "self" not in inspect.signature(getattr(cls, name)).parameters
        elif inspect.isroutine(member):
            parameters = inspect.signature(member).parameters
            assert next(iter(parameters)) == "self", name


def signature_of(thing):
    """Return the signature without annotations."""
    signature = inspect.signature(thing)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def test_signatures_say_the_defaults():
    assert signature_of(samara.MapleTree.empty_area).endswith(
        "size, first=None, last=None, *, align=None, reverse=False)"
    )
    assert (
        signature_of(samara.MapleTree)
        == "(iterable=(), /, *, keys='uint64', dtype=None, track_gaps=True, policy=None)"
    )
    assert signature_of(samara.Cursor) == "(tree, first=None, last=None)"
    assert signature_of(samara.MapleTree.from_arrays) == (
        "(first, last, values, *, keys='uint64', dtype=None, track_gaps=True, policy=None, "
        "closed='both', sort=False, overlap='error')"
    )
    found = signature_of(samara.MapleTree.load_many).replace("self, /, ", "self, ")
    assert found == "(self, keys, default=Ellipsis, found=False, *, dtype=None)"
    assert signature_of(samara.MapleTree.load) == "(path, *, policy=None, keys=None)"


def test_the_module_exports_what_the_package_names():
    assert samara.MapleTree is _implementation.MapleTree
    assert samara.Cursor is _implementation.Cursor
    assert samara.MAX == 2**64 - 1
    assert samara.implementation == ("python" if _implementation.PURE else "c")
    assert samara.MapleTree.__module__ == "samara"
    assert samara.MapleTree.__qualname__ == "MapleTree"
    assert samara.Entry.__module__ == samara.RangeOccupiedError.__module__ == "samara"
    assert all(hasattr(samara, name) for name in samara.__all__)
