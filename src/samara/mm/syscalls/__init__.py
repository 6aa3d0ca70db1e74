# SPDX-License-Identifier: MIT
"""The system calls that change a memory map, a file for each manual page."""
