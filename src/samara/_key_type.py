# SPDX-License-Identifier: MIT
"""The protocol of objects that define a tree's keys."""

from typing import Literal, Protocol, TypeVar, runtime_checkable

K = TypeVar("K")


@runtime_checkable
class KeyType(Protocol[K]):
    """Keys of any type: `MapleTree(keys=...)` takes an object with these members.

    A tree stores ints of 64 or 128 bits. `encode()` maps each key to one of them, in the order of
    the keys, and `decode()` maps back. The key after another is that of the next int, so
    `decode()` must take each int that is next to a stored one. An int outside 0 ... 2**bits - 1
    is a key outside the limits. Sizes are numbers of ints. What `encode()` or `decode()` raises
    ends the call and leaves the tree as it was.

    A tree keeps the object, and pickles contain it. Two trees have the same keys if their objects
    are identical or equal.

    >>> from samara import MapleTree
    >>> class Version:
    ...     "Versions (major, minor, patch)."
    ...     name = "version"
    ...     bits = 64
    ...     def encode(self, key):
    ...         major, minor, patch = key
    ...         return major << 42 | minor << 21 | patch
    ...     def decode(self, code):
    ...         return code >> 42, code >> 21 & 0x1FFFFF, code & 0x1FFFFF
    >>> isinstance(Version(), KeyType)
    True
    >>> t = MapleTree(keys=Version())
    >>> t[(3, 9, 0):(3, 12, 0)] = "tested"
    >>> t.get((3, 11, 7)), t.get((3, 12, 0)), t.find((0, 0, 0)).stop
    ('tested', None, (3, 12, 0))
    """

    @property
    def name(self) -> str:
        """What messages and files call the keys."""
        ...

    @property
    def bits(self) -> Literal[64, 128]:
        """How many bits the ints have."""
        ...

    def encode(self, key: K, /) -> int:
        """Return the int for a key. A greater key must have a greater int."""
        ...

    def decode(self, code: int, /) -> K:
        """Return the key for an int."""
        ...


# The public module, so that messages name it.
KeyType.__module__ = "samara"
