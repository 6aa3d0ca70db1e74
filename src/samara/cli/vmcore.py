# SPDX-License-Identifier: MIT
"""The processes in a memory dump, for `samara maps --vmcore`."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from samara.cli.errors import InputError, WorkError, reason
from samara.cli.units import format_count
from samara.kernel import Damage, Node, Task, Vmcore, read_nodes
from samara.mm import AddressSpace

_MOST_SHOWN = 10  # damaged parts that are named one by one


class Process(NamedTuple):
    """A process of a dump that has an address space."""

    task: Task
    space: AddressSpace


class Dump:
    """An open dump, and what is damaged in it."""

    def __init__(self, vmcore: Vmcore) -> None:
        self._vmcore = vmcore
        self.release: str = vmcore.release
        self.max_map_count: int = vmcore.max_map_count
        self.damage: list[Damage] = []

    def processes(self) -> Iterator[Process]:
        """Yield all processes that have an address space."""
        for task in self._tasks():
            if task.mm:
                yield Process(task, self._vmcore.address_space(task, report=self.damage.append))

    def process(self, pid: int | None, name: str | None) -> Process:
        """Return the process with this id, or else the only one with this name.

        Raises:
            InputError: There is none, or there are several.
        """
        if pid is not None:
            what, found = f"process {pid}", [task for task in self._tasks() if task.pid == pid]
        else:
            what = f"process named {name!r}"
            found = [task for task in self._tasks() if task.name == name and task.mm]
        if not found:
            raise InputError(f"the dump has no {what}")
        if len(found) > 1:
            pids = ", ".join(str(task.pid) for task in found)
            raise InputError(f"the dump has more than one {what}: choose by --pid {pids}")
        (task,) = found
        if not task.mm:
            raise InputError(f"process {task.pid} ({task.name}) has no address space")
        return Process(task, self._vmcore.address_space(task, report=self.damage.append))

    def nodes(self, task: Task) -> list[Node]:
        """Return the nodes of a process's tree."""
        root, _flags = self._vmcore.tree(task)
        return list(read_nodes(self._vmcore.read, root, report=self.damage.append))

    def _tasks(self) -> Iterator[Task]:
        return self._vmcore.tasks(report=self.damage.append)


@contextmanager
def open_dump(path: str) -> Generator[Dump, None, None]:
    """Open a dump. When the block ends, say on stderr what was damaged.

    Raises:
        InputError: The file cannot be read, or is no dump.
        WorkError: The dump lacks what is needed.
    """
    try:
        vmcore = Vmcore(path)
    except OSError as error:
        raise InputError(reason(error)) from None
    except ValueError as error:
        raise InputError(str(error)) from None
    with vmcore:
        dump = None
        try:
            dump = Dump(vmcore)
            yield dump
        except (LookupError, ValueError) as error:
            raise WorkError(f"{path}: {error.args[0]}") from None
        finally:
            damaged = dump.damage if dump is not None else []
            for damage in damaged[:_MOST_SHOWN]:
                print(f"damaged: {damage}", file=sys.stderr)
            if (more := len(damaged) - _MOST_SHOWN) > 0:
                print(f"damaged: {format_count(more, 'more part')}", file=sys.stderr)
