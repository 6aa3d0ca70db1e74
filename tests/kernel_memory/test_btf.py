# SPDX-License-Identifier: MIT
"""samara.kernel.Btf: the description of a kernel's types."""

import os
import random
import struct

import pytest

from interpreter import scaled
from kernel_samples import RELEASES, Types, btf_of, sample
from samara.kernel import Btf, Layout

SEED = int(os.environ.get("SAMARA_SEED") or random.randrange(2**32))
OWN = "/sys/kernel/btf/vmlinux"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_layout_comes_back(release, order):
    layout = sample(release).layout
    assert Layout.from_btf(Btf(btf_of(layout, order))) == layout


def test_fields_of_fields_and_fields_without_a_name():
    types = Types()
    inner = types.struct("", [("a", 2, 0), ("b", 1, 8)])
    union = types.struct("", [("c", 1, 0), ("", inner, 0)], kind=5)
    alias = types.add("inner_t", 8 << 24, inner)
    array = types.add("", 3 << 24, 0, alias, 2, 6)
    pointer = types.add("", 2 << 24, alias)
    more = types.add("", 3 << 24, 0, pointer, 2, 5)
    types.struct("outer", [("x", 3, 0), ("", union, 16), ("named", alias, 40), ("p", pointer, 56)])
    types.struct("arrays", [("numbers", array, 0), ("pointers", more, 96)])
    btf = Btf(types.data())
    places = {"x": 0, "c": 16, "a": 16, "b": 24, "named": 40, "named.a": 40, "named.b": 48, "p": 56}
    assert {name: btf.offset("outer", name) for name in places} == places
    assert [btf.size("outer", name) for name in ("x", "a", "b", "p")] == [8, 4, 8, 8]
    assert btf.size("outer") == 4096
    assert btf.size("arrays", "numbers") == 6 * 4096
    assert btf.size("arrays", "pointers") == 5 * 8
    assert btf.has("outer", "b") and not btf.has("outer", "y") and not btf.has("inner", "b")


def test_bit_fields_keep_their_place():
    types = Types()
    name = types.text("flags")
    types.add("bits", 1 << 31 | 4 << 24 | 1, 8, name, 1, 3 << 24 | 64)
    assert Btf(types.data()).offset("bits", "flags") == 8


def test_what_is_missing_is_named():
    types = Types()
    types.struct("outer", [("x", 1, 0)])
    btf = Btf(types.data())
    with pytest.raises(KeyError, match="no struct mm_struct"):
        btf.offset("mm_struct", "mm_mt")
    with pytest.raises(KeyError, match="struct outer of this kernel has no field x.y"):
        btf.offset("outer", "x.y")
    with pytest.raises(KeyError, match="no struct mm_struct"):
        btf.size("mm_struct")
    with pytest.raises(KeyError):
        Layout.from_btf(btf)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "this is no BTF: it begins with b''"),
        (b"\x7fELF" + bytes(60), "this is no BTF"),
        (struct.pack("<HBBIIIII", 0xEB9F, 2, 0, 24, 0, 0, 0, 0), "version 2 is unknown"),
        (struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 90, 0, 0), "the BTF is cut: it has 24"),
        (struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 4, 0, 0) + bytes(4), "a type is cut"),
        (
            struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 12, 0, 0) + bytes(12),
            "a type of the unknown kind 0",
        ),
    ],
)
def test_what_is_no_btf_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Btf(data)


def test_types_in_a_circle_end():
    types = Types()
    types.add("t", 8 << 24, 4)  # a typedef of itself
    types.struct("outer", [("x", 4, 0), ("", 6, 0)])
    types.add("", 3 << 24, 0, 6, 2, 1)  # an array of itself
    types.struct("other", [("y", 6, 0)])
    btf = Btf(types.data())
    with pytest.raises(ValueError, match="a typedef of itself"):
        btf.offset("outer", "x")
    with pytest.raises(ValueError, match="an array of itself"):
        btf.size("other", "y")
    types = Types()
    types.struct("outer", [("", 4, 0)])  # a struct that has itself as a field
    with pytest.raises(KeyError, match="no field x"):
        Btf(types.data()).offset("outer", "x")


def test_damaged_btf_ends_in_an_error_or_a_layout():
    print(f"SAMARA_SEED={SEED}")
    chance = random.Random(SEED)
    whole = btf_of(sample(RELEASES[0]).layout)
    outcomes = set()
    for _ in range(scaled(3000, 100)):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 9))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        data = bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            Layout.from_btf(Btf(data))
            outcomes.add("layout")
        except (ValueError, KeyError) as error:
            outcomes.add(type(error).__name__)
    assert outcomes == {"layout", "ValueError", "KeyError"}


@pytest.mark.skipif(not os.path.exists(OWN), reason="this kernel has no BTF")
def test_the_running_kernel():
    btf = Btf.from_file()
    assert btf.offset("list_head", "next") == 0 and btf.offset("list_head", "prev") == 8
    assert btf.size("list_head") == 16
    if btf.has("maple_node", "mr64.pivot"):
        assert btf.size("maple_node") == 256
        places = ("parent", "mr64.pivot", "mr64.slot", "ma64.slot", "ma64.gap", "ma64.meta")
        assert [btf.offset("maple_node", name) for name in places] == [0, 8, 128, 80, 160, 240]
        assert btf.offset("maple_node", "mr64.meta") == 248


def test_no_file():
    with pytest.raises(FileNotFoundError):
        Btf.from_file("/no/such/file")
