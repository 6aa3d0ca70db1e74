# SPDX-License-Identifier: MIT
"""pkey_alloc(2): pkey_alloc, pkey_free. Called as methods of `AddressSpace`."""

from __future__ import annotations

from errno import EINVAL, ENOSPC
from typing import Final

from samara.mm.constants import Pkey
from samara.mm.errors import os_error
from samara.mm.keys import allocate, check_key, with_rights
from samara.mm.rollback import atomic
from samara.mm.state import State
from samara.mm.units import as_u64

_KNOWN: Final = int(Pkey.DISABLE_ACCESS | Pkey.DISABLE_WRITE)


@atomic
def pkey_alloc(space: State, flags: int = 0, access_rights: int = 0) -> int:
    """pkey_alloc(2): allocate the lowest free protection key. O(1).

    Args:
        flags: must be 0
        access_rights: what the thread may not do with memory that has the key: `Pkey`. (The model
            knows the rights of one thread.)

    Returns:
        The key.

    Raises:
        OSError: EINVAL (unknown flags or rights), ENOSPC (all keys are allocated). Without
            protection keys (`limits.pkeys`), Linux returns EINVAL for the first call and ENOSPC for
            later ones.

    >>> from samara.mm import AddressSpace, Limits
    >>> mm = AddressSpace(limits=Limits(pkeys=True))
    >>> mm.pkey_alloc(), mm.pkey_alloc()
    (1, 2)
    """
    flags, access_rights = as_u64(flags, access_rights)
    if flags or access_rights & ~_KNOWN:
        raise os_error(EINVAL)
    counters, available = space._counters, space.limits.pkeys
    counters.keys, key = allocate(counters.keys, available)
    if key < 0:
        raise os_error(ENOSPC)
    if not available:
        raise os_error(EINVAL)
    counters.keys = with_rights(counters.keys, key, access_rights)
    return key


@atomic
def pkey_free(space: State, pkey: int) -> None:
    """pkey_free(2): give a protection key back. O(1).

    Memory that has the key keeps it.

    Raises:
        OSError: EINVAL (the key is not allocated, or belongs to execute-only memory).

    >>> from samara.mm import AddressSpace, Limits
    >>> mm = AddressSpace(limits=Limits(pkeys=True))
    >>> mm.pkey_free(mm.pkey_alloc())
    >>> mm.pkey_alloc()
    1
    """
    (pkey,) = as_u64(pkey)
    pkey %= 1 << 32  # an int
    counters = space._counters
    check_key(counters.keys, pkey, space.limits.pkeys)
    counters.keys = counters.keys._replace(allocated=counters.keys.allocated & ~(1 << pkey))
