# SPDX-License-Identifier: MIT
"""The NUMA `Policy` of a VMA.

Owns how a policy is made from the arguments of mbind(2), and how /proc shows it. Called by mbind
and `vma`; anybody may read a policy.
"""

from __future__ import annotations

from errno import EINVAL
from typing import Any, Final, NamedTuple, Self

from samara.mm.constants import Mpol
from samara.mm.errors import os_error
from samara.mm.units import as_u64

_DEFAULT: Final = int(Mpol.DEFAULT)
_PREFERRED: Final = int(Mpol.PREFERRED)
_BIND: Final = int(Mpol.BIND)
_LOCAL: Final = int(Mpol.LOCAL)
_PREFERRED_MANY: Final = int(Mpol.PREFERRED_MANY)
_STATIC: Final = int(Mpol.F_STATIC_NODES)
_RELATIVE: Final = int(Mpol.F_RELATIVE_NODES)
_BALANCING: Final = int(Mpol.F_NUMA_BALANCING)
_FLAGS: Final = _STATIC | _RELATIVE | _BALANCING
_NAMES: Final = {
    _PREFERRED: "prefer",
    _BIND: "bind",
    int(Mpol.INTERLEAVE): "interleave",
    _LOCAL: "local",
    _PREFERRED_MANY: "prefer (many)",
    int(Mpol.WEIGHTED_INTERLEAVE): "weighted interleave",
}
_FLAG_NAMES: Final = ((_STATIC, "static"), (_RELATIVE, "relative"), (_BALANCING, "balancing"))


class _Fields(NamedTuple):
    mode: int
    nodes: int
    flags: int
    wanted: int


class Policy(_Fields):
    """Where pages are allocated. VMAs with different policies do not merge.

    Attributes:
        mode: an `Mpol` without its flags
        nodes: the nodes that it uses, as a bit mask
        flags: the flags `Mpol.F_...`
        wanted: the nodes that the program asked for, as a bit mask. With F_STATIC_NODES and
            F_RELATIVE_NODES they may be others than `nodes`, else they are 0.

    Raises:
        ValueError: A number is outside 0 ... 2**64-1.
        TypeError: One of them is not an integer.

    >>> str(Policy(Mpol.BIND, 0b1011)), str(Policy(Mpol.LOCAL))
    ('bind:0-1,3', 'local')
    """

    __slots__ = ()

    def __new__(cls, mode: int, nodes: int = 0, flags: int = 0, wanted: int = 0) -> Self:
        return super().__new__(cls, *as_u64(mode, nodes, flags, wanted))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self[:]  # for every protocol, so that unpickling checks the fields

    def __str__(self) -> str:
        """Return the policy as /proc/PID/numa_maps shows it."""
        text = _NAMES.get(self.mode, "unknown")
        before = "="
        for flag, name in _FLAG_NAMES:
            if self.flags & flag:
                text += before + name
                before = "|"
        return f"{text}:{_format_nodes(self.nodes)}" if self.nodes else text


def _format_nodes(nodes: int) -> str:
    found = []
    node = 0
    while nodes >> node:
        first = node
        while nodes >> node & 1:
            node += 1
        if node > first:
            found.append(str(first) if node == first + 1 else f"{first}-{node - 1}")
        node += 1
    return ",".join(found)


def check_mode(mode: int) -> None:
    """Raise EINVAL for an unknown mode, and for flags that exclude each other. O(1)."""
    flags = mode & _FLAGS
    mode &= ~_FLAGS
    if mode != _DEFAULT and mode not in _NAMES or flags & _STATIC and flags & _RELATIVE:
        raise os_error(EINVAL)
    if flags & _BALANCING and mode not in (_BIND, _PREFERRED_MANY):
        raise os_error(EINVAL)


def policy_of(mode: int, nodes: int, available: int) -> Policy | None:
    """Return the policy that these arguments of mbind(2) mean, None for the default. O(nodes).

    Args:
        mode: an `Mpol` with its flags (`check_mode`)
        nodes: the nodes asked for, as a bit mask
        available: the nodes of the machine, as a bit mask

    Raises:
        OSError: EINVAL (nodes that the mode needs or does not take, none of the nodes is there).
    """
    flags = mode & _FLAGS
    mode &= ~_FLAGS
    if mode == _DEFAULT:
        if nodes:
            raise os_error(EINVAL)
        return None
    if mode == _LOCAL or (mode == _PREFERRED and not nodes):
        if nodes or flags:
            raise os_error(EINVAL)
        return Policy(_LOCAL)
    used = _relative(nodes, available) if flags & _RELATIVE else nodes & available
    if not used:
        raise os_error(EINVAL)
    if mode == _PREFERRED:
        used &= -used  # the first node only
    return Policy(mode, used, flags, nodes if flags & (_STATIC | _RELATIVE) else 0)


def _relative(nodes: int, available: int) -> int:
    """Return the nodes that are meant, if node n is the n-th available one, again and again."""
    present = []
    for node in range(available.bit_length()):
        if available >> node & 1:
            present.append(node)
    found = 0
    for node in range(nodes.bit_length()):
        if nodes >> node & 1:
            found |= 1 << present[node % len(present)]
    return found
