# SPDX-License-Identifier: MIT
"""The protection keys of a process: `Keys`, and the rules for taking and giving back a key.

Owns what pkeys(7) says of a whole process: which keys are allocated, the key of execute-only
memory, and the rights that the thread has under each key. The record never changes; calls replace
it. Called by the system calls, by `fault` and by `populate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import EINVAL
from typing import Final, NamedTuple

from samara.mm.errors import os_error
from samara.mm.vm_flags import RIGHTS
from samara.mm.vma import PKEYS, VMA

# The rights of a thread that has set none: no access under any key except 0.
_FIRST_RIGHTS: Final = 0x5555_5554
_ONLY_EXECUTABLE: Final = frozenset(("ex",))
_RIGHTS: Final = frozenset(RIGHTS)
DISABLE_ACCESS: Final = 1
DISABLE_WRITE: Final = 2


class Keys(NamedTuple):
    """The protection keys of a process.

    Attributes:
        allocated: a bit for each key that is allocated
        execute_only: the key that the kernel uses for execute-only memory; 0 if there is none
        rights: the thread's rights, as in the register PKRU: two bits for each key. The lower bit
            forbids access, the higher one writes.
    """

    allocated: int = 0
    execute_only: int = 0
    rights: int = 0


NO_KEYS: Final = Keys()


def keys_of(vmas: Iterable[VMA]) -> Keys:
    """Return the keys of a process with these VMAs, on a machine that has keys. O(VMAs).

    The keys of the VMAs are allocated. Execute-only memory tells the key for it. A thread's rights
    cannot be seen, so they are the first ones.
    """
    allocated, execute_only = 1, 0
    for vma in vmas:
        if vma.pkey:
            allocated |= 1 << vma.pkey
            if _RIGHTS.intersection(vma.vm_flags) == _ONLY_EXECUTABLE:
                execute_only = vma.pkey
    return Keys(allocated, execute_only, _FIRST_RIGHTS)


def allocate(keys: Keys, available: bool) -> tuple[Keys, int]:
    """Return the keys after taking the lowest free one, and that key; -1 if there is none. O(1)."""
    for key in range(PKEYS if available else 1):
        if not keys.allocated >> key & 1:
            return keys._replace(allocated=keys.allocated | 1 << key), key
    return keys, -1


def with_rights(keys: Keys, key: int, rights: int) -> Keys:
    """Return the keys after the thread has set its rights under a key. O(1)."""
    cleared = keys.rights & ~(3 << 2 * key)
    return keys._replace(rights=cleared | rights << 2 * key)


def is_allocated(keys: Keys, key: int) -> bool:
    """Return whether a program may use this key. It may not use that of execute-only memory."""
    return keys.allocated >> key & 1 == 1 and not 0 < key == keys.execute_only


def check_key(keys: Keys, key: int, available: bool) -> None:
    """Raise EINVAL unless a program may use this key. O(1)."""
    if not available or not 0 <= key < PKEYS or not is_allocated(keys, key):
        raise os_error(EINVAL)


def for_execution(keys: Keys, available: bool) -> tuple[Keys, int]:
    """Return the keys and the key of execute-only memory, which is 0 if there is none left. O(1).

    The first such memory allocates the key. The thread loses its access under it.
    """
    if not available:
        return keys, 0
    key = keys.execute_only
    if not key:
        keys, key = allocate(keys, available)
        if key < 0:
            return keys, 0
        keys = keys._replace(execute_only=key)
    return with_rights(keys, key, DISABLE_ACCESS), key


def is_denied(keys: Keys, key: int, write: bool) -> bool:
    """Return whether the thread may not read, or not write, memory with this key. O(1)."""
    rights = keys.rights >> 2 * key
    return rights & (DISABLE_ACCESS | DISABLE_WRITE if write else DISABLE_ACCESS) != 0
