# SPDX-License-Identifier: MIT
"""The parts of memory calls (cutting, merging, accounting) compared with a plain list of pages."""

import os
import pickle
import random

from interpreter import scaled
from samara.mm import VMA, AddressSpace, File, Map, Prot
from samara.mm.accounting import Counters
from samara.mm.vma import make_vma, with_flags
from samara.mm.vma_ops import change, insert, remove, vmas_over

SEED = int(os.environ.get("SAMARA_SEED", "20231024"))
PAGE = 4096
FILE = File("fe:00", 7, "/lib/x")
FLAGS = [frozenset(codes.split()) for codes in ("rd mr", "rd wr mr ac", "rd mr lo", "rd dc", "de")]


def merged(pages: dict[int, tuple[bool, frozenset[str], int]]) -> list[tuple[int, int]]:
    """Return the ranges that neighbouring pages (has a file, VmFlags, offset) form."""
    ranges: list[tuple[int, int]] = []
    for at in sorted(pages):
        before = pages.get(at - PAGE)
        has_file, flags, offset = pages[at]
        goes_on = (has_file, flags, offset - PAGE if has_file else 0)
        if before == goes_on and ranges:
            ranges[-1] = (ranges[-1][0], at + PAGE)
        else:
            ranges.append((at, at + PAGE))
    return ranges


def test_random_writes() -> None:
    print(f"SAMARA_SEED={SEED}")
    rng = random.Random(SEED)
    space = AddressSpace()
    pages: dict[int, tuple[bool, frozenset[str], int]] = {}
    flags_that_merge = FLAGS[:4]
    for _ in range(scaled(3000)):
        start = rng.randrange(1, 60) * PAGE
        end = start + rng.randint(1, 8) * PAGE
        vm_flags = rng.choice(flags_that_merge)
        kind = rng.choice(("insert", "change", "remove"))
        if kind == "change":
            for old in list(vmas_over(space, start, end)):
                first, last = max(start, old.start), min(end, old.end)
                change(space, with_flags(old, first, last, Prot.READ, vm_flags), old)
                for at in range(first, last, PAGE):
                    pages[at] = (pages[at][0], vm_flags, pages[at][2])
        else:
            remove(space, start, end)
            for at in range(start, end, PAGE):
                pages.pop(at, None)
        if kind == "insert":
            file, offset = rng.choice(((None, 0), (FILE, start), (FILE, start + 5 * PAGE)))
            sharing = Map.PRIVATE if file else Map.PRIVATE | Map.ANONYMOUS
            insert(space, make_vma(start, end, 1, sharing, vm_flags, file, offset))
            for at in range(start, end, PAGE):
                pages[at] = (file is not None, vm_flags, offset + at - start if file else 0)
        space.check()
        assert [(vma.start, vma.end) for vma in space] == merged(pages)
        for vma in space:
            assert (vma.file is not None, vma.vm_flags, vma.offset) == pages[vma.start]
        assert space.ledger.open == len(space)
        assert space.size == len(pages) * PAGE


def test_a_copy_of_counters_has_each_of_them() -> None:
    names = Counters.__slots__
    counters = Counters(*range(1, len(names) + 1))  # type: ignore[arg-type]
    again = counters.copy()
    assert again == counters and again.values() == tuple(range(1, len(names) + 1))
    for name in names:
        changed = counters.copy()
        setattr(changed, name, 0)
        assert changed != counters and again == counters


def test_fork_keeps_apart_what_its_flags_kept_apart() -> None:
    locked = VMA(PAGE, 2 * PAGE, Prot.READ, vm_flags="rd mr lo")
    parent = AddressSpace([locked, VMA(2 * PAGE, 3 * PAGE, Prot.READ, vm_flags="rd mr")])
    for method in ("insert", "dup", "cow"):
        child = parent.fork(method)
        assert [vma.start for vma in child] == [PAGE, 2 * PAGE]
        child.check()


def test_neighbours_that_would_merge_stay_apart_when_they_are_read() -> None:
    """The kernel has its reasons. Only calls that change one of them merge them."""
    vmas = [VMA(start, start + PAGE, Prot.READ) for start in range(PAGE, 9 * PAGE, PAGE)]
    space = AddressSpace(vmas)
    for same in (space, AddressSpace.from_maps(space.maps()), pickle.loads(pickle.dumps(space))):
        assert len(same) == 8
        for method in ("insert", "dup", "cow"):
            assert same.fork(method) == same
        same.mprotect(3 * PAGE, PAGE, Prot.WRITE)
        same.mprotect(3 * PAGE, PAGE, Prot.READ)
        assert [vma.start for vma in same] == [PAGE, 2 * PAGE, *range(5 * PAGE, 9 * PAGE, PAGE)]


def test_special_mappings_never_merge() -> None:
    space = AddressSpace()
    for start in (PAGE, 2 * PAGE):
        insert(space, make_vma(start, start + PAGE, 1, Map.PRIVATE | Map.ANONYMOUS, FLAGS[4]))
    for start in (4 * PAGE, 5 * PAGE):
        vma = make_vma(start, start + PAGE, 1, Map.PRIVATE | Map.ANONYMOUS, FLAGS[0], name="[vdso]")
        insert(space, vma)
    assert len(space) == 4


def test_pickles_keep_the_limits_and_the_policy() -> None:
    space = AddressSpace([VMA(PAGE, 2 * PAGE)])
    again = pickle.loads(pickle.dumps(space))
    assert again == space and again.limits == space.limits
    assert pickle.loads(pickle.dumps(space.tree)).policy is space.tree.policy
