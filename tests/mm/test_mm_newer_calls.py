# SPDX-License-Identifier: MIT
"""mseal, prctl(PR_SET_VMA), shmat and shmdt, remap_file_pages, mbind: every result and error that
the manual pages list. The tests expect what Linux 6.18 was seen to do; for names, what prctl(2)
documents. `tests/kernel/oracle.py` makes such calls on the running kernel."""

import copy
import errno
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from samara.mm import (
    FORK_METHODS,
    VMA,
    AddressSpace,
    File,
    ForkMethod,
    Limits,
    Madv,
    Map,
    Mpol,
    MpolMf,
    Mremap,
    Policy,
    Prctl,
    Prot,
    Shm,
)

PAGE = 4096
TOP = 2**64 - PAGE
A = 0x1000_0000
FAR = A + 0x100 * PAGE
RW = Prot.READ | Prot.WRITE
FIXED = Map.PRIVATE | Map.ANONYMOUS | Map.FIXED
SHARED = Map.SHARED | Map.ANONYMOUS | Map.FIXED
MOVE = Mremap.MAYMOVE | Mremap.FIXED
FILE = File("fe:00", 7, "/lib/x")
SEGMENT = File("00:01", 9, "/SYSV00000000 (deleted)")
SIZE = 5 * PAGE - 100


def space(pages: int = 6, flags: int = FIXED, **limits: Any) -> AddressSpace:
    mm = AddressSpace(limits=Limits(**limits))
    mm.mmap(A, pages * PAGE, RW, flags)
    return mm


def refused(mm: AddressSpace, number: int, call: str, *arguments: Any) -> None:
    before = mm.vmas()
    fails(number, getattr(mm, call), *arguments)
    assert mm.vmas() == before
    mm.check()


def fails(number: int, call: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


def ranges(mm: AddressSpace) -> list[tuple[int, int]]:
    """Return the ranges of the VMAs, in pages from A."""
    mm.check()
    return [((vma.start - A) // PAGE, (vma.end - A) // PAGE) for vma in mm]


# ---- mseal ---------------------------------------------------------------------------------------


def test_sealed_memory_cannot_be_unmapped_moved_or_protected() -> None:
    mm = space()
    mm.mseal(A + 2 * PAGE, PAGE + 1)
    assert ranges(mm) == [(0, 2), (2, 4), (4, 6)]
    assert ["sl" in vma.vm_flags for vma in mm] == [False, True, False]
    sealed = A + 2 * PAGE
    for call in (
        ("munmap", sealed, PAGE),
        ("mprotect", sealed, PAGE, Prot.READ),
        ("mprotect", sealed, PAGE, RW),
        ("pkey_mprotect", sealed, PAGE, RW, -1),
        ("mremap", sealed, PAGE, PAGE),
        ("mremap", sealed, PAGE, PAGE, MOVE, FAR),
        ("mmap", sealed, PAGE, RW, FIXED),
    ):
        refused(mm, errno.EPERM, *call)
    mm.mseal(sealed, PAGE)  # again
    mm.mlock(sealed, PAGE)
    mm.madvise(sealed, PAGE, Madv.DONTNEED_LOCKED)
    for method in FORK_METHODS:
        refused(mm.fork(method), errno.EPERM, "munmap", sealed, PAGE)
    fails(errno.EPERM, mm.mprotect, A, 6 * PAGE, Prot.READ)
    assert [vma.perms for vma in mm] == ["r--p", "rw-p", "rw-p", "rw-p"]  # what lies before it


def test_mseal_refuses() -> None:
    mm = space()
    refused(mm, errno.EINVAL, "mseal", A, PAGE, 1)
    refused(mm, errno.EINVAL, "mseal", A + 1, PAGE)
    refused(mm, errno.EINVAL, "mseal", A, 2**64 - 1)
    refused(mm, errno.EINVAL, "mseal", A, TOP)
    refused(mm, errno.ENOMEM, "mseal", A + 5 * PAGE, 2 * PAGE)
    refused(mm, errno.ENOMEM, "mseal", A - PAGE, 2 * PAGE)
    mm.mseal(A, 0)
    mm.mseal(FAR, 0)
    assert ranges(mm) == [(0, 6)]
    refused(space(max_map_count=1), errno.ENOMEM, "mseal", A, PAGE)


def test_a_sealed_heap_does_not_shrink() -> None:
    mm = AddressSpace()
    mm.exec(start_brk=A)
    mm.brk(A + 4 * PAGE)
    mm.mseal(A + PAGE, PAGE)
    assert mm.brk(A) == A + 4 * PAGE
    assert mm.brk(A + 2 * PAGE) == A + 2 * PAGE


@pytest.mark.parametrize("advice", [4, 8, 10, 18, 24, 102])
def test_sealed_memory_that_cannot_be_written_keeps_its_contents(advice: int) -> None:
    mm = space()
    mm.mseal(A, PAGE)
    mm.mprotect(A + PAGE, PAGE, Prot.READ)
    mm.mseal(A + PAGE, PAGE)
    refused(mm, errno.EPERM, "madvise", A + PAGE, PAGE, advice)
    mm.madvise(A, PAGE, advice)


# ---- names ---------------------------------------------------------------------------------------


def name(mm: AddressSpace, page: int, pages: int, text: str | None) -> None:
    mm.prctl(Prctl.SET_VMA, Prctl.SET_VMA_ANON_NAME, A + page * PAGE, pages * PAGE, text)


def labels(mm: AddressSpace) -> list[str]:
    mm.check()
    return [vma.label for vma in mm]


def test_names_keep_vmas_apart() -> None:
    mm = space()
    name(mm, 1, 1, "a")
    name(mm, 2, 1, "a")
    name(mm, 4, 1, "")
    assert ranges(mm) == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 6)]
    assert labels(mm) == ["", "[anon:a]", "", "[anon:]", ""]
    assert [vma.anon_name for vma in mm] == [None, "a", None, "", None]
    assert mm.maps().splitlines()[1].endswith(" [anon:a]")
    mm.mremap(A + PAGE, PAGE, PAGE, MOVE, FAR)
    assert labels(mm)[-1] == "[anon:a]"
    mm.mmap(FAR + PAGE, PAGE, RW, FIXED)
    assert len(mm) == 7
    name(mm, 0x101, 1, "a")
    assert len(mm) == 6
    assert labels(mm.fork()) == labels(mm)
    name(mm, 4, 2, None)
    name(mm, 2, 1, None)
    assert ranges(mm)[1:2] == [(2, 6)]


def test_names_of_shared_memory() -> None:
    mm = space(flags=SHARED)
    name(mm, 1, 1, "a")
    assert labels(mm) == ["/dev/zero (deleted)", "[anon_shmem:a]", "/dev/zero (deleted)"]
    again = AddressSpace.from_maps(mm.maps())
    assert again.maps() == mm.maps()
    name(again, 1, 1, None)
    assert ranges(again) == [(0, 6)]


def test_names_in_maps() -> None:
    mm = space()
    name(mm, 1, 1, "a b")
    again = AddressSpace.from_maps(mm.maps())
    assert again == mm and again.vmas()[1].anon_name == "a b"
    name(again, 1, 1, None)
    assert ranges(again) == [(0, 6)]


def test_heap_and_stack_keep_their_names() -> None:
    stack = VMA(A + 0x1000 * PAGE, A + 0x1004 * PAGE, RW, name="[stack]")
    mm = AddressSpace()
    mm.exec([stack], start_brk=A)
    mm.brk(A + 4 * PAGE)
    name(mm, 1, 1, "a")
    assert labels(mm) == ["[heap]"] * 3 + ["[stack]"]
    assert [vma.anon_name for vma in mm][:3] == [None, "a", None]
    name(mm, 0x1000, 4, "b")
    assert labels(mm)[-1] == "[stack]"
    name(mm, 0x1000, 1, "c")
    assert labels(mm)[-2:] == ["[anon:c]", "[stack]"]
    mm.mremap(A + PAGE, PAGE, PAGE, MOVE, A + 16 * PAGE)
    assert labels(mm)[2] == "[anon:a]"
    name(mm, 0, 1, "a")
    mm.brk(A)
    assert labels(mm)[0] == "[anon:a]"


def test_names_end_at_files_and_skip_holes() -> None:
    mm = space(2)
    mm.mmap(A + 3 * PAGE, PAGE, RW, FIXED)
    fails(errno.ENOMEM, name, mm, 0, 5, "a")
    assert labels(mm) == ["[anon:a]", "[anon:a]"]
    mm.mmap(A + PAGE, PAGE, RW, Map.PRIVATE | Map.FIXED, FILE)
    mm.mmap(A + 2 * PAGE, PAGE, RW, FIXED)
    fails(errno.EBADF, name, mm, 0, 4, "b")
    assert labels(mm) == ["[anon:b]", "/lib/x", "", "[anon:a]"]


@pytest.mark.parametrize("text", ["x" * 80, "[a", "a]", "a$", "a\\", "a`", "\x7f", "\t", "\n", "é"])
def test_bad_names(text: str) -> None:
    refused(space(), errno.EINVAL, "prctl", Prctl.SET_VMA, 0, A, PAGE, text)
    longest = space()
    name(longest, 0, 6, "x" * 79)
    assert labels(longest) == [f"[anon:{'x' * 79}]"]


def test_prctl_refuses() -> None:
    mm = space()
    for option, operation, addr, length in (
        (15, 0, A, PAGE),
        (Prctl.SET_VMA, 1, A, PAGE),
        (Prctl.SET_VMA, 0, A + 1, PAGE),
        (Prctl.SET_VMA, 0, A, 2**64 - 1),
        (Prctl.SET_VMA, 0, A, TOP),
    ):
        refused(mm, errno.EINVAL, "prctl", option, operation, addr, length, "a")
    name(mm, 0, 0, "a")
    assert labels(mm) == [""]
    refused(space(max_map_count=1), errno.EAGAIN, "prctl", Prctl.SET_VMA, 0, A, PAGE, "a")
    refused(space(anon_names=False), errno.EINVAL, "prctl", Prctl.SET_VMA, 0, A, PAGE, "a")
    with pytest.raises(TypeError, match="name must be a str or None, not 5"):
        mm.prctl(Prctl.SET_VMA, 0, A, PAGE, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="anon_name must be a str or None, not 5"):
        VMA(A, A + PAGE, anon_name=5)  # type: ignore[arg-type]


# ---- shared memory segments ----------------------------------------------------------------------


def attached(addr: int = A, flags: int = 0) -> AddressSpace:
    mm = AddressSpace(limits=Limits(privileged=True))
    assert mm.shmat(SEGMENT, SIZE, addr, flags) == addr & -PAGE
    return mm


def test_shmat_maps_whole_pages_of_shared_memory() -> None:
    mm = attached()
    assert mm.vmas() == [
        VMA(
            *(A, A + 5 * PAGE, RW, Map.SHARED, 0, SEGMENT),
            vm_flags="rd wr sh mr mw me ms",
        )
    ]
    assert mm.shmat(SEGMENT, SIZE, FAR + 5, Shm.RND | Shm.RDONLY | Shm.EXEC) == FAR
    assert mm.vmas()[-1].vm_flags == frozenset("rd ex mr me ms".split())
    refused(mm, errno.EACCES, "mprotect", FAR, PAGE, RW)
    assert mm.shmat(SEGMENT, SIZE) < mm.limits.mmap_base


def test_attachments_of_one_segment_do_not_merge() -> None:
    mm = attached()
    mm.shmat(SEGMENT, SIZE, A + PAGE, Shm.REMAP)
    assert ranges(mm) == [(0, 1), (1, 6)]
    assert [vma.offset for vma in mm] == [0, 0]
    for same in (pickle.loads(pickle.dumps(mm)), copy.deepcopy(mm), mm.fork()):
        same.shmdt(A + PAGE)
        assert ranges(same) == [(0, 1)]


def test_shmat_refuses() -> None:
    mm = attached()
    for addr, flags in (
        (A, 0),
        (A + PAGE, 0),
        (FAR + 5, 0),
        (5, Shm.RND | Shm.REMAP),
        (0, Shm.REMAP),
        (TOP, 0),
    ):
        refused(mm, errno.EINVAL, "shmat", SEGMENT, SIZE, addr, flags)
    refused(mm, errno.ENOMEM, "shmat", SEGMENT, SIZE, (1 << 47) - PAGE)
    refused(mm, errno.ENOMEM, "shmat", SEGMENT, SIZE, 1 << 48)
    with pytest.raises(ValueError, match="file must be a shared memory segment, not File"):
        mm.shmat(FILE, SIZE)
    for size in (0, 2**64 - 1):
        with pytest.raises(ValueError, match=rf"size must be from 1 to .*, not {size}$"):
            mm.shmat(SEGMENT, size)
    with pytest.raises(TypeError, match="file must be a File, not None"):
        mm.shmat(None, SIZE)  # type: ignore[arg-type]


def test_shmdt_detaches_what_is_left_of_an_attachment() -> None:
    mm = attached()
    mm.munmap(A + 2 * PAGE, PAGE)
    mm.mprotect(A + 3 * PAGE, PAGE, Prot.READ)
    mm.shmat(SEGMENT, SIZE, FAR)
    mm.mremap(FAR + 2 * PAGE, PAGE, PAGE, MOVE, A + 2 * PAGE)  # another attachment's
    assert len(mm) == 6
    refused(mm, errno.EINVAL, "shmdt", A + PAGE)
    refused(mm, errno.EINVAL, "shmdt", A + 1)
    mm.shmdt(A)
    assert ranges(mm) == [(2, 3), (0x100, 0x102), (0x103, 0x105)]
    refused(mm, errno.EINVAL, "shmdt", A + PAGE)
    mm.munmap(FAR, 2 * PAGE)
    mm.shmdt(FAR)
    assert ranges(mm) == [(2, 3)]
    mm.shmdt(A)  # by its offset, the rest could be attached there
    assert not mm.vmas()


def test_shmdt_leaves_what_was_sealed_or_has_grown() -> None:
    mm = attached()
    mm.mseal(A, PAGE)
    mm.shmdt(A)
    mm.shmdt(A)
    assert ranges(mm) == [(0, 1)]
    mm.shmat(SEGMENT, SIZE, FAR)
    mm.mremap(FAR, 5 * PAGE, 9 * PAGE)
    mm.mprotect(FAR + 7 * PAGE, PAGE, Prot.READ)
    mm.shmdt(FAR)
    assert ranges(mm) == [(0, 1), (0x107, 0x108), (0x108, 0x109)]


def test_shmdt_of_a_segment_from_maps() -> None:
    mm = AddressSpace.from_maps(attached().maps())
    mm.shmdt(A)
    assert not mm.vmas()


def test_a_vma_of_a_segment_is_never_removed_to_merge_it() -> None:
    mm = attached()
    mm.mprotect(A + PAGE, 2 * PAGE, Prot.READ)
    mm.mprotect(A + PAGE, 2 * PAGE, RW)  # a whole VMA
    assert ranges(mm) == [(0, 1), (1, 3), (3, 5)]
    mm.mprotect(A + PAGE, 2 * PAGE, Prot.READ)
    mm.mprotect(A + PAGE, PAGE, RW)  # its first part merges with the VMA below
    assert ranges(mm) == [(0, 2), (2, 3), (3, 5)]
    mm.mprotect(A, 5 * PAGE, RW)
    mm.remap_file_pages(A + PAGE, PAGE, 0, 1)  # a new VMA merges with the one below only
    assert ranges(mm) == [(0, 2), (2, 3), (3, 5)]
    mm.munmap(A, PAGE)
    mm.remap_file_pages(A + PAGE, PAGE, 0, 1)
    assert ranges(mm) == [(1, 3), (3, 5)]
    fails(errno.EFAULT, mm.mremap, A + PAGE, 4 * PAGE, 4 * PAGE, MOVE, FAR)  # not several at once


# ---- remap_file_pages ----------------------------------------------------------------------------


def test_remap_file_pages_maps_other_pages_of_the_file() -> None:
    mm = space(8, SHARED)
    mm.remap_file_pages(A, PAGE, 0, 2)
    mm.remap_file_pages(A + 3 * PAGE + 5, PAGE + 5, 0, 7, Map.NONBLOCK)
    assert ranges(mm) == [(0, 1), (1, 3), (3, 4), (4, 8)]
    assert [vma.offset // PAGE for vma in mm] == [2, 1, 7, 4]
    mm.remap_file_pages(A + 3 * PAGE, PAGE, 0, 3)
    mm.remap_file_pages(A, 2 * PAGE, 0, 0)
    assert ranges(mm) == [(0, 8)]
    mm.mlock(A, PAGE)
    mm.remap_file_pages(A, PAGE, 0, 4)
    assert ["lo" in vma.vm_flags for vma in mm] == [True, False]


def test_remap_file_pages_refuses() -> None:
    mm = space(8, SHARED)
    mm.mmap(FAR, PAGE, RW, FIXED)
    mm.mprotect(A + 4 * PAGE, PAGE, Prot.READ)
    mm.shmat(SEGMENT, SIZE, A + 8 * PAGE)
    for call in (
        (A, PAGE, 3, 0),
        (A, PAGE - 1, 0, 0),
        (TOP, PAGE, 0, 0),
        (A, PAGE, 0, 2**64 - 1),
        (A - PAGE, PAGE, 0, 0),
        (A + 3 * PAGE, 3 * PAGE, 0, 0),
        (A + 7 * PAGE, 2 * PAGE, 0, 0),
        (A + 12 * PAGE, 2 * PAGE, 0, 0),
        (FAR, PAGE, 0, 0),
    ):
        refused(mm, errno.EINVAL, "remap_file_pages", *call)
    refused(mm, errno.EOVERFLOW, "remap_file_pages", A, PAGE, 0, 1 << 52)
    mm.mseal(A, PAGE)
    refused(mm, errno.EPERM, "remap_file_pages", A, PAGE, 0, 0)
    keys = space(2, SHARED, pkeys=True)
    keys.pkey_mprotect(A + PAGE, PAGE, RW, keys.pkey_alloc())
    refused(keys, errno.EINVAL, "remap_file_pages", A, 2 * PAGE, 0, 0)


# ---- mbind ---------------------------------------------------------------------------------------


def bind(mm: AddressSpace, page: int, mode: int, nodes: int = 0, pages: int = 1) -> str:
    mm.mbind(A + page * PAGE, pages * PAGE, mode, nodes)
    mm.check()
    vma = mm.find(A + page * PAGE)
    assert vma is not None
    return str(vma.policy)


@pytest.mark.parametrize(
    ("mode", "nodes", "text"),
    [
        (Mpol.DEFAULT, 0, "None"),
        (Mpol.DEFAULT | Mpol.F_STATIC_NODES, 0, "None"),
        (Mpol.PREFERRED, 0b1, "prefer:0"),
        (Mpol.PREFERRED, 0b11, "prefer:0"),
        (Mpol.PREFERRED, 0, "local"),
        (Mpol.LOCAL, 0, "local"),
        (Mpol.BIND, 0b111, "bind:0"),
        (Mpol.BIND | Mpol.F_NUMA_BALANCING, 1, "bind=balancing:0"),
        (Mpol.INTERLEAVE, 1, "interleave:0"),
        (Mpol.PREFERRED_MANY | Mpol.F_STATIC_NODES, 0b11, "prefer (many)=static:0"),
        (Mpol.WEIGHTED_INTERLEAVE | Mpol.F_RELATIVE_NODES, 0b10, "weighted interleave=relative:0"),
        (Mpol.BIND | 1 << 32, 1, "bind:0"),  # the mode is an int
    ],
)
def test_policies(mode: int, nodes: int, text: str) -> None:
    assert bind(space(), 1, mode, nodes) == text


@pytest.mark.parametrize(
    ("mode", "nodes"),
    [
        (Mpol.DEFAULT, 1),
        (Mpol.BIND, 0),
        (Mpol.BIND, 0b10),
        (Mpol.INTERLEAVE, 0),
        (Mpol.LOCAL, 1),
        (Mpol.PREFERRED, 0b10),
        (Mpol.PREFERRED | Mpol.F_STATIC_NODES, 0),
        (Mpol.PREFERRED | Mpol.F_NUMA_BALANCING, 1),
        (Mpol.LOCAL | Mpol.F_RELATIVE_NODES, 0),
        (Mpol.BIND | Mpol.F_STATIC_NODES | Mpol.F_RELATIVE_NODES, 1),
        (7, 1),
        (2**31, 0),
    ],
)
def test_bad_policies(mode: int, nodes: int) -> None:
    refused(space(), errno.EINVAL, "mbind", A, PAGE, mode, nodes)


def test_policies_of_a_machine_with_several_nodes() -> None:
    mm = space(nodes=0b11101)
    assert bind(mm, 0, Mpol.INTERLEAVE, 0b11111) == "interleave:0,2-4"
    assert bind(mm, 0, Mpol.BIND | Mpol.F_STATIC_NODES, 0b110) == "bind=static:2"
    assert bind(mm, 0, Mpol.BIND | Mpol.F_RELATIVE_NODES, 0b100010) == "bind=relative:2"
    assert bind(mm, 0, Mpol.PREFERRED, 0b1110) == "prefer:2"
    # With these flags, the nodes that were asked for count too.
    assert bind(mm, 1, Mpol.PREFERRED, 0b110) == "prefer:2" and len(mm) == 2
    assert bind(mm, 0, Mpol.BIND | Mpol.F_STATIC_NODES, 0b110) == "bind=static:2"
    assert bind(mm, 1, Mpol.BIND | Mpol.F_STATIC_NODES, 0b100) == "bind=static:2" and len(mm) == 3


def test_policies_keep_vmas_apart() -> None:
    mm = space()
    bind(mm, 1, Mpol.BIND, 1)
    bind(mm, 2, Mpol.BIND, 1)
    assert ranges(mm) == [(0, 1), (1, 3), (3, 6)]
    mm.mmap(A + 6 * PAGE, PAGE, RW, FIXED)
    assert ranges(mm)[-1] == (3, 7)
    mm.mremap(A + PAGE, PAGE, PAGE, MOVE, FAR)
    assert str(mm.vmas()[-1].policy) == "bind:0"
    mm.touch(A + 2 * PAGE)
    mm.touch(A + 3 * PAGE)
    bind(mm, 2, Mpol.DEFAULT, pages=5)
    assert ranges(mm) == [(0, 1), (2, 3), (3, 7), (0x100, 0x101)]  # written one by one


@pytest.mark.parametrize("method", FORK_METHODS)
def test_children_have_the_policies_of_their_parent(method: ForkMethod) -> None:
    mm = space()
    bind(mm, 1, Mpol.INTERLEAVE, 1)
    for same in (mm.fork(method), pickle.loads(pickle.dumps(mm)), copy.deepcopy(mm)):
        assert same == mm and same.vmas()[1].policy == Policy(Mpol.INTERLEAVE, 1)


def test_mbind_refuses() -> None:
    mm = space()
    refused(mm, errno.EINVAL, "mbind", A, PAGE, Mpol.BIND, 1, 8)
    refused(mm, errno.EPERM, "mbind", A, PAGE, Mpol.BIND, 1, MpolMf.MOVE_ALL)
    refused(mm, errno.EINVAL, "mbind", A + 1, PAGE, Mpol.BIND, 1)
    refused(mm, errno.EINVAL, "mbind", A, TOP, Mpol.BIND, 1)
    refused(mm, errno.EFAULT, "mbind", A - PAGE, 2 * PAGE, Mpol.BIND, 1)
    refused(mm, errno.EFAULT, "mbind", A + 5 * PAGE, 2 * PAGE, Mpol.BIND, 1)
    refused(mm, errno.EFAULT, "mbind", FAR, PAGE, Mpol.DEFAULT)
    refused(mm, errno.EINVAL, "mbind", A, 0, 9, 1)  # the mode is checked first
    mm.mbind(A, 0, Mpol.BIND, 0b10)
    bind(mm, 1, Mpol.BIND, 1)
    mm.mbind(A, 16 * PAGE, Mpol.DEFAULT)  # skips holes
    mm.mbind(A, PAGE, Mpol.DEFAULT, 0, MpolMf.STRICT | MpolMf.MOVE)
    assert ranges(mm) == [(0, 6)]
    space(privileged=True).mbind(A, PAGE, Mpol.BIND, 1, MpolMf.MOVE_ALL)
    refused(space(max_map_count=1), errno.ENOMEM, "mbind", A, PAGE, Mpol.BIND, 1)
    with pytest.raises(TypeError, match="policy must be a Policy or None, not 'bind:0'"):
        VMA(A, A + PAGE, policy="bind:0")  # type: ignore[arg-type]
