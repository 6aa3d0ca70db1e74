# SPDX-License-Identifier: MIT
"""The public Python calls with arguments they were not made for: a short `make fuzz-python`,
and a test for each problem that it found.

SAMARA_STEPS=N runs N examples of each test.
"""

import errno
import gzip
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import samara
import surface
import surface_inputs
from examples import examples
from interpreter import SANITIZED
from samara import MapleTree, NoSpaceError, mm
from surface_inputs import Slotted, memory_in_proportion

# Bytes of decisions. After their end the first choice is always taken: short inputs reach little.
inputs = st.binary(min_size=100, max_size=400)

# Python's and numpy's own warnings about what hostile arguments do.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")


@given(inputs)
@examples(400, least=60)
def test_the_calls_of_trees_and_cursors(data):
    surface.trees_and_cursors(data)


@given(inputs)
@examples(300)
def test_the_calls_of_address_spaces(data):
    surface.address_spaces(data)


@given(inputs)
@examples(500, least=60)
def test_damaged_pickles_and_forged_states(data):
    surface_inputs.unpickling(data)


@given(inputs)
@examples(200)
def test_damaged_and_forged_files(data):
    surface_inputs.loading(data)


@given(inputs)
@examples(200)
def test_texts_of_maps(data):
    surface_inputs.maps(data)


@given(st.text(max_size=300) | st.text("0123456789abcdef- rwxps:[]\n", max_size=300))
@examples(80)
def test_texts_that_are_no_maps(text):
    surface_inputs.read_maps(text)


@given(inputs)
@examples(60)
def test_damaged_traces(data):
    surface_inputs.replaying(data)


def test_a_damaged_trace_that_has_no_steps():
    """Once the driver was wrong: it looked at the address space after the last step."""
    surface_inputs.replaying(bytes((0, 0, 0, 0, 0, 1, 0x46, 0, 0, 0xF0)) + bytes(90))


# ---- the driver itself ---------------------------------------------------------------------------


def test_the_calls_are_those_that_are_documented():
    from samara import _docs

    for cls, texts in ((MapleTree, _docs.MAPLE_TREE), (samara.Cursor, _docs.CURSOR)):
        names = {name.partition("(")[0] for name in list(texts)[1:]}
        assert names - set(surface.calls_of(cls)) <= surface.NOT_CALLED
    public = {name for name in dir(mm.AddressSpace) if not name.startswith("_")}
    assert public - {"from_pid"} <= set(surface.calls_of(mm.AddressSpace))


def test_a_change_by_a_call_that_fails_is_seen():
    class Forgetful(MapleTree):
        def erase(self, index):
            self.clear()
            raise ValueError("no")

    tree = Forgetful([(1, 5, "a")])
    trial = surface.Trial(surface.Choices(b""), tree)
    arguments = surface.Arguments(trial.choices, tree)
    with pytest.raises(AssertionError, match="changed something"):
        trial.attempt(arguments, lambda: tree.erase(1), "erase", [], {})


def test_an_error_that_is_not_documented_is_seen():
    tree = MapleTree()
    trial = surface.Trial(surface.Choices(b""), tree)
    arguments = surface.Arguments(trial.choices, tree)
    for error in (AttributeError("x"), OverflowError("x"), RuntimeError("x"), SystemError("x")):

        def fail(error=error):
            raise error

        with pytest.raises(type(error)):
            trial.attempt(arguments, fail, "erase", [], {})


# ---- what it found: trees ------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["empty_area", "alloc_range", "cursor"])
def test_no_space_for_a_size_of_more_digits_than_are_written(call):
    size = 10**5000
    tree = MapleTree()
    with pytest.raises(NoSpaceError, match="0x[0-9a-f]{4153} "):
        if call == "empty_area":
            tree.empty_area(size)
        elif call == "alloc_range":
            tree.alloc_range(size, "a")
        else:
            tree.cursor().empty_area(size)


def test_numbers_of_more_digits_than_are_written_are_named():
    big = 10**5000
    tree = MapleTree()
    packed = MapleTree(dtype="i8")
    state = (big, *MapleTree().__reduce__()[2][1:])
    for call in (
        lambda: tree.erase(big),
        lambda: tree.find(big, 5),
        lambda: tree.find_rev(-1, big),
        lambda: tree.store_range(0, -big, 1),
        lambda: tree.empty_area(-big),
        lambda: tree.empty_area(1, align=-big),
        lambda: tree[big:5],
        lambda: packed.store_range(0, 1, big),
        lambda: MapleTree().__setstate__(state),
    ):
        with pytest.raises(ValueError, match="0x[0-9a-f]{4153}") as caught:
            call()
        assert type(caught.value) is ValueError


@pytest.mark.parametrize("name", ["_head", "_gate", "check", "__class__", "none", 5, "name\0"])
def test_a_forged_pickle_cannot_set_what_is_no_slot_of_the_class(name):
    """In pure Python, "_head" is the tree itself."""
    state = (*Slotted([(1, 2, "a")]).__reduce__()[2][:5], (None, {name: 5}))
    tree = Slotted()
    with pytest.raises(ValueError, match="slots that the class does not have"):
        tree.__setstate__(state)
    assert list(tree) == []
    tree.__setstate__((*state[:5], (None, {"name": 5})))
    assert list(tree) == [(1, 2, "a")] and tree.name == 5


# ---- address spaces ------------------------------------------------------------------------------

VMAS = [mm.VMA(0x10000, 0x12000, 3, name="[heap]"), mm.VMA(0x20000, 0x22000, 1)]


@pytest.mark.parametrize(
    "call",
    [
        lambda space: mm.AddressSpace(limits={}),
        lambda space: mm.AddressSpace(5),
        lambda space: space.__init__([], limits=None),
        lambda space: space.diff([]),
        lambda space: space.diff(VMAS),
        lambda space: space.find(1.0),
        lambda space: space.find("x"),
        lambda space: list(space.gaps(0.0, 5)),
        lambda space: space.mmap(0, 4096, 1, 2, "x"),
        lambda space: space.mmap(0, 4096, 1, 2, ("fe:00", 7, "/x")),
        lambda space: space.munmap(0.0, 4096),
        lambda space: space.touch("x"),
        lambda space: space.exec([1]),
        lambda space: mm.VMA(0, 4096, name=5),
        lambda space: mm.VMA(0, 4096, vm_flags=[5]),
        lambda space: mm.VMA(0, 4096, vm_flags=frozenset((5,))),
        lambda space: mm.VMA(0, 4096, 1.0),
        lambda space: mm.VMA(0, 4096, flags="x"),
        lambda space: mm.VMA(0.0, 4096.0),
        lambda space: mm.VMA("a", "b"),
        lambda space: mm.VMA(0, 4096, offset=None),
        lambda space: mm.VMA(5.0, 1.0),
        lambda space: mm.File(5, 5, "x"),
        lambda space: mm.File("x", "x", "x"),
        lambda space: mm.File("x", 5, None),
        lambda space: mm.Limits(task_size=None),
        lambda space: mm.Limits(rlimit_as="x"),
        lambda space: mm.Limits(max_map_count=1.5),
    ],
)
def test_what_is_of_the_wrong_type_is_a_type_error(call):
    space = mm.AddressSpace(VMAS)
    before = surface.contents(space)
    with pytest.raises(TypeError):
        call(space)
    assert surface.contents(space) == before
    space.check()


@pytest.mark.parametrize(
    "call",
    [
        lambda space: space.mmap(0, 4096, 1, 2, mm.File("fe:00", 7, "/x"), mode="rwx"),
        lambda space: mm.VMA(0, 4096, -1),
        lambda space: mm.VMA(0, 4096, flags=2**40),
        lambda space: mm.VMA(0, 10**5000),
        lambda space: mm.Limits(rlimit_as=-1),
        lambda space: mm.AddressSpace([VMAS[0], VMAS[0]]),
        lambda space: space.__init__([VMAS[0], VMAS[0]], limits=mm.Limits(max_map_count=1)),
    ],
)
def test_what_is_out_of_bounds_is_a_value_error(call):
    space = mm.AddressSpace(VMAS)
    before = surface.contents(space)
    with pytest.raises(ValueError):
        call(space)
    assert surface.contents(space) == before


@pytest.mark.parametrize("start", [0x10000, 0x1000])
def test_numbers_of_other_kinds_become_ints(start):
    numpy = pytest.importorskip("numpy")
    vma = mm.VMA(numpy.uint64(start), numpy.int64(0x20000), offset=numpy.uint8(0))
    assert [type(number) for number in (vma.start, vma.end, vma.offset)] == [int] * 3
    space = mm.AddressSpace([vma])
    assert space.find(numpy.uint64(start)) is vma and space.find(numpy.int8(-1)) is None
    assert space.find(2**70) is None
    assert list(space.gaps(numpy.uint64(0), numpy.uint64(2 * start)))[0] == (0, start)


# ---- texts of maps -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "1000-2000 rw-p 0 00:00 " + "9" * 21,
        "1000-2000 rw-p 0 00:00 " + "9" * 100_000,
        "1000-2000 rw-p 0 00:" + "f" * 100_000 + " 0",
        "1000-2000 rw-p 0 " + "0" * 9 + ":00 0",
    ],
)
def test_numbers_of_astronomic_length_in_maps(line):
    with pytest.raises(ValueError, match="line 1 is not in the format"):
        mm.AddressSpace.from_maps(line)


def test_an_endless_line_of_vm_flags():
    text = "1000-2000 rw-p 0 00:00 0\nVmFlags: " + "rd " * 1000
    with pytest.raises(ValueError, match="line 2 has too many VmFlags"):
        mm.AddressSpace.from_maps(text)


def test_no_name_of_a_text_is_kept():
    """Once names of any length were kept in a cache of 1,024."""
    tracemalloc = pytest.importorskip("tracemalloc", exc_type=ImportError)

    def read(letter):
        text = "".join(
            f"{n:x}000-{n:x}fff rw-p 00000000 00:00 0 [anon:{letter * 20_000}{n}]\n".replace(
                f"{n:x}fff", f"{n + 1:x}000"
            )
            for n in range(1, 301)
        )
        mm.AddressSpace.from_maps(text)

    read("a")
    tracemalloc.start()
    try:
        read("b")
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_inode_of_several_zeros_is_no_file():
    (vma,) = mm.AddressSpace.from_maps("1000-2000 rw-p 0 00:00 00")
    assert vma.file is None


@pytest.mark.parametrize(
    "names",
    [
        ["[heap]", "", "[heap]"],
        ["[stack]", "[stack]", ""],
        ["", "[stack]"],
        ["[stack]", "[heap]", "[stack]", "[heap]"],
    ],
)
@pytest.mark.parametrize("first", [0x10, 0xFFFFFFFFFF000])
def test_names_that_no_kernel_writes_follow_from_the_places(names, first):
    """Once check() reported such an address space as broken from the start."""
    text = "".join(
        f"{first + n:x}000-{first + n + 1:x}000 rw-p 00000000 00:00 0 {name}\n"
        for n, name in enumerate(names)
    )
    space = mm.AddressSpace.from_maps(text)
    space.check()
    again = mm.AddressSpace.from_maps(space.maps())
    assert [vma.name for vma in again] == [vma.name for vma in space]
    space.fork().check()


def test_maps_take_memory_in_proportion():
    text = "".join(f"{n:x}000-{n + 1:x}000 rw-p 0 0:0 0\n" for n in range(20_000)).replace(
        "0:0", "00:00"
    )
    with memory_in_proportion(len(text)):
        mm.AddressSpace.from_maps(text)


# ---- traces --------------------------------------------------------------------------------------


def written(tmp_path, data):
    path = tmp_path / "trace"
    path.write_bytes(data)
    return path


def test_a_trace_of_endless_brackets(tmp_path):
    for text in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 980 + b"]" * 980):
        with pytest.raises(ValueError, match="not a trace"):
            mm.read_trace(written(tmp_path, text))


def test_a_trace_whose_bad_row_is_nested_deeply():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="not a trace: columns must be"):
        mm.replay({"columns": deep, "initial": [], "steps": []})
    columns = ["start", "end", "perms", "offset", "dev", "inode", "path"]
    brk = {"call": "brk", "args": [0] * 6}
    for steps in ([deep], [{"call": "brk", "args": deep}], [brk | {"ret": deep}]):
        with pytest.raises(ValueError, match="not a trace"):
            mm.replay({"columns": columns, "initial": [], "steps": steps})
    with pytest.raises(ValueError, match="not a trace"):
        mm.replay({"columns": columns, "initial": [deep], "steps": []})
    while deep:  # freeing it at once would use up the stack of some interpreters
        deep = deep.pop()


def test_every_cut_of_a_compressed_trace(tmp_path):
    data = (surface_inputs.DATA / "mm" / "git.mm.json.gz").read_bytes()
    for size in range(len(data)):
        with pytest.raises(ValueError):
            mm.read_trace(written(tmp_path, data[:size]))


def test_every_changed_byte_of_a_compressed_trace(tmp_path):
    data = (surface_inputs.DATA / "mm" / "git.mm.json.gz").read_bytes()
    trace = mm.read_trace(written(tmp_path, data))
    refused = 0
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x55
        try:  # the time and the name in the header do not matter
            assert mm.read_trace(written(tmp_path, bytes(changed))) == trace
        except ValueError:
            refused += 1
    assert refused > len(data) - 40


@pytest.mark.parametrize("filling", [b"0", b"[],", b" "])
def test_a_gzip_bomb_is_refused(tmp_path, filling):
    bomb = gzip.compress(b"[" + filling * (60_000_000 // len(filling)), 6)
    assert len(bomb) < 300_000
    path = written(tmp_path, bomb)
    with memory_in_proportion(2 * len(bomb)):
        with pytest.raises(ValueError, match="decompress to more than"):
            mm.read_trace(path)


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer takes all addresses")
def test_a_gzip_bomb_of_many_members_under_a_limit_of_the_system(tmp_path):
    bomb = gzip.compress(b"[" * 50_000_000, 9) * 20
    path = written(tmp_path, bomb)
    code = f"""
import resource
from samara import mm
resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))
try:
    mm.read_trace({str(path)!r})
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "decompress to more than" in done.stdout, done.stderr


def test_a_trace_that_compresses_well_is_read(tmp_path):
    trace = mm.read_trace(surface_inputs.DATA / "mm" / "ls.mm.json.gz")
    trace["steps"] = [{"call": "brk", "args": [0] * 6, "ret": 0, "removed": [], "added": []}] * 9000
    path = tmp_path / "long.json.gz"
    mm.write_trace(path, trace)
    assert len(mm.read_trace(path)["steps"]) == 9000


ROW = [0x10000, 0x12000, "rw-p", 0, "00:00", 0, ""]


def trace_of(steps, initial=(ROW,)):
    columns = ["start", "end", "perms", "offset", "dev", "inode", "path"]
    return {"columns": columns, "initial": list(initial), "steps": steps}


def step(call, ret=0, args=(0,) * 6, removed=(), added=()):
    lists = {"args": list(args), "removed": list(removed), "added": list(added)}
    return {"call": call, "ret": ret, **lists}


@pytest.mark.parametrize("ret", [2**64, 10**4000, -4096, True, None, 1.0])
def test_what_no_call_returns(ret):
    with pytest.raises(ValueError, match="step 0 has an invalid return value"):
        mm.replay(trace_of([step("brk", ret)]))


@pytest.mark.parametrize(
    "change",
    [(2, "xyzp"), (2, "wr-p"), (4, []), (5, "7"), (5, None), (0, 65536.0), (6, 5), (2, [])],
)
def test_a_row_with_a_member_of_a_wrong_kind(change):
    row = [*ROW[:4], "fe:00", 7, "/x"]
    row[change[0]] = change[1]
    with pytest.raises(ValueError, match="is not a VMA"):
        mm.replay(trace_of([], [row]))


def test_an_external_step_that_adds_what_is_there():
    """Once it was stored a second time, and counted twice."""
    with pytest.raises(mm.ReplayMismatch, match="where the model already has memory"):
        list(mm.replay(trace_of([step("external", args=[], added=[ROW])])))


def test_a_first_break_that_lies_far_above_the_heap():
    steps = [step("brk", 0x30000), step("brk", 0x30000)]
    try:
        rows = [[*ROW[:6], "[heap]"], [0x20000, 0x21000, *ROW[2:]]]
        for _step, space in mm.replay(trace_of(steps, rows)):
            space.check()
    except mm.ReplayMismatch:
        pass


# ---- pickles of address spaces -------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        None,
        (),
        (1, 2, 3),
        (0, 0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0, {"lo"}),
        (0, 0, 0, 0, 0, frozenset(("rd",))),
        (5, 4, 0, 0, 0, frozenset()),
        (-1, 0, 0, 0, 0, frozenset()),
        (0, 2**64, 0, 0, 0, frozenset()),
        (0, 0, 2**64 + 1, 0, 0, frozenset()),
        (0, 0, 0, -1, 0, frozenset()),
        (0, 0, 0, 0, 2**64, frozenset()),
        ("a", 0, 0, 0, 0, frozenset()),
    ],
)
def test_a_forged_state_of_an_address_space_is_refused(state):
    space = mm.AddressSpace(VMAS)
    before = surface.contents(space)
    with pytest.raises((ValueError, TypeError)):
        space.__setstate__(state)
    assert surface.contents(space) == before
    space.check()


def test_a_forged_heap_in_a_pickle_names_what_lies_there():
    space = mm.AddressSpace(VMAS)
    forged = space._counters.copy()
    forged.start_brk, forged.brk, forged.start_stack = 0x20000, 0x21000, 2**64
    space.__setstate__(forged.values())
    space.check()
    assert [vma.name for vma in space] == ["", "[heap]"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_a_pickle_makes_is_checked_by_any_protocol(protocol):
    vma = mm.VMA(0x1000, 0x2000, file=mm.File("fe:00", 7, "/x"), flags=mm.Map.PRIVATE)
    limits = mm.Limits(max_map_count=77, rlimit_as=0x1000000)
    for thing in (vma, vma.file, limits, mm.AddressSpace([vma], limits=limits)):
        assert pickle.loads(pickle.dumps(thing, protocol)) == thing
    function, arguments = vma.__reduce_ex__(protocol)[:2]
    with pytest.raises(ValueError):
        function(*[5 if argument == 0x1000 else argument for argument in arguments])
    function, arguments = limits.__reduce_ex__(protocol)[:2]
    with pytest.raises(TypeError):
        function(*["x" if argument == 77 else argument for argument in arguments])


def test_a_touched_vma_comes_back_touched():
    space = mm.AddressSpace(VMAS)
    space.touch(0x10000)
    (vma, _) = space
    again = pickle.loads(pickle.dumps(vma))
    assert type(again) is type(vma) and again == vma and again.anon_vma == vma.anon_vma
    function, (plain, identity, shift) = vma.__reduce__()
    for forged in ((tuple(plain), identity, shift), (vma, identity, shift), (plain, "x", shift)):
        with pytest.raises(TypeError):
            function(*forged)


def test_errors_go_through_a_pickle():
    """Once ReplayMismatch and ForkError could be pickled, but not unpickled."""
    mismatch = mm.ReplayMismatch(3, step("brk"), "the maps differ", [ROW], [])
    again = pickle.loads(pickle.dumps(mismatch))
    assert str(again) == str(mismatch) and vars(again) == vars(mismatch)
    with pytest.raises(mm.ForkError) as caught:
        mm.AddressSpace(VMAS).fork("dup", fail_at=1)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and again.errno == errno.ENOMEM
