# SPDX-License-Identifier: MIT
"""An address space in /proc/PID: reading and writing the texts of maps and smaps.

Knows VMAs, but not address spaces. `AddressSpace` and the recording of traces call it.
"""
