# SPDX-License-Identifier: MIT
"""Out of memory in a memory call: the address space is unchanged, and the call can be repeated.

A memory call ends in one of three ways:

- with its result;
- with an OSError: the address space is as Linux leaves it;
- with MemoryError or any other exception: the address space is unchanged, with the same VMAs,
  counters and ledger. (Numbers that distinguish anonymous shared mappings may be skipped.)

If memory runs out while an OSError is raised, such as for its traceback, MemoryError can replace
it. Then the address space is unchanged, or as the OSError leaves it.

`exec` and `exit` are atomic too. `fork` raises ForkError, or MemoryError if there is no memory for
that; the parent is unchanged.
"""

import dis
import errno
import importlib
import pkgutil
from pathlib import Path
from types import CodeType

import pytest

import samara.mm
from interpreter import COUNTS_REFERENCES, collect, counted_nodes, pool_nodes
from no_memory import FUNCTIONS_ARE_SAFE, HAS_HOOKS, NO_FUNCTIONS, NO_HOOKS, each_failure
from no_memory import WAYS_IN_PYTHON as WAYS
from samara.mm import (
    VMA,
    AddressSpace,
    File,
    ForkError,
    Limits,
    Madv,
    Map,
    Mlock,
    Mpol,
    Mremap,
    Prctl,
    Prot,
)

PAGE = 4096
RW, FIXED = Prot.READ | Prot.WRITE, Map.FIXED
PRIVATE, SHARED = Map.PRIVATE | Map.ANONYMOUS, Map.SHARED | Map.ANONYMOUS
FILE = File("fe:00", 7, "/lib/x")
HEAP, STACK, MIDDLE = 0x555555560000, 0x7FFFFFFDE000, 0x7FFFF7E00000
LIMITS = Limits(max_map_count=200, total_memory=1 << 33, pkeys=True)
SEGMENT = File("00:01", 9, "/SYSV00000000 (deleted)")
ATTACHED = MIDDLE + 0x200 * PAGE


def functions_of_memory_calls():
    for info in pkgutil.walk_packages(samara.mm.__path__, "samara.mm."):
        if info.name not in ("samara.mm.trace.record", "samara.mm.trace.replay"):
            text = Path(importlib.import_module(info.name).__file__).read_text()
            yield from codes_in(compile(text, info.name, "exec"))


@pytest.mark.skipif(not COUNTS_REFERENCES, reason="about CPython's bytecode")
def test_functions_that_catch_something_are_short():
    """Otherwise, if there is no memory to record where an exception comes from, CPython loops for
    ever, as `rollback.py` explains. This test fails with a report before another one hangs."""
    for code in functions_of_memory_calls():
        table = dis._parse_exception_table(code)
        end = max((region.end // 2 for region in table if region.lasti), default=0)
        assert end <= 256, code.co_qualname


def test_no_function_closes_over_a_variable():
    """Otherwise CPython 3.11 leaks it if there is no memory for that: see `rollback.py`."""
    closures = [code for code in functions_of_memory_calls() if {*code.co_freevars} - {"__class__"}]
    assert [code.co_qualname for code in closures] == ["atomic.<locals>.method"]  # made on import


def codes_in(code):
    for inner in filter(lambda constant: isinstance(constant, CodeType), code.co_consts):
        yield inner
        yield from codes_in(inner)


@pytest.fixture(autouse=True)
def nothing_is_left():
    collect()
    nodes = pool_nodes()
    yield
    collect()
    assert pool_nodes() == nodes


def space():
    """Make an address space with a heap, a stack, locked and written memory, and small VMAs."""
    mm = AddressSpace(limits=LIMITS)
    mm.exec(
        [
            VMA(HEAP - 4 * PAGE, HEAP - PAGE, Prot.READ, Map.PRIVATE, 0, FILE),
            VMA(STACK, STACK + 32 * PAGE, RW, name="[stack]", vm_flags="rd wr mr mw me gd ac"),
        ],
        start_brk=HEAP,
    )
    mm.brk(HEAP + 10 * PAGE)
    for n in range(12):
        at, sharing = MIDDLE + 8 * n * PAGE, SHARED if n == 3 else PRIVATE
        mm.mmap(at, 3 * PAGE, RW if n % 3 else Prot.READ, sharing | FIXED)
    mm.mlock(MIDDLE + 40 * PAGE, 3 * PAGE)
    mm.madvise(MIDDLE + 80 * PAGE, PAGE, Madv.DONTFORK)
    mm.touch(MIDDLE + 8 * PAGE, 3 * PAGE)
    mm.shmat(SEGMENT, 3 * PAGE, ATTACHED)
    mm.mprotect(ATTACHED + PAGE, PAGE, Prot.READ)
    mm.pkey_alloc()
    return mm


def unpickled(make, arguments, state):
    mm = make(*arguments)
    mm.__setstate__(state)
    return mm


CALLS = {
    "mmap": lambda mm: mm.mmap(0, 3 * PAGE, RW, PRIVATE),
    "mmap that merges": lambda mm: mm.mmap(MIDDLE + 11 * PAGE, PAGE, RW, PRIVATE | FIXED),
    "mmap over many": lambda mm: mm.mmap(MIDDLE + PAGE, 60 * PAGE, RW, PRIVATE | FIXED),
    "mmap locked": lambda mm: mm.mmap(0, PAGE, RW, PRIVATE | Map.LOCKED),
    "mmap shared": lambda mm: mm.mmap(0, PAGE, RW, SHARED),
    "mmap of a file": lambda mm: mm.mmap(0, PAGE, RW, Map.PRIVATE, FILE, 8 * PAGE),
    "mmap refused": lambda mm: mm.mmap(MIDDLE, PAGE, RW, PRIVATE | Map.FIXED_NOREPLACE),
    "munmap": lambda mm: mm.munmap(MIDDLE + PAGE, 77 * PAGE),
    "munmap of a part": lambda mm: mm.munmap(MIDDLE + PAGE, PAGE),
    "mprotect": lambda mm: mm.mprotect(MIDDLE + PAGE, PAGE, Prot.NONE),
    "mprotect to a hole": lambda mm: mm.mprotect(MIDDLE + PAGE, 60 * PAGE, Prot.EXEC),
    "mremap in place": lambda mm: mm.mremap(MIDDLE, 3 * PAGE, 4 * PAGE),
    "mremap that moves": lambda mm: mm.mremap(MIDDLE, 3 * PAGE, 6 * PAGE, Mremap.MAYMOVE),
    "mremap to a place": lambda mm: mm.mremap(
        MIDDLE + 40 * PAGE, 2 * PAGE, 2 * PAGE, Mremap.MAYMOVE | Mremap.FIXED, MIDDLE + 80 * PAGE
    ),
    "mremap that leaves what it moved": lambda mm: mm.mremap(
        MIDDLE + 40 * PAGE, 3 * PAGE, 3 * PAGE, Mremap.MAYMOVE | Mremap.DONTUNMAP
    ),
    "mremap of many": lambda mm: mm.mremap(
        MIDDLE, 20 * PAGE, 20 * PAGE, Mremap.MAYMOVE | Mremap.FIXED, MIDDLE + 60 * PAGE
    ),
    "mremap that shrinks": lambda mm: mm.mremap(MIDDLE, 3 * PAGE, PAGE),
    "brk": lambda mm: mm.brk(HEAP + 20 * PAGE),
    "brk that shrinks": lambda mm: mm.brk(HEAP + 3 * PAGE),
    "madvise": lambda mm: mm.madvise(MIDDLE, 3 * PAGE, Madv.DONTFORK),
    "madvise guards": lambda mm: mm.madvise(MIDDLE, PAGE, Madv.GUARD_INSTALL),
    "mlock": lambda mm: mm.mlock(MIDDLE + PAGE, PAGE),
    "munlock": lambda mm: mm.munlock(MIDDLE + 41 * PAGE, PAGE),
    "mlockall": lambda mm: mm.mlockall(Mlock.CURRENT | Mlock.FUTURE),
    "munlockall": lambda mm: mm.munlockall(),
    "pkey_alloc": lambda mm: mm.pkey_alloc(),
    "pkey_free": lambda mm: mm.pkey_free(1),
    "pkey_mprotect": lambda mm: mm.pkey_mprotect(MIDDLE + PAGE, PAGE, Prot.NONE, 1),
    "execute-only": lambda mm: mm.mprotect(MIDDLE, 3 * PAGE, Prot.EXEC),
    "mseal": lambda mm: mm.mseal(MIDDLE + PAGE, PAGE),
    "prctl": lambda mm: mm.prctl(Prctl.SET_VMA, 0, MIDDLE + PAGE, 12 * PAGE, "a"),
    "shmat": lambda mm: mm.shmat(SEGMENT, PAGE),
    "shmdt": lambda mm: mm.shmdt(ATTACHED),
    "remap_file_pages": lambda mm: mm.remap_file_pages(MIDDLE + 24 * PAGE, PAGE, 0, 2),
    "remap_file_pages of a segment": lambda mm: mm.remap_file_pages(ATTACHED, PAGE, 0, 0),
    "mbind": lambda mm: mm.mbind(MIDDLE + PAGE, PAGE, Mpol.BIND, 1),
    "expand_stack": lambda mm: mm.expand_stack(STACK - 5 * PAGE),
    "touch": lambda mm: mm.touch(MIDDLE, 30 * PAGE),
    "exec": lambda mm: mm.exec([VMA(PAGE, 3 * PAGE, RW, vm_flags="rd wr lo")], start_brk=3 * PAGE),
    "check": lambda mm: mm.check(),
    "maps": lambda mm: mm.maps(),
    "from_maps": lambda mm: AddressSpace.from_maps(mm.maps()),
    "diff": lambda mm: mm.diff(AddressSpace()),
    "reduce": lambda mm: unpickled(*mm.__reduce__()),
    "repr": lambda mm: repr(mm),
}


def fields(mm):
    return mm._counters.copy(), mm._limit, mm.limits


def books(mm):
    mm.check()
    assert mm.ledger.open == len(mm) and mm._account is mm.ledger
    ledger = mm.ledger.opened, mm.ledger.closed
    return fields(mm), ledger


def look(mm):
    """Return everything that must not change: the VMA objects and their anon_vmas."""
    vmas = [(vma, id(vma), getattr(vma, "anon_vma", None)) for vma in mm]
    return vmas, list(mm._changed), books(mm)


def shown(mm, answer):
    if isinstance(answer, AddressSpace):
        answer = answer.vmas()
    if isinstance(answer, BaseException):
        answer = type(answer), answer.args
    # The numbers of shared memory without a file are arbitrary, but distinct.
    vmas = [vma._replace(file=None) if vma.shared else vma for vma in mm]
    return vmas, books(mm), answer


def fail_each(way, call):
    nodes = counted_nodes()
    failures = each_failure(way, call, space, look, shown)
    assert way != "nodes" or counted_nodes() == nodes
    assert space().mmap(0, PAGE, RW, PRIVATE)  # nothing of it affects the next address space
    return failures


@pytest.mark.parametrize("name", CALLS)
def test_each_allocation_of_a_call_failing(name):
    assert sum(fail_each(way, CALLS[name]) for way in WAYS) or "one" not in WAYS


@pytest.mark.parametrize("way", WAYS)
def test_exit_does_all_or_nothing(way):
    """exit() needs memory only for large numbers."""

    def large():
        mm = space()
        mm.ledger.note_opened(2**40)
        mm.ledger.note_closed(2**40)
        return mm

    each_failure(way, lambda mm: mm.exit(), large, look, shown)


@pytest.mark.parametrize("method", ["insert", "dup", "cow"])
@pytest.mark.parametrize("way", WAYS)
def test_each_allocation_of_a_fork_failing(method, way):
    parent = space()
    before = look(parent)
    expected = parent.fork(method).vmas()
    open_now = parent.ledger.open

    def fork(_):
        return parent.fork(method)

    def settled(_):
        """Return the parent's state without the ledger's totals, which include the children."""
        assert parent.ledger.open == open_now
        vmas, changed, (counted, _) = look_without_ledger(parent)
        return vmas, changed, counted

    def end(_, answer):
        if isinstance(answer, ForkError):
            child = answer.child
            assert answer.errno == errno.ENOMEM and child.half_made
            assert child.vmas() == expected[: len(child)]
        else:
            child = answer
            assert child.vmas() == expected
        assert parent.ledger.open == open_now + len(child)
        child.exit()
        settled(None)
        return True

    collect()
    nodes = counted_nodes()
    each_failure(way, fork, lambda: None, settled, end)
    collect()  # a ForkError and the MemoryError that caused it refer to each other's frames
    assert counted_nodes() == nodes
    assert look_without_ledger(parent)[:2] == before[:2]


def look_without_ledger(mm):
    mm.check()
    vmas = [(vma, id(vma), getattr(vma, "anon_vma", None)) for vma in mm]
    return vmas, list(mm._changed), (fields(mm), None)


@pytest.mark.skipif(not HAS_HOOKS, reason=NO_HOOKS)
@pytest.mark.skipif(not FUNCTIONS_ARE_SAFE, reason=NO_FUNCTIONS)
def test_running_out_of_memory_between_two_writes_of_a_call():
    """Once the tree was written but its counters were not; a move had unmapped its source."""
    for name in ("mmap locked", "mremap to a place", "mprotect to a hole", "brk that shrinks"):
        assert fail_each("one", CALLS[name]) > 3


class Stop(Exception):
    pass


def test_an_exception_that_is_no_answer_undoes_the_call(monkeypatch):
    mm = space()
    before, tree = look(mm), mm.tree

    def stop(*_):
        raise Stop

    monkeypatch.setattr("samara.mm.syscalls.mremap.insert", stop)
    with pytest.raises(Stop):
        CALLS["mremap that moves"](mm)
    monkeypatch.undo()
    assert look(mm) == before and mm.tree is tree
    with pytest.raises(ValueError, match="is outside"):
        mm.munmap(-1, PAGE)
    assert look(mm) == before and mm.tree is tree
    assert CALLS["mremap that moves"](mm)
    mm.check()
