# SPDX-License-Identifier: MIT
"""Maple trees and address spaces, read from the memory of a Linux kernel.

Reads memory dumps of whole machines (`Vmcore`), and whatever can be read by address: all that is
needed is a function `read(address, size)`. Never writes, and never trusts what it reads.
"""

from samara.kernel.btf import Btf
from samara.kernel.debugger import from_drgn, kernel_from_drgn
from samara.kernel.kernel import Kernel, Task
from samara.kernel.layout import Layout
from samara.kernel.memory import Damage, DamagedMemoryError
from samara.kernel.nodes import Node, NodeType, is_node, read_nodes
from samara.kernel.space import address_space
from samara.kernel.symbols import parse_vmcoreinfo
from samara.kernel.tree import ReservedEntry, ValueEntry, decode_entry, read_tree
from samara.kernel.vmcore import Vmcore

__all__ = [
    "Btf",
    "Damage",
    "DamagedMemoryError",
    "Kernel",
    "Layout",
    "Node",
    "NodeType",
    "ReservedEntry",
    "Task",
    "ValueEntry",
    "Vmcore",
    "address_space",
    "decode_entry",
    "from_drgn",
    "is_node",
    "kernel_from_drgn",
    "parse_vmcoreinfo",
    "read_nodes",
    "read_tree",
]
