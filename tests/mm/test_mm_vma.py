# SPDX-License-Identifier: MIT
"""`VMA`, `File` and the flags."""

import copy
import pickle
import subprocess
import sys

import pytest

from samara.mm import (
    VM_FLAGS,
    VMA,
    File,
    Map,
    Prot,
    format_vm_flags,
    implied_vm_flags,
    parse_vm_flags,
)

PYTHON = File("fe:00", 26723, "/usr/bin/python3.11")


def test_fields_and_what_follows_from_them() -> None:
    vma = VMA(0x1000, 0x4000, Prot.READ | Prot.EXEC, Map.SHARED, 0x2000, PYTHON, "", "rd ex sh mr")
    assert (vma.start, vma.end, vma.offset, vma.file, vma.name) == (
        0x1000,
        0x4000,
        0x2000,
        PYTHON,
        "",
    )
    assert (vma.size, vma.pages, vma.perms, vma.shared) == (0x3000, 3, "r-xs", True)
    assert vma.vm_flags == {"rd", "ex", "sh", "mr"}
    assert vma.label == "/usr/bin/python3.11"
    assert VMA(0x1000, 0x2000, name="[heap]").label == "[heap]"
    assert VMA(0x1000, 0x2000).label == ""


@pytest.mark.parametrize("prot", range(8))
@pytest.mark.parametrize("flags", [Map.SHARED, Map.PRIVATE])
def test_permissions_by_plain_ints(prot: int, flags: int) -> None:
    letters = "".join(c if prot & 1 << i else "-" for i, c in enumerate("rwx"))
    vma = VMA(0, 0x1000, prot, int(flags))
    assert vma.perms == letters + ("s" if flags == Map.SHARED else "p")
    assert isinstance(vma.prot, Prot) and isinstance(vma.flags, Map)


def test_numbers_are_linux_numbers() -> None:
    import mmap

    assert (Prot.READ, Prot.WRITE, Prot.EXEC) == (mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC)
    assert Map.SHARED == mmap.MAP_SHARED
    assert Map.PRIVATE == mmap.MAP_PRIVATE
    assert Map.ANONYMOUS == mmap.MAP_ANONYMOUS


@pytest.mark.parametrize(
    ("start", "end", "offset"),
    [
        (0x2000, 0x1000, 0),
        (0x1000, 0x1000, 0),
        (-0x1000, 0x1000, 0),
        (0, 2**64 + 0x1000, 0),
        (1, 0x1000, 0),
        (0, 0x1001, 0),
        (0, 0x1000, 1),
        (0, 0x1000, -0x1000),
        (0, 0x1000, 2**64),
    ],
)
def test_numbers_out_of_bounds(start: int, end: int, offset: int) -> None:
    with pytest.raises(ValueError, match="0x|2\\*\\*64"):
        VMA(start, end, offset=offset)


def test_ends_of_the_address_range() -> None:
    vma = VMA(0, 2**64)
    assert vma.size == 2**64


def test_wrong_types() -> None:
    with pytest.raises(TypeError):
        VMA("0", 0x1000)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        VMA(0.0, 4096.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bin/true"):
        VMA(0, 0x1000, file="/bin/true")  # type: ignore[arg-type]


def test_immutable_hashable_equal() -> None:
    one = VMA(0x1000, 0x2000, file=PYTHON, vm_flags="rd wr")
    same = VMA(0x1000, 0x2000, file=File(*PYTHON), vm_flags=["wr", "rd"])
    assert one == same and hash(one) == hash(same) and one is not same
    for changed in (
        one._replace(end=0x3000),
        one._replace(vm_flags=frozenset({"rd"})),
        one._replace(file=None),
    ):
        assert changed != one
    with pytest.raises(AttributeError):
        one.start = 0  # type: ignore[misc]
    with pytest.raises(ValueError, match="0x3000"):
        one._replace(start=0x3000)


def test_copies_are_new_objects() -> None:
    vma = VMA(0x1000, 0x2000, Prot.READ, file=PYTHON, vm_flags="rd zz")
    for other in (vma.copy(), pickle.loads(pickle.dumps(vma)), copy.deepcopy(vma)):
        assert type(other) is VMA
        assert other == vma and other is not vma


def test_vm_flags_in_the_order_of_the_kernel() -> None:
    for text in (
        "rd wr mr mw me dc ac",
        "rd wr sh mr mw me ms",
        "rd wr mr mw me gd ac",
        "rd wr mr mw me ac wf",
        "rd wr mr mw me lo lf ac nh",
        "rd ex mr mw me de",
    ):
        assert format_vm_flags(parse_vm_flags(text)) == text
    assert format_vm_flags(reversed(VM_FLAGS)).split() == list(VM_FLAGS)


def test_vm_flags_that_are_not_known_are_kept() -> None:
    assert format_vm_flags(parse_vm_flags("zz rd ?? mr")) == "rd mr ?? zz"


def test_vm_flags_of_the_same_text_are_one_object() -> None:
    assert VMA(0, 4096, vm_flags="rd wr").vm_flags is VMA(4096, 8192, vm_flags="rd wr").vm_flags


def test_implied_vm_flags() -> None:
    assert implied_vm_flags(Prot.NONE, Map.PRIVATE) == {"mr", "mw", "me"}
    assert implied_vm_flags(7, Map.PRIVATE) == {"rd", "wr", "ex", "mr", "mw", "me", "ac"}
    assert implied_vm_flags(Prot.READ, Map.SHARED) == {"rd", "sh", "ms", "mr", "mw", "me"}
    assert VMA(0, 4096, Prot.WRITE).vm_flags == {"wr", "mr", "mw", "me", "ac"}


def test_the_package_needs_nothing_but_python() -> None:
    code = "import sys, samara.mm, samara.cli; print({'rich', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
