# SPDX-License-Identifier: MIT
"""Address spaces by way of drgn, a debugger of live kernels and of all kinds of dumps.

Owns the use of drgn (https://drgn.readthedocs.io). Called by users.
"""

from __future__ import annotations

from typing import Any

from samara.kernel.kernel import Kernel
from samara.kernel.memory import Report, raise_damage
from samara.kernel.symbols import parse_vmcoreinfo
from samara.mm import AddressSpace


def kernel_from_drgn(prog: Any) -> Kernel:
    """Return the kernel that drgn debugs. O(1).

    drgn reads the memory: of the running kernel, of dumps that makedumpfile compressed, and of
    other architectures. Its debugging information is not needed, since the kernel's BTF is read.

    Args:
        prog: A `drgn.Program` of a kernel.

    Raises:
        ModuleNotFoundError: drgn is not installed (`pip install samara[kernel]`).
        KeyError: The program is no kernel: it has no VMCOREINFO.
    """
    from drgn import FaultError

    def read(address: int, size: int) -> bytes:
        try:
            data: bytes = prog.read(address, size)
        except FaultError as error:
            raise LookupError(str(error)) from None
        return data

    return Kernel(read, parse_vmcoreinfo(prog["VMCOREINFO"].string_()))


def from_drgn(prog: Any, task: Any, *, report: Report = raise_damage) -> AddressSpace:
    """Return the address space of a process of the kernel that drgn debugs. O(VMAs).

    Reads the kernel's BTF first, which takes half a second. For many processes use
    `kernel_from_drgn`, which keeps it.

    Args:
        prog: A `drgn.Program` of a kernel.
        task: A process id, or a `struct task_struct *` of that program.
        report: Called with each `Damage`: a range of addresses that is missing in the result. The
            default raises DamagedMemoryError.

    Raises:
        ModuleNotFoundError: drgn is not installed (`pip install samara[kernel]`).
        ProcessLookupError: There is no such process, or it has no address space.
        DamagedMemoryError: Something is damaged, and there is no `report`.
    """
    kernel = kernel_from_drgn(prog)
    pid = task if isinstance(task, int) else task.pid.value_()
    return kernel.address_space(kernel.task(pid), report=report)
