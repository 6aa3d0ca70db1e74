# SPDX-License-Identifier: MIT
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from os import PathLike
from types import GenericAlias, TracebackType
from typing import (
    Any,
    Generic,
    Literal,
    Protocol,
    Self,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
    type_check_only,
)

from numpy import datetime64, timedelta64
from numpy import dtype as numpy_dtype
from numpy.typing import NDArray
from typing_extensions import Buffer, disjoint_base

from samara._entry import Change, Entry, Gap
from samara._key_type import KeyType
from samara._policy import BuiltInPolicy, Policy

_K = TypeVar("_K")
_K_co = TypeVar("_K_co", covariant=True)
_V = TypeVar("_V")
_V_co = TypeVar("_V_co", covariant=True)
_D = TypeVar("_D")
_IntTree = TypeVar("_IntTree", bound=MapleTree[Any, int])
_FloatTree = TypeVar("_FloatTree", bound=MapleTree[Any, float])

# What stands for a key of type K: text for an address, anything with __index__ for an int.
_Key: TypeAlias = _K | SupportsIndex | str | datetime64
_Network: TypeAlias = IPv4Network | IPv6Network
_Size: TypeAlias = SupportsIndex | timedelta | timedelta64
_Ranges: TypeAlias = Iterable[tuple[_Key[_K], _Key[_K]] | tuple[_Key[_K], _Key[_K], Any]]
_IntegerKeys: TypeAlias = Literal["uint64", "int64", "uint128"]
_MomentKeys: TypeAlias = Literal[
    "datetime64[s]",
    "datetime64[ms]",
    "datetime64[us]",
    "datetime64[s, UTC]",
    "datetime64[ms, UTC]",
    "datetime64[us, UTC]",
]
_OtherKeys: TypeAlias = str | numpy_dtype[Any]
_Keys: TypeAlias = _OtherKeys | KeyType[_K]
_KeyColumn: TypeAlias = Buffer | Iterable[_Key[_K]] | NDArray[Any] | _ArrowTable | _ArrowArray
_Integers: TypeAlias = Buffer | Iterable[SupportsIndex]
_Numbers: TypeAlias = Buffer | Iterable[SupportsFloat | SupportsIndex]
_Dtype: TypeAlias = Literal["u8", "i8", "f8"]
_AnyDtype: TypeAlias = str | type[Any] | numpy_dtype[Any] | None
_FloatOperation: TypeAlias = Literal["add", "min", "max"]
_Operation: TypeAlias = Literal["add", "min", "max", "or", "and"]
_Closed: TypeAlias = Literal["both", "left"]
_Overlap: TypeAlias = Literal["error", "last"]
_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes]

# Iterable[tuple[K, K, V]] in other words. With Iterable, pyright infers a
# MapleTree[Literal["a", "b"]] from MapleTree([(1, 2, "a"), (3, 4, "b")]); through a protocol it
# infers MapleTree[str], as mypy does.
@type_check_only
@type_check_only
class _ArrowTable(Protocol):
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

@type_check_only
class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object = None) -> object: ...

class _Triples(Protocol[_K_co, _V_co]):
    def __iter__(self) -> Iterator[tuple[_K_co, _K_co, _V_co]]: ...

@final
class TreeLock:
    """The lock of one tree: a re-entrant lock and a context manager.

    While one thread holds it, all operations of other threads on the tree wait, look-ups too.
    Iterators run over snapshots: once made, they need no lock.
    """

    def acquire(self) -> Literal[True]:
        """Take the lock. Waits while another thread holds it.

        The thread that holds the lock may take it again. It must then release it as many times.

        Returns:
            Always True.

        >>> t = MapleTree()
        >>> t.lock.acquire()
        True
        >>> t.lock.release()
        """
    def release(self) -> None:
        """Release the lock.

        Raises:
            RuntimeError: This thread does not hold the lock.

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
        """Release the lock."""

@disjoint_base
class MapleTree(Generic[_K, _V]):
    """An ordered map from ranges of keys to values.

    Ranges are closed, [first, last], and do not overlap. Keys are integers in 0 ... MAX = 2**64 - 1,
    or of the kind that `keys` says; t.first_key and t.last_key are the limits. An index, which is one
    key, without a value lies in a gap. Values are any objects, including None. In a tree with a dtype,
    they are 64-bit numbers. In the costs below, n is the number of ranges.

    Args:
        iterable: triples (first, last, value), or a MapleTree. From a tree, only the ranges are
            taken, not the attributes; dup() and fork() take both. A later triple overwrites what
            it covers. Sorted triples that do not overlap are stored in O(n), into full nodes;
            any other triple costs O(log n).
        keys: the kind of keys, which the tree keeps:

            - 'uint64', 'int64', 'uint128': integers
            - 'float64': floats from -inf to inf. Two neighbours have no float between them. There are
              no sizes: `covered`, empty_area() and other methods with a size raise TypeError.
            - 'date': datetime.date. 'datetime64[s]', 'datetime64[ms]', 'datetime64[us]': naive
              datetimes. 'datetime64[us, UTC]', or with any other zone: aware datetimes, which come
              out in that zone. 'datetime64[ns]': numpy.datetime64; pandas.Timestamp with a zone.
              Sizes are timedeltas.
            - 'ipv4', 'ipv6': addresses, as objects, text or integers. t[network] is about all
              addresses of a network, as a slice is.
            - an object with the protocol samara.KeyType, for any other keys

        dtype: None for any object. 'u8', 'i8' or 'f8' for a packed tree, whose values are
            unsigned integers, signed integers or floats; numpy's names and types do as well. Values
            are converted when they are stored, and there is no reference counting.
        track_gaps: keep the largest gap of each subtree. empty_area() and the three methods
            alloc_*() need this. Stores are faster without.
        policy: None, or a samara.Policy: an object with the methods split() and merge(). split()
            says what becomes of a value when its range is cut, merge() whether two neighbours
            merge. Raises AttributeError if either method is missing. samara.COALESCE merges equal
            neighbours. With samara.OFFSET, values rise with the index. A packed tree can have only
            these two.

    t[i], t[i] = v, del t[i] and i in t are about one index. t[a:b] is half-open, and t[a:] reaches
    the last key. All of these are O(log n). Reading t[a:b] returns a tree of the ranges there, cut
    at the ends. For a whole range, ask t.covers(first, last) or t.overlaps(first, last), not `in`.

    Look-ups take any integer; there is nothing outside the limits. Writes there raise ValueError.
    Anything that is not an integer raises TypeError. For other keys it is the same; NaN and NaT lie
    outside, and raise ValueError as an end of a window. A packed tree raises TypeError for anything
    that is not a number, ValueError for an integer outside its 64 bits, and OverflowError for an
    integer too large for a float. MemoryError leaves the tree as it was.

    A loop over a tree yields entries, and sees the tree as it was when the loop began. repr() of more
    than 20 ranges shows only the first and the last ones.

    The methods, by what they are for:

    - look up: get, entry, find, find_rev, next, prev, first_entry, last_entry, load_many
    - ask about a range: covers, overlaps, is_free
    - iterate: entries, ranges, values, items, gaps, cursor
    - store: store_range, insert_range, store_many, update
    - change values: map_range; the numbers of a packed tree: accumulate, accumulate_many
    - remove: erase, pop_range, clear
    - find free space: empty_area, alloc_range, alloc_many, alloc_cyclic; samara.common_gaps for
      several trees
    - copy: fork, dup, dup_into
    - compare: diff
    - arrays: from_arrays, to_arrays
    - files: save, load
    - debug: check, dump

    t == u compares the ranges and their values, as diff() does; forks of one tree are compared in
    O(log n) for each change. `t | u` has the entries of both, and u's where they overlap (see
    update()). `t & u` is what both cover, `t - u` what only t covers, both with t's values, cut at
    the ends. u can be any iterable: of triples for `|`, of triples or pairs (first, last) for `&`
    and `-`. The result is a tree like t, with its class, attributes and dtype. It shares nodes with
    t: for forks of one tree, each costs O(log n) for each change. `|=`, `&=` and `-=` change the
    tree itself: wholly, or not at all.

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
    >>> t - [(35, 36)]
    MapleTree([(30, 34, 'b'), (37, 39, 'b')])
    >>> MapleTree([(10, 19, 1.5)], dtype='f8')
    MapleTree([(10, 19, 1.5)], dtype='f8')
    >>> t = MapleTree(keys='ipv4')
    >>> t['10.0.0.0/8'] = 'private'
    >>> t['10.1.2.3'], t.find('9.0.0.0').first
    ('private', IPv4Address('10.0.0.0'))
    """

    @overload
    def __init__(
        self: MapleTree[int, _V],
        iterable: _Triples[SupportsIndex, _V] = (),
        /,
        *,
        keys: _IntegerKeys = "uint64",
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[float, _V],
        iterable: _Triples[SupportsFloat | SupportsIndex, _V] = (),
        /,
        *,
        keys: Literal["float64"],
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[date, _V],
        iterable: _Triples[date | datetime64, _V] = (),
        /,
        *,
        keys: Literal["date"],
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[datetime, _V],
        iterable: _Triples[datetime | datetime64, _V] = (),
        /,
        *,
        keys: _MomentKeys,
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[IPv4Address, _V],
        iterable: _Triples[IPv4Address | str | SupportsIndex, _V] = (),
        /,
        *,
        keys: Literal["ipv4"],
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[IPv6Address, _V],
        iterable: _Triples[IPv6Address | str | SupportsIndex, _V] = (),
        /,
        *,
        keys: Literal["ipv6"],
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[_K, _V],
        iterable: _Triples[_K, _V] = (),
        /,
        *,
        keys: KeyType[_K],
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    # Of other keys, such as those with a zone: MapleTree[datetime, str](...) or an annotation.
    @overload
    def __init__(
        self: MapleTree[_K, _V],
        iterable: _Triples[Any, _V] = (),
        /,
        *,
        keys: _OtherKeys,
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[int, int],
        iterable: _Triples[SupportsIndex, SupportsIndex] = (),
        /,
        *,
        keys: _IntegerKeys = "uint64",
        dtype: Literal["u8", "i8", "uint64", "int64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[int, float],
        iterable: _Triples[SupportsIndex, SupportsFloat | SupportsIndex] = (),
        /,
        *,
        keys: _IntegerKeys = "uint64",
        dtype: Literal["f8", "float64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[_K, int],
        iterable: _Triples[Any, SupportsIndex] = (),
        /,
        *,
        keys: _Keys[_K],
        dtype: Literal["u8", "i8", "uint64", "int64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: MapleTree[_K, float],
        iterable: _Triples[Any, SupportsFloat | SupportsIndex] = (),
        /,
        *,
        keys: _Keys[_K],
        dtype: Literal["f8", "float64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
    ) -> None: ...
    # A dtype that is known only at run time.
    @overload
    def __init__(
        self: MapleTree[_K, Any],
        iterable: _Triples[Any, Any] = (),
        /,
        *,
        keys: _Keys[_K] = "uint64",
        dtype: _AnyDtype,
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
    ) -> None: ...
    @overload
    @classmethod
    def from_arrays(
        cls,
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: Iterable[_V],
        *,
        keys: _Keys[_K] = "uint64",
        dtype: None = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> Self:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    # A subclass, or MapleTree[int]; and then MapleTree itself.
    @overload
    @classmethod
    def from_arrays(
        cls: type[_IntTree],
        first: _KeyColumn[Any],
        last: _KeyColumn[Any],
        values: _Integers,
        *,
        keys: _Keys[Any] = "uint64",
        dtype: Literal["u8", "i8", "uint64", "int64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> _IntTree:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[MapleTree[Any, _D]],
        first: _KeyColumn[int],
        last: _KeyColumn[int],
        values: _Integers,
        *,
        keys: _IntegerKeys = "uint64",
        dtype: Literal["u8", "i8", "uint64", "int64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> MapleTree[int, int]:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[MapleTree[_K, _D]],
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: _Integers,
        *,
        keys: _Keys[_K] = "uint64",
        dtype: Literal["u8", "i8", "uint64", "int64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> MapleTree[_K, int]:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[_FloatTree],
        first: _KeyColumn[Any],
        last: _KeyColumn[Any],
        values: _Numbers,
        *,
        keys: _Keys[Any] = "uint64",
        dtype: Literal["f8", "float64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> _FloatTree:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[MapleTree[Any, _D]],
        first: _KeyColumn[int],
        last: _KeyColumn[int],
        values: _Numbers,
        *,
        keys: _IntegerKeys = "uint64",
        dtype: Literal["f8", "float64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> MapleTree[int, float]:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls: type[MapleTree[_K, _D]],
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: _Numbers,
        *,
        keys: _Keys[_K] = "uint64",
        dtype: Literal["f8", "float64"],
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> MapleTree[_K, float]:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    @overload
    @classmethod
    def from_arrays(
        cls,
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: Iterable[_V],
        *,
        keys: _Keys[_K] = "uint64",
        dtype: _AnyDtype,
        track_gaps: bool = True,
        policy: BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> Self:
        """Make a tree of the ranges [first[i], last[i]], both ends included, with values[i].

        O(n), into full nodes. The ranges must be sorted and must not overlap, unless sort or overlap
        says otherwise. Buffers must not change during the call. An instance of a subclass is made
        without calling __init__().

        Args:
            first, last: buffers of integers (numpy array, array.array, memoryview) with one
                dimension, of any size, signed or unsigned; or sequences of integers. For other keys,
                sequences of keys or arrays as to_arrays() returns them. Keys of 128 bits can also be a
                structured array of two uint64 (high, low), or 16-byte strings in big-endian order.
                Also columns of Arrow (pyarrow, polars, pandas), without nulls: numbers, dates,
                timestamps, text of addresses, 16 bytes.
            values: a buffer of numbers, or a sequence of any objects, or a column as above. Columns with
                nulls, and of other types than numbers, are objects, and nulls are None.
            keys: as in MapleTree()
            dtype: 'u8', 'i8' or 'f8': the values are converted to it. None: a buffer of unsigned
                integers, signed integers or floats makes a tree of that dtype; anything else makes
                a tree of objects. So does any buffer with a policy other than samara.COALESCE and
                samara.OFFSET.
            track_gaps: as in MapleTree()
            policy: as in MapleTree(). It is asked about ranges that touch, as if they were stored one
                after the other, in ascending order. Whatever it raises leaves nothing behind.
            closed: 'both': last is included. 'left': last is the exclusive end, first < last. Then
                2**64 means up to MAX.
            sort: the rows may be in any order. They are sorted by first, in C for a packed tree.
                Messages have the positions in the given columns.
            overlap: 'error', or 'last': where ranges overlap, the one in the later row wins, as in
                store_many(). Then first may rise or stay the same from row to row, or fall with sort.
                O(n log n) if any ranges overlap. A policy is asked as by store_many().

        Raises:
            ValueError: The three differ in length; an end is outside the limits; a range is empty or
                ends before it begins; ranges overlap or are not in order; or a value is outside its
                dtype's 64 bits. The message gives the position. Also raised for a buffer with
                several dimensions or in another byte order, for a dtype with another policy than
                samara.COALESCE and samara.OFFSET, and for another word as closed or overlap.
            TypeError: An end is not an integer, or a value is not a number that the dtype takes.

        >>> MapleTree.from_arrays([10, 30], [19, 39], ['a', 'b'])
        MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> from array import array
        >>> MapleTree.from_arrays(range(0, 30, 10), range(5, 35, 10), array('d', [1, 2, 3]))
        MapleTree([(0, 5, 1.0), (10, 15, 2.0), (20, 25, 3.0)], dtype='f8')
        >>> from samara import COALESCE
        >>> MapleTree.from_arrays([10, 20], [19, 29], array('d', [1, 1]), policy=COALESCE)
        MapleTree([(10, 29, 1.0)], dtype='f8')
        >>> MapleTree.from_arrays([10, 12], [12, 19], [1, 2])
        Traceback (most recent call last):
        ValueError: position 1: [12, 19] overlaps or is below [10, 12]
        >>> MapleTree.from_arrays([20, 0], [30, 10], ['b', 'a'], closed='left', sort=True)
        MapleTree([(0, 9, 'a'), (20, 29, 'b')])
        >>> MapleTree.from_arrays([0, 5], [9, 6], ['a', 'b'], overlap='last')
        MapleTree([(0, 4, 'a'), (5, 6, 'b'), (7, 9, 'a')])
        """
    # Only trees that are asked for arrays need numpy.
    def to_arrays(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return all ranges as three numpy arrays (first, last, values), both ends included. O(n).

        The values have uint64, int64 or float64 as the tree's dtype says, or object. The first two are
        uint64, int64, float64 or datetime64 arrays, as t.keys_dtype says: datetime64 in UTC if there is a
        zone, datetime64[D] for dates. Addresses of IPv4 are uint32. Keys of 128 bits are rows of two
        uint64 (high, low). Keys of a samara.KeyType are objects.

        Raises:
            ImportError: numpy is not installed.

        >>> first, last, values = MapleTree([(10, 19, 1.5)], dtype='f8').to_arrays()
        >>> first, last, values
        (array([10], dtype=uint64), array([19], dtype=uint64), array([1.5]))
        """
    # An array if the tree is packed, else a list.
    @overload
    def load_many(
        self,
        keys: _KeyColumn[_K],
        default: Any = ...,
        found: Literal[False] = False,
        *,
        dtype: _AnyDtype = None,
    ) -> Any:
        """Look up many indices. O(log n) for each.

        The keys are looked up in the tree as it is now, several at once. If there are many, other
        threads run meanwhile and may write the tree.

        Args:
            keys: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
                of integers; for other keys, as in from_arrays(). It must not change during the call.
                Columns of Arrow and of pandas are read in place; in several chunks, they are put
                together first. Nulls have no value.
            default: returned for a key without a value, and for a key outside the limits. A packed
                tree converts it to its dtype. There is none unless you pass one. In the signature,
                `...` stands for that; passed as an argument, Ellipsis is a value like any other.
            found: also return which keys have a value. No key is then an error. Without a default,
                the others get None, or 0 in a packed tree.
            dtype: 'u4' or 'i4' for a tree of 'u8' or 'i8', 'f4' for one of 'f8': results of 32 bits,
                which take half the memory. The default may then be any number of that dtype.

        Returns:
            The values, as a numpy array of the tree's dtype, or of the one that is given; in a tree of
            objects, as a list. With found, the tuple (values, mask). The mask is a numpy array of bools,
            or a list of them.

        Raises:
            KeyError: A key has no value, and there is neither a default nor found. The error has
                the first such key.
            TypeError: A key is not an integer, or not of the tree's kind; or there is a dtype, and the
                tree has objects.
            ValueError: A value does not fit in 32 bits, or dtype is another one.
            ImportError: The tree has a dtype, and numpy is not installed.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.load_many([35, 10, 20, -1], None)
        ['b', 'a', None, None]
        >>> t.load_many([35, 20], found=True)
        (['b', None], [True, False])
        >>> t.load_many(range(19, 22))
        Traceback (most recent call last):
        KeyError: 20
        """
    @overload
    def load_many(
        self,
        keys: _KeyColumn[_K],
        default: Any = ...,
        *,
        found: Literal[True],
        dtype: _AnyDtype = None,
    ) -> tuple[Any, Any]:
        """Look up many indices. O(log n) for each.

        The keys are looked up in the tree as it is now, several at once. If there are many, other
        threads run meanwhile and may write the tree.

        Args:
            keys: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
                of integers; for other keys, as in from_arrays(). It must not change during the call.
                Columns of Arrow and of pandas are read in place; in several chunks, they are put
                together first. Nulls have no value.
            default: returned for a key without a value, and for a key outside the limits. A packed
                tree converts it to its dtype. There is none unless you pass one. In the signature,
                `...` stands for that; passed as an argument, Ellipsis is a value like any other.
            found: also return which keys have a value. No key is then an error. Without a default,
                the others get None, or 0 in a packed tree.
            dtype: 'u4' or 'i4' for a tree of 'u8' or 'i8', 'f4' for one of 'f8': results of 32 bits,
                which take half the memory. The default may then be any number of that dtype.

        Returns:
            The values, as a numpy array of the tree's dtype, or of the one that is given; in a tree of
            objects, as a list. With found, the tuple (values, mask). The mask is a numpy array of bools,
            or a list of them.

        Raises:
            KeyError: A key has no value, and there is neither a default nor found. The error has
                the first such key.
            TypeError: A key is not an integer, or not of the tree's kind; or there is a dtype, and the
                tree has objects.
            ValueError: A value does not fit in 32 bits, or dtype is another one.
            ImportError: The tree has a dtype, and numpy is not installed.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.load_many([35, 10, 20, -1], None)
        ['b', 'a', None, None]
        >>> t.load_many([35, 20], found=True)
        (['b', None], [True, False])
        >>> t.load_many(range(19, 22))
        Traceback (most recent call last):
        KeyError: 20
        """
    @overload
    def load_many(
        self,
        keys: _KeyColumn[_K],
        default: Any,
        found: Literal[True],
        *,
        dtype: _AnyDtype = None,
    ) -> tuple[Any, Any]:
        """Look up many indices. O(log n) for each.

        The keys are looked up in the tree as it is now, several at once. If there are many, other
        threads run meanwhile and may write the tree.

        Args:
            keys: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
                of integers; for other keys, as in from_arrays(). It must not change during the call.
                Columns of Arrow and of pandas are read in place; in several chunks, they are put
                together first. Nulls have no value.
            default: returned for a key without a value, and for a key outside the limits. A packed
                tree converts it to its dtype. There is none unless you pass one. In the signature,
                `...` stands for that; passed as an argument, Ellipsis is a value like any other.
            found: also return which keys have a value. No key is then an error. Without a default,
                the others get None, or 0 in a packed tree.
            dtype: 'u4' or 'i4' for a tree of 'u8' or 'i8', 'f4' for one of 'f8': results of 32 bits,
                which take half the memory. The default may then be any number of that dtype.

        Returns:
            The values, as a numpy array of the tree's dtype, or of the one that is given; in a tree of
            objects, as a list. With found, the tuple (values, mask). The mask is a numpy array of bools,
            or a list of them.

        Raises:
            KeyError: A key has no value, and there is neither a default nor found. The error has
                the first such key.
            TypeError: A key is not an integer, or not of the tree's kind; or there is a dtype, and the
                tree has objects.
            ValueError: A value does not fit in 32 bits, or dtype is another one.
            ImportError: The tree has a dtype, and numpy is not installed.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.load_many([35, 10, 20, -1], None)
        ['b', 'a', None, None]
        >>> t.load_many([35, 20], found=True)
        (['b', None], [True, False])
        >>> t.load_many(range(19, 22))
        Traceback (most recent call last):
        KeyError: 20
        """
    @overload
    def load_many(
        self,
        keys: _KeyColumn[_K],
        default: Any = ...,
        found: bool = False,
        *,
        dtype: _AnyDtype = None,
    ) -> Any:
        """Look up many indices. O(log n) for each.

        The keys are looked up in the tree as it is now, several at once. If there are many, other
        threads run meanwhile and may write the tree.

        Args:
            keys: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
                of integers; for other keys, as in from_arrays(). It must not change during the call.
                Columns of Arrow and of pandas are read in place; in several chunks, they are put
                together first. Nulls have no value.
            default: returned for a key without a value, and for a key outside the limits. A packed
                tree converts it to its dtype. There is none unless you pass one. In the signature,
                `...` stands for that; passed as an argument, Ellipsis is a value like any other.
            found: also return which keys have a value. No key is then an error. Without a default,
                the others get None, or 0 in a packed tree.
            dtype: 'u4' or 'i4' for a tree of 'u8' or 'i8', 'f4' for one of 'f8': results of 32 bits,
                which take half the memory. The default may then be any number of that dtype.

        Returns:
            The values, as a numpy array of the tree's dtype, or of the one that is given; in a tree of
            objects, as a list. With found, the tuple (values, mask). The mask is a numpy array of bools,
            or a list of them.

        Raises:
            KeyError: A key has no value, and there is neither a default nor found. The error has
                the first such key.
            TypeError: A key is not an integer, or not of the tree's kind; or there is a dtype, and the
                tree has objects.
            ValueError: A value does not fit in 32 bits, or dtype is another one.
            ImportError: The tree has a dtype, and numpy is not installed.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.load_many([35, 10, 20, -1], None)
        ['b', 'a', None, None]
        >>> t.load_many([35, 20], found=True)
        (['b', None], [True, False])
        >>> t.load_many(range(19, 22))
        Traceback (most recent call last):
        KeyError: 20
        """
    def store_many(self, first: _KeyColumn[_K], last: _KeyColumn[_K], values: Iterable[_V]) -> None:
        """Store values[i] over [first[i], last[i]], both ends included, for each i in order.

        All of them are stored, or none. Each costs O(log n), plus what store_range() costs for
        dropped entries. The arguments are those of from_arrays(), but may be in any order and
        overlap: a later range overwrites an earlier one. Everything is converted and checked before
        the tree changes.

        Raises:
            ValueError, TypeError: As in from_arrays().
            MemoryError: The tree is as it was.

        >>> t = MapleTree()
        >>> t.store_many([30, 10], [39, 33], ['a', 'b'])
        >>> t
        MapleTree([(10, 33, 'b'), (34, 39, 'a')])
        """
    @overload
    def accumulate(
        self: MapleTree[_K, int],
        first: _Key[_K],
        last: _Key[_K],
        value: SupportsIndex,
        op: _Operation = "add",
    ) -> None:
        """Add a number to the values over [first, last], both ends included, or combine them by op.

        Only for a packed tree. Each value v there becomes v op value. Entries are cut at both ends and
        keep their bounds in between. A gap gets the value itself. O(log n), and O(1) for each entry
        that overlaps the range. All of it happens, or nothing.

        If the tree has a policy, the range is erased, and its pieces are then stored in ascending
        order: cut entries are split and neighbours merge as in any store.

        Args:
            value: converted as in a store
            op: 'add'; 'min' or 'max', whose result is NaN if one of the numbers is; 'or' or 'and' of
                the 64 bits, which floats do not have

        Raises:
            OverflowError: A sum of integers does not fit the dtype. The message names the first
                range where it does not.
            ValueError: first is above last, a number is outside its limits, or op is unknown.
            TypeError: The tree has no dtype (map_range() is for those), the value is not a number, or
                floats have no such op.

        >>> t = MapleTree([(10, 19, 5)], dtype='u8')
        >>> t.accumulate(15, 24, 2)
        >>> t
        MapleTree([(10, 14, 5), (15, 19, 7), (20, 24, 2)], dtype='u8')
        >>> t.accumulate(0, 17, 6, 'max')
        >>> list(t)[1:3]
        [Entry(first=10, last=14, value=6), Entry(first=15, last=17, value=7)]
        """
    @overload
    def accumulate(
        self: MapleTree[_K, float],
        first: _Key[_K],
        last: _Key[_K],
        value: SupportsFloat | SupportsIndex,
        op: _FloatOperation = "add",
    ) -> None:
        """Add a number to the values over [first, last], both ends included, or combine them by op.

        Only for a packed tree. Each value v there becomes v op value. Entries are cut at both ends and
        keep their bounds in between. A gap gets the value itself. O(log n), and O(1) for each entry
        that overlaps the range. All of it happens, or nothing.

        If the tree has a policy, the range is erased, and its pieces are then stored in ascending
        order: cut entries are split and neighbours merge as in any store.

        Args:
            value: converted as in a store
            op: 'add'; 'min' or 'max', whose result is NaN if one of the numbers is; 'or' or 'and' of
                the 64 bits, which floats do not have

        Raises:
            OverflowError: A sum of integers does not fit the dtype. The message names the first
                range where it does not.
            ValueError: first is above last, a number is outside its limits, or op is unknown.
            TypeError: The tree has no dtype (map_range() is for those), the value is not a number, or
                floats have no such op.

        >>> t = MapleTree([(10, 19, 5)], dtype='u8')
        >>> t.accumulate(15, 24, 2)
        >>> t
        MapleTree([(10, 14, 5), (15, 19, 7), (20, 24, 2)], dtype='u8')
        >>> t.accumulate(0, 17, 6, 'max')
        >>> list(t)[1:3]
        [Entry(first=10, last=14, value=6), Entry(first=15, last=17, value=7)]
        """
    @overload
    def accumulate_many(
        self: MapleTree[_K, int],
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: _Integers | SupportsIndex,
        op: _Operation = "add",
    ) -> None:
        """Do what accumulate() does for each range [first[i], last[i]] and values[i].

        The ranges may be in any order and overlap. With 1 for values, the tree then holds how many
        ranges cover each index. The entries are those that single calls would leave: they begin and
        end where a range or an entry did. All of it happens, or nothing.

        n ranges cost O(n log n) however they overlap, and O(1) for each entry that they cover. Sorted
        ranges are fastest. Memory during the call: about 125 bytes for each range, and if there are
        many, 50 for each entry. In a tree with a policy, the call costs as much as n single calls.

        Sums of integers may leave the dtype on the way; only the final ones must fit. Sums of floats
        are rounded in no particular order.

        Args:
            first, last: columns, as in store_many()
            values: a column, or one number for all ranges
            op: as in accumulate()

        Raises:
            OverflowError, TypeError: As in accumulate().
            ValueError: As in accumulate() and store_many().
            MemoryError: The tree is as it was.

        >>> depth = MapleTree(dtype='u8')
        >>> depth.accumulate_many([10, 15, 12], [19, 24, 16], 1)
        >>> [tuple(entry) for entry in depth]
        [(10, 11, 1), (12, 14, 2), (15, 16, 3), (17, 19, 2), (20, 24, 1)]
        """
    @overload
    def accumulate_many(
        self: MapleTree[_K, float],
        first: _KeyColumn[_K],
        last: _KeyColumn[_K],
        values: _Numbers | SupportsFloat | SupportsIndex,
        op: _FloatOperation = "add",
    ) -> None:
        """Do what accumulate() does for each range [first[i], last[i]] and values[i].

        The ranges may be in any order and overlap. With 1 for values, the tree then holds how many
        ranges cover each index. The entries are those that single calls would leave: they begin and
        end where a range or an entry did. All of it happens, or nothing.

        n ranges cost O(n log n) however they overlap, and O(1) for each entry that they cover. Sorted
        ranges are fastest. Memory during the call: about 125 bytes for each range, and if there are
        many, 50 for each entry. In a tree with a policy, the call costs as much as n single calls.

        Sums of integers may leave the dtype on the way; only the final ones must fit. Sums of floats
        are rounded in no particular order.

        Args:
            first, last: columns, as in store_many()
            values: a column, or one number for all ranges
            op: as in accumulate()

        Raises:
            OverflowError, TypeError: As in accumulate().
            ValueError: As in accumulate() and store_many().
            MemoryError: The tree is as it was.

        >>> depth = MapleTree(dtype='u8')
        >>> depth.accumulate_many([10, 15, 12], [19, 24, 16], 1)
        >>> [tuple(entry) for entry in depth]
        [(10, 11, 1), (12, 14, 2), (15, 16, 3), (17, 19, 2), (20, 24, 1)]
        """
    @overload
    def map_range(self, first: _Key[_K], last: _Key[_K], function: Callable[[_V], _V]) -> None:
        """Replace each value over [first, last], both ends included, by function(value).

        Entries are cut at both ends and keep their bounds in between: the function is called once for
        each piece, in ascending order, and the piece gets what it returns. All of it happens, or
        nothing. O(log n), and O(log n) for each piece.

        The function sees the values of the tree as it was at the call. It may do anything, but if the
        tree is written before the last call returns, nothing is stored. Hold t.lock if other threads
        write.

        If the tree has a policy, a cut entry is split first, and the function gets the value that
        split() returned. The range is then erased, and its pieces are stored in ascending order, so
        neighbours merge as in any store.

        Args:
            function: called with one value. In a packed tree, the result is converted as in a store.
            default: if given, gaps in the range get function(default). In the signature, `...` stands
                for no default; passed as an argument, Ellipsis is a value like any other.

        Raises:
            ValueError: first is above last, or a number is outside its limits.
            TypeError: The function is not callable, or its result is not a number for a packed tree.
            RuntimeError: The tree has been written meanwhile. The tree is as it was written.
            Exception: What the function raises. The tree is as it was.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.map_range(15, 34, str.upper)
        >>> [tuple(entry) for entry in t]
        [(10, 14, 'a'), (15, 19, 'A'), (30, 34, 'B'), (35, 39, 'b')]
        >>> t.map_range(30, 49, lambda text: text + '!', default='')
        >>> t[30], t[45], t.get(20)
        ('B!', '!', None)
        """
    @overload
    def map_range(
        self,
        first: _Key[_K],
        last: _Key[_K],
        function: Callable[[Any], _V],
        default: Any,
    ) -> None:
        """Replace each value over [first, last], both ends included, by function(value).

        Entries are cut at both ends and keep their bounds in between: the function is called once for
        each piece, in ascending order, and the piece gets what it returns. All of it happens, or
        nothing. O(log n), and O(log n) for each piece.

        The function sees the values of the tree as it was at the call. It may do anything, but if the
        tree is written before the last call returns, nothing is stored. Hold t.lock if other threads
        write.

        If the tree has a policy, a cut entry is split first, and the function gets the value that
        split() returned. The range is then erased, and its pieces are stored in ascending order, so
        neighbours merge as in any store.

        Args:
            function: called with one value. In a packed tree, the result is converted as in a store.
            default: if given, gaps in the range get function(default). In the signature, `...` stands
                for no default; passed as an argument, Ellipsis is a value like any other.

        Raises:
            ValueError: first is above last, or a number is outside its limits.
            TypeError: The function is not callable, or its result is not a number for a packed tree.
            RuntimeError: The tree has been written meanwhile. The tree is as it was written.
            Exception: What the function raises. The tree is as it was.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.map_range(15, 34, str.upper)
        >>> [tuple(entry) for entry in t]
        [(10, 14, 'a'), (15, 19, 'A'), (30, 34, 'B'), (35, 39, 'b')]
        >>> t.map_range(30, 49, lambda text: text + '!', default='')
        >>> t[30], t[45], t.get(20)
        ('B!', '!', None)
        """
    @property
    def keys_dtype(self) -> str | KeyType[_K]:
        """The kind of keys: a name, or an object with the protocol samara.KeyType.

        Set when the tree is made, and kept.

        >>> MapleTree().keys_dtype, MapleTree(keys='ipv6').keys_dtype
        ('uint64', 'ipv6')
        """
    @property
    def first_key(self) -> _K:
        """The first key that the tree can have.

        >>> MapleTree().first_key, MapleTree(keys='int64').first_key
        (0, -9223372036854775808)
        """
    @property
    def last_key(self) -> _K:
        """The last key that the tree can have.

        >>> MapleTree(keys='date').last_key
        datetime.date(9999, 12, 31)
        """
    @property
    def dtype(self) -> _Dtype | None:
        """The type of the values: None for any object, else 'u8', 'i8' or 'f8'.

        Set when the tree is made.

        >>> MapleTree(dtype='u8').dtype
        'u8'
        """
    @property
    def policy(self) -> Policy[_V] | None:
        """The samara.Policy of the tree, or None. Set when the tree is made, and kept.

        repr() does not show it: most policies have no text from which they could be made again.

        >>> MapleTree().policy is None
        True
        >>> from samara import COALESCE
        >>> MapleTree(policy=COALESCE).policy
        samara.COALESCE
        """
    @property
    def covered(self) -> Any:
        """The number of indices with a value, up to 2**64, or 2**128 if the keys have 128 bits.

        O(1), or O(n) after a write dropped shared nodes. A timedelta if the keys are dates or datetimes;
        TypeError if they are floats.

        >>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).covered
        20
        """
    @property
    def height(self) -> int:
        """The number of levels of nodes: 0 for an empty tree, 1 for a single leaf.

        >>> MapleTree([(10, 19, 'a')]).height
        1
        """
    @property
    def lock(self) -> TreeLock:
        """A re-entrant lock, for use with `with`. It makes several operations atomic.

        A single operation is atomic without it. While one thread holds the lock, all operations of
        other threads on this tree wait, look-ups too.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> with t.lock:
        ...     t[10] = t[10] + 'b'
        >>> t[10]
        'ab'
        """
    @property
    def nbytes(self) -> int:
        """The size of the tree in bytes: 256 for each node, including shared ones, and the object.

        512 for each node if the keys have 128 bits. Values are not counted.

        >>> t = MapleTree()
        >>> t[5] = 'a'
        >>> t.nbytes - MapleTree().nbytes
        256
        """
    @property
    def node_count(self) -> int:
        """The number of nodes, including those shared with other trees. O(nodes above the leaves).

        >>> MapleTree([(10, 19, 'a')]).node_count
        1
        """
    @property
    def track_gaps(self) -> bool:
        """Whether the tree can search for free space. Set when the tree is made.

        >>> MapleTree(track_gaps=False).track_gaps
        False
        """
    @overload
    def get(self, index: _Key[_K], default: None = None) -> _V | None:
        """Return the value at an index, or default if there is none. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.get(19), t.get(20), t.get(20, 'none')
        ('a', None, 'none')
        """
    @overload
    def get(self, index: _Key[_K], default: _D) -> _V | _D:
        """Return the value at an index, or default if there is none. O(log n).

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.get(19), t.get(20), t.get(20, 'none')
        ('a', None, 'none')
        """
    def entry(self, index: _Key[_K]) -> Entry[_K, _V] | None:
        """Return the whole range around an index with its value, or None in a gap. O(log n).

        >>> MapleTree([(10, 19, 'a')]).entry(15)
        Entry(first=10, last=19, value='a')
        """
    def find(self, index: _Key[_K], last: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Return the first entry in [index, last], both ends included. O(log n).

        An entry counts if any part of it lies there. Bounds outside the limits are cut. Without the
        second one, the window reaches to the limit.

        Returns:
            The whole entry, or None.

        Raises:
            ValueError: index is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.find(15)
        Entry(first=10, last=19, value='a')
        >>> t.find(20)
        Entry(first=30, last=39, value='b')
        >>> t.find(20, 29) is None
        True
        """
    def find_rev(self, index: _Key[_K], first: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Return the last entry in [first, index], both ends included. O(log n).

        An entry counts if any part of it lies there. Bounds outside the limits are cut. Without the
        second one, the window reaches to the limit.

        Returns:
            The whole entry, or None.

        Raises:
            ValueError: first is above index.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.find_rev(35)
        Entry(first=30, last=39, value='b')
        >>> t.find_rev(29)
        Entry(first=10, last=19, value='a')
        >>> t.find_rev(29, 20) is None
        True
        """
    def first_entry(self) -> Entry[_K, _V] | None:
        """Return the first entry, or None if the tree is empty. O(log n).

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.first_entry()
        Entry(first=10, last=19, value='a')
        >>> MapleTree().first_entry() is None
        True
        """
    def last_entry(self) -> Entry[_K, _V] | None:
        """Return the last entry, or None if the tree is empty. O(log n).

        >>> MapleTree([(10, 19, 'a'), (30, 39, 'b')]).last_entry()
        Entry(first=30, last=39, value='b')
        """
    def next(self, index: _Key[_K]) -> Entry[_K, _V] | None:
        """Return the next entry after the entry or gap that contains index. O(log n).

        An index below the first key lies before all entries.

        Returns:
            The entry, or None.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.next(15)
        Entry(first=30, last=39, value='b')
        >>> t.next(35) is None
        True
        """
    def prev(self, index: _Key[_K]) -> Entry[_K, _V] | None:
        """Return the last entry before the entry or gap that contains index. O(log n).

        An index above the last key lies after all entries.

        Returns:
            The entry, or None.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.prev(35)
        Entry(first=10, last=19, value='a')
        >>> t.prev(15) is None
        True
        """
    def entries(
        self,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        *,
        reverse: bool = False,
        clip: bool = False,
    ) -> Iterator[Entry[_K, _V]]:
        """Iterate over the entries in [first, last], both ends included.

        An entry counts if any part of it lies there. The iterator sees the tree as it is now,
        whatever is stored later. It costs O(log n) to make, and O(1) for each entry. Bounds outside
        the limits are cut.

        Args:
            first: the first index of the window. None: the first key.
            last: the last index of the window. None: the last key.
            reverse: go from the last entry to the first
            clip: cut the first and the last entry at the ends of the window. If the tree has a
                policy, its split() is asked for their values.

        Raises:
            ValueError: first is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> [tuple(entry) for entry in t.entries(15, 30)]
        [(10, 19, 'a'), (30, 39, 'b')]
        >>> [tuple(entry) for entry in t.entries(15, 30, clip=True, reverse=True)]
        [(30, 30, 'b'), (15, 19, 'a')]
        """
    def ranges(
        self,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        *,
        reverse: bool = False,
        clip: bool = False,
    ) -> Iterator[tuple[_K, _K]]:
        """Iterate over the ranges in [first, last], as pairs (first, last), both ends included.

        Arguments, cost and errors are those of entries().

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> list(t.ranges())
        [(10, 19), (30, 39)]
        >>> list(t.ranges(15, 30, clip=True))
        [(15, 19), (30, 30)]
        """
    def values(
        self,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        *,
        reverse: bool = False,
        clip: bool = False,
    ) -> Iterator[_V]:
        """Iterate over the values of the ranges in [first, last], both ends included.

        Each range counts once, however many indices it has. Arguments, cost and errors are those of
        entries(). (clip matters only if the tree has a policy.)

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> list(t.values()), list(t.values(30, reverse=True))
        (['a', 'b'], ['b'])
        """
    def items(
        self,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        *,
        reverse: bool = False,
        clip: bool = False,
    ) -> Iterator[tuple[tuple[_K, _K], _V]]:
        """Iterate over ((first, last), value) for the ranges in [first, last], both ends included.

        Arguments, cost and errors are those of entries().

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> dict(t.items())
        {(10, 19): 'a', (30, 39): 'b'}
        """
    def gaps(
        self, first: _Key[_K] | None = None, last: _Key[_K] | None = None
    ) -> Iterator[Gap[_K]]:
        """Iterate over the free ranges in [first, last], cut at its ends.

        Each is a Gap: a pair (first, last), both ends included, whose .size is the number of free
        indices. The iterator sees the tree as it is now. It does not need gap tracking. It costs
        O(log n) to make, and O(1) for each entry that it passes. Bounds outside the limits are cut, and
        None means the limit.

        Raises:
            ValueError: first is above last.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> list(t.gaps(0, 35))
        [Gap(first=0, last=9), Gap(first=20, last=29)]
        >>> [gap.size for gap in t.gaps(5, 99)]
        [5, 10, 60]
        """
    def covers(self, first: _Key[_K], last: _Key[_K]) -> bool:
        """Return whether every index of [first, last], both ends included, has a value.

        O(log n). Without gap tracking, O(log n + entries passed) up to the first gap. Several ranges
        without a gap between them cover as one does. Indices outside the limits are free.

        Raises:
            ValueError: first is above last.

        >>> t = MapleTree([(10, 19, 'a'), (20, 29, 'b')])
        >>> t.covers(12, 25), t.covers(25, 30)
        (True, False)
        """
    def overlaps(self, first: _Key[_K], last: _Key[_K]) -> bool:
        """Return whether any index of [first, last], both ends included, has a value. O(log n).

        The opposite of is_free(). Indices outside the limits are free.

        Raises:
            ValueError: first is above last.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.overlaps(19, 29), t.overlaps(20, 29)
        (True, False)
        """
    def is_free(self, first: _Key[_K], last: _Key[_K]) -> bool:
        """Return whether [first, last], both ends included, is entirely free. O(log n).

        Indices outside the limits are free.

        Raises:
            ValueError: first is above last.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.is_free(20, 29), t.is_free(19, 29)
        (True, False)
        """
    def empty_area(
        self,
        size: _Size,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        *,
        align: _Size | None = None,
        reverse: bool = False,
    ) -> _K:
        """Find `size` free indices in [first, last], both ends included.

        O(log n). With align, O(log n) for each gap of that size without an aligned place. Bounds
        outside the limits are cut.

        Args:
            size: how many indices, 1 or more; a timedelta if the keys are dates or datetimes
            first: the first index of the window. None: the first key.
            last: the last index of the window. None: the last key.
            align: the place must be a multiple of this; 1 or more, as a size. Dates and datetimes are
                aligned from a Monday, at midnight in UTC or without a zone.
            reverse: find the highest place, not the lowest

        Returns:
            The first of the free indices.

        Raises:
            NoSpaceError: There is no such place.
            ValueError: first is above last, size or align is below 1, or the tree has
                track_gaps=False.
            TypeError: The keys are floats, which have no sizes.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.empty_area(10), t.empty_area(11), t.empty_area(10, 0, 99, reverse=True)
        (0, 40, 90)
        >>> t.empty_area(6, 1, align=8)
        24
        """
    def store_range(self, first: _Key[_K], last: _Key[_K], value: _V) -> None:
        """Store a value over [first, last], both ends included.

        Overwrites what is there. An entry that is cut keeps its value on both sides. O(log n), and
        O(1) for each entry that is dropped.

        Raises:
            ValueError: first is above last, or an end is outside the limits.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.store_range(12, 13, 'b')
        >>> t
        MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
        """
    def insert_range(self, first: _Key[_K], last: _Key[_K], value: _V) -> None:
        """Store a value over [first, last], both ends included, if all of it is free. O(log n).

        Raises:
            RangeOccupiedError: It is not free. The error's .entry is the first entry there.
            ValueError: first is above last, or an end is outside the limits.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.insert_range(20, 29, 'b')
        >>> t.insert_range(5, 10, 'c')
        Traceback (most recent call last):
        samara.RangeOccupiedError: [5, 10] is not free: [10, 19] has a value
        """
    def erase(self, index: _Key[_K]) -> Entry[_K, _V] | None:
        """Remove the whole range around an index. O(log n).

        `del t[index]` removes only the one index.

        Returns:
            The removed entry, or None.

        Raises:
            ValueError: index is outside the limits.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.erase(12)
        Entry(first=10, last=19, value='a')
        >>> t.erase(12) is None, len(t)
        (True, 0)
        """
    def pop_range(self, first: _Key[_K], last: _Key[_K]) -> list[Entry[_K, _V]]:
        """Clear [first, last], both ends included, and return what was there.

        O(log n + removed entries).

        Returns:
            A list of the entries, cut at the ends. If the tree has a policy, its split() is asked
            for the values of cut entries.

        Raises:
            ValueError: first is above last, or an end is outside the limits.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.pop_range(15, 30)
        [Entry(first=15, last=19, value='a'), Entry(first=30, last=30, value='b')]
        >>> t
        MapleTree([(10, 14, 'a'), (31, 39, 'b')])
        """
    def alloc_range(
        self,
        size: _Size,
        value: _V,
        *,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        align: _Size | None = None,
        reverse: bool = False,
    ) -> _K:
        """Find `size` free indices in [first, last], both ends included, and store a value there.

        Arguments, cost and errors are those of empty_area(), except that bounds outside the limits
        raise ValueError.

        Returns:
            The first of the indices.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.alloc_range(5, 'b'), t.alloc_range(16, 'c', align=16)
        (0, 32)
        >>> t.alloc_range(5, 'd', last=12)
        5
        >>> t.alloc_range(5, 'e', last=12)
        Traceback (most recent call last):
        samara.NoSpaceError: no 5 free indices in [0, 12]
        """
    def alloc_many(
        self,
        sizes: Buffer | Iterable[_Size],
        values: Iterable[_V],
        *,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        align: _Size | None = None,
        reverse: bool = False,
    ) -> list[_K]:
        """Do what alloc_range() does for each size and its value, in order. All or nothing.

        O(log n) for each. The other arguments are those of alloc_range(), and count for all.

        Args:
            sizes: a buffer of integers (numpy array, array.array) with one dimension, or a sequence
                of sizes. It must not change during the call.
            values: a value for each size: a sequence; for a packed tree also a buffer of numbers,
                which is converted to its dtype

        Returns:
            A list with the first index of each.

        Raises:
            NoSpaceError: There is no room for one of them. The message has its position and size.
            ValueError: The two differ in length, a size is below 1, or as in alloc_range().
            TypeError: A size is not an integer, or a value is not a number that the dtype takes.
            MemoryError: As with every error, the tree is as it was.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> t.alloc_many([5, 8, 3], ['b', 'c', 'd'])
        [0, 20, 5]
        >>> t.alloc_many([1, 9], ['e', 'f'], last=30)
        Traceback (most recent call last):
        samara.NoSpaceError: position 1: no 9 free indices in [0, 30]
        >>> len(t)
        4
        """
    def alloc_cyclic(
        self,
        value: _V,
        *,
        first: _Key[_K] | None = None,
        last: _Key[_K] | None = None,
        next: _Key[_K],
    ) -> tuple[_K, _K, bool]:
        """Store a value at one free index of [first, last], both ends included. O(log n).

        Searches from next up. If there is no free index, it wraps: it searches again from first. Pass
        the `next` that it returns to the next call, so that a freed index is not reused soon.

        Args:
            value: what to store
            first: the first index of the window. None: the first key.
            last: the last index of the window. None: the last key.
            next: where to begin, often what the last call returned. Required.

        Returns:
            The tuple (index, next, wrapped). The value is now at index. The next call should begin at
            next, which is the key after index, or the first key after the last one. wrapped says
            whether the search has wrapped.

            Taking the last key makes next wrap to the first one. The tree remembers that, even after
            clear(): the first later call whose search does not wrap returns True too. Copies by fork(),
            dup() and copy.copy() remember it; pickles do not.

        Raises:
            NoSpaceError: No index of [first, last] is free.
            ValueError: first is above last, a bound is outside the limits, or the tree has
                track_gaps=False.

        >>> t = MapleTree()
        >>> t.alloc_cyclic('a', first=1, last=2, next=1)
        (1, 2, False)
        >>> index, next, wrapped = t.alloc_cyclic('b', first=1, last=2, next=2)
        >>> index, next, wrapped
        (2, 3, False)
        >>> del t[1]
        >>> t.alloc_cyclic('c', first=1, last=2, next=next)
        (1, 2, True)
        """
    def clear(self) -> None:
        """Remove everything.

        The attributes (dtype, track_gaps, policy) stay. O(nodes that no other tree shares).

        >>> t = MapleTree([(10, 19, 'a')], track_gaps=False)
        >>> t.clear()
        >>> t
        MapleTree([], track_gaps=False)
        """
    def dup(self) -> Self:
        """Return a full copy of the tree, in nodes of its own. O(n).

        The values are the same objects. All nodes are copied in one pass, which is far cheaper than
        building the tree again. fork() is O(1), and copies a node when it is written. Use dup() if
        you are going to change the copy all over.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = t.dup()
        >>> u[10] = 'b'
        >>> t[10]
        'a'
        """
    def dup_into(self, other: MapleTree[_K, _V]) -> None:
        """Copy the whole tree into another one. O(n).

        The other tree must be empty and have the same kind of keys and the same attributes.

        Raises:
            ValueError: other is not empty, its keys, dtype or track_gaps differ, or its policy is not
                the same object. Nothing has changed.
            MemoryError: other is still empty.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = MapleTree()
        >>> t.dup_into(u)
        >>> u == t
        True
        >>> t.dup_into(u)
        Traceback (most recent call last):
        ValueError: other must be empty, but it has 1 ranges
        """
    def fork(self) -> Self:
        """Return a copy-on-write copy of the tree. O(1).

        The two trees are independent, and share nodes until one of them writes. A write first
        copies the nodes on its path, in O(log n). copy.copy() does the same.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> u = t.fork()
        >>> t[10] = 'b'
        >>> t[10], u[10]
        ('b', 'a')
        """
    def diff(self, other: MapleTree[_K, _D]) -> Iterator[Change[_K, _V | _D]]:
        """Iterate over the ranges where this tree and another one differ, in order.

        Each is a Change (first, last, before, after), both ends included: `before` is this tree's
        value, `after` the other's, and None stands for a gap. A Change lies within one entry, or one
        gap, of each tree: entries are cut at the ends of both, and neighbouring changes are not
        merged. If a tree has a policy, its split() is asked for the value of a part, as for a slice. If
        None is a value too, `change.first in t` tells whether there is one.

        Values are equal if they are the same object or compare equal. In packed trees, numbers with
        the same bits are equal too: a NaN equals the same NaN. Numbers of different dtypes are compared
        as Python compares them.

        Nodes that both trees share are skipped: for forks of one tree, O(log n) for each change.
        Otherwise O(n) for both trees together. The iterator sees both trees as they are now.

        Raises:
            TypeError: other is not a MapleTree.
            ValueError: other has another kind of keys.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> u = t.fork()
        >>> u[15:25] = 'c'
        >>> del u[30:40]
        >>> for change in t.diff(u):
        ...     print(change)
        Change(first=15, last=19, before='a', after='c')
        Change(first=20, last=24, before=None, after='c')
        Change(first=30, last=39, before='b', after=None)
        """
    def update(self, other: _Triples[_Key[_K], _V]) -> None:
        """Store each entry of another tree, or each triple of an iterable, in order.

        All of them are stored, or none. What they cover is overwritten, as store_range() does.
        `t |= other` does the same, and `t | other` makes a new tree.

        Nodes that both trees share are skipped, and so are entries that this tree has with the same
        ends and the very same value: for forks of one tree, O(log n) for each change. Otherwise
        O(log n) for each entry, and O(n) for this tree if other is one.

        Args:
            other: a MapleTree; or triples (first, last, value) in any order. Values from a tree of
                another dtype are converted, as any store does.

        Raises:
            ValueError: A range of a triple is not within the limits, or its first is above its last; or
                other is a tree with another kind of keys.
            TypeError: other is not iterable, or an item is not a triple.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> t.update([(15, 20, 'c')])
        >>> t
        MapleTree([(10, 14, 'a'), (15, 20, 'c'), (30, 39, 'b')])
        >>> u = t | MapleTree([(0, 9, 'd')])
        >>> u
        MapleTree([(0, 9, 'd'), (10, 14, 'a'), (15, 20, 'c'), (30, 39, 'b')])
        """
    def cursor(self, first: _Key[_K] | None = None, last: _Key[_K] | None = None) -> Cursor[_K, _V]:
        """Return a Cursor at [first, last], both ends included. O(1).

        Without last, the cursor is at the single index first.

        Raises:
            ValueError: first is above last, or an end is outside the limits.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(12)
        >>> cursor.walk()
        Entry(first=10, last=19, value='a')
        """
    def save(self, path: _Path) -> None:
        """Write the tree to a file, which load() reads. O(n).

        The file has the ranges, the values, the names of the keys and of a policy of samara's, dtype, and
        track_gaps.
        Attributes of a subclass and its instances are not saved. The format is a ZIP archive of numpy
        arrays: numpy.load() reads it too. It is written beside the old file, if there is one, and
        then takes its place. Whatever goes wrong, the old file stays.

        Values are saved if they are None, or of the types bool, int, float, str, bytes, tuple, list
        or dict with str keys, nested up to 100 levels. Equal ones are stored once, except lists and
        dicts. pickle saves other values.

        Args:
            path: a str, bytes or os.PathLike

        Raises:
            TypeError: A value has another type. The message has its range. Or path is not a path.
            ValueError: A value is nested too deeply.
            OSError: The file cannot be written.

        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, 'tree.npz')
        ...     MapleTree([(10, 19, 'a')]).save(path)
        ...     MapleTree.load(path)
        MapleTree([(10, 19, 'a')])
        """
    @classmethod
    def from_arrow(
        cls,
        table: _ArrowTable,
        *,
        first: str = "first",
        last: str = "last",
        value: str = "value",
        keys: _Keys[_K] | None = None,
        dtype: _AnyDtype = None,
        track_gaps: bool = True,
        policy: Policy[_V] | BuiltInPolicy | None = None,
        closed: _Closed = "both",
        sort: bool = False,
        overlap: _Overlap = "error",
    ) -> Self:
        """Make a tree of three columns of a table of Arrow. O(n).

        A table is any object with the Arrow C stream interface, and so a DataFrame of polars or pandas,
        a Table of pyarrow, a relation of duckdb, or another tree. No package is needed to read it.

        Args:
            table: the object
            first, last, value: the names of the columns
            keys: the kind of keys, as in MapleTree(). None: the one that the column first has. Signed
                integers are int64, unsigned ones uint64, floats float64, timestamps datetime64 with their
                unit and zone, dates date, 16 bytes uint128. Columns of a tree say themselves whether they
                are addresses; polars forgets that.
            dtype, track_gaps, policy, closed, sort, overlap: as in from_arrays()

        Raises:
            ValueError: A column is missing, or a bound is null; and as in from_arrays().
            TypeError: The object is no table, its keys are of no known kind, or values are of a type
                that samara does not read; and as in from_arrays().

        >>> MapleTree.from_arrow(MapleTree([(10, 19, 'a'), (30, 39, None)]))
        MapleTree([(10, 19, 'a'), (30, 39, None)])

        Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        """
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the ranges as a table of Arrow with the columns first, last and value. O(n).

        So polars.DataFrame(t), pyarrow.table(t), pandas.DataFrame.from_arrow(t) and a query of duckdb
        read a tree. Both ends are included.

        Keys are uint64, int64, double, date32, or timestamps with unit and zone. Addresses of IPv4 are
        uint32; keys of 128 bits are 16 bytes each, in big-endian order. The numbers of a packed tree are
        uint64, int64 or double. Values of a tree of objects, and keys of a samara.KeyType, must be of one
        type or None: bool, int, float, str, bytes, date or datetime.

        Args:
            requested_schema: not used, as the interface allows

        Returns:
            A capsule named "arrow_array_stream", which gives one batch.

        Raises:
            TypeError: Values are of several types, or of one without a column in Arrow.
            ValueError: Integers do not fit into 64 bits.

        >>> MapleTree([(10, 19, 'a')]).__arrow_c_stream__()  # doctest: +ELLIPSIS
        <capsule object "arrow_array_stream" at 0x...>

        Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        """
    @classmethod
    def load(
        cls,
        path: _Path,
        *,
        policy: Policy[_V] | BuiltInPolicy | None = None,
        keys: KeyType[_K] | None = None,
    ) -> Self:
        """Return a tree from a file that save() wrote. O(n), into full nodes.

        An instance of a subclass is made without calling __init__(). No code in the file is run. All
        of it is checked, so it may come from anyone.

        Args:
            path: a str, bytes or os.PathLike
            policy: the tree's policy. Required if the saved tree had one that is not samara's own.
            keys: the tree's samara.KeyType. Required if the saved tree had one.

        Raises:
            FileFormatError: The file is not one of save()'s, it is damaged, or it is of a newer
                version. The message says what is wrong.
            ValueError: The saved tree had a policy or a KeyType, and none is given; or the reverse.
            TypeError: path is not a path.
            OSError: The file cannot be read.

        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, 'tree.npz')
        ...     MapleTree([(10, 19, 2.5)], dtype='f8', track_gaps=False).save(path)
        ...     MapleTree.load(path)
        MapleTree([(10, 19, 2.5)], dtype='f8', track_gaps=False)
        """
    def check(self) -> None:
        """Check every invariant of the tree. O(n).

        Raises:
            AssertionError: The message says what is broken and where.

        >>> MapleTree([(10, 19, 'a')]).check()
        """
    def dump(self, *, hex: bool = False) -> str:
        """Return the tree's nodes and slots as text, one per line. O(n).

        A value is shown as its address, or in a packed tree as the 64 bits of the number.

        Args:
            hex: show numbers in base 16

        >>> print(MapleTree([(10, 19, 'a')]).dump()) # doctest: +ELLIPSIS
        maple tree: height 1, attributes 0x...
          leaf [0, 18446744073709551615]: 3 slots, ...
             0 [0, 9]: gap
             1 [10, 19]: 0x...
             2 [20, 18446744073709551615]: gap
        <BLANKLINE>
        """
    def _repr_html_(self) -> str:
        """Show the tree in a notebook: a table, short as repr() is."""
    def __rich_repr__(self) -> Iterator[Any]:
        """Show the tree in rich, short as repr() is."""
    def __copy__(self) -> Self:
        """Support copy.copy(): the same as fork(). O(1)."""
    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle and copy.deepcopy(). O(n)."""
    def __reduce_ex__(self, protocol: SupportsIndex, /) -> str | tuple[Any, ...]:
        """Support pickle: __reduce__(), with buffers from protocol 5 on. O(n).

        The columns of a packed tree are then pickle.PickleBuffer objects, which pickle can hand on
        out of band: to a socket, a file or shared memory, without a copy.

        Args:
            protocol: the version of pickle's format

        >>> import pickle
        >>> tree, buffers = MapleTree([(10, 19, 1.5)], dtype='f8'), []
        >>> data = pickle.dumps(tree, protocol=5, buffer_callback=buffers.append)
        >>> [buffer.raw().nbytes for buffer in buffers]
        [8, 8, 8]
        >>> pickle.loads(data, buffers=buffers) == tree
        True
        """
    def __setstate__(self, state: tuple[Any, ...], /) -> None:
        """Support pickle: fill an empty tree. O(n).

        Raises:
            ValueError: This is not the state of a MapleTree, or the tree is not empty.
        """
    def __sizeof__(self) -> int:
        """The same as nbytes."""
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """The type of a tree with keys of type K: MapleTree[K, V]."""
    def __bool__(self) -> bool: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: _Key[_K], /) -> bool: ...
    def __iter__(self) -> Iterator[Entry[_K, _V]]: ...
    def __reversed__(self) -> Iterator[Entry[_K, _V]]:
        """The same as entries(reverse=True)."""
    @overload
    def __getitem__(self, key: _Key[_K], /) -> _V: ...
    @overload
    def __getitem__(self, key: slice | _Network, /) -> Self: ...
    def __setitem__(self, key: _Key[_K] | slice | _Network, value: _V, /) -> None: ...
    def __delitem__(self, key: _Key[_K] | slice | _Network, /) -> None: ...
    def __or__(self, value: _Triples[_Key[_K], _V], /) -> Self: ...
    def __and__(self, value: _Ranges[_K], /) -> Self: ...
    def __sub__(self, value: _Ranges[_K], /) -> Self: ...
    def __ior__(self, value: _Triples[_Key[_K], _V], /) -> Self: ...
    def __iand__(self, value: _Ranges[_K], /) -> Self: ...
    def __isub__(self, value: _Ranges[_K], /) -> Self: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Cursor(Generic[_K, _V]):
    """A place in a tree, with the path to it: the kernel's ma_state.

    The place is [index, last]. A step moves it to another range of the tree and returns that range,
    an Entry. Steps whose names contain "range" also stop at gaps and return a Gap.

    A step has a limit: it finds ranges that begin at or below max, or that end at or above min. If
    there is none, it returns None, and the place is the last range that the step looked at.

    ================  ===========================  ===================
    step              begins, after set()          status at the limit
    ================  ===========================  ===================
    next, next_range  after the range at index     overflow
    prev, prev_range  before the range at index    underflow
    find              at index itself              active
    find_range        at an entry at index, or     overflow
                      after the gap there
    find_rev          at index itself              underflow
    find_range_rev    at an entry at index, or     underflow
                      before the gap there
    ================  ===========================  ===================

    Later steps go on from the place. `for entry in cursor` does the same as find().

    A limit outside the tree's limits is cut, and None is the limit of the tree. Nothing lies at or
    below a max that is below the first key, or at or above a min that is above the last key: the step
    does not move the cursor.

    Values, status, index and last follow the rules of Linux's cursor. They are in the reference
    manual, status by status. A step costs O(1), a look-up by index O(log n).

    A cursor keeps its tree alive. If another writer has changed the tree, an active cursor first
    walks to its index again. It never reads anything that has been removed.

    Args:
        tree: the MapleTree
        first: the first index of the range to start at. None: the first key.
        last: the last index of that range, included. Without it, the range is the index first
            alone. The status is "start" in both cases.

    >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
    >>> cursor = t.cursor(15)
    >>> [entry.value for entry in cursor]
    ['a', 'b']
    """

    def __new__(
        cls, tree: MapleTree[_K, _V], first: _Key[_K] | None = None, last: _Key[_K] | None = None
    ) -> Self: ...
    @property
    def index(self) -> _K:
        """The first index of the place.

        >>> MapleTree().cursor(10, 19).index
        10
        """
    @property
    def last(self) -> _K:
        """The last index of the place, included.

        >>> MapleTree().cursor(10, 19).last
        19
        """
    @property
    def value(self) -> _V | None:
        """The value at index, if the status is "active"; otherwise None. None on a gap.

        O(1). O(log n) if another writer has changed the tree.

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
    ) -> Literal["start", "active", "none", "pause", "overflow", "underflow", "error"]:
        """What is known about the place, as a string.

        - "start": it was set and not looked up yet. The next step begins with a walk to index.
        - "active": the cursor is on an entry or a gap, or on the part of a gap that a search for
          free indices has found
        - "none": it was looked up, and the tree is empty
        - "pause": the next step looks it up again. find() goes on after it, find_rev() before it.
        - "overflow": the last step met its max
        - "underflow": the last step met its min
        - "error": insert() or a search for free indices failed. The next step begins as from "start".

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor()
        >>> cursor.status
        'start'
        >>> cursor.walk() is None, cursor.status
        (True, 'active')
        >>> cursor.next(), cursor.status
        (Entry(first=10, last=19, value='a'), 'active')
        >>> cursor.next() is None, cursor.status
        (True, 'overflow')
        >>> cursor.index, cursor.last
        (20, 18446744073709551615)
        """
    @property
    def tree(self) -> MapleTree[_K, _V]:
        """The tree that the cursor belongs to.

        >>> t = MapleTree()
        >>> t.cursor().tree is t
        True
        """
    def set(self, index: _Key[_K]) -> None:
        """Set the place to one index, without looking there. The status becomes "start". O(1).

        Raises:
            ValueError: index is outside the limits.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor()
        >>> cursor.set(15)
        >>> cursor.walk()
        Entry(first=10, last=19, value='a')
        """
    def set_range(self, first: _Key[_K], last: _Key[_K]) -> None:
        """Set the place to [first, last], both ends included, without looking there. O(1).

        The status becomes "start".

        Raises:
            ValueError: first is above last, or an end is outside the limits.

        >>> t = MapleTree()
        >>> cursor = t.cursor()
        >>> cursor.set_range(10, 19)
        >>> cursor.store('a')
        >>> t
        MapleTree([(10, 19, 'a')])
        """
    def walk(self) -> Entry[_K, _V] | None:
        """Walk to the range around index: an entry, or the whole gap. O(log n).

        Works with any status.

        Returns:
            The entry there, or None if there is a gap. The place becomes that range.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
        >>> cursor.walk() is None, cursor.index, cursor.last
        (True, 0, 9)
        """
    def next(self, max: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Move to the next entry, if it begins at or below max. O(1) amortised.

        What lies at index itself is not a result, with one exception: if the last step met its min,
        next() turns round, and an entry under the cursor comes first.

        If last is at or above max, the cursor does not move, and the status is "overflow".

        Returns:
            The entry, or None.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
        >>> cursor.next()
        Entry(first=30, last=39, value='b')
        >>> cursor.next() is None
        True
        """
    def next_range(self, max: _Key[_K] | None = None) -> Entry[_K, _V] | Gap[_K] | None:
        """Like next(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(10)
        >>> cursor.next_range()
        Gap(first=20, last=29)
        """
    def prev(self, min: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Move to the previous entry, if it ends at or above min. O(1) amortised.

        What lies at index itself is not a result, with one exception: if the last step met its max,
        prev() turns round, and an entry under the cursor comes first.

        If index is at or below min, the cursor does not move, and the status is "underflow".

        Returns:
            The entry, or None.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
        >>> cursor.prev()
        Entry(first=10, last=19, value='a')
        """
    def prev_range(self, min: _Key[_K] | None = None) -> Entry[_K, _V] | Gap[_K] | None:
        """Like prev(), but stop at gaps too.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(30)
        >>> cursor.prev_range()
        Gap(first=20, last=29)
        """
    def find(self, max: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Find the first entry at or above index that begins at or below max. O(1) amortised.

        The first call after set() looks at index itself. Each later call finds the next entry. A
        search that has ended goes on after its place if it is called with a larger max.

        Returns:
            The entry, or None.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(15)
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.find(29) is None, cursor.find()
        (True, Entry(first=30, last=39, value='b'))
        """
    def find_range(self, max: _Key[_K] | None = None) -> Entry[_K, _V] | Gap[_K] | None:
        """Like find(), but stop at gaps too, except at a gap around index in the first call.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(5)
        >>> cursor.find_range()
        Entry(first=10, last=19, value='a')
        >>> cursor.find_range()
        Gap(first=20, last=18446744073709551615)
        """
    def find_rev(self, min: _Key[_K] | None = None) -> Entry[_K, _V] | None:
        """Find the last entry at or below index that ends at or above min. O(1) amortised.

        The first call after set() looks at index itself. Each later call finds the entry before.

        Returns:
            The entry, or None.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor(35)
        >>> cursor.find_rev()
        Entry(first=30, last=39, value='b')
        >>> cursor.find_rev()
        Entry(first=10, last=19, value='a')
        """
    def find_range_rev(self, min: _Key[_K] | None = None) -> Entry[_K, _V] | Gap[_K] | None:
        """Like find_rev(), but stop at gaps too, except at a gap around index in the first call.

        >>> cursor = MapleTree([(10, 19, 'a')]).cursor(25)
        >>> cursor.find_range_rev()
        Entry(first=10, last=19, value='a')
        >>> cursor.find_range_rev()
        Gap(first=0, last=9)
        """
    def store(self, value: _V, *, merge: bool = True) -> None:
        """Store a value over [index, last], both ends included. O(log n).

        Works with any status. The place stays, and the cursor is then on it, active.

        Args:
            value: any object, or in a packed tree a number
            merge: if the tree has a policy, ask its merge() about the neighbours, as every store does.
                With False, the value stays apart from them: a loop can replace the value of each entry,
                and none of them becomes another. O(1) if the cursor is on exactly that entry.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> cursor = t.cursor(12, 13)
        >>> cursor.store('b')
        >>> t
        MapleTree([(10, 11, 'a'), (12, 13, 'b'), (14, 19, 'a')])
        """
    def insert(self, value: _V) -> None:
        """Store a value over [index, last], both ends included, if that is entirely free. O(log n).

        Raises:
            RangeOccupiedError: An entry is in the way. The tree and the place do not change; the
                status is "error".

        >>> t = MapleTree([(10, 19, 'a')])
        >>> cursor = t.cursor(20, 29)
        >>> cursor.insert('b')
        >>> t.cursor(15, 25).insert('c')
        Traceback (most recent call last):
        samara.RangeOccupiedError: [15, 25] is not free: [10, 19] has a value
        """
    def clear(self) -> None:
        """Remove everything in [index, last], both ends included. O(log n), O(1) for each entry removed.

        Entries that reach out of the range are cut. The place becomes the whole gap that results. If
        the tree was empty, the place stays. The status is "active", or "none" if the tree is empty.

        >>> t = MapleTree([(10, 19, 'a')])
        >>> cursor = t.cursor(15, 24)
        >>> cursor.clear()
        >>> t
        MapleTree([(10, 14, 'a')])
        >>> cursor.index, cursor.last
        (15, 18446744073709551615)
        """
    def erase(self) -> Entry[_K, _V] | None:
        """Remove the whole entry around index. O(log n).

        The place becomes the whole gap that results, or that was there. If the tree was empty, the
        place stays. The status is "active", or "none" if the tree is empty.

        Returns:
            The removed entry, or None.

        >>> t = MapleTree([(10, 19, 'a'), (30, 39, 'b')])
        >>> cursor = t.cursor(12)
        >>> cursor.erase()
        Entry(first=10, last=19, value='a')
        >>> cursor.index, cursor.last
        (0, 29)
        """
    def empty_area(
        self,
        size: _Size,
        min: _Key[_K] | None = None,
        max: _Key[_K] | None = None,
    ) -> _K:
        """Set the place to the lowest `size` free indices in [min, max]. O(log n).

        Both ends are included. Bounds outside the limits are cut. The status is "active", or "none" if
        the tree is empty. The place can be a part of a gap; a later step goes on from the whole gap.

        Returns:
            The first of these indices.

        Raises:
            NoSpaceError: There is no such place. index and last do not change; the status is "error".
                If size is larger than the window, nothing changes.
            ValueError: As in MapleTree.empty_area(). Nothing changes.

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
        size: _Size,
        min: _Key[_K] | None = None,
        max: _Key[_K] | None = None,
    ) -> _K:
        """Like empty_area(), but choose the highest free indices.

        >>> MapleTree([(10, 19, 'a')]).cursor().empty_area_rev(5, 0, 19)
        5
        """
    def pause(self) -> None:
        """Drop the path. The next step looks its place up again. O(1).

        find() then goes on after the place, find_rev() before it, whatever is stored there meanwhile.

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.pause()
        >>> cursor.find()
        Entry(first=30, last=39, value='b')
        """
    def reset(self) -> None:
        """Return to the status "start" and keep index and last. O(1).

        >>> cursor = MapleTree([(10, 19, 'a'), (30, 39, 'b')]).cursor()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        >>> cursor.reset()
        >>> cursor.find()
        Entry(first=10, last=19, value='a')
        """
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """The type of a cursor of a MapleTree[K, V]: Cursor[K, V]."""
    def __iter__(self) -> Self: ...
    def __next__(self) -> Entry[_K, _V]: ...

def _pool_stats() -> tuple[int, int, int]: ...
def _fail_nth(n: SupportsIndex, /) -> None: ...
