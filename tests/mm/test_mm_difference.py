# SPDX-License-Identifier: MIT
"""Differences between two address spaces, compared with a list of pages."""

import os
import random

from interpreter import scaled
from samara.mm import VMA, AddressSpace, Difference, File, ForkError, Madv, Map, Mremap, Prot

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


def kinds(changes: list[Difference]) -> list[tuple[str, int, int]]:
    """Return the kind and the pages of each change."""
    return [(c.kind, (c.start - A) // PAGE, (c.end - A) // PAGE) for c in changes]


def test_kinds() -> None:
    mm = AddressSpace([VMA(A, A + 4 * PAGE, 1), VMA(A + 8 * PAGE, A + 9 * PAGE, 3)])
    assert mm.diff(mm.fork()) == []
    assert kinds(changed(mm, ("mmap", 4, 1, 1))) == [("grew", 4, 5)]
    assert kinds(changed(mm, ("munmap", 0, 1, 0))) == [("shrank", 0, 1)]
    assert kinds(changed(mm, ("munmap", 1, 1, 0))) == [("shrank", 1, 2)]
    assert kinds(changed(mm, ("mprotect", 0, 4, 0))) == [("protected", 0, 4)]
    assert kinds(changed(mm, ("munmap", 8, 1, 0))) == [("went", 8, 9)]
    assert kinds(changed(mm, ("mmap", 16, 1, 0))) == [("came", 16, 17)]
    later = mm.fork()
    later.madvise(A, 4 * PAGE, Madv.DONTFORK)
    assert kinds(mm.diff(later)) == [("flagged", 0, 4)]
    mapped = mm.fork()
    file = File("fe:00", 1, "x")
    mapped.mmap(A + PAGE, 2 * PAGE, Prot.READ, Map.PRIVATE | Map.FIXED, file)
    assert kinds(mm.diff(mapped)) == [("replaced", 1, 3)]
    shifted = mapped.fork()
    shifted.mmap(A + PAGE, 2 * PAGE, Prot.READ, Map.PRIVATE | Map.FIXED, file, PAGE)
    assert kinds(mapped.diff(shifted)) == [("replaced", 1, 3)]
    shared = mapped.fork()
    shared.mmap(A + PAGE, 2 * PAGE, Prot.READ, Map.SHARED | Map.FIXED, file)
    assert kinds(mapped.diff(shared)) == [("replaced", 1, 3)]


def test_only_the_page_that_changed() -> None:
    """Once a page in the middle was three changes: one VMA shrank and two came."""
    file = File("fe:00", 1, "x")
    for vma in (VMA(A, A + 9 * PAGE, 3), VMA(A, A + 9 * PAGE, 1, Map.PRIVATE, 5 * PAGE, file)):
        mm = AddressSpace([vma])
        later = mm.fork()
        later.mprotect(A + 4 * PAGE, PAGE, 0)
        (change,) = mm.diff(later)
        assert change[:3] == ("protected", A + 4 * PAGE, A + 5 * PAGE)
        assert change.before == vma and change.size == PAGE
        assert change.after == later.find(A + 4 * PAGE)
        back = later.diff(mm)
        assert [one[:3] for one in back] == [change[:3]]
        later.mprotect(A + 4 * PAGE, PAGE, vma.prot)  # merges again
        assert mm.diff(later) == []


def test_what_is_cut_or_merged_is_no_difference() -> None:
    left, right = VMA(A, A + 2 * PAGE, 3), VMA(A + 2 * PAGE, A + 5 * PAGE, 3)
    whole = VMA(A, A + 5 * PAGE, 3)
    apart, merged = AddressSpace([left, right]), AddressSpace([whole])
    assert len(apart) == 2 and apart.diff(merged) == merged.diff(apart) == []
    assert apart != merged


def test_names() -> None:
    mm = AddressSpace([VMA(A, A + 4 * PAGE, 3)])
    named = AddressSpace([VMA(A, A + 4 * PAGE, 3, name="[anon:pool]")])
    assert kinds(mm.diff(named)) == [("flagged", 0, 4)]
    stack = VMA(0x7FFF_0000_0000, 0x7FFF_0010_0000, 3, name="[stack]")
    mm = AddressSpace([stack])
    later = mm.fork()
    later.mprotect(stack.start + 16 * PAGE, PAGE, 1)
    assert later.find(stack.start).name == ""  # only the upper end is the stack  # type: ignore[union-attr]
    assert [one.kind for one in mm.diff(later)] == ["protected"]
    shifted = AddressSpace([VMA(A, A + 4 * PAGE, 3, offset=PAGE)])
    assert kinds(AddressSpace([VMA(A, A + 4 * PAGE, 3)]).diff(shifted)) == [("flagged", 0, 4)]
    anonymous = AddressSpace([stack._replace(name="")])
    assert [one.kind for one in mm.diff(anonymous)] == ["flagged"]


def test_memory_that_moved() -> None:
    mm = AddressSpace([VMA(A, A + 4 * PAGE, 3)])
    later = mm.fork()
    moved = later.mremap(A, 4 * PAGE, 6 * PAGE, Mremap.MAYMOVE | Mremap.FIXED, A + 16 * PAGE)
    assert moved == A + 16 * PAGE
    assert kinds(mm.diff(later)) == [("went", 0, 4), ("came", 16, 22)]


def test_a_half_made_child_has_what_is_below_the_mark() -> None:
    vmas = [VMA(A + 2 * n * PAGE, A + (2 * n + 1) * PAGE, 3) for n in range(9)]
    mm = AddressSpace(vmas)
    try:
        mm.fork("dup", fail_at=4)
    except ForkError as error:
        child = error.child
    assert child.half_made and 0 < len(child) < 9
    gone = mm.diff(child)
    assert [one.before for one in gone] == vmas[len(child) :]
    assert {one.kind for one in gone} == {"went"}
    assert {one.kind for one in child.diff(mm)} == {"came"} and child.diff(child) == []


def description(vma: VMA | None, address: int) -> tuple[object, ...] | None:
    if vma is None:
        return None
    offset = None if vma.file is None else vma.offset + address - vma.start
    return vma.file, vma.shared, offset, vma.prot, vma.vm_flags


def kind_of_page(mm: AddressSpace, later: AddressSpace, address: int) -> str | None:
    before, after = (
        description(mm.find(address), address),
        description(later.find(address), address),
    )
    if before == after:
        return None
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if before[:3] != after[:3]:
        return "replaced"
    return "protected" if before[3] != after[3] else "flagged"


GROUPS = {"came": "new", "grew": "new", "went": "gone", "shrank": "gone"}


def test_differences_against_a_list_of_pages() -> None:
    print(f"SAMARA_SEED={SEED}")
    rng = random.Random(SEED)
    mm = AddressSpace()
    files = [File("fe:00", n, f"/lib/{n}") for n in range(2)]
    for number in range(scaled(400)):
        later = mm.fork(rng.choice(("cow", "dup", "insert")))
        for _ in range(rng.randint(1, 5)):
            page, pages = rng.randrange(40), rng.randint(1, 8)
            start, size = A + page * PAGE, pages * PAGE
            way = rng.randrange(6)
            if way == 0:
                later.munmap(start, size)
            elif way == 1:
                for vma in list(later.tree.entries(start, start + size - 1, clip=True)):
                    later.mprotect(vma.first, vma.size, rng.choice((0, 1, 3)))
            elif way == 2:
                for vma in list(later.tree.entries(start, start + size - 1, clip=True)):
                    later.madvise(vma.first, vma.size, Madv.DONTFORK)
            elif way == 3:
                file, shared = rng.choice(files), rng.choice((Map.PRIVATE, Map.SHARED))
                offset = rng.choice((page, 0)) * PAGE
                later.mmap(start, size, rng.choice((1, 3)), shared | Map.FIXED, file, offset)
            else:
                later.mmap(start, size, rng.choice((0, 1, 3)), ANON)
        changes = mm.diff(later)
        pages_of = {}
        end = 0
        for change in changes:
            assert end <= change.start < change.end
            end = change.end
            for address in range(change.start, change.end, PAGE):
                assert (change.before, change.after) == (mm.find(address), later.find(address))
                pages_of[address] = GROUPS.get(change.kind, change.kind)
        expected = {
            address: kind
            for address in range(A, A + 60 * PAGE, PAGE)
            if (kind := kind_of_page(mm, later, address))
        }
        assert pages_of == expected
        for change in changes:
            check_neighbours(change, mm, later)
        back = later.diff(mm)
        assert [one[1:3] for one in back] == [one[1:3] for one in changes]
        if number % 10 == 9:  # no relatives: the nodes are others, the VMAs the same
            later = AddressSpace(later.vmas())
        mm = later


def check_neighbours(change: Difference, mm: AddressSpace, later: AddressSpace) -> None:
    """Memory that grew or shrank has a neighbour of the same VMA with the same backing."""
    vma, there = (change.after, mm) if change.before is None else (change.before, later)
    if change.kind not in GROUPS or vma is None:
        return
    goes_on = False
    for address in (change.start - PAGE, change.end):
        inside = vma.start <= address < vma.end
        own, other = description(vma, address), description(there.find(address), address)
        goes_on |= inside and other is not None and own is not None and own[:3] == other[:3]
    assert (change.kind in ("grew", "shrank")) is goes_on
