# SPDX-License-Identifier: MIT
"""fork() of address spaces, compared with real forks, and the three methods compared."""

import gc
import gzip
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from interpreter import collect, counted_nodes, live_nodes, scaled
from places import DATA
from samara import MapleTree, _implementation
from samara.mm import (
    FORK_METHODS,
    VMA,
    AddressSpace,
    File,
    ForkError,
    ForkMark,
    ForkMethod,
    Map,
    Prot,
    format_vm_flags,
    synthetic,
)
from samara.mm.syscalls.fork import Stopped

RECORDINGS = sorted((DATA / "mm").glob("fork*.json.gz"))
METHODS = get_args(ForkMethod)
SEED = int(os.environ.get("SAMARA_SEED", "20231024"))

each_method = pytest.mark.parametrize("method", METHODS)


def vma_of_row(row: list[Any]) -> VMA:
    start, end, perms, offset, dev, inode, path, flags = row
    prot = sum(bit for bit, letter in zip((1, 2, 4), perms, strict=False) if letter != "-")
    named = path.startswith("[")
    file = None if named or (dev, inode) == ("00:00", 0) else File(dev, inode, path)
    sharing = Map.SHARED if perms[3] == "s" else Map.PRIVATE
    flag = sharing if file else sharing | Map.ANONYMOUS
    return VMA(start, end, prot, flag, offset, file, path if named else "", flags)


def row_of_vma(vma: VMA) -> list[Any]:
    dev, inode = (vma.file.dev, vma.file.inode) if vma.file else ("00:00", 0)
    flags = format_vm_flags(vma.vm_flags)
    return [vma.start, vma.end, vma.perms, vma.offset, dev, inode, vma.label, flags]


def recording(path: Path) -> tuple[list[list[Any]], list[list[Any]]]:
    with gzip.open(path, "rt") as file:
        data = json.load(file)
    assert data["columns"][0] == "start" and data["columns"][-1] == "vmflags"
    return data["parent"], data["child"]


def child_rows(parent: list[list[Any]]) -> list[list[Any]]:
    """Do what fork does, on plain rows."""
    rows = []
    for *fields, flags in parent:
        codes = flags.split()
        if "dc" not in codes:
            kept = [code for code in codes if code not in ("lo", "lf", "um", "uw", "ui")]
            rows.append([*fields, " ".join(kept)])
    return rows


def live_vmas() -> int:
    collect()
    return sum(type(thing) is VMA for thing in gc.get_objects())


# ---- real forks ----------------------------------------------------------------------------------


def test_the_methods() -> None:
    assert tuple(FORK_METHODS) == METHODS == ("insert", "dup", "cow")


@each_method
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.split(".")[0])
def test_recorded_forks(path: Path, method: ForkMethod) -> None:
    parent_rows, rows = recording(path)
    parent = AddressSpace(map(vma_of_row, parent_rows))
    child = parent.fork(method)
    assert [row_of_vma(vma) for vma in child] == rows
    assert [row_of_vma(vma) for vma in parent] == parent_rows
    child.check()
    parent.check()
    # A grandchild is like its parent, since fork has nothing left to change.
    assert child.fork(method) == child


def test_the_recordings_have_what_fork_changes() -> None:
    flags = {code for path in RECORDINGS for row in recording(path)[0] for code in row[-1].split()}
    assert {"dc", "wf"} <= flags
    assert len(RECORDINGS) >= 3


# Maps one page in each way that matters, at fixed addresses. Then forks, and prints both processes'
# smaps for that range.
_FORKING = r"""
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
BASE, FIXED = 1 << 40, 0x10
at = BASE
def page(flags, *calls):
    global at
    flags |= mmap.MAP_ANONYMOUS | FIXED
    assert libc.mmap(at, 4096, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) == at
    for name, *args in calls:
        status = getattr(libc, name)(ctypes.c_void_p(at), ctypes.c_size_t(4096), *args)
        assert status == 0, (name, args, os.strerror(ctypes.get_errno()))
    at += 3 * 4096
for flags in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
    page(flags)
    page(flags, ("madvise", 10))
    page(flags, ("mlock",))
    page(flags, ("mlock2", 1))
    page(flags, ("mlock",), ("madvise", 10))
    page(flags, ("mprotect", 0))
    page(flags, ("madvise", 16))
page(mmap.MAP_PRIVATE, ("madvise", 18))
page(mmap.MAP_PRIVATE, ("mlock",), ("madvise", 18))
def show():
    mine = False
    for line in open("/proc/self/smaps"):
        if line[0] in "0123456789abcdef":
            mine = BASE <= int(line.partition("-")[0], 16) < at
        if mine:
            sys.stdout.write(line)
    sys.stdout.flush()
show()
print("child", flush=True)
if os.fork() == 0:
    show()
    os._exit(0)
os.wait()
"""


@pytest.fixture(scope="module")
def forked_just_now() -> tuple[AddressSpace, AddressSpace]:
    # Without the preloaded sanitizer: its memory is where the mappings go.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [sys.executable, "-c", _FORKING], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    parent, child = done.stdout.split("child\n")
    return AddressSpace.from_maps(parent), AddressSpace.from_maps(child)


@each_method
def test_a_fork_on_the_running_kernel(
    forked_just_now: tuple[AddressSpace, AddressSpace], method: ForkMethod
) -> None:
    parent, child = forked_just_now
    flags = {code for vma in parent for code in vma.vm_flags}
    assert {"dc", "wf", "lo", "lf"} <= flags
    assert len(parent) == 16 and len(child) == 12
    made = parent.fork(method)
    assert made.vmas() == child.vmas()
    made.check()


# ---- the three methods ---------------------------------------------------------------------------


def random_space(rng: random.Random, count: int, changed: float) -> AddressSpace:
    """Make an address space. Fork omits or changes a share `changed` of its VMAs."""
    files = [None, File("fe:00", 1, "/a"), File("fe:00", 2, "/b (deleted)")]
    vmas = []
    start = 0
    for number in range(count):
        start += rng.choice((0, 0, 1, 5, 1000)) * 4096
        end = start + rng.choice((1, 2, 7, 512)) * 4096
        codes = {"rd", "mr", "mw"}
        if rng.random() < changed:
            some = ("dc", "lo", "lf", "um", "uw", "ui", "wf")
            codes |= set(rng.choices(some, k=rng.randint(1, 3)))
        prot = rng.choice(list(Prot))
        vmas.append(VMA(start, end, prot, Map.PRIVATE, 0, rng.choice(files), f"[{number}]", codes))
        start = end
    return AddressSpace(vmas)


@pytest.mark.parametrize("changed", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 135, 1000])
def test_all_methods_give_the_child_that_plain_rows_give(count: int, changed: float) -> None:
    print(f"SAMARA_SEED={SEED}")
    rng = random.Random(SEED + count * 10 + int(changed * 100))
    parent = random_space(rng, count, changed)
    before = parent.vmas()
    expected = child_rows([row_of_vma(vma) for vma in before])
    children = [parent.fork(method) for method in METHODS]
    for child in children:
        assert [row_of_vma(vma) for vma in child] == expected
        assert len(child) == len(expected)
        assert child == children[0]
        child.check()
    assert all(mine is old for mine, old in zip(parent, before, strict=True))
    parent.check()
    assert parent.ledger.open == len(parent) + 3 * len(expected)
    for child in children:
        assert child.exit() == len(expected)
    assert parent.ledger.open == len(parent) == count


@each_method
@pytest.mark.parametrize("changed", [0.0, 0.1])
def test_copies(method: ForkMethod, changed: float) -> None:
    """With insert and dup, a child has its own VMA objects; with cow, only those that change."""
    parent = random_space(random.Random(SEED), 300, changed)
    child = parent.fork(method)
    of_parent = {id(vma) for vma in parent}
    for vma in child:
        original = parent.find(vma.start)
        assert original is not None
        shared = method == "cow" and vma == original
        assert (vma is original) == shared
        assert (id(vma) in of_parent) == shared
        assert vma.file is original.file


@each_method
def test_a_family(method: ForkMethod) -> None:
    """Forks of forks are made and destroyed in any order."""
    print(f"SAMARA_SEED={SEED}")
    rng = random.Random(SEED)
    root = random_space(rng, 200, 0.2)
    expected = child_rows([row_of_vma(vma) for vma in root])
    family = [root.fork(method)]
    for _ in range(60):
        chosen = rng.randrange(len(family))
        if rng.random() < 0.4 and len(family) > 1:
            assert family.pop(chosen).exit() == len(expected)
        else:
            family.append(family[chosen].fork(rng.choice((method, "cow"))))
        assert root.ledger.open == len(root) + len(family) * len(expected)
    for member in family:
        assert [row_of_vma(vma) for vma in member] == expected
        member.check()
        member.exit()
    assert root.ledger.open == len(root)


def test_what_a_child_stores_is_its_own() -> None:
    parent = synthetic(500)
    before = parent.vmas()
    for method in METHODS:
        child = parent.fork(method)
        vma = before[123]
        child.tree.store_range(vma.start, vma.end - 1, vma._replace(name="[new]"))
        assert parent.vmas() == before
        assert child.vmas() != before


def test_fork_without_changes_by_cow_allocates_no_node() -> None:
    count = scaled(20_000, least=2000)
    parent = synthetic(count)
    parent.fork("cow").exit()
    before = live_nodes()
    children = [parent.fork("cow") for _ in range(100)]
    assert live_nodes() == before
    assert sum(child.exit() for child in children) == 100 * count


@each_method
def test_nothing_stays_after_fork_and_exit(method: ForkMethod) -> None:
    parent = random_space(random.Random(SEED), 1000, 0.1)
    nodes, vmas = live_nodes(), live_vmas()
    for _ in range(20):
        child = parent.fork(method)
        assert child.exit() > 0
        assert len(child) == 0 and child.vmas() == [] and child.maps() == ""
        assert child.exit() == 0
    assert (live_nodes(), live_vmas()) == (nodes, vmas)
    assert parent.ledger.open == len(parent)
    assert parent.exit() == 1000 and parent.ledger.open == 0
    del parent
    assert live_vmas() == vmas - 1000


def test_an_address_space_that_has_exited_has_empty_children() -> None:
    space = random_space(random.Random(SEED), 50, 0.5)
    space.exit()
    space.check()
    for method in METHODS:
        assert len(space.fork(method)) == 0
    assert space.ledger.open == 0


def test_an_unknown_method() -> None:
    with pytest.raises(ValueError, match="'insert', 'dup', 'cow', not 'vfork'"):
        AddressSpace().fork("vfork")  # type: ignore[arg-type]


# ---- fork fails halfway --------------------------------------------------------------------------


def check_half_made(
    parent: AddressSpace,
    error: ForkError,
    method: ForkMethod,
    failed: VMA,
    expected: list[list[Any]],
) -> None:
    """`expected`: the rows that were duplicated before the failure at `failed`."""
    child = error.child
    assert error.errno == 12 and f"{failed.start:#x}" in str(error)
    assert child.half_made
    entries = list(child.tree)
    position = next(i for i, entry in enumerate(entries) if entry.value is ForkMark.FAILED)
    mark = entries[position]
    assert (mark.first, mark.last) == (failed.start, failed.end - 1)
    assert [row_of_vma(entry.value) for entry in entries[:position]] == expected
    behind = [vma for vma in parent if vma.start >= failed.end] if method != "insert" else []
    assert len(entries[position + 1 :]) == len(behind)
    assert all(
        entry.value is vma for entry, vma in zip(entries[position + 1 :], behind, strict=True)
    )
    # The child itself ends at the marker.
    assert [row_of_vma(vma) for vma in child] == expected
    assert len(child) == len(expected)
    assert child.find(failed.start) is None
    assert all(child.find(vma.start) is None for vma in behind)
    child.check()
    with pytest.raises(ValueError, match="half-made"):
        child.fork(method)
    with pytest.raises(ValueError, match="half-made"):
        child.fork("cow")


def fail_everywhere(parent: AddressSpace, method: ForkMethod) -> None:
    before = parent.vmas()
    copied = [vma for vma in before if "dc" not in vma.vm_flags]
    expected = child_rows([row_of_vma(vma) for vma in before])
    parent.fork("cow").exit()
    nodes, vmas = live_nodes(), live_vmas()
    for number, failed in enumerate(copied):
        with pytest.raises(ForkError) as caught:
            parent.fork(method, fail_at=number)
        child = caught.value.child
        check_half_made(parent, caught.value, method, failed, expected[:number])
        assert parent.ledger.open == len(parent) + number
        assert child.exit() == number
        assert (len(child), len(child.tree), child.half_made) == (0, 0, False)
        assert child.exit() == 0
        assert parent.ledger.open == len(parent)
        assert all(mine is old for mine, old in zip(parent, before, strict=True))
        del caught, child
    parent.check()
    assert (live_nodes(), live_vmas()) == (nodes, vmas)
    for outside in (-1, len(copied)):
        with pytest.raises(ValueError, match=f"fork duplicates, not {outside}"):
            parent.fork(method, fail_at=outside)


@each_method
def test_failure_at_every_vma_of_a_real_process(method: ForkMethod) -> None:
    fail_everywhere(AddressSpace.from_pid(os.getpid()), method)


@each_method
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.split(".")[0])
def test_failure_at_every_vma_of_a_recording(path: Path, method: ForkMethod) -> None:
    fail_everywhere(AddressSpace(map(vma_of_row, recording(path)[0])), method)


@each_method
def test_failure_at_every_vma_where_fork_changes_many(method: ForkMethod) -> None:
    print(f"SAMARA_SEED={SEED}")
    fail_everywhere(random_space(random.Random(SEED), 60, 0.6), method)


@each_method
def test_memory_that_runs_out_in_truth(method: ForkMethod) -> None:
    """The n-th allocation of a node fails, for every n that a fork makes."""
    parent = random_space(random.Random(SEED), scaled(400, least=100), 0.2)
    before = parent.vmas()
    expected = child_rows([row_of_vma(vma) for vma in before])
    parent.fork("cow").exit()
    nodes = counted_nodes()
    failures = 0
    for nth in range(1, 10_000):
        _implementation._fail_nth(nth)
        try:
            child = parent.fork(method)
        except ForkError as error:
            failures += 1
            child = error.child
            held = [row_of_vma(vma) for vma in child]
            assert held == expected[: len(held)]
            assert child.half_made
        else:
            assert [row_of_vma(vma) for vma in child] == expected
        finally:
            _implementation._fail_nth(0)
        complete = not child.half_made
        assert parent.ledger.open == len(parent) + len(child)
        child.exit()
        assert parent.ledger.open == len(parent)
        assert all(mine is old for mine, old in zip(parent, before, strict=True))
        assert counted_nodes() == nodes
        if complete:
            break
    assert complete and failures > 0


def test_memory_that_does_not_suffice_for_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """In that case nothing is left for exit() to release."""

    class Full(MapleTree[int, Any]):
        def store_range(self, first: Any, last: Any, value: Any) -> None:
            raise MemoryError

    parent = synthetic(30)
    before = parent.vmas()

    def fork_full(tree: Any, changed: Any, failing: Any) -> Any:
        raise Stopped(Full(tree), before[12])

    monkeypatch.setitem(FORK_METHODS, "dup", fork_full)
    with pytest.raises(ForkError) as caught:
        parent.fork("dup")
    child = caught.value.child
    assert child.half_made
    assert (len(child), child.vmas(), len(child.tree)) == (0, [], 0)
    assert child.find(before[0].start) is None
    assert parent.ledger.open == 30
    assert child.exit() == 0
    assert parent.ledger.open == 30 and parent.vmas() == before


# ---- synthetic address spaces --------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 21, 121, 3221])
def test_synthetic(count: int) -> None:
    space = synthetic(count)
    assert len(space) == len(set(space)) == count
    space.check()
    assert space == synthetic(count)
    # Linux would not merge any of them with the next one.
    for vma, above in zip(space.vmas(), space.vmas()[1:], strict=False):
        assert vma.end < above.start or vma.perms != above.perms
    assert AddressSpace.from_maps(space.maps()) == space


def test_synthetic_refuses_a_negative_count() -> None:
    with pytest.raises(ValueError, match="-1"):
        synthetic(-1)
