# SPDX-License-Identifier: MIT
"""The checks of limits before an address space grows. Each raises Linux's error if one forbids it.

Owns the arithmetic of `Limits`. Called by the system calls and by `vma_ops`.
"""

from __future__ import annotations

from errno import EAGAIN, ENOMEM, EPERM

from samara.mm.accounting import accounting
from samara.mm.errors import os_error
from samara.mm.state import State


def vma_count(space: State) -> int:
    """Return the number of VMAs that count for vm.max_map_count: all but [vsyscall]. O(1)."""
    return len(space.tree) - space._counters.outside


def check_count(space: State, more: int) -> None:
    """Raise ENOMEM if `more` VMAs would exceed vm.max_map_count. O(1)."""
    if len(space.tree) - space._counters.outside + more > space.limits.max_map_count:
        raise os_error(ENOMEM)


def check_size(space: State, more: int, vm_flags: frozenset[str]) -> None:
    """Raise ENOMEM if `more` bytes of such memory are too many. O(1).

    That is, if they exceed RLIMIT_AS or RLIMIT_DATA, or are more than the machine could ever have.
    """
    limits = space.limits
    if limits.rlimit_as is not None and space.size + more > limits.rlimit_as:
        raise os_error(ENOMEM)
    if accounting(vm_flags).data:
        check_data(space, more)
    if limits.total_memory is not None and "ac" in vm_flags:
        check_commit(space, more)


def check_data(space: State, more: int) -> None:
    """Raise ENOMEM if `more` bytes of private writable memory exceed RLIMIT_DATA. O(1)."""
    limits = space.limits
    limit = limits.rlimit_data if limits.rlimit_data != 0 else limits.rlimit_data_max
    if limit is not None and space._counters.data + more > limit:
        raise os_error(ENOMEM)


def check_commit(space: State, more: int) -> None:
    """Raise ENOMEM if one call wants more memory than the machine could ever have. O(1)."""
    total = space.limits.total_memory
    if total is not None and more > total:
        raise os_error(ENOMEM)


def check_may_lock(space: State) -> None:
    """Raise EPERM if the process may lock nothing at all. O(1)."""
    if space.limits.rlimit_memlock == 0 and not space.limits.privileged:
        raise os_error(EPERM)


def check_locked(space: State, more: int, error: int = EAGAIN) -> None:
    """Raise `error` if `more` bytes of locked memory exceed RLIMIT_MEMLOCK. O(1)."""
    limits = space.limits
    limit = limits.rlimit_memlock
    if limit is not None and locked_bytes(space) + more > limit and not limits.privileged:
        raise os_error(error)


def locked_bytes(space: State) -> int:
    """Return the number of bytes that count for RLIMIT_MEMLOCK. O(1)."""
    counters = space._counters
    return counters.locked + counters.left_locked
