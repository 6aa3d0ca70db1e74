# SPDX-License-Identifier: MIT
"""Recorded runs of programs: their format, their recording, and their replay by the model.

`format` knows VMAs; `record` knows ptrace and /proc; `replay` drives an `AddressSpace`. Users of
`samara.mm` and the command call it; nothing else in this package does.
"""
