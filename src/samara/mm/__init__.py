# SPDX-License-Identifier: MIT
"""Address spaces of processes, modelled on Linux: their VMAs in a maple tree, and fork.

>>> import os
>>> mm = AddressSpace.from_pid(os.getpid())
>>> child = mm.fork()
>>> child.find(id(os)) == mm.find(id(os))
True
"""

from samara.mm.address_space import AddressSpace
from samara.mm.constants import (
    Madv,
    Map,
    Mlock,
    Mpol,
    MpolMf,
    Mremap,
    Pkey,
    Prctl,
    Prot,
    Shm,
)
from samara.mm.difference import Difference
from samara.mm.file import File, OpenFile
from samara.mm.inheritance import child_vma
from samara.mm.ledger import Ledger
from samara.mm.limits import TASK_SIZE, Layout, Limits
from samara.mm.policy import Policy
from samara.mm.proc.maps import SkippedLine
from samara.mm.state import ForkMark
from samara.mm.synthetic import synthetic
from samara.mm.syscalls.fork import FORK_METHODS, ForkError, ForkMethod
from samara.mm.trace.format import Step, Trace, read_trace, write_trace
from samara.mm.trace.replay import Placement, ReplayMismatch, replay
from samara.mm.units import PAGE_SIZE
from samara.mm.vm_flags import VM_FLAGS, format_vm_flags, implied_vm_flags, parse_vm_flags
from samara.mm.vma import VMA

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
    "Layout",
    "Ledger",
    "Limits",
    "Madv",
    "Map",
    "Mlock",
    "Mpol",
    "MpolMf",
    "Mremap",
    "OpenFile",
    "Pkey",
    "Placement",
    "Policy",
    "Prctl",
    "Prot",
    "ReplayMismatch",
    "Shm",
    "SkippedLine",
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
