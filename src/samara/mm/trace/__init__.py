# SPDX-License-Identifier: MIT
"""Recorded runs of programs: the format, recording, and replay by the model.

`format` knows VMAs. `record` knows ptrace and /proc. `replay` drives an `AddressSpace`. Users of
`samara.mm` and the command call these; nothing else in this package does.
"""
