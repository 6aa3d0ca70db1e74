# SPDX-License-Identifier: MIT
"""save() and load(): what comes back, the format of the file, and damaged files."""

import io
import json
import math
import os
import stat
import struct
import sys
import zipfile
import zlib
from array import array
from pathlib import Path

import pytest

from interpreter import collect, counted_nodes, counts_references, references
from samara import COALESCE, MAX, OFFSET, FileFormatError, MapleTree
from samara._file import DEEPEST
from samara._keys import kind_of
from tree_oracle import seeded

DTYPES = [None, "u8", "i8", "f8"]
each_kind = pytest.mark.parametrize("dtype", DTYPES)


class Joins:
    """A policy that merges equal neighbours."""

    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return left.value if left.value == right.value else NotImplemented


class Named(MapleTree):
    """A subclass with an __init__() of its own."""

    def __init__(self, name, *triples):
        super().__init__(triples)
        self.name = name


class Path2:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.fixture(autouse=True)
def no_garbage():
    """Collect first: nodes in garbage would go away while they are counted."""
    collect()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tree.npz"


def sample(dtype, count=30, **options):
    values = {"u8": [MAX, 0, 7], "i8": [-(2**63), 2**63 - 1, -1], "f8": [0.1, -0.0, math.inf]}
    values = values.get(dtype, ["a", None, ("t", 1)])
    triples = ((7 * n, 7 * n + n % 7, values[n % 3]) for n in range(count))
    return MapleTree(triples, dtype=dtype, **options)


def again(tree, path):
    tree.save(path)
    loaded = MapleTree.load(path)
    loaded.check()
    return loaded


# ---- what comes back


@pytest.mark.parametrize("track_gaps", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 30, 2000])
@each_kind
def test_trees_come_back(path, dtype, count, track_gaps):
    tree = sample(dtype, count, track_gaps=track_gaps)
    loaded = again(tree, path)
    assert loaded == tree and repr(loaded) == repr(tree)
    assert loaded.dtype == dtype and loaded.track_gaps is track_gaps and loaded.policy is None
    assert type(loaded) is MapleTree and loaded.covered == tree.covered
    loaded[3:50] = 1


def test_the_ends_of_the_keys(path):
    tree = MapleTree([(0, 0, 1), (1, MAX - 1, 2), (MAX, MAX, 3)])
    assert again(tree, path) == tree
    tree = MapleTree([(0, MAX, 2**64 - 1)], dtype="u8")
    assert again(tree, path) == tree


@pytest.mark.parametrize("bits", [0x7FF8000000000000, 0x7FF8000000000123, 0xFFF0000000000001])
@pytest.mark.parametrize("dtype", [None, "f8"])
def test_every_bit_of_a_nan(path, dtype, bits):
    (number,) = struct.unpack("<d", struct.pack("<Q", bits))
    expected = struct.pack("<d", number)  # some processors set a bit of a signalling NaN
    loaded = again(MapleTree([(1, 1, number)], dtype=dtype), path)
    assert struct.pack("<d", loaded[1]) == expected


VALUES = [
    *(None, True, False, 0, 1, -1, 2**63, -(2**64), 2**64, 10**30, -(10**5000), 3**9999),
    *(0.0, -0.0, 1.0, 0.1, 1e300, -5e-324, math.inf, -math.inf),
    *("", "a", "\0", 'quote"\\', "\u20ac", "\U0001f600", "\ud800", "\ud83d\ude00", "a\udfffb"),
    *(b"", b"\0\xff", bytes(range(256)), (), (1,), [], [1], {}, {"a": 1}),
    *((1, (2, [3, {"k": (b"v", None)}])), [[[]]], {"": {"tuple": [1]}}, {"\ud800": "\udfff"}),
    *({"int": "0x10"}, {"b": 1, "a": 2}, ["dict", ("tuple",)], (True, 1, 1.0), -(2**63)),
]


def same(left, right):
    """Return whether two values are alike in every part, types and order included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    return left == right


def name_of(value):
    return ascii(value)[:30] if type(value) is not int or abs(value) < 2**100 else "long"


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_a_value_comes_back(path, value):
    assert same(again(MapleTree([(5, 9, value)]), path)[5], value)


def test_all_values_together(path):
    tree = MapleTree((n, n, value) for n, value in enumerate(VALUES * 2))
    loaded = again(tree, path)
    for n, value in enumerate(VALUES * 2):
        assert same(loaded[n], value), value


def random_value(random, levels=3):
    kind = random.randrange(10 if levels else 7)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.randint(-(2**70), 2**70) >> random.randrange(70)
    if kind == 2:
        return struct.unpack("<d", random.randbytes(8))[0]
    if kind < 5:
        codes = [random.choice([65, 0xD800, 0xDC00, 0x1F600, 0x20AC]) for _ in range(3)]
        return "".join(map(chr, codes))
    if kind < 7:
        return random.randbytes(random.randrange(4))
    below = [random_value(random, levels - 1) for _ in range(random.randrange(4))]
    if kind == 9:
        return {chr(65 + n): v for n, v in enumerate(below)}
    return below if kind == 8 else tuple(below)


def test_random_values(path):
    random = seeded("values")
    for _ in range(30):
        values = [random_value(random) for _ in range(30)]
        loaded = again(MapleTree((n, n, value) for n, value in enumerate(values)), path)
        found = [value for *_, value in loaded]
        assert len(found) == 30
        for value, other in zip(values, found, strict=True):
            # CPython may set a bit of a signalling NaN.
            assert same(value, other) or ("nan" in repr(value) and repr(value) == repr(other))


def test_equal_values_are_stored_once_but_lists_stay_apart(path):
    one, other = [1], [1]
    values = ["long " * 50] * 100 + [one, other, one, (one,), (1, "x"), (1, "x"), (True, "x")]
    tree = MapleTree((n, n, value) for n, value in enumerate(values))
    loaded = again(tree, path)
    assert loaded == tree
    assert path.stat().st_size < 5000 + 24 * len(values)
    assert loaded[100] is loaded[102] and loaded[100] is not loaded[101]
    assert loaded[104] is loaded[105] and type(loaded[106][0]) is bool
    loaded[100].append(2)
    assert loaded[101] == [1] and loaded[102] == [1, 2]


def nested(levels, make):
    value = "bottom"
    for _ in range(levels):
        value = make(value)
    return value


@pytest.mark.parametrize("make", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}])
def test_the_deepest_value(path, make):
    value = nested(DEEPEST, make)
    assert again(MapleTree([(1, 2, value)]), path)[1] == value
    before = path.read_bytes()
    with pytest.raises(ValueError) as caught:
        MapleTree([(0, 0, 1), (3, 4, make(value))]).save(path)
    text = "the value of [3, 4] must not be nested more than 100 levels deep"
    assert str(caught.value) == text and path.read_bytes() == before


def test_a_value_that_contains_itself(path):
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested more than 100 levels"):
        MapleTree([(1, 2, value)]).save(path)


class Text(str):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (Text("x"), "Text"),
        ({1, 2}, "set"),
        (bytearray(b"x"), "bytearray"),
        (1j, "complex"),
        (len, "builtin_function_or_method"),
        (MapleTree(), "samara.MapleTree"),
        ({1: 2}, "dict with a key of type int"),
        ({Text("k"): 2}, "dict with a key of type Text"),
        ([1, ("x", {"k": {2}})], "set"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_cannot_be_saved(path, value, name):
    MapleTree([(1, 1, "old")]).save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError) as caught:
        MapleTree([(0, 2, "fine"), (10, 19, value)]).save(path)
    names = name, name.removeprefix("samara.")  # a class in Python is named without its module
    texts = [f"cannot save the value of [10, 19], {name}: use pickle" for name in names]
    assert str(caught.value) in texts
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


# ---- policies and subclasses


def test_another_policy_is_given_again(path):
    policy = Joins()
    tree = MapleTree([(0, 4, "a"), (5, 9, "b")], policy=policy)
    cursor = tree.cursor(5, 9)
    cursor.store("a", merge=False)
    tree.save(path)
    for options in ({}, {"policy": None}):
        with pytest.raises(ValueError, match="the tree was saved with a policy") as caught:
            MapleTree.load(path, **options)
        assert type(caught.value) is ValueError and repr(str(path)) in str(caught.value)
    other = Joins()
    loaded = MapleTree.load(path, policy=other)
    assert loaded.policy is other
    assert list(loaded) == [(0, 4, "a"), (5, 9, "a")]  # as it was: nothing was asked
    loaded[10:12] = "a"
    assert list(loaded) == [(0, 4, "a"), (5, 11, "a")]
    with pytest.raises(AttributeError):
        MapleTree.load(path, policy=5)


def test_a_policy_for_a_tree_that_had_none(path):
    MapleTree([(0, 4, "a")]).save(path)
    with pytest.raises(ValueError, match="the tree was saved without a policy, not with"):
        MapleTree.load(path, policy=Joins())


@pytest.mark.parametrize("policy", [COALESCE, OFFSET])
@each_kind
def test_a_policy_of_samaras_own_is_found_by_its_name(path, dtype, policy):
    tree = MapleTree([(0, 4, 5), (7, 9, 5)], dtype=dtype, policy=policy)
    tree.cursor(10, 10).store(5 if policy is COALESCE else 8, merge=False)
    tree.save(path)
    with zipfile.ZipFile(path) as archive:
        name = json.loads(archive.read("samara.json"))["policy"]
    assert repr(policy) == f"samara.{name}"
    for options in ({}, {"policy": None}, {"policy": policy}):
        loaded = MapleTree.load(path, **options)
        loaded.check()
        assert loaded.policy is policy and loaded.dtype == dtype
        assert list(loaded) == list(tree) and len(loaded) == 3  # as it was: nothing merged
        loaded[5:7] = 5 if policy is COALESCE else 10
        del loaded[2]
        tail = 5 if policy is COALESCE else 8
        assert [tuple(entry) for entry in loaded][:2] == [
            (0, 1, 5),
            (3, 6 if tail == 8 else 9, tail),
        ]
    other = OFFSET if policy is COALESCE else COALESCE
    for wrong in (other, Joins()):
        with pytest.raises(ValueError, match=f"the tree was saved with samara.{name}, not with"):
            MapleTree.load(path, policy=wrong)


@pytest.mark.parametrize("policy", [COALESCE, OFFSET])
def test_values_of_offset_trees(path, policy):
    value = ("file", 7) if policy is OFFSET else ("file", [7])
    tree = MapleTree([(0, 4, value), (9, 9, ("other", 0.5))], policy=policy)
    loaded = again(tree, path)
    assert loaded == tree and loaded.policy is policy
    del loaded[2:4]
    assert loaded[4] == (("file", 11) if policy is OFFSET else value)


def test_a_subclass(path):
    tree = Named("n", (1, 2, "a"))
    tree.save(path)
    loaded = Named.load(path)
    assert type(loaded) is Named and list(loaded) == [(1, 2, "a")]
    assert not hasattr(loaded, "name")
    assert type(MapleTree.load(path)) is MapleTree


# ---- paths


def test_paths(tmp_path, monkeypatch):
    tree = sample("u8")
    monkeypatch.chdir(tmp_path)
    name = "t\u00e4.x"
    for path in (
        *(name, os.fsencode(name), Path(name), Path2(name), Path2(os.fsencode(name))),
        tmp_path / name,
    ):
        tree.save(path)
        assert MapleTree.load(path) == tree
        assert os.listdir() == [name]
        os.unlink(name)
        with pytest.raises(FileNotFoundError):
            MapleTree.load(path)


@pytest.mark.parametrize("path", [5, None, 1.5, io.BytesIO(), [], ("a",)], ids=repr)
def test_what_is_no_path(path):
    for call in (MapleTree().save, MapleTree.load):
        with pytest.raises(TypeError, match=r"^path must be a str, bytes or os\.PathLike, not "):
            call(path)
    with pytest.raises(TypeError):
        MapleTree().save()
    with pytest.raises(TypeError):
        MapleTree.load()
    with pytest.raises(TypeError):
        MapleTree.load("x", Joins())


def test_a_folder_that_does_not_exist(tmp_path):
    path = str(tmp_path / "no" / "tree")
    for call in (MapleTree().save, MapleTree.load):
        with pytest.raises(FileNotFoundError) as caught:
            call(path)
        assert caught.value.filename == path


def test_what_is_not_a_file(tmp_path):
    for call in (MapleTree().save, MapleTree.load):
        with pytest.raises(IsADirectoryError):
            call(tmp_path)
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="cannot save a tree there") as caught:
        MapleTree().save(os.devnull)
    assert caught.value.filename == os.devnull
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)


def test_a_link_and_the_permissions_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    sample("i8").save(link)
    assert link.is_symlink() and MapleTree.load(target) == sample("i8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    new = tmp_path / "new"
    mask = os.umask(0o027)
    try:
        sample("i8").save(new)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["fsync", "replace", "chmod"])
def test_an_error_leaves_the_old_file(path, name, monkeypatch):
    sample("u8").save(path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match="no space left"):
        sample("i8").save(path)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_an_interrupt_leaves_the_old_file(path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sample("i8").save(path)
    assert os.listdir(path.parent) == []


# ---- the format


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


@each_kind
def test_the_members(path, dtype):
    tree = sample(dtype)
    tree.save(path)
    members = members_of(path)
    names = ["samara.json", "first.npy", "last.npy", "values.npy"]
    assert list(members) == names + ["table.json"] * (dtype is None)
    assert json.loads(members["samara.json"]) == {
        "format": "samara.MapleTree",
        "version": 1,
        "dtype": dtype,
        "track_gaps": True,
        "policy": None,
    }
    entries = list(tree)
    assert members["first.npy"][-8 * len(entries) :] == struct.pack(
        f"<{len(entries)}Q", *(entry.first for entry in entries)
    )
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            if info.filename.endswith(".npy"):  # arrays can be mapped into memory
                data = path.read_bytes()
                sizes = struct.unpack("<HH", data[info.header_offset + 26 :][:4])
                assert (info.header_offset + 30 + sum(sizes)) % 64 == 0
    tree.save(path.with_suffix(".two"))
    assert path.read_bytes() == path.with_suffix(".two").read_bytes()


@each_kind
def test_numpy_reads_the_columns(path, dtype):
    np = pytest.importorskip("numpy")
    tree = sample(dtype)
    tree.save(path)
    with np.load(path) as data:
        first, last, values = (data[name] for name in ("first", "last", "values"))
        assert first.dtype == last.dtype == np.dtype("<u8")
        assert values.dtype == np.dtype(f"<{dtype or 'u8'}")
        if dtype is None:
            table = json.loads(data["table.json"])
            values = [table[place] for place in values]
        loaded = MapleTree.from_arrays(first, last, values)
    if dtype:
        assert loaded == tree
    else:
        assert [value for *_, value in loaded][:3] == ["a", None, {"tuple": ["t", 1]}]


def test_other_programs_may_write_the_file(path):
    """Without alignment, with headers as numpy writes them, and in another order."""
    np = pytest.importorskip("numpy")
    tree = sample("f8")
    first, last, values = tree.to_arrays()
    with zipfile.ZipFile(path, "w") as archive:
        for name, column in (("values", values), ("last", last), ("first", first)):
            data = io.BytesIO()
            np.save(data, column)
            archive.writestr(f"{name}.npy", data.getvalue())
        description = {"format": "samara.MapleTree", "version": 1, "dtype": "f8"}
        description |= {"track_gaps": True, "policy": None}
        archive.writestr("samara.json", json.dumps(description, indent=2))
    assert MapleTree.load(path) == tree


def test_a_machine_with_the_other_byte_order(path, monkeypatch):
    """Words are swapped where the machine's order is not the file's."""
    from samara import _file

    tree = sample("u8")
    tree.save(path)
    words = array("Q", [1, 2**63])
    monkeypatch.setattr(sys, "byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    swapped = bytes(_file.swapped(words.tobytes()))
    words.byteswap()
    assert swapped == words.tobytes()
    assert [*memoryview(_file.swapped(memoryview(swapped))).cast("Q")] == [1, 2**63]


# ---- keys


KEYS = ["int64", "uint128", "float64", "date", "datetime64[us]", "datetime64[s, Europe/Berlin]"]
KEYS += ["ipv4", "ipv6"]


class Letters:
    """A KeyType: strings of one letter."""

    name = "letters"
    bits = 64

    def encode(self, key):
        return ord(key)

    def decode(self, code):
        return chr(code)


def keyed_sample(keys, **options):
    kind = kind_of(keys)
    tree = MapleTree(keys=keys, **options)
    for code in (0, 5, kind.top // 2, kind.top - 1):
        tree.store_range(kind.key(code), kind.key(code + 1), code % 9)
    return tree


@pytest.mark.parametrize("keys", KEYS)
@each_kind
def test_trees_of_other_keys_come_back(path, keys, dtype):
    for tree in (keyed_sample(keys, dtype=dtype), MapleTree(keys=keys, dtype=dtype)):
        loaded = again(tree, path)
        assert (loaded.keys_dtype, loaded.dtype) == (keys, dtype)
        assert loaded == tree
        assert list(loaded) == list(tree)
        assert MapleTree.load(path, keys=keys) == tree
        with pytest.raises(ValueError, match="was saved with the keys '.*', not with 'uint64'$"):
            MapleTree.load(path, keys="uint64")


@pytest.mark.parametrize("keys", KEYS)
def test_the_columns_are_codes(path, keys):
    np = pytest.importorskip("numpy")
    keyed_sample(keys).save(path)
    top = kind_of(keys).top
    codes = {"first": [0, 5, top // 2, top - 1], "last": [1, 6, top // 2 + 1, top]}
    with np.load(path) as data:
        for name in ("first", "last"):
            column = data[name].tolist()
            if kind_of(keys).bits == 128:
                assert data[name].shape == (4, 2)
                column = [low | high << 64 for low, high in column]
            assert column == codes[name]
    description = json.loads(members_of(path)["samara.json"])
    assert (description["version"], description["keys"]) == (2, keys)


def test_a_key_type_is_given_again(path):
    keys = Letters()
    tree = MapleTree([("a", "c", 1), ("x", "z", 2)], keys=keys)
    tree.save(path)
    description = json.loads(members_of(path)["samara.json"])
    assert description["keys"] == {"name": "letters", "bits": 64}
    loaded = MapleTree.load(path, keys=keys)
    assert loaded.keys_dtype is keys
    assert loaded == tree
    with pytest.raises(
        ValueError, match=r"KeyType 'letters': load it with load\(path, keys=\.\.\.\)$"
    ):
        MapleTree.load(path)
    other = Letters()
    other.name = "others"
    text = r"was saved with the KeyType 'letters' of 64 bits, not with "
    for wrong in ("uint64", other):
        with pytest.raises(ValueError, match=text):
            MapleTree.load(path, keys=wrong)
    with pytest.raises(TypeError, match="keys must be a str or a samara.KeyType, not int"):
        MapleTree.load(path, keys=5)
    # The codes of the file are checked, but the keys are what the caller's object says.
    assert MapleTree.load(path, keys=Letters()) != tree


def test_a_value_that_cannot_be_saved_is_located_by_its_keys(path):
    tree = MapleTree([("10.0.0.0", "10.0.0.9", object())], keys="ipv4")
    text = r"cannot save the value of \[10\.0\.0\.0, 10\.0\.0\.9\], object: use pickle"
    with pytest.raises(TypeError, match=text):
        tree.save(path)
    tree = MapleTree([("::1", "1::", object())], keys="ipv6")
    with pytest.raises(TypeError, match=r"cannot save the value of \[::1, 1::\], object"):
        tree.save(path)


# ---- files that are refused


def packed(members, compression=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


def refusal(path, content):
    path.write_bytes(content)
    nodes = counted_nodes()
    with pytest.raises(FileFormatError) as caught:
        MapleTree.load(path)
    text = str(caught.value)
    caught = None
    assert counted_nodes() == nodes
    assert text.startswith(f"{str(path)!r}: ")
    return text.removeprefix(f"{str(path)!r}: ")


def npy(numbers, code="Q", header=None):
    form = {"Q": "u8", "q": "i8", "d": "f8"}[code]
    header = (
        header or f"{{'descr': '<{form}', 'fortran_order': False, 'shape': ({len(numbers)},), }}"
    )
    text = header.encode() + b"\n"
    return (
        b"\x93NUMPY\1\0"
        + struct.pack("<H", len(text))
        + text
        + struct.pack(f"<{len(numbers)}{code}", *numbers)
    )


GOOD = {
    "samara.json": {
        "format": "samara.MapleTree",
        "version": 1,
        "dtype": None,
        "track_gaps": True,
        "policy": None,
    },
    "first.npy": npy([1, 5]),
    "last.npy": npy([2, 6]),
    "values.npy": npy([1, 0]),
    "table.json": ["a", {"tuple": []}],
}


def forged(**changes):
    """Return a file with other members: names with "_" for ".", None to leave one out."""
    members = GOOD | {name.replace("_", "."): content for name, content in changes.items()}
    return packed(
        (name, content if isinstance(content, bytes | str) else json.dumps(content))
        for name, content in members.items()
        if content is not None
    )


def described(**changes):
    return {"samara_json": GOOD["samara.json"] | changes}


def test_a_forged_file_that_is_good(path):
    path.write_bytes(forged())
    assert list(MapleTree.load(path)) == [(1, 2, ()), (5, 6, "a")]
    path.write_bytes(forged(**described(dtype="i8"), values_npy=npy([-1, 5], "q"), table_json=None))
    assert list(MapleTree.load(path)) == [(1, 2, -1), (5, 6, 5)]


def keyed(keys, **changes):
    return described(version=2, keys=keys, **changes)


@pytest.mark.parametrize("pad", range(8))
def test_columns_of_any_alignment(path, pad):
    def columns(header, **members):
        text = json.dumps(members["samara_json"]) + pad * " "
        return forged(
            samara_json=text,
            first_npy=npy([1, 0, 5, 0], header=header),
            last_npy=npy([2, 0, 0, 6], header=header),
        )

    pairs = "{'descr': '<u8', 'fortran_order': False, 'shape': (2, 2), }"
    path.write_bytes(columns(pairs, **keyed("uint128")))
    loaded = MapleTree.load(path)
    assert list(loaded) == [(1, 2, ()), (5, 6 << 64, "a")]
    loaded.check()
    for keys, zero in (("uint64", 0), ("int64", 2**63)):
        path.write_bytes(forged(samara_json=json.dumps(keyed(keys)["samara_json"]) + pad * " "))
        assert list(MapleTree.load(path)) == [(1 - zero, 2 - zero, ()), (5 - zero, 6 - zero, "a")]


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samara_json": None}, "there is no samara.json in it"),
        ({"first_npy": None}, "there is no first.npy in it"),
        ({"table_json": None}, "there is no table.json in it"),
        ({"more_npy": b"x"}, "it has an unknown member 'more.npy'"),
        (described(dtype="u8"), "it has an unknown member 'table.json'"),
        ({"samara_json": []}, "it has no MapleTree"),
        ({"samara_json": "{"}, "Expecting property name"),
        ({"samara_json": b"\xff"}, "'ascii' codec can't decode byte"),
        (described(format="x"), "it has no MapleTree"),
        (described(version=3), "its version must be 1 or 2, not 3: it may need a newer samara"),
        (described(version=True), "its version must be 1 or 2, not True"),
        (described(version=2), "samara.json must have the members dtype, format, keys, policy"),
        (described(keys="uint64"), "samara.json must have the members dtype, format, policy"),
        (keyed("int32"), "keys must be 'uint64', 'int64',"),
        (keyed("datetime64[us, No/Where]"), "there is no time zone 'No/Where'"),
        (keyed(None), "its keys must be a name, or an object with name and bits"),
        (keyed({"name": "x"}), "its keys must be a name, or an object with name and bits"),
        (keyed({"name": 5, "bits": 64}), "the name of its keys must be a string, not 5"),
        (keyed({"name": "x", "bits": 64.0}), "its keys must have 64 or 128 bits, not 64.0"),
        (keyed("ipv6"), "first.npy must have the shape (n, 2)"),
        (
            keyed("ipv4") | {"last_npy": npy([2, 2**32])},
            "4294967296 is no code of a key: they are 0 ... 4294967295",
        ),
        (
            keyed("date") | {"last_npy": npy([2, 3652059])},
            "3652059 is no code of a key: they are 0 ... 3652058",
        ),
        (
            keyed("ipv4") | {"last_npy": npy([5, 6])},
            "position 1: [0.0.0.5, 0.0.0.6] overlaps or is below [0.0.0.1, 0.0.0.5]",
        ),
        (described(dtype="u4"), "its dtype must be null, u8, i8 or f8, not 'u4'"),
        (described(dtype=[]), "its dtype must be null, u8, i8 or f8, not []"),
        (described(track_gaps=1), "track_gaps must be true or false, not 1"),
        (described(policy="X"), "its policy must be one of"),
        (described(policy=1), "its policy must be one of"),
        (described(policy="other", dtype="u8"), "a tree with a dtype cannot have that policy"),
        (described(more=1), "samara.json must have the members dtype, format, policy"),
        ({"first_npy": npy([1])}, "its arrays must have the same length, not [1, 2, 2]"),
        ({"values_npy": npy([1])}, "its arrays must have the same length, not [2, 2, 1]"),
        ({"first_npy": npy([5, 1])}, "position 0: first 5 is above last 2"),
        ({"last_npy": npy([5, 6])}, "position 1: [5, 6] overlaps or is below [1, 5]"),
        ({"first_npy": b""}, "first.npy is not an array of 64-bit numbers"),
        ({"first_npy": npy([1, 5])[:-1]}, "first.npy must have 16 bytes"),
        ({"first_npy": npy([1, 5]) + b"x"}, "first.npy must have 16 bytes"),
        ({"first_npy": npy([1, 5], "q")}, "first.npy must be of type u8, not i8"),
        (
            *(described(dtype="f8") | {"table_json": None},),
            "values.npy must be of type f8, not u8",
        ),
        (
            {"last_npy": b"\x93NUMPY\1\0\0\0" + npy([1, 5])[10:]},
            "the header of last.npy is damaged",
        ),
        (
            {"last_npy": npy([1, 5]).replace(b"'<u8'", b"'>u8'")},
            "last.npy is not an array of 64-bit numbers, little-endian",
        ),
        (
            {"last_npy": npy([1, 5]).replace(b"(2,)", b"(1, 2)")},
            "last.npy must have the shape (n,)",
        ),
        (
            {
                "last_npy": npy(
                    [],
                    header="{'descr': '<u8', 'fortran_order': False, "
                    "'shape': (9999999999999999999,), }",
                )
            },
            "last.npy must have 79999999999999999992 bytes",
        ),
        ({"values_npy": npy([1, 2])}, "a value is not in the table"),
        ({"values_npy": npy([MAX, 0])}, "a value is not in the table"),
        ({"table_json": {}}, "table.json must be a list"),
        ({"table_json": ["a", {}]}, "an object with more or fewer members than one"),
        ({"table_json": ["a", {"x": "1"}]}, "an object with the member 'x'"),
        ({"table_json": ["a", {"tuple": "1"}]}, "an object with the member 'tuple'"),
        ({"table_json": ["a", {"int": 1}]}, "an object with the member 'int'"),
        ({"table_json": ["a", {"int": "x"}]}, "invalid literal for int()"),
        ({"table_json": ["a", {"float": "00"}]}, "unpack requires a buffer of 8 bytes"),
        ({"table_json": ["a", {"str": "x"}]}, "non-hexadecimal number"),
        ({"table_json": ["a", {"bytes": "!"}]}, ""),
        ({"table_json": ["a", {"dict": [1]}]}, "a member of a dict that is not a pair"),
        ({"table_json": ["a", {"dict": [[1, 2]]}]}, "a key of a dict that is not a string"),
        ({"table_json": ["a", {"dict": {"k": 1}}]}, "an object with the member 'dict'"),
        ({"table_json": '["a", NaN]'}, "NaN is not JSON"),
        ({"table_json": '["a", 1' + "0" * 5000 + "]"}, "Exceeds the limit"),
        ({"table_json": DEEP}, "values are nested too deeply"),
        ({"samara_json": DEEP}, "values are nested too deeply"),
    ],
)
def test_members_that_are_refused(path, changes, message):
    assert message in refusal(path, forged(**changes))


def test_archives_that_are_refused(path):
    good = list(members_of(io.BytesIO(forged())).items())
    text = refusal(path, packed(good, zipfile.ZIP_DEFLATED))
    assert text == "samara.json is compressed"
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = packed([*good, good[1]])
    assert refusal(path, twice) == "it has two members 'first.npy'"
    for content in (b"", b"PK", b"x" * 100, b"\x80\x04K\x05."):
        text = refusal(path, content)
        assert text == "not a file of MapleTree.save(), which is an archive"
    for content in (b"PK\3\4", b"PK\3\4" + bytes(100), forged()[:-1]):
        assert refusal(path, content) == "File is not a zip file"


def test_directories_that_lie(path):
    good = forged()
    at = good.index(b"PK\1\2")  # the directory's entry for samara.json
    assert good[at + 46 :].startswith(b"samara.json")

    def changed(offset, new):
        return good[: at + offset] + new + good[at + offset + len(new) :]

    assert refusal(path, changed(8, b"\1")) == "samara.json is encrypted"
    assert refusal(path, changed(16, b"....")) == ("samara.json is damaged: its checksum is wrong")
    size = struct.pack("<I", 2**31)
    for offset, new in ((20, size), (24, size), (20, size * 2)):
        assert re_bytes(refusal(path, changed(offset, new)))
    assert refusal(path, changed(42, b"\1")) == "samara.json is not where the directory says"
    assert refusal(path, changed(42, struct.pack("<I", len(good) - 5))) == "samara.json is cut off"
    assert refusal(path, changed(42, struct.pack("<I", 2**31))) == "samara.json is cut off"


def re_bytes(text):
    return text.startswith("samara.json does not have ") and text.endswith(" bytes")


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_each_byte_flipped(path, dtype):
    """Each file is refused, or the byte means nothing and the tree is the same."""
    tree = sample(dtype, 3)
    tree.save(path)
    good = path.read_bytes()
    same_tree = 0
    for at in range(len(good)):
        content = bytearray(good)
        content[at] ^= 1 << at % 8
        path.write_bytes(content)
        try:
            loaded = MapleTree.load(path)
        except FileFormatError as error:
            assert str(error).startswith(repr(str(path)))
        else:
            same_tree += 1
            assert repr(loaded) == repr(tree) and loaded.dtype == dtype, at
    assert 0 < same_tree < len(good)


@pytest.mark.parametrize("dtype", [None, "u8"])
def test_each_length(path, dtype):
    sample(dtype, 3).save(path)
    good = path.read_bytes()
    for length in range(len(good)):
        refusal(path, good[:length])


def test_damaged_values_are_noticed(path):
    """Flip one bit anywhere in the columns of a larger tree."""
    tree = sample("f8", 500)
    tree.save(path)
    good = path.read_bytes()
    random = seeded("damage")
    for name in ("first", "last", "values"):
        start = good.index(f"{name}.npy".encode()) + 300
        for _ in range(50):
            content = bytearray(good)
            content[start + random.randrange(3000)] ^= 1 << random.randrange(8)
            assert refusal(path, bytes(content)).endswith("its checksum is wrong")


def test_a_bomb_is_not_inflated(path):
    members = members_of(io.BytesIO(forged()))
    members["table.json"] = b'["a", "' + b"x" * 50_000_000 + b'"]'
    content = packed(members.items(), zipfile.ZIP_DEFLATED)
    assert len(content) < 100_000
    assert "is compressed" in refusal(path, content)


def test_the_checksum_is_that_of_the_contents(path):
    """An archive whose checksums fit other contents."""
    good = forged()
    crc = struct.pack("<I", zlib.crc32(GOOD["first.npy"]))
    assert good.count(crc) == 2
    bad = good.replace(crc, struct.pack("<I", 5))
    assert refusal(path, bad) == "first.npy is damaged: its checksum is wrong"


# ---- references, locks, other writers


@counts_references
def test_references(path):
    value = ("v",)
    tree = MapleTree([(n, n, value) for n in range(0, 40, 2)])
    counts, nodes = references([value]), counted_nodes()
    tree.save(path)
    with pytest.raises(TypeError):
        MapleTree([(1, 1, value), (2, 2, object())]).save(path)
    assert references([value]) == counts and counted_nodes() == nodes
    MapleTree.load(path)
    assert counted_nodes() == nodes


def test_a_path_that_writes_the_tree(path):
    """What is saved is the tree as it was when save() was called."""
    tree = MapleTree([(1, 2, "a")])

    class Writes(Path2):
        def __fspath__(self):
            tree[5] = "b"
            return self.path

    tree.save(Writes(str(path)))
    assert list(MapleTree.load(path)) == [(1, 2, "a")] and len(tree) == 2
