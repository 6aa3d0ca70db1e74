# SPDX-License-Identifier: MIT
"""What Linux shows of an address space in /proc/PID: maps and smaps as text, in and out.

Knows VMAs, and no address space. `AddressSpace` and the recording of traces call it.
"""
