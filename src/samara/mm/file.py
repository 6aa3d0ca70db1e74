# SPDX-License-Identifier: MIT
"""The `File` behind a mapping.

Owns when two mappings are of one file. Anybody may call it.
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
    """The file behind a mapping: device as /proc shows it ("fe:00"), inode number, and path, to
    which Linux adds " (deleted)" once the file has no name any more. A thing of the wrong type
    raises TypeError.

    >>> File("fe:00", 26723, "/usr/bin/python3").path
    '/usr/bin/python3'
    """

    __slots__ = ()

    def __new__(cls, dev: str, inode: int, path: str) -> Self:
        if not (isinstance(dev, str) and isinstance(path, str)):
            raise TypeError(f"device and path of a file are texts, not {dev!r} and {path!r}")
        return _new(cls, (dev, index(inode), path))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]
        return cls(*iterable)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]  # by any protocol: what is read is checked

    @property
    def deleted(self) -> bool:
        """Has the file no name any more?

        >>> File("00:01", 7, "/memfd:x (deleted)").deleted
        True
        """
        return self.path.endswith(" (deleted)")


class OpenFile(File):
    """A file as one open(2) gives it. It is equal to a `File` with the same fields, but mappings
    merge only where they are of one open file, which is the object: give each mapping of a
    descriptor the same. A plain `File` stands for any: /proc does not tell who opened it.

    >>> one, other = OpenFile("fe:00", 7, "/lib/x"), OpenFile("fe:00", 7, "/lib/x")
    >>> one == other, is_one_file(one, one), is_one_file(one, other)
    (True, True, False)
    """

    __slots__ = ()


FILES: Final = (File, OpenFile)


def is_one_file(file: File | None, other: File | None) -> bool:
    """Was it opened once, as far as is known? O(1)."""
    if file is other:
        return True
    return file == other and file.__class__ is not OpenFile and other.__class__ is not OpenFile
