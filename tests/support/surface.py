# SPDX-License-Identifier: MIT
"""Call everything public with arguments of every wrong kind, for `test_surface.py` and the fuzzer.

An input is a string of bytes. `Choices` reads decisions from it, so the same bytes always do the
same. If bytes break something, they are a test. The calls are found by looking at the classes, so a
new method is covered without a change here.

These hold after each call: it raised only what is documented or what the argument itself raised; a
call that failed left the contents as they were; and `check()` finds nothing.
"""

import array
import ctypes
import functools
import inspect
import ipaddress
import itertools
import math

import key_universes
import samara
from samara import MAX, mm
from tree_oracle import Index

try:
    import numpy
except ImportError:  # the calls that return numpy arrays report this themselves
    numpy = None

DOCUMENTED = (TypeError, ValueError, KeyError, MemoryError)
ROOM = 40  # valid arguments stay within this many indices
INDICES = range(80)


class Planted(Exception):
    """The exception that a hostile argument raises itself."""


class Choices:
    """Decisions read from bytes. When the bytes are used up, always the first choice."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def below(self, limit):
        """Return a number in 0 ... limit - 1."""
        size = (max(limit - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self.take(size), "little") % limit

    def take(self, size):
        taken = self.data[self.at : self.at + size]
        self.at += size
        return taken

    def rest(self):
        return self.take(max(len(self.data) - self.at, 0))

    def pick(self, sequence):
        return sequence[self.below(len(sequence))]

    def mostly(self, good, bad):
        """Return one of the good ones; now and then one of the bad ones."""
        return self.pick(good) if self.below(24) else self.pick(bad)

    @property
    def ended(self):
        return self.at >= len(self.data)


# ---- hostile arguments ---------------------------------------------------------------------------


class Fails:
    """An object that fails if asked for its number, truth value, length, text or members."""

    def fail(self, *_arguments):
        raise Planted("no")

    __index__ = __bool__ = __iter__ = __len__ = __repr__ = __eq__ = __float__ = fail
    __getitem__ = __hash__ = __str__ = __length_hint__ = fail


class Whole(int):
    """An int of another class."""


class Text(str):
    """A str that is equal to nothing."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return False


class Endless:
    """A sequence that says it is longer than it is."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    __length_hint__ = __len__

    def __getitem__(self, at):
        if at > 5:
            raise IndexError(at)
        return at


class Loses:
    """A list argument that is emptied while its first member is converted."""

    def __new__(cls):
        members = []
        members += [Index(1, members.clear), 5, 9]
        return members


EIGHTS = bytes(range(8)) * 4


def released():
    view = memoryview(bytearray(16))
    view.release()
    return view


# One of each kind of buffer: wrong types, sizes, byte orders, numbers of dimensions. Each is made
# when it is used, since a call can change it.
BUFFERS = [
    lambda: bytearray(EIGHTS),
    lambda: array.array("Q", [3, 7, 11]),
    lambda: array.array("b", [-1, 2, 3]),
    lambda: array.array("d", [1.0, math.nan, math.inf]),
    lambda: array.array("f"),
    lambda: array.array("u", "abc"),
    lambda: memoryview(EIGHTS).cast("Q")[::-1],
    lambda: memoryview(EIGHTS).cast("Q")[::2],
    lambda: memoryview(EIGHTS)[1:25],
    lambda: memoryview(EIGHTS).cast("B", (4, 8)),
    lambda: memoryview(EIGHTS[:8]).cast("Q", ()),
    lambda: memoryview(EIGHTS).cast("c"),
    lambda: memoryview(EIGHTS).cast("?"),
    lambda: memoryview(b"").cast("Q"),
    released,
    lambda: (ctypes.c_uint64 * 3)(5, 6, 7),
    lambda: (ctypes.c_int16 * 3)(5, 6, -7),
    lambda: (ctypes.c_uint64.__ctype_be__ * 2)(5, 6),
    lambda: (ctypes.c_char_p * 2)(),
    lambda: ctypes.c_uint64(5),
]

# Numbers that are not ints, and ints that are not indices.
SCALARS = [1.0, -0.5, math.nan, math.inf, 1j, True, False, Whole(7), 2**2000, -(2**2000)]
SCALARS += [10**5000, -(10**5000), -1, -(2**63), -(2**64), MAX, MAX + 1, MAX + 2, 2**65, 2**63]

if numpy is not None:
    BUFFERS += [
        lambda: numpy.arange(3),
        lambda: numpy.arange(12, dtype="u8").reshape(3, 4),
        lambda: numpy.arange(12, dtype="u8").reshape(3, 4)[:, 1],
        lambda: numpy.arange(4, dtype=">u8"),
        lambda: numpy.arange(4, dtype="f2"),
        lambda: numpy.arange(4, dtype="longdouble"),
        lambda: numpy.arange(4, dtype="c16"),
        lambda: numpy.arange(4).astype("m8[s]"),
        lambda: numpy.array([1, "x", None], dtype=object),
        lambda: numpy.array(["a", "bc"]),
        lambda: numpy.zeros(2, dtype=[("a", "u8"), ("b", "u1")])["a"],
        lambda: numpy.zeros(2, dtype=[("a", "u8"), ("b", "u1")]),
        lambda: numpy.zeros((), dtype="u8"),
        lambda: numpy.ma.masked_array([1, 2], [True, False]),
        lambda: numpy.broadcast_to(numpy.uint64(5), 3),
    ]
    SCALARS += [numpy.uint64(5), numpy.int8(-1), numpy.float64(5), numpy.bool_(True)]
    SCALARS += [numpy.uint64(MAX), numpy.datetime64("2020-01-01"), numpy.float32("nan")]

VMA = mm.VMA(0x1000, 0x3000)
# Objects that are not numbers: constants here, and then those that must be made each time.
THINGS = [None, "", "x", "u8", "f8", "rd wr", b"", b"12345678", (), ..., (1, 2, 3), range(3), len]
THINGS += [
    object,
    NotImplemented,
    slice(1, 5),
    slice(5, 1, 2),
    "\ud800",
    "\0",
    Text("rw"),
    Text("u8"),
]
THINGS += [VMA, (VMA, VMA), mm.File("00:00", 5, "/x"), mm.Limits(), mm.Prot.READ, Fails()]
THINGS += [samara.Entry(1, 2, 3), Planted("x"), Endless(2**62), Endless(-1), Endless(3)]
# Keys and sizes of the other kinds, and kinds.
THINGS += [one for line in key_universes.LINES for one in (line.keys, line.unit, *line.bad[:1])]
THINGS += [line.at(end) for line in key_universes.LINES for end in (line.first, line.last)]
THINGS += ["10.0.0.0/24", ipaddress.ip_network("fe80::/10"), -0.0, "datetime64[us, Nowhere]"]
MADE = [list, dict, set, object, Loses, mm.AddressSpace, lambda: {1: 2}, lambda: iter("ab")]
MADE += [lambda: [(1, 2, "x")], lambda: [(2, 1, "x")], lambda: [(1, 2)], lambda: [[3, 4, None], 5]]


GOOD_ADDRESSES = (0x10000, 0x11000, 0x12000, 0x20000, 0x1000, 4096, 1, 3, 0x22, 0)


class Arguments:
    """Valid and invalid arguments for the calls of one tree or address space."""

    def __init__(self, choices, subject, keys=None):
        self.choices = choices
        self.subject = subject
        self.keys = keys or INDICES
        # Whether an argument has written the tree itself. If so, the contents may have changed.
        self.wrote = False

    def write(self):
        """Write the tree, as an index may do when it is asked for its number."""
        tree = self.subject
        self.wrote = True
        what = self.choices.below(6)
        if what == 0:
            tree.clear()
        elif what == 1:
            tree[self.keys[3] : self.keys[30]] = 1
        elif what == 2:
            dtype = self.choices.pick([None, "u8", "f8"])
            tree.__init__([(self.keys[5], self.keys[9], 1)], keys=tree.keys_dtype, dtype=dtype)
        elif what == 3:
            tree.fork()[self.keys[0] : self.keys[9]] = 1
        elif what == 4:
            del tree[::]
        else:
            raise Planted("an index that fails")

    def odd_index(self):
        odd = [7, -1, MAX + 1, True, Whole(3), "5", 5.0, None, 10**5000]
        is_tree = not isinstance(self.subject, mm.AddressSpace)
        call = self.write if is_tree and self.choices.below(2) else lambda: None
        return Index(self.choices.pick(odd), call)

    def one(self):
        choices = self.choices
        kind = choices.below(16)
        if kind < 6:
            if isinstance(self.subject, mm.AddressSpace):
                return choices.pick(GOOD_ADDRESSES)
            return self.keys[choices.below(ROOM)]
        if kind < 8:
            return choices.pick(SCALARS)
        if kind == 8:
            return choices.pick(THINGS)
        if kind == 9:
            return choices.pick(MADE)()
        if kind == 10:
            return choices.pick(BUFFERS)()
        if kind == 11:
            return self.odd_index()
        if kind == 12:
            return slice(self.one(), self.one(), choices.pick([None, None, None, 1, "x"]))
        if kind == 13:
            return self.subject
        if kind == 14:
            return [self.one() for _ in range(choices.below(4))]
        count = choices.below(5)
        return [(self.keys[5 * n], self.keys[5 * n + choices.below(9)], n) for n in range(count)]

    def several(self, names):
        """Return positional and keyword arguments, mostly as many as the parameters allow."""
        choices = self.choices
        style = choices.below(8)
        count = choices.below(len(names) + 2) if style < 6 else len(names)
        positional = [self.one() for _ in range(count)]
        keywords = {}
        if style >= 4 and names:
            for _ in range(choices.below(3)):
                keywords[choices.pick(names)] = self.one()
            positional = positional[: choices.below(len(positional) + 1)]
        if style == 0:
            keywords["no_such"] = None
        return positional, keywords


@functools.cache
def parameters(cls, name=None):
    """Return the names of the parameters of a method, or of the class itself."""
    call = cls if name is None else getattr(cls, name)
    try:
        found = inspect.signature(call).parameters.values()
    except (ValueError, TypeError):
        return ["a", "b"]
    names = [one.name for one in found if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return names[1:] if names[:1] == ["self"] else names


# ---- calls ---------------------------------------------------------------------------------------

# Python's own names, which no class here overrides; from_pid(): a pid is a real process; save() and
# load(): a path is a real file (surface_inputs.loading() calls them).
NOT_CALLED = {"__new__", "__init_subclass__", "__subclasshook__", "__getattribute__", "from_pid"}
NOT_CALLED |= {"save", "load"}


@functools.cache
def calls_of(cls):
    """Return the names of everything in a class that a user can call or read."""
    found = set()
    for ancestor in cls.__mro__[:-1]:
        for name, member in vars(ancestor).items():
            public = not name.startswith("_") or name.endswith("_")
            if public and name not in NOT_CALLED:
                if callable(getattr(cls, name, None)) or inspect.isdatadescriptor(member):
                    found.add(name)
    return sorted(found - {"__class__", "__weakref__"})


def consumed(answer, subject):
    """Read a part of an iterator. Any other result must be intact."""
    if hasattr(answer, "__next__") and answer is not subject:
        for _ in itertools.islice(answer, 50):
            pass
    if hasattr(answer, "check") and not isinstance(answer, type):
        answer.check()


def contents(subject):
    """Return the contents of a tree or an address space, with values by identity."""
    if isinstance(subject, mm.AddressSpace):
        books = subject._counters.copy()
        return [(vma[:2], id(vma)) for vma in subject], subject.limits, books
    # A state has codes: making keys can fail.
    firsts, lasts, values = type(subject).__reduce__(subject)[2][2:5]
    values = list(map(id, values)) if subject.dtype is None else values
    attributes = subject.dtype, subject.track_gaps, subject.policy, subject.keys_dtype
    return firsts, lasts, values, attributes


class Trial:
    """A subject under test: its calls with their arguments, and what must hold after each."""

    def __init__(self, choices, subject, cursor=None, keys=None):
        self.choices, self.keys = choices, keys
        self.subject = subject
        self.cursor = cursor

    def step(self):
        on_cursor = self.cursor is not None and self.choices.below(3) == 0
        thing = self.cursor if on_cursor else self.subject
        name = self.choices.pick(calls_of(type(thing)))
        arguments = Arguments(self.choices, self.subject, self.keys)
        call = getattr(type(thing), name)
        if inspect.isdatadescriptor(call):
            self.attempt(arguments, lambda: getattr(thing, name), name, [], {})
            return
        bound = getattr(thing, name)
        positional, keywords = arguments.several(parameters(type(thing), name))
        self.attempt(arguments, lambda: bound(*positional, **keywords), name, positional, keywords)

    def construct(self, cls):
        """Call the class itself."""
        arguments = Arguments(self.choices, self.subject, self.keys)
        positional, keywords = arguments.several(parameters(cls) or parameters(mm.VMA))
        if cls.__name__ == "Cursor":
            positional = [self.subject, *positional[1:]]
            keywords.pop("tree", None)
        self.attempt(arguments, lambda: cls(*positional, **keywords), cls, positional, keywords)

    def attempt(self, arguments, call, name, positional, keywords):
        before = contents(self.subject)
        try:
            consumed(call(), self.subject)
        except Planted:
            failed = True
        except StopIteration:
            failed = False
            assert name == "__next__", "StopIteration from what is no iterator"
        except OSError as error:
            # The memory calls document what they have done before they fail.
            assert isinstance(self.subject, mm.AddressSpace) and error.errno, name
            failed = False
        except DOCUMENTED:
            failed = True
        except (OverflowError, AttributeError, ImportError, NotImplementedError) as error:
            if not documented(error):
                raise
            failed = True
        except BaseException as error:
            error.add_note(f"{self.subject!r}: {name} of {shown(positional)}, {shown(keywords)}")
            raise
        else:
            failed = False
        try:
            self.subject.check()
            if failed and not arguments.wrote:
                assert contents(self.subject) == before, "a call that failed changed something"
        except Exception as error:
            error.add_note(f"after {name} of {shown(positional)}, {shown(keywords)}, from {before}")
            raise


def documented(error):
    """Return whether an error has its documented cause. Each of these kinds has few."""
    if isinstance(error, OverflowError):
        causes = ["too large to convert to float", "cannot advance", "the sum over"]
        causes += ["does not fit in 64 bits"]  # a size in nanoseconds
        return any(cause in str(error) for cause in causes)
    if isinstance(error, AttributeError):
        return error.name in ("split", "merge")
    if isinstance(error, NotImplementedError):
        return "sub-views" in str(error)  # a memoryview's message when it is iterated over
    return numpy is None and "numpy" in str(error)


def shown(arguments):
    try:
        return repr(arguments)
    except Exception:
        return "what cannot be shown"


class Apart:
    """A policy that keeps neighbours apart."""

    def split(self, entry, first, last):
        return entry.value

    def merge(self, left, right, stored):
        return NotImplemented


class Joining(Apart):
    """A policy that merges equal neighbours."""

    def merge(self, left, right, stored):
        return left.value if left.value is right.value else NotImplemented


OPTIONS = (
    {},
    {"track_gaps": False},
    {"dtype": "u8"},
    {"dtype": "i8"},
    {"dtype": "f8"},
    {"policy": Apart()},
    {"policy": Joining()},
    {"policy": samara.COALESCE},
    {"policy": samara.OFFSET},
    {"dtype": "f8", "policy": samara.COALESCE},
    {"dtype": "u8", "policy": samara.OFFSET},
)


@functools.cache
def kinds_of_keys():
    """Return (what keys= gets, its first, last or middle keys) for each kind and place."""
    found = [(one.keys, [*one.here.values()]) for one in key_universes.universes(len(INDICES))]
    return [(KEYS_THAT_FAIL, INDICES), *found]


class FailingKeys:
    """A KeyType that refuses some keys, and cannot decode some codes."""

    name, bits = "failing", 128

    def encode(self, key):
        if type(key) is not int or key % 32 == 30:
            raise Planted(key)
        return key << 63

    def decode(self, code):
        if code >> 63 & 63 == 37:
            raise Planted(code)
        return code >> 63


KEYS_THAT_FAIL = FailingKeys()


def trees_and_cursors(data, side=samara):
    """Run calls of MapleTree and Cursor of an implementation."""
    choices = Choices(data)
    options = choices.pick(OPTIONS)
    kind, keys = choices.pick(kinds_of_keys()) if choices.below(3) else ("uint64", INDICES)
    count = choices.pick((0, 1, 4, 6, 7))
    given = [(keys[9 * n], keys[9 * n + 4], n) for n in range(count)]
    tree = side.MapleTree(given, keys=kind, **options)
    if kind == "uint64" and choices.below(4) == 0:
        tree.update([(9 * n, 9 * n + 4, n) for n in range(40)])
    relative = tree.fork() if choices.below(2) else None
    trial = Trial(choices, tree, tree.cursor(keys[choices.below(ROOM // 2)]), keys)
    before = contents(relative) if relative is not None else None
    while not choices.ended:
        if choices.below(12) == 0:
            trial.construct(choices.pick((side.MapleTree, side.Cursor, side.MapleTree.from_arrays)))
        else:
            trial.step()
    if relative is not None:
        assert contents(relative) == before, "a relative saw a write"
        relative.check()


def address_spaces(data):
    """Run calls of AddressSpace, and of the classes of VMAs and limits."""
    choices = Choices(data)
    limits = choices.pick((mm.Limits(), mm.Limits(max_map_count=4, rlimit_memlock=8192)))
    vmas = [
        mm.VMA(0x10000, 0x12000, mm.Prot.READ, vm_flags="rd wr mr mw me dc"),
        mm.VMA(0x12000, 0x13000, mm.Prot.READ | mm.Prot.WRITE, name="[heap]"),
        mm.VMA(0x20000, 0x22000, mm.Prot.READ, mm.Map.SHARED, 0, mm.File("fe:00", 7, "/x")),
    ]
    space = mm.AddressSpace(vmas[: choices.below(4)], limits=limits)
    trial = Trial(choices, space)
    while not choices.ended:
        if choices.below(6) == 0:
            trial.construct(choices.pick((mm.VMA, mm.AddressSpace, mm.Limits, vmas[0]._replace)))
        else:
            trial.step()
