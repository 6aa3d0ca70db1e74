# SPDX-License-Identifier: MIT
"""The `File` behind a mapping.

Owns the rule for when two mappings are of the same file. Anybody may call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, Final, NamedTuple, Self

_new: Final = tuple.__new__


class _FileFields(NamedTuple):
    dev: str
    inode: int
    path: str


class File(_FileFields):
    """The file behind a mapping.

    Attributes:
        dev: the device as /proc shows it: "fe:00"
        inode: the inode number
        path: the path. Linux adds " (deleted)" when the file no longer has a name.

    Raises:
        TypeError: A field has the wrong type.

    >>> File("fe:00", 26723, "/usr/bin/python3").path
    '/usr/bin/python3'
    """

    __slots__ = ()

    def __new__(cls, dev: str, inode: int, path: str) -> Self:
        if not (isinstance(dev, str) and isinstance(path, str)):
            raise TypeError(f"dev and path must be str, not {dev!r} and {path!r}")
        return _new(cls, (dev, index(inode), path))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]  # for every protocol, so that unpickling checks the fields

    @property
    def deleted(self) -> bool:
        """Whether the file no longer has a name.

        >>> File("00:01", 7, "/memfd:x (deleted)").deleted
        True
        """
        return self.path.endswith(" (deleted)")


class OpenFile(File):
    """An open file, as returned by one open(2).

    It is equal to a `File` with the same fields. But mappings merge only if they have the same
    `OpenFile` object, so use one object for all mappings of a descriptor. Two equal objects of
    class `File` count as the same open file, since /proc does not tell who opened it.

    >>> one, other = OpenFile("fe:00", 7, "/lib/x"), OpenFile("fe:00", 7, "/lib/x")
    >>> one == other, is_one_file(one, one), is_one_file(one, other)
    (True, True, False)
    """

    __slots__ = ()


# Files whose mappings are unlike those of other files. Their paths tell them apart. Traces have
# only the last part of a path.
UNNAMED: Final = "/dev/zero (deleted)"  # shared memory without a file, as /proc shows it
_ZERO: Final = ("/dev/zero", "zero")
_UNNAMED: Final = (UNNAMED, "zero (deleted)")
_SECRET: Final = ("/secretmem (deleted)", "secretmem (deleted)")
_PERF_EVENT: Final = ("anon_inode:[perf_event]",)
_SEGMENT: Final = ("/SYSV", "SYSV")


class Segment(OpenFile):
    """A shared memory segment of shmget(2), attached by one `shmat`.

    Attributes:
        size: its size in bytes, whole pages
    """

    size: int

    @classmethod
    def of(cls, file: File, size: int) -> Segment:
        """Return the segment behind a new attachment. O(1)."""
        segment = cls(*file)
        segment.size = index(size)
        return segment

    def __reduce__(self) -> tuple[Any, ...]:
        return Segment.of, (File(*self), self.size)


FILES: Final = (File, OpenFile, Segment)


def is_zero(file: File | None) -> bool:
    """Return whether this is /dev/zero. A private mapping of it is anonymous memory. O(1)."""
    return file is not None and _is_special(file, _ZERO)


def is_unnamed(file: File | None) -> bool:
    """Return whether this is shared memory without a file. O(1)."""
    return file is not None and _is_special(file, _UNNAMED)


def is_secret(file: File | None) -> bool:
    """Return whether this is memory of memfd_secret(2). O(1)."""
    return file is not None and _is_special(file, _SECRET)


def is_perf_event(file: File | None) -> bool:
    """Return whether this is an event of perf_event_open(2). O(1)."""
    return file is not None and _is_special(file, _PERF_EVENT)


def is_segment(file: File | None) -> bool:
    """Return whether this is a shared memory segment of shmget(2). O(1)."""
    return file is not None and file.dev.startswith("00:") and file.path.startswith(_SEGMENT)


def _is_special(file: File, paths: tuple[str, ...]) -> bool:
    return file.path in paths and file.dev.startswith("00:")


def is_one_file(file: File | None, other: File | None) -> bool:
    """Return whether the two are one open file, as far as is known. O(1)."""
    if file is other:
        return True
    return file == other and file.__class__ is File and other.__class__ is File
