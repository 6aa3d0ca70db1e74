# SPDX-License-Identifier: MIT
"""Data that comes from outside: pickles, maps files and traces, mutated, cut and forged.

As in `surface.py`, an input is a string of bytes. `Choices` reads from it what to do to a valid
pickle, text or trace. If the result is accepted, it must be intact. If not, it must be refused with
a documented error. Reading may take memory only in proportion to the size of what is read.
"""

import contextlib
import functools
import gzip
import io
import json
import os
import pickle
import struct
import tempfile
import zipfile

import samara
from key_universes import LINES
from places import DATA
from samara import mm
from samara._keys import kind_of
from surface import DOCUMENTED, Apart, Choices, Joining, Planted

try:
    import tracemalloc
except ImportError:  # on PyPy it exists in name only
    tracemalloc = None

# Bytes allowed for each byte read, and to begin with. A line of maps has at least 22 characters and
# makes a VMA, its numbers, its flags and a range of the tree. JSON makes a list of two characters.
MEMORY_FACTOR = 150
MEMORY_START = 2_000_000


@contextlib.contextmanager
def memory_in_proportion(size):
    """Check that peak memory use is at most some bytes for each byte that is read."""
    if tracemalloc is None:
        yield
        return
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY_START + MEMORY_FACTOR * size, f"{peak} bytes for {size} that were read"


def mutated(choices, data):
    """Return the bytes with some changed, cut out, doubled or inserted."""
    data = bytearray(data)
    for _ in range(choices.pick([1, 1, 1, 2, 2, 5])):
        at = choices.below(max(len(data), 1))
        size = choices.below(1 << choices.below(8))
        way = choices.below(12)
        if way == 0 or way > 8:
            data[at : at + 1] = choices.take(1)
        elif (way == 1 or way > 6) and data:
            at = min(at, len(data) - 1)
            data[at] ^= 1 << choices.below(8)
        elif way == 2:
            del data[at : at + size]
        elif way == 3:
            del data[at:]
        elif way == 4:
            data[at:at] = data[at : at + size]
        elif way == 5:
            data[at:at] = choices.take(size)
        else:
            source = choices.below(max(len(data), 1))
            data[at : at + size] = data[source : source + size]
    return bytes(data)


# ---- pickles -------------------------------------------------------------------------------------


class Watched:
    """A tree mixin: a refused state changes nothing, and an accepted one is intact."""

    def __setstate__(self, state):
        before = list(self)
        try:
            super().__setstate__(state)
        except BaseException:
            assert list(self) == before, "a state that was refused changed the tree"
            raise
        finally:
            samara.MapleTree.check(self)


class Sub(Watched, samara.MapleTree):
    """A subclass whose instances have attributes."""


class Slotted(Watched, samara.MapleTree):
    __slots__ = ("name", "other")


def samples():
    """Return the objects whose pickles are mutated."""
    tree = samara.MapleTree
    sub = Sub([(1, 5, "a"), (9, 9, None)])
    sub.name = ["n"]
    sub.own = sub
    slotted = Slotted([(0, 0, 1.5)], track_gaps=False)
    slotted.name = slotted
    space = mm.AddressSpace(
        [
            mm.VMA(0x10000, 0x12000, mm.Prot.READ, vm_flags="rd mr lo dc"),
            mm.VMA(0x12000, 0x13000, mm.Prot.READ | mm.Prot.WRITE, name="[heap]"),
            mm.VMA(0x20000, 0x22000, mm.Prot.READ, mm.Map.SHARED, 0, mm.File("fe:00", 7, "/x")),
        ],
        limits=mm.Limits(max_map_count=9),
    )
    space.touch(0x12000)
    itself = tree([(5, 9, "a")])
    itself[samara.MAX] = itself
    return [
        tree(),
        tree([(3 * n, 3 * n + 1, n) for n in range(30)]),
        tree([(0, samara.MAX, ("all",))], track_gaps=False),
        tree([(n, n, -n) for n in range(5)], dtype="i8"),
        tree([(n, 2 * n, n / 3) for n in range(1, 2)], dtype="f8"),
        tree([(4, 9, 1), (10, 12, 2)], policy=Joining()),
        tree([(4, 9, 1), (10, 12, 2)], policy=samara.OFFSET),
        tree([(4, 9, 1), (10, 12, 2)], dtype="u8", policy=samara.COALESCE),
        itself,
        [itself, itself.fork()],
        sub,
        slotted,
        space,
        list(space),
        space.limits,
        samara.Entry(1, 2, tree([(1, 1, 1)])),
        *keyed_trees(),
        [*tree([("::1", "::5", 1)], keys="ipv6")],
    ]


def keyed_trees():
    """Return a tree of each kind of keys."""
    found = []
    for line in LINES:
        keys = [line.at(line.last - 9 + n) for n in range(10)]
        triples = [(keys[0], keys[0], "a"), (keys[2], keys[5], None), (keys[6], keys[9], "a")]
        found.append(samara.MapleTree(triples, keys=line.keys))
    found.append(samara.MapleTree([("::1", "::9", 5)], keys="ipv6", dtype="i8"))
    found.append(samara.MapleTree([(-5, 5, 5)], keys="int64", policy=samara.OFFSET))
    return found


@functools.cache
def pickles():
    return [
        pickle.dumps(sample, protocol)
        for sample in samples()
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]


ALLOWED = {
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("copyreg", "__newobj_ex__"),
    ("builtins", "frozenset"),
    ("builtins", "tuple"),
    ("builtins", "object"),
    ("functools", "partial"),
    ("_codecs", "encode"),
}


OWN = {(cls.__module__, cls.__name__): cls for cls in (Joining, Apart, Sub, Slotted)}
OWN["builtins", "bytes"] = lambda: b""  # for old pickles; bytes(n) would allocate n bytes
OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def refuse(what):
    raise pickle.UnpicklingError(what)


class Unpickler(pickle._Unpickler):
    """Python's own unpickler in Python. It keeps its memo in a dict; the C version's memo takes as
    much memory as the largest index says. It finds only the names that samara's pickles use, so no
    mutation runs anything else."""

    dispatch = pickle._Unpickler.dispatch | {
        pickle.BYTEARRAY8[0]: lambda self: refuse("a bytearray, made as large as it says")
    }

    def find_class(self, module, name):
        module = OLD_NAMES.get(module, module)
        if (module, name) in OWN:
            return OWN[module, name]
        if module.partition(".")[0] != "samara" and (module, name) not in ALLOWED:
            refuse(f"{module}.{name}, which is not in a pickle of samara's")
        return super().find_class(module, name)


# Errors that unpickling a damaged pickle may raise besides samara's. pickle's documentation lists
# some, "but not necessarily limited to" them.
UNPICKLING = (
    *DOCUMENTED,
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    OverflowError,
    struct.error,
    NotImplementedError,
    RecursionError,  # from a functools.partial that is made its own function
)


def load_pickle(data):
    """Load a pickle and use the result. Return whether there is one."""
    try:
        loaded = Unpickler(io.BytesIO(data)).load()
    except UNPICKLING:
        return False
    except AssertionError as error:
        # Raised by pickle itself, in its Python version only.
        if error.__traceback__ is None or "pickle.py" not in innermost(error):
            raise
        return False
    use(loaded)
    return True


def innermost(error):
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename


def use(loaded, depth=0):
    """Check that everything loaded is intact, can be used, and can be pickled again."""
    if isinstance(loaded, list | tuple) and depth < 3:
        for member in loaded:
            use(member, depth + 1)
    if isinstance(loaded, samara.MapleTree):
        use_tree(loaded)
        for entry in loaded:
            if entry.value is not loaded:
                use(entry.value, depth + 3)
    elif isinstance(loaded, mm.AddressSpace) and type(loaded) is mm.AddressSpace:
        if hasattr(loaded, "tree"):  # an instance from object.__new__() alone has none
            use_space(loaded)
    elif type(loaded) is mm.VMA:
        assert 0 <= loaded.start < loaded.end <= 2**64 and loaded == loaded.copy()
        mm.AddressSpace([loaded]).check()
    elif type(loaded) is mm.Limits and hasattr(loaded, "privileged"):
        mm.AddressSpace(limits=loaded)


def use_tree(tree):
    cls = samara.MapleTree  # an instance of a subclass may have attributes that hide the methods
    cls.check(tree)
    before = [(first, last) for first, last, _ in tree]
    assert len(tree) == len(before)
    kind = kind_of(tree.keys_dtype)
    codes = [[kind.code(end, "index") for end in pair] for pair in before]
    if kind.zero is not None:
        with contextlib.suppress(OverflowError):  # a size in nanoseconds
            assert tree.covered == kind.size(sum(last + 1 - first for first, last in codes))
    relative = cls.fork(tree)
    with contextlib.suppress(*DOCUMENTED, OverflowError, AttributeError):
        # A forged policy may do anything, but the tree must stay intact.
        relative[7:90] = 1
        cls.erase(relative, 7)
    cls.check(relative)
    cls.check(tree)
    assert [(first, last) for first, last, _ in tree] == before
    again = tree.__reduce__()[2]
    firsts = (first.to_bytes(kind.bits // 8, "little") for first, _ in codes)
    assert again[2] == b"".join(firsts)


def use_space(space):
    space.check()
    text = space.maps()
    child = space.fork()
    child.check()
    with contextlib.suppress(OSError):
        start = child.mmap(0, 8192, 3, 0x22)
        child.mprotect(start, 4096, 1)
    child.check()
    space.check()
    assert space.maps() == text


def unpickling(data):
    """Load mutated pickles, and states that are wrong in every way."""
    choices = Choices(data)
    if choices.below(2):
        load_pickle(mutated(choices, choices.pick(pickles())))
    else:
        forged_state(choices)


def junk(choices):
    return choices.pick(
        [None, True, 0, 1, 2, 3, -1, 10**5000, "", "u8", "x", b"", b"1" * 8, bytearray(16), [], [1]]
        + [(), (None, {}), ({}, {}), (None, {"name": 1}), (None, {"_head": 1}), (None, {5: 1}), {}]
        + [{"x": 1}, {"_head": 1}, {5: 1}, {"check": None}, 1.5, object(), Planted("x"), Joining()]
        + [memoryview(bytes(16)), [None] * 1000, bytes(800), object]
    )


def ends(choices, count, size=8):
    """Return the two ends of some ranges, in order or not, as bytes."""
    firsts, lasts, at, top = [], [], 0, 256**size - 1
    for _ in range(count):
        way = choices.below(12)
        first = at + choices.below(9) if way else choices.pick([0, at, top, 2**63])
        last = first + choices.below(9) if way > 1 else choices.pick([first, 0, top, at])
        firsts.append(first & top)
        lasts.append(last & top)
        at = last + 1 + choices.below(2)
    return [b"".join(end.to_bytes(size, "little") for end in column) for column in (firsts, lasts)]


def out_of_band(choices, column):
    """Return a buffer of the same bytes, or almost. Anything but bytes stays what it is."""
    if type(column) is not bytes:
        return column
    whole = column[: len(column) // 8 * 8]
    forms = [
        lambda: bytearray(column),
        lambda: memoryview(bytearray(b"x" + column))[1:],
        lambda: memoryview(column)[::-1],
        lambda: memoryview(column)[:-1],
        lambda: memoryview(whole).cast(choices.pick("QqdIhbc")),
    ]
    return choices.pick(forms)()


def forged_state(choices):
    """Give a handmade state to a tree that may or may not be empty."""
    count = choices.pick([0, 1, 2, 3, 17, 40])
    version = choices.pick([1, 1, 2, 2, 3, 5, 5])
    line = choices.pick(LINES)
    packed = version == 2 or (version == 5 and choices.below(4) == 0)
    values = bytes(choices.take(8 * count)).ljust(8 * count) if packed else list(range(count))
    columns = ends(choices, count, line.bits // 8 if version == 5 else 8)
    state = [version, bool(choices.below(2)), *columns, values, None]
    if version == 5:
        state += [choices.pick(["u8", "f8"]) if packed else None, None, line.keys]
    elif version != 1:
        state.append(choices.pick(["u8", "i8", "f8"]) if version == 2 else Apart())
    for _ in range(choices.pick([0, 1, 1, 2])):
        state[choices.below(len(state))] = junk(choices)
    if choices.below(3) == 0:
        state[2:5] = [out_of_band(choices, column) for column in state[2:5]]
    if choices.below(8) == 0:
        del state[choices.below(len(state)) :]
    cls = choices.pick([Sub, Slotted])
    tree = cls() if choices.below(4) else cls([(1, 2, 3)])
    if version == 5 or choices.below(8) == 0:
        tree = cls.__new__(cls)
    with contextlib.suppress(TypeError, ValueError, AttributeError):
        tree.__setstate__(junk(choices) if choices.below(20) == 0 else tuple(state))
    use_tree(tree)


# ---- saved trees ---------------------------------------------------------------------------------


@functools.cache
def files():
    """Return the bytes of saved trees."""
    tree = samara.MapleTree
    values = ["a", "a", None, -1, 2.5, (1, [2, {"k": b"v"}]), float("inf"), "\ud800", 10**30]
    trees = [
        tree(),
        tree([(3 * n, 3 * n + 1, value) for n, value in enumerate(values)]),
        tree([(0, samara.MAX, ("all",))], track_gaps=False),
        tree([(n, n, -n) for n in range(5)], dtype="i8"),
        tree([(4, 9, 1), (10, 12, 2)], dtype="u8"),
        tree([(n, 2 * n, n / 3) for n in range(1, 2)], dtype="f8"),
        tree([(4, 9, 1), (10, 12, 2)], policy=Joining()),
        *(one for one in keyed_trees() if isinstance(one.keys_dtype, str)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tree")
        found = []
        for one in trees:
            one.save(path)
            with open(path, "rb") as file:
                found.append(file.read())
    return found


def forged(choices):
    """Return an archive whose members are mutated, with right checksums."""
    with zipfile.ZipFile(io.BytesIO(choices.pick(files()))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = choices.pick(sorted(members))
    members[name] = mutated(choices, members[name])
    way = choices.below(10)
    if way == 0:
        del members[choices.pick(sorted(members))]
    elif way == 1:
        members[choices.pick(["more.npy", "samara.json/", "first", "../x"])] = b"x"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED if way == 2 else 0) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def loading(data):
    """Load damaged and forged files of saved trees."""
    choices = Choices(data)
    way = choices.below(8)
    if way < 4:
        content = forged(choices)
    else:
        content = mutated(choices, choices.pick(files())) if way < 7 else choices.rest()
    load_file(content, choices.pick([None, None, Joining()]))


def load_file(content, policy=None):
    """Load a file; return the tree, or None if it was refused as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "tree")
        with open(path, "wb") as file:
            file.write(content)
        try:
            with memory_in_proportion(len(content)):
                tree = samara.MapleTree.load(path, policy=policy)
        except samara.FileFormatError as error:
            assert repr(path) in str(error)
            return None
        except ValueError as error:
            assert "the tree was saved with" in str(error)
            return None
        use_tree(tree)
        tree.save(path)
        again = samara.MapleTree.load(path, policy=policy)
    assert repr(again) == repr(tree)
    return tree


# ---- texts of maps -------------------------------------------------------------------------------


@functools.cache
def texts():
    found = [path.read_bytes()[:3000] for path in sorted((DATA / "maps").iterdir())]
    found.append(
        b"1000-3000 rw-p 00000000 00:00 0   [heap]\nSize: 8 kB\nVmFlags: rd wr mr mw me ac lo\n"
        b"3000-5000 rw-s 00001000 fe:00 17  /a\\012b\nVmFlags: rd wr sh dc\n"
        b"7000-8000 rw-p 00000000 00:00 0   [stack]\nVmFlags: rd wr gd\n"
        b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n"
    )
    return found


def written(choices):
    """Return a text whose lines are nearly valid."""
    lines, at = [], 0
    for _ in range(choices.below(12)):
        start = at + choices.below(3)
        at = start + choices.mostly([1, 1, 2, 5, 2**40], [0, -1])
        perms = "".join(choices.pick(pair) for pair in ("r-", "w-", "x-", "ps"))
        offset = choices.mostly(["0", "00001000", "f" * 13 + "000"], ["1", "f" * 17, ""])
        dev = choices.mostly(["00:00", "fe:00", "00:01"], ["0:0", "00:" + "f" * 5000, "00"])
        inode = choices.mostly(["0", "00", "7", "9" * 20], ["9" * 30, "9" * 6000, "x"])
        label = choices.mostly(
            ["", "", "[heap]", "[stack]", "[vdso]", "[vsyscall]", "[anon:x]", "/x", " /y  z"]
            + ["[vvar]", "/a\\012b", "/deleted (deleted)", "[x\\012]", "[anon:" + "y" * 999],
            ["[rollup]", "["],
        )
        blank = choices.mostly([" ", " " * 20], [""])
        lines.append(f"{start:x}000-{at:x}000 {perms} {offset} {dev} {inode}{blank}{label}")
        if choices.below(3) == 0:
            some = ["rd", "wr", "gd", "lo", "dc", "sl", "zz", "io"]
            codes = "VmFlags: " + " ".join(choices.pick(some) for _ in range(5))
            lines.append(choices.mostly([codes, "VmFlags:", "Rss:  9 kB"], [codes * 99]))
        if choices.below(4) == 0:
            size, read_write = (at - start) * 4096, perms[:3]
            lines[-1] = choices.pick(
                [
                    f"  0x{start:x}000 0x{at:x}000 0x{size:x} 0x{offset} {perms} {label}",
                    f"    {start:05x}000-{at - 1:05x}fff {read_write} {offset} {size:x} {label}",
                    "\t" + lines[-1].replace(" ", "\t"),
                    "some text",
                ]
            )
    return choices.mostly(["\n", "\n\n", "\r\n"], ["\v", "\n> "]).join(lines)


def maps(data):
    """Parse texts of maps and smaps."""
    choices = Choices(data)
    way = choices.below(3)
    if way == 0:
        text = written(choices)
    elif way == 1:
        text = mutated(choices, choices.pick(texts())).decode(errors="surrogateescape")
    else:
        text = choices.rest().decode(errors="surrogateescape")
    read_maps(text)


def read_maps(text):
    space = None
    skipped = []
    with memory_in_proportion(len(text)), contextlib.suppress(ValueError):
        space = mm.AddressSpace.from_maps(text, skipped=skipped)
    if space is None:
        return
    lines = text.split("\n")
    assert all(lines[number - 1].rstrip("\r") == line for number, line in skipped)
    assert not any(vma.label.endswith("\r") for vma in space)
    use_space(space)
    again = mm.AddressSpace.from_maps(space.maps())
    assert [vma[:7] for vma in again] == [vma[:7] for vma in space]


# ---- traces --------------------------------------------------------------------------------------


@functools.cache
def traces():
    found = [mm.read_trace(DATA / "mm" / f"{name}.mm.json.gz") for name in ("ls", "git", "rand11")]
    for trace in found:
        del trace["steps"][60:]
    return [json.dumps(trace) for trace in found]


STRANGE = [None, True, False, -1, 0, 1, 0.5, 1e300, 2**63, 2**64 - 4096, 2**64, 10**4000, "", "x"]
STRANGE += [
    "rw-p",
    [],
    {},
    [[]],
    {"a": 1},
    "[heap]",
    "external",
    "mmap",
    "brk",
    4096,
    0x7FFFFFFFF000,
]


def places(thing, limit=4000):
    """Return each list or dict in a JSON object, with its keys."""
    waiting = [thing]
    for part in waiting[:limit]:
        waiting += [p for p in (part.values() if isinstance(part, dict) else part) if children(p)]
        if len(waiting) > limit:
            break
    return waiting


def children(thing):
    return isinstance(thing, dict | list) and len(thing) > 0


def changed_trace(choices):
    """Return a recorded trace with some of its members changed."""
    trace = json.loads(choices.pick(traces()))
    del trace["steps"][1 + choices.below(60) :]
    for _ in range(1 + choices.below(4)):
        steps = trace.get("steps")
        part = trace
        if isinstance(steps, list) and steps and choices.below(4):
            part = choices.pick(steps)
        for _ in range(choices.below(4)):
            if not children(part):
                break
            keys = list(part) if isinstance(part, dict) else range(len(part))
            key = choices.pick(keys)
            if children(part[key]) and choices.below(5):
                part = part[key]
                continue
            way = choices.below(5)
            if way == 0:
                part[key] = choices.pick(STRANGE)
            elif way == 1 and type(part[key]) is int:
                part[key] += choices.pick([1, -1, 4096, -4096, 2**63])
            elif way == 2:
                del part[key]
            elif way == 3 and isinstance(part, list):
                part.append(part[key])
            elif way == 4:
                part[key] = choices.pick([part[other] for other in keys])
            break
    return json.dumps(trace).encode()


def replaying(data):
    """Read trace files with mutated JSON or damaged gzip, and replay whatever can be read."""
    choices = Choices(data)
    way = choices.below(6)
    if way < 3:
        content = changed_trace(choices)
    elif way == 3:
        content = mutated(choices, choices.pick(traces()).encode())
    elif way == 4:
        content = mutated(choices, gzip.compress(choices.pick(traces()).encode(), 1, mtime=0))
    else:
        content = choices.rest()
    if way < 3 and choices.below(4) == 0:
        content = gzip.compress(content, 1, mtime=0)
    read_and_replay(content)


def read_and_replay(content):
    trace = None
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        grown = len(content)
        if content[:2] == b"\x1f\x8b":
            grown = (1 << 20) + 100 * len(content)
        with memory_in_proportion(grown), contextlib.suppress(ValueError):
            trace = mm.read_trace(file.name)
    if trace is None:
        return
    for placement in ("recorded", "own"):
        space = mm.AddressSpace()  # a damaged trace may be without steps
        with contextlib.suppress(ValueError, mm.ReplayMismatch):
            for number, (_step, space) in enumerate(mm.replay(trace, placement)):
                if number % 8 == 0:
                    space.check()
            space.check()
