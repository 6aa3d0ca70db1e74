# SPDX-License-Identifier: MIT
from collections.abc import Iterable, Iterator
from types import GenericAlias, TracebackType
from typing import (
    Any,
    Generic,
    Literal,
    Self,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
)

from numpy import uint64
from numpy.typing import NDArray
from typing_extensions import Buffer, disjoint_base

from samara._entry import Entry, Gap
from samara._policy import Policy

_V = TypeVar("_V")
_D = TypeVar("_D")
_IntTree = TypeVar("_IntTree", bound=MapleTree[int])
_FloatTree = TypeVar("_FloatTree", bound=MapleTree[float])
_Triples: TypeAlias = Iterable[tuple[SupportsIndex, SupportsIndex, _V]]
_Integers: TypeAlias = Buffer | Iterable[SupportsIndex]
_Numbers: TypeAlias = Buffer | Iterable[SupportsFloat | SupportsIndex]
_Dtype: TypeAlias = Literal["u8", "i8", "f8"]

@final
class TreeLock:
    """The lock of one tree: a re-entrant lock and context manager.

    While a thread holds it, every operation of other threads on the tree waits, look-ups too.
    Iterators run over snapshots and need no lock once they are made.
    """

    def acquire(self) -> Literal[True]:
        """Take the lock; wait while another thread holds it. Always True.

        The thread that holds it may take it again; it then gives it back as often.

        >>> t = MapleTree()
        >>> t.lock.acquire()
        True
        >>> t.lock.release()
        """
    def release(self) -> None:
        """Give the lock back. RuntimeError where this thread does not hold it.

        >>> MapleTree().lock.release()
        Traceback (most recent call last):
        RuntimeError: this thread does not hold the lock
        """
    def __enter__(self) -> Literal[True]:
        """Take the lock."""
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Give the lock back."""

@disjoint_base
class MapleTree(Generic[_V]):
    """An ordered map from ranges of integers to values.

    Ranges are closed, [first, last], within 0 ... MAX = 2**64 - 1, and do not overlap. An index
    without a value lies in a gap. Values are any objects, None too; with a dtype they are numbers
    of 64 bits. n is the number of ranges.

    Args:
        iterable: triples (first, last, value), or a MapleTree. Of a tree the ranges are taken, but
            not the attributes, unlike with dup() and fork(). A later triple overwrites what it
            covers. Sorted triples that do not overlap: O(n), into full nodes; any other triple:
            O(log n).
        dtype: None for any object. 'u8', 'i8' or 'f8' for a packed tree, whose values are unsigned
            integers, signed ones or floats: values are converted when they are stored, and there
            are no reference counts.
        track_gaps: keep the largest gap of each subtree, which empty_area() and alloc_range() need.
            Stores are faster without.
        policy: None, or a samara.Policy: an object with the methods split() and merge(), which say
            what becomes of a value whose range is cut, and whether two neighbours merge. Raises
            AttributeError if either method is missing.

    t[i], t[i] = v and del t[i] are about one index; t[a:b] is half-open, and t[a:] reaches MAX.
    All are O(log n). Reading t[a:b] gives a tree of what lies there, cut at the ends.

    Look-ups take any integer: outside 0 ... MAX there is nothing. Writes refuse those with
    ValueError. What is no integer is a TypeError. A packed tree refuses what its dtype cannot hold:
    TypeError for what is no number, ValueError for an integer outside its 64 bits, OverflowError for
    one that is too large for a float. Out of memory is a MemoryError and changes nothing.

    Iterating runs over the tree as it was when the loop began.

    >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
    >>> t[15], 20 in t, len(t)
    ('a', False, 2)
    >>> t[12:14] = 'c'
    >>> t
    MapleTree([(10, 11, 'a'), (12, 13, 'c'), (14, 19, 'a'), (30, 39, 'b')])
    >>> t[13:35]
    MapleTree([(13, 13, 'c'), (14, 19, 'a'), (30, 34, 'b')])
    >>> del t[:20]
    >>> [value for first, last, value in t]
    ['b']
    >>> MapleTree([(10, 19, 1.5)], dtype='f8')
    MapleTree([(10, 19, 1.5)], dtype='f8')
    """

    @overload
    def __init__(
        self,
        iterable: _Triples[_V] = (),
        /,
        *,
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[int],
        iterable: _Triples[SupportsIndex] = (),
        /,
        *,
        dtype: Literal["u8", "i8"],
        track_gaps: bool = True,
        policy: None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[float],
        iterable: _Triples[SupportsFloat | SupportsIndex] = (),
        /,
        *,
        dtype: Literal["f8"],
        track_gaps: bool = True,
        policy: None = None,
    ) -> None: ...
    # A dtype that is known only at run time.
    @overload
    def __init__(
        self: MapleTree[Any],
        iterable: _Triples[Any] = (),
        /,
        *,
        dtype: _Dtype | None,
        track_gaps: bool = True,
        policy: None = None,
    ) -> None: ...
    @overload
    @classmethod
    def from_arrays(
        cls,
        first: _Integers,
        last: _Integers,
        values: Iterable[_V],
        *,
        dtype: None = None,
        track_gaps: bool = True,
    ) -> Self:
        """A tree of the ranges [first[i], last[i]], both ends included, with values[i]. O(n), into full
        nodes.

        The ranges must be sorted and must not overlap. A class method; a subclass's instance is made
        without __init__().

        Args:
            first, last: buffers of integers (numpy arrays, array.array, memoryview ... with one dimension,
                of any size, signed or unsigned) or sequences of integers
            values: the same, also of floats, or a sequence of any objects
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned integers,
                signed ones or floats makes a tree of that dtype; anything else makes a tree of objects.

        ValueError where the three differ in length, an end is outside 0 ... MAX, a first is above its last,
        a range overlaps or lies below the one before, or a value is outside its dtype's 64 bits, each with
        its position; for a buffer of several dimensions or of another byte order. TypeError for what is no
        number. Buffers must not change meanwhile.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or lies below [10, 12]
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[_IntTree],
        first: _Integers,
        last: _Integers,
        values: _Integers,
        *,
        dtype: Literal["u8", "i8"],
        track_gaps: bool = True,
    ) -> _IntTree:
        """A tree of the ranges [first[i], last[i]], both ends included, with values[i]. O(n), into full
        nodes.

        The ranges must be sorted and must not overlap. A class method; a subclass's instance is made
        without __init__().

        Args:
            first, last: buffers of integers (numpy arrays, array.array, memoryview ... with one dimension,
                of any size, signed or unsigned) or sequences of integers
            values: the same, also of floats, or a sequence of any objects
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned integers,
                signed ones or floats makes a tree of that dtype; anything else makes a tree of objects.

        ValueError where the three differ in length, an end is outside 0 ... MAX, a first is above its last,
        a range overlaps or lies below the one before, or a value is outside its dtype's 64 bits, each with
        its position; for a buffer of several dimensions or of another byte order. TypeError for what is no
        number. Buffers must not change meanwhile.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or lies below [10, 12]
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[_FloatTree],
        first: _Integers,
        last: _Integers,
        values: _Numbers,
        *,
        dtype: Literal["f8"],
        track_gaps: bool = True,
    ) -> _FloatTree:
        """A tree of the ranges [first[i], last[i]], both ends included, with values[i]. O(n), into full
        nodes.

        The ranges must be sorted and must not overlap. A class method; a subclass's instance is made
        without __init__().

        Args:
            first, last: buffers of integers (numpy arrays, array.array, memoryview ... with one dimension,
                of any size, signed or unsigned) or sequences of integers
            values: the same, also of floats, or a sequence of any objects
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned integers,
                signed ones or floats makes a tree of that dtype; anything else makes a tree of objects.

        ValueError where the three differ in length, an end is outside 0 ... MAX, a first is above its last,
        a range overlaps or lies below the one before, or a value is outside its dtype's 64 bits, each with
        its position; for a buffer of several dimensions or of another byte order. TypeError for what is no
        number. Buffers must not change meanwhile.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or lies below [10, 12]
        """
    @overload
    @classmethod
    def from_arrays(
        cls,
        first: _Integers,
        last: _Integers,
        values: Iterable[_V],
        *,
        dtype: _Dtype | None,
        track_gaps: bool = True,
    ) -> Self:
        """A tree of the ranges [first[i], last[i]], both ends included, with values[i]. O(n), into full
        nodes.

        The ranges must be sorted and must not overlap. A class method; a subclass's instance is made
        without __init__().

        Args:
            first, last: buffers of integers (numpy arrays, array.array, memoryview ... with one dimension,
                of any size, signed or unsigned) or sequences of integers
            values: the same, also of floats, or a sequence of any objects
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned integers,
                signed ones or floats makes a tree of that dtype; anything else makes a tree of objects.

        ValueError where the three differ in length, an end is outside 0 ... MAX, a first is above its last,
        a range overlaps or lies below the one before, or a value is outside its dtype's 64 bits, each with
        its position; for a buffer of several dimensions or of another byte order. TypeError for what is no
        number. Buffers must not change meanwhile.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or lies below [10, 12]
        """
    # Only trees that are asked for arrays need numpy.
    def to_arrays(self) -> tuple[NDArray[uint64], NDArray[uint64], NDArray[Any]]:
        """All ranges as three numpy arrays (first, last, values), both ends included. O(n).

        The first two are of uint64; the values of uint64, int64 or float64 by the dtype, or of objects.
        ImportError where there is no numpy.

        >>> first, last, values = MapleTree([(10, 19, 1.5)], dtype='f8').to_arrays()
        >>> first, last, values
        (array([10], dtype=uint64), array([19], dtype=uint64), array([1.5]))
        """
    # An array if the tree is packed, else a list.
    def load_many(self, keys: _Integers, default: Any = ...) -> Any:
        """The values at many indices: a numpy array of the tree's dtype, or for a tree of objects a list.
        O(log n) for each key.

        The keys are looked up in the tree as it is now, several at once. Where there are many, other
        threads run meanwhile, and may write the tree.

        Args:
            keys: a buffer of integers (numpy array, array.array ... with one dimension) or a sequence of
                integers. It must not change meanwhile.
            default: what stands for a key without a value, and for one outside 0 ... MAX; a packed tree
                converts it to its dtype. Without a default, such a key raises KeyError with the first one.

        TypeError for keys that are no integers. ImportError where the tree has a dtype and there is no
        numpy.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.load_many([35, 10, 20, -1], None)
        ['b', 'a', None, None]
        >>> t.load_many(range(19, 22))
        Traceback (most recent call last):
        KeyError: 20
        """
    def store_many(self, first: _Integers, last: _Integers, values: Iterable[_V]) -> None:
        """Store values[i] over [first[i], last[i]], both ends included, for each i in order: all or none.
        O(log n) for each, beside what store_range() says.

        The arguments are those of from_arrays(), in any order, and may overlap: a later range overwrites an
        earlier one. All of it is converted and checked before the tree changes. ValueError and TypeError as
        there; MemoryError leaves the tree as it was.

        >>> t = MapleTree()
        >>> t.store_many([30, 10], [39, 33], ['a', 'b'])
        >>> t
        MapleTree([(10, 33, 'b'), (34, 39, 'a')])
        """
    @property
    def dtype(self) -> _Dtype | None:
        """What the values are: None for any object, else 'u8', 'i8' or 'f8'. Given when the tree is made.

        >>> MapleTree(dtype='u8').dtype
        'u8'
        """
    @property
    def policy(self) -> Policy[_V] | None:
        """The samara.Policy that the tree asks about its values, or None. Given when the tree is made, and
        kept.

        >>> MapleTree().policy is None
        True
        """
    @property
    def covered(self) -> int:
        """How many indices have a value, up to 2**64. O(1), or O(n) after a write dropped shared nodes.

        >>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).covered
        20
        """
    @property
    def height(self) -> int:
        """Levels of nodes: 0 for an empty tree, 1 for a single leaf.

        >>> MapleTree([(10, 19, 'a')]).height
        1
        """
    @property
    def lock(self) -> TreeLock:
        """A re-entrant lock, used by `with`: several operations as one. Each single operation is whole
        without it.

        While a thread holds it, every operation of other threads on this tree waits, look-ups too.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> with t.lock:
        ...     t[10] = t[10] + 'b'
        >>> t[10]
        'ab'
        """
    @property
    def nbytes(self) -> int:
        """Bytes of the tree: 256 for each of its nodes, shared ones included, and the object. Values
        are not counted.

        >>> t = MapleTree()
        >>> t[5] = 'a'
        >>> t.nbytes - MapleTree().nbytes
        256
        """
    @property
    def node_count(self) -> int:
        """Nodes that the tree reaches, those that it shares with others included. O(nodes above the
        leaves).

        >>> MapleTree([(10, 19, 'a')]).node_count
        1
        """
    @property
    def track_gaps(self) -> bool:
        """Can this tree search for free room? Given when the tree is made.

        >>> MapleTree(track_gaps=False).track_gaps
        False
        """
    @overload
    def get(self, index: SupportsIndex, default: None = None) -> _V | None:
        """The value at an index; default where there is none. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.get(19), t.get(20), t.get(20, 'none')
        ('a', None, 'none')
        """
    @overload
    def get(self, index: SupportsIndex, default: _D) -> _V | _D:
        """The value at an index; default where there is none. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.get(19), t.get(20), t.get(20, 'none')
        ('a', None, 'none')
        """
    def entry(self, index: SupportsIndex) -> Entry[_V] | None:
        """The whole range around an index, both ends included, with its value; None in a gap. O(log n).

        >>> MapleTree([(10, 19, 'a')]).entry(15)
        Entry(first=10, last=19, value='a')
        """
    def find(
        self, index: SupportsIndex, last: SupportsIndex = 18446744073709551615
    ) -> Entry[_V] | None:
        """The first entry that reaches index or lies above it, and begins at or below last; or None.
        O(log n).

        Bounds outside 0 ... MAX are cut. ValueError where index is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.find(15)
        Entry(first=10, last=19, value='a')
        >>> t.find(20)
        Entry(first=30, last=39, value='b')
        >>> t.find(20, 29) is None
        True
        """
    def find_rev(self, index: SupportsIndex, first: SupportsIndex = 0) -> Entry[_V] | None:
        """The last entry that reaches index or lies below it, and ends at or above first; or None.
        O(log n).

        Bounds outside 0 ... MAX are cut. ValueError where first is above index.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.find_rev(35)
        Entry(first=30, last=39, value='b')
        >>> t.find_rev(29)
        Entry(first=10, last=19, value='a')
        >>> t.find_rev(29, 20) is None
        True
        """
    def next(self, index: SupportsIndex) -> Entry[_V] | None:
        """The entry after the one, or after the gap, that index lies in; or None. O(log n).

        A negative index lies before all entries.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.next(15)
        Entry(first=30, last=39, value='b')
        >>> t.next(35) is None
        True
        """
    def prev(self, index: SupportsIndex) -> Entry[_V] | None:
        """The entry before the one, or before the gap, that index lies in; or None. O(log n).

        An index above MAX lies behind all entries.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.prev(35)
        Entry(first=10, last=19, value='a')
        >>> t.prev(15) is None
        True
        """
    def entries(
        self,
        first: SupportsIndex = 0,
        last: SupportsIndex = 18446744073709551615,
        *,
        reverse: bool = False,
        clip: bool = False,
    ) -> Iterator[Entry[_V]]:
        """An iterator of the entries that lie in [first, last] or reach into it, both ends included.

        It runs over the tree as it is now, whatever is stored meanwhile. O(log n) to make, O(1) for
        each entry.

        Args:
            reverse: from the last entry to the first
            clip: cut the first and the last entry at the ends of the window; if the tree has a policy,
                it is asked for their values

        Bounds outside 0 ... MAX are cut. ValueError where first is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> [tuple(entry) for entry in t.entries(15, 30)]
        [(10, 19, 'a'), (30, 39, 'b')]
        >>> [tuple(entry) for entry in t.entries(15, 30, clip=True, reverse=True)]
        [(30, 30, 'b'), (15, 19, 'a')]
        """
    def gaps(
        self, first: SupportsIndex = 0, last: SupportsIndex = 18446744073709551615
    ) -> Iterator[Gap]:
        """An iterator of the free ranges in [first, last] as pairs (first, last), all ends included,
        cut at the window.

        It runs over the tree as it is now, and works without gap tracking. O(log n) to make, then
        O(1) for each entry that it passes. Bounds outside 0 ... MAX are cut. ValueError where first
        is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> list(t.gaps(0, 35))
        [Gap(first=0, last=9), Gap(first=20, last=29)]
        """
    def is_free(self, first: SupportsIndex, last: SupportsIndex) -> bool:
        """Has no index of [first, last], both ends included, a value? O(log n).

        Nothing outside 0 ... MAX has one. ValueError where first is above last.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.is_free(20, 29), t.is_free(19, 29)
        (True, False)
        """
    def empty_area(
        self,
        size: SupportsIndex,
        first: SupportsIndex = 0,
        last: SupportsIndex = 18446744073709551615,
        *,
        align: SupportsIndex = 1,
        reverse: bool = False,
    ) -> int:
        """Where `size` free indices begin in [first, last], both ends included: the lowest place, or
        the highest.

        O(log n); with align, O(log n) for each gap of that size without an aligned place.

        Args:
            size: a number of indices, 1 or more
            align: the place is a multiple of it; 1 or more
            reverse: the highest place

        NoSpaceError where none fits. Bounds outside 0 ... MAX are cut. ValueError where first is
        above last, for a size or align below 1, and for a tree with track_gaps=False.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.empty_area(10), t.empty_area(11), t.empty_area(10, 0, 99, reverse=True)
        (0, 40, 90)
        >>> t.empty_area(6, 1, align=8)
        24
        """
    def store_range(self, first: SupportsIndex, last: SupportsIndex, value: _V) -> None:
        """Store a value over [first, last], both ends included. O(log n), and O(1) for each entry that
        it drops.

        What lies there is overwritten; an entry that is cut keeps its value on both sides.
        ValueError where first is above last or an end is outside 0 ... MAX.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.store_range(12, 13, 'b')
        >>> t
        MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
        """
    def insert_range(self, first: SupportsIndex, last: SupportsIndex, value: _V) -> None:
        """Store a value over [first, last], both ends included, if all of it is free. O(log n).

        RangeOccupiedError, with the first entry in the way as its .entry, where it is not.
        ValueError where first is above last or an end is outside 0 ... MAX.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.insert_range(20, 29, 'b')
        >>> t.insert_range(5, 10, 'c')
        Traceback (most recent call last):
        samara.RangeOccupiedError: [5, 10] is not free: [10, 19] has a value
        """
    def erase(self, index: SupportsIndex) -> Entry[_V] | None:
        """Remove the whole range around an index. The entry that was there, or None. O(log n).

        `del t[index]` removes the one index. ValueError where index is outside 0 ... MAX.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.erase(12)
        Entry(first=10, last=19, value='a')
        >>> t.erase(12) is None, len(t)
        (True, 0)
        """
    def pop_range(self, first: SupportsIndex, last: SupportsIndex) -> list[Entry[_V]]:
        """Clear [first, last], both ends included. A list of what was there, cut at the ends, where a
        policy is asked for the values. O(log n + removed entries).

        ValueError where first is above last or an end is outside 0 ... MAX.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.pop_range(15, 30)
        [Entry(first=15, last=19, value='a'), Entry(first=30, last=30, value='b')]
        >>> t
        MapleTree([(10, 14, 'a'), (31, 39, 'b')])
        """
    def alloc_range(
        self,
        value: _V,
        size: SupportsIndex,
        first: SupportsIndex = 0,
        last: SupportsIndex = 18446744073709551615,
        *,
        align: SupportsIndex = 1,
        reverse: bool = False,
    ) -> int:
        """Find `size` free indices in [first, last], both ends included, store a value there, and
        return where they begin.

        The arguments, the cost and the errors are those of empty_area(); bounds outside 0 ... MAX
        are refused.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.alloc_range('b', 5), t.alloc_range('c', 16, align=16)
        (0, 32)
        >>> t.alloc_range('d', 5, 0, 12)
        5
        >>> t.alloc_range('e', 5, 0, 12)
        Traceback (most recent call last):
        samara.NoSpaceError: no 5 free indices in [0, 12]
        """
    def clear(self) -> None:
        """Remove everything. The attributes (dtype, track_gaps, policy) stay. O(nodes that no other
        tree shares).

        >>> t = MapleTree([(10, 19, 'a')], track_gaps=False)
        >>> t.clear()
        >>> t
        MapleTree([], track_gaps=False)
        """
    def dup(self) -> Self:
        """A full copy of the tree, in nodes of its own; the values are the same objects. O(n).

        All nodes are copied in one pass, so it is far cheaper than building the tree again. fork()
        is O(1), and copies nodes later, when they are written; dup() where the copy will be changed
        all over.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = t.dup()
        >>> u[10] = 'b'
        >>> t[10]
        'a'
        """
    def dup_into(self, other: MapleTree[_V]) -> None:
        """A full copy of the tree in another one, which must be empty and have the same attributes. O(n).

        ValueError where other is not empty, differs in dtype or track_gaps, or has not this very
        policy; nothing is changed then.
        MemoryError leaves other empty.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = MapleTree()
        >>> t.dup_into(u)
        >>> u == t
        True
        >>> t.dup_into(u)
        Traceback (most recent call last):
        ValueError: other is not empty: it holds 1 ranges
        """
    def fork(self) -> Self:
        """A copy of the tree that shares its nodes until one of the two writes them. O(1).

        The two are independent: a write copies the nodes on its path first, O(log n). copy.copy()
        is this.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = t.fork()
        >>> t[10] = 'b'
        >>> t[10], u[10]
        ('b', 'a')
        """
    def cursor(self, first: SupportsIndex = 0, last: SupportsIndex | None = None) -> Cursor[_V]:
        """A Cursor at [first, last], both ends included; without last at the single index first. O(1).

        ValueError where first is above last or an end is outside 0 ... MAX.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
        >>> cursor.walk()
        Entry(first=10, last=19, value='a')
        """
    def check(self) -> None:
        """Check every invariant of the tree; AssertionError says what is broken and where. O(n).

        >>> MapleTree([(10, 19, 'a')]).check()
        """
    def dump(self, *, hex: bool = False) -> str:
        """The tree's nodes and slots as text, one to a line; words are the values' addresses, or the 64
        bits of a packed tree's numbers. O(n).

        Args:
            hex: numbers in base 16

        >>> print(MapleTree([(10, 19, 'a')]).dump()) # doctest: +ELLIPSIS
        maple tree: height 1, attributes 0x3
          leaf [0, 18446744073709551615]: 3 slots, ...
             0 [0, 9]: gap
             1 [10, 19]: 0x...
             2 [20, 18446744073709551615]: gap
        <BLANKLINE>
        """
    def __copy__(self) -> Self:
        """fork(), for copy.copy(). O(1)."""
    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy.deepcopy(). O(n)."""
    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        """For pickle: fill an empty tree. ValueError for what is no state of a MapleTree. O(n)."""
    def __sizeof__(self) -> int:
        """nbytes."""
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """MapleTree[V]: a tree with values of type V."""
    def __bool__(self) -> bool: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: SupportsIndex, /) -> bool: ...
    def __iter__(self) -> Iterator[Entry[_V]]: ...
    def __reversed__(self) -> Iterator[Entry[_V]]:
        """entries(reverse=True)."""
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> _V: ...
    @overload
    def __getitem__(self, key: slice, /) -> Self: ...
    def __setitem__(self, key: SupportsIndex | slice, value: _V, /) -> None: ...
    def __delitem__(self, key: SupportsIndex | slice, /) -> None: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Cursor(Generic[_V]):
    """A place in a tree, with the path to it: the kernel's ma_state.

    A run of steps along the tree costs O(1) for each, where a look-up by index costs O(log n).
    A cursor keeps its tree alive. After another writer has changed the tree it walks again from
    its index; it never reads what is gone.

    It begins at [first, last], both ends included, or at the single index first, with status
    "start". `for entry in cursor` goes on from the cursor as find() does.

    >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
    >>> cursor = t.cursor(15)
    >>> [entry.value for entry in cursor]
    ['a', 'b']
    """

    def __new__(
        cls, tree: MapleTree[_V], first: SupportsIndex = 0, last: SupportsIndex | None = None
    ) -> Self: ...
    @property
    def index(self) -> int:
        """The first index of the range that the cursor stands on or is set to.

        >>> MapleTree().cursor(10, 19).index
        10
        """
    @property
    def last(self) -> int:
        """The last index of the range that the cursor stands on or is set to.

        >>> MapleTree().cursor(10, 19).last
        19
        """
    @property
    def value(self) -> _V | None:
        """The value where the cursor stands; None on a gap and where it has not walked.

        After another writer changed the tree: what is at index now. O(log n) then, else O(1).

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
        >>> cursor.value is None
        True
        >>> entry = cursor.walk()
        >>> cursor.value
        'a'
        """
    @property
    def status(
        self,
    ) -> Literal["start", "active", "gap", "pause", "none", "overflow", "underflow"]:
        """What the cursor knows of its place, as a string.

        - "start": set, not walked
        - "active": stands on an entry
        - "gap": stands on a gap
        - "pause": goes on after its range
        - "none": the last step found nothing
        - "overflow": the last step met its upper limit; index and last are as before it
        - "underflow": the last step met its lower limit; index and last are as before it

        >>> cursor = MapleTree().cursor()
        >>> cursor.status
        'start'
        >>> cursor.walk() is None, cursor.status
        (True, 'gap')
        """
    @property
    def tree(self) -> MapleTree[_V]:
        """The tree.

        >>> t = MapleTree()
        >>> t.cursor().tree is t
        True
        """
    def set(self, index: SupportsIndex) -> None:
        """Set the cursor to one index, not walked. O(1). ValueError where it is outside 0 ... MAX.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor()
        >>> cursor.set(15)
        >>> cursor.walk()
        Entry(first=10, last=19, value='a')
        """
    def set_range(self, first: SupportsIndex, last: SupportsIndex) -> None:
        """Set the cursor to [first, last], both ends included, not walked. O(1).

        ValueError where first is above last or an end is outside 0 ... MAX.

        >>> t = MapleTree()
        >>> cursor = t.cursor()
        >>> cursor.set_range(10, 19)
        >>> cursor.store('a')
        >>> t
        MapleTree([(10, 19, 'a')])
        """
    def walk(self) -> Entry[_V] | None:
        """Walk to the range around index: its entry, or None for a gap, whose ends are then index and
        last. O(log n).

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
        >>> cursor.walk() is None, cursor.index, cursor.last
        (True, 0, 9)
        """
    def next(self, max: SupportsIndex = 18446744073709551615) -> Entry[_V] | None:
        """Go on to the next entry that begins at or below max; None where there is none. O(1) amortised.

        From a place that has not been walked: the entry after the range around index.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
        >>> cursor.next()
        Entry(first=30, last=39, value='b')
        >>> cursor.next() is None
        True
        """
    def next_range(self, max: SupportsIndex = 18446744073709551615) -> Entry[_V] | Gap | None:
        """As next(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
        >>> cursor.next_range()
        Gap(first=20, last=29)
        """
    def prev(self, min: SupportsIndex = 0) -> Entry[_V] | None:
        """Go back to the entry before that ends at or above min; None where there is none. O(1) amortised.

        From a place that has not been walked: the entry before the range around index.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
        >>> cursor.prev()
        Entry(first=10, last=19, value='a')
        """
    def prev_range(self, min: SupportsIndex = 0) -> Entry[_V] | Gap | None:
        """As prev(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
        >>> cursor.prev_range()
        Gap(first=20, last=29)
        """
    def find(self, max: SupportsIndex = 18446744073709551615) -> Entry[_V] | None:
        """The first entry at or above index that begins at or below max; then the next one with each
        call; or None.

        The first call after set() looks at index itself, later ones go on behind. O(1) amortised.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.find(29) is None
        True
        """
    def find_range(self, max: SupportsIndex = 18446744073709551615) -> Entry[_V] | Gap | None:
        """As find(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(15)
        >>> cursor.find_range(99)
        Entry(first=10, last=19, value='a')
        >>> cursor.find_range(99)
        Gap(first=20, last=18446744073709551615)
        """
    def find_rev(self, min: SupportsIndex = 0) -> Entry[_V] | None:
        """The last entry at or below index that ends at or above min; then the one before with each
        call; or None.

        The first call after set() looks at index itself, later ones go on below. O(1) amortised.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(35)
        >>> cursor.find_rev()
        Entry(first=30, last=39, value='b')
        >>> cursor.find_rev()
        Entry(first=10, last=19, value='a')
        """
    def find_range_rev(self, min: SupportsIndex = 0) -> Entry[_V] | Gap | None:
        """As find_rev(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)
        >>> cursor.find_range_rev()
        Gap(first=20, last=18446744073709551615)
        >>> cursor.find_range_rev()
        Entry(first=10, last=19, value='a')
        """
    def find_rev_range(self, min: SupportsIndex = 0) -> Entry[_V] | Gap | None:
        """Another name of find_range_rev().

        >>> MapleTree().cursor(25).find_rev_range()
        Gap(first=0, last=18446744073709551615)
        """
    def store(self, value: _V) -> None:
        """Store a value over [index, last], both ends included. The cursor then stands on it. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> cursor = t.cursor(12, 13)
        >>> cursor.store('b')
        >>> t
        MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
        """
    def erase(self) -> Entry[_V] | None:
        """Remove the whole range around index. The entry that was there, or None. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.cursor(12).erase()
        Entry(first=10, last=19, value='a')
        >>> len(t)
        0
        """
    def empty_area(
        self,
        size: SupportsIndex,
        min: SupportsIndex = 0,
        max: SupportsIndex = 18446744073709551615,
    ) -> int:
        """Set the cursor to the lowest `size` free indices in [min, max], both ends included. Where
        they begin. O(log n).

        Errors as MapleTree.empty_area(); the cursor then stays where it is.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> cursor = t.cursor()
        >>> cursor.empty_area(11)
        20
        >>> cursor.store('b')
        >>> t.entry(30)
        Entry(first=20, last=30, value='b')
        """
    def empty_area_rev(
        self,
        size: SupportsIndex,
        min: SupportsIndex = 0,
        max: SupportsIndex = 18446744073709551615,
    ) -> int:
        """As empty_area(), but the highest place.

        >>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)
        5
        """
    def pause(self) -> None:
        """Let go of the path: the next step goes on behind the range that the cursor stands on. O(1).

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.pause()
        >>> cursor.find()
        Entry(first=30, last=39, value='b')
        """
    def reset(self) -> None:
        """Forget the path; index and last stay. The next step begins anew, at index. O(1).

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.reset()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        """
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """Cursor[V]: a cursor of a MapleTree[V]."""
    def __iter__(self) -> Self: ...
    def __next__(self) -> Entry[_V]: ...

def _pool_stats() -> tuple[int, int, int]: ...
def _fail_nth(n: SupportsIndex, /) -> None: ...
