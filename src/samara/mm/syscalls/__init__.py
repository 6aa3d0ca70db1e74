# SPDX-License-Identifier: MIT
"""The system calls that change a memory map, a file for each manual page.

Each file owns one call, or a few that share a page: its documentation, the order in which Linux
checks its arguments, and what it changes. `AddressSpace` has them as its methods; they do not call
each other.

How a call is written. It is a function of the address space, decorated with `@atomic`.

1. Take the arguments through `as_u64`, look at them in Linux's order, and raise
   `os_error(errno.EINVAL)` and the like.
2. Find the VMAs concerned: `find_vma(space, addr)`, `vmas_over(space, start, end)`. No loop over
   the whole tree.
3. Check limits: `check_count`, `check_size`, `check_locked`.
4. Write, range by range: `insert(space, vma)` into free addresses; `modify` for other rights or
   VmFlags of a part of a VMA; `unmap` and `remove`. Cutting and merging is the tree's (`merging`),
   so what was found before a write may be gone after it: go on by address.
5. A call that fails half-way, as mprotect does at a hole, raises OSError when its first part is
   written. Any other exception, MemoryError above all, undoes the whole call (`rollback`): nothing
   here has to care in what order it writes.

Flags are compared as ints (`int(prot) & 2`) or as codes (`"wr" in vma.vm_flags`): putting IntFlag
members together costs more than a store. Make VMAs with `make_vma` and `with_flags`.
"""
