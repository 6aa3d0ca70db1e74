# SPDX-License-Identifier: MIT
"""Differences between two address spaces: applied to the one, they give the other."""

import os
import random

from interpreter import scaled
from samara.mm import VMA, AddressSpace, Difference, File, Map, Prot

SEED = int(os.environ.get("SAMARA_SEED", "20261124"))
PAGE = 4096
A = 0x1000_0000
ANON = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED


def changed(mm: AddressSpace, *calls: tuple[str, int, int, int]) -> list[Difference]:
    later = mm.fork()
    for name, page, pages, prot in calls:
        if name == "mmap":
            later.mmap(A + page * PAGE, pages * PAGE, prot, ANON)
        elif name == "munmap":
            later.munmap(A + page * PAGE, pages * PAGE)
        else:
            later.mprotect(A + page * PAGE, pages * PAGE, prot)
    return mm.diff(later)


def test_kinds() -> None:
    mm = AddressSpace([VMA(A, A + 4 * PAGE, 1), VMA(A + 8 * PAGE, A + 9 * PAGE, 3)])
    assert mm.diff(mm.fork()) == []
    assert [one.kind for one in changed(mm, ("mmap", 4, 1, 1))] == ["grew"]
    assert [one.kind for one in changed(mm, ("munmap", 0, 1, 0))] == ["shrank"]
    assert [one.kind for one in changed(mm, ("mprotect", 0, 4, 0))] == ["protected"]
    assert [one.kind for one in changed(mm, ("munmap", 8, 1, 0))] == ["went"]
    assert [one.kind for one in changed(mm, ("mmap", 16, 1, 0))] == ["came"]
    later = mm.fork()
    later.madvise(A, 4 * PAGE, 10)
    assert [one.kind for one in mm.diff(later)] == ["flagged"]
    mapped = mm.fork()
    mapped.mmap(A, 4 * PAGE, Prot.READ, Map.PRIVATE | Map.FIXED, File("fe:00", 1, "x"))
    assert sorted(one.kind for one in mm.diff(mapped)) == ["came", "went"]


def test_changes_lead_from_one_to_the_other() -> None:
    print(f"SAMARA_SEED={SEED}")
    rng = random.Random(SEED)
    mm = AddressSpace()
    for _ in range(scaled(400)):
        later = mm.fork()
        for _ in range(rng.randint(1, 4)):
            page, pages = rng.randrange(40) * PAGE, rng.randint(1, 8) * PAGE
            if rng.random() < 0.3:
                later.munmap(A + page, pages)
            else:
                later.mmap(A + page, pages, rng.choice((0, 1, 3)), ANON)
        vmas = set(mm)
        for kind, before, after in mm.diff(later):
            assert (kind == "came") == (before is None) and (kind == "went") == (after is None)
            if before is not None:
                vmas.remove(before)
            if after is not None:
                assert after not in vmas
                vmas.add(after)
        assert vmas == set(later)
        mm = later
