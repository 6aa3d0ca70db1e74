# SPDX-License-Identifier: MIT
"""The system calls that change a memory map, one file for each manual page.

Each file owns one call, or a few that share a page: its documentation, the order in which Linux
checks its arguments, and what it changes. They are methods of `AddressSpace`, and do not call each
other.

To write a call, write a function of the address space and decorate it with `@atomic`:

1. Pass the arguments through `as_u64`. Check them in Linux's order, and raise
   `os_error(errno.EINVAL)` and the like.
2. Find the VMAs concerned: `find_vma(space, addr)`, `vmas_over(space, start, end)`. Do not loop
   over the whole tree.
3. Check limits: `check_count`, `check_size`, `check_locked`.
4. Write, range by range: `insert(space, vma)` into free addresses; `modify` to change rights or
   VmFlags of a part of a VMA; `unmap` and `remove`. The tree cuts and merges VMAs (`merging`), so a
   VMA found before a write may be gone after it: continue by address.
5. If the call fails half-way, as mprotect does at a hole, write its first part and then raise
   OSError. Any other exception, such as MemoryError, rolls the whole call back (`rollback`), so the
   order of writes does not matter.

Compare flags as ints (`int(prot) & 2`) or as codes (`"wr" in vma.vm_flags`): combining IntFlag
members costs more than a store. Make VMAs with `make_vma` and `with_flags`.
"""
