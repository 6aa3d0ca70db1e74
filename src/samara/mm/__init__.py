# SPDX-License-Identifier: MIT
"""Address spaces of processes, modelled on Linux: their VMAs in a maple tree, and fork.

>>> import os
>>> mm = AddressSpace.from_pid(os.getpid())
>>> child = mm.fork()
>>> child.find(id(os)) == mm.find(id(os))
True
"""

from samara.mm.address_space import AddressSpace
from samara.mm.constants import Madv, Map, Mlock, Mremap, Prot
from samara.mm.difference import Difference
from samara.mm.ledger import Ledger
from samara.mm.limits import TASK_SIZE, Limits
from samara.mm.synthetic import synthetic
from samara.mm.syscalls.fork import FORK_METHODS, ForkError, ForkMark, ForkMethod, child_vma
from samara.mm.trace.format import Step, Trace, read_trace, write_trace
from samara.mm.trace.replay import Placement, ReplayMismatch, replay
from samara.mm.vma import (
    PAGE_SIZE,
    VM_FLAGS,
    VMA,
    File,
    OpenFile,
    format_vm_flags,
    implied_vm_flags,
    parse_vm_flags,
)

__all__ = [
    "FORK_METHODS",
    "PAGE_SIZE",
    "TASK_SIZE",
    "VMA",
    "VM_FLAGS",
    "AddressSpace",
    "Difference",
    "File",
    "ForkError",
    "ForkMark",
    "ForkMethod",
    "Ledger",
    "Limits",
    "Madv",
    "Map",
    "Mlock",
    "Mremap",
    "OpenFile",
    "Placement",
    "Prot",
    "ReplayMismatch",
    "Step",
    "Trace",
    "child_vma",
    "format_vm_flags",
    "implied_vm_flags",
    "parse_vm_flags",
    "read_trace",
    "replay",
    "synthetic",
    "write_trace",
]
