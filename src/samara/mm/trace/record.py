# SPDX-License-Identifier: MIT
"""Recording of a program's memory calls, with how each changed the kernel's maps.

python-ptrace does the tracing (the extra `record`). Threads are followed; processes that the
program starts are not. While one thread is in a memory call, the others wait at the beginning of
theirs. So each change of the maps belongs to one call.

Owns the tracing. Called by users and the command. It is not imported with `samara.mm`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from errno import EIO, EPERM, ESRCH
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from samara.mm.constants import Prctl
from samara.mm.proc.maps import parse_maps
from samara.mm.trace.format import COLUMNS, Row, Step, Trace, row_of

if TYPE_CHECKING:
    from ptrace.debugger import PtraceDebugger, PtraceProcess

# The calls of the model, by their numbers on x86-64.
_CALLS: Final = {
    9: "mmap",
    10: "mprotect",
    11: "munmap",
    12: "brk",
    25: "mremap",
    28: "madvise",
    30: "shmat",
    67: "shmdt",
    149: "mlock",
    150: "munlock",
    151: "mlockall",
    152: "munlockall",
    157: "prctl",
    216: "remap_file_pages",
    237: "mbind",
    325: "mlock2",
    329: "pkey_mprotect",
    330: "pkey_alloc",
    331: "pkey_free",
    462: "mseal",
}
_SET_VMA: Final = int(Prctl.SET_VMA)
_LONGEST_NAME: Final = 256
_MOST_NODES: Final = 32768
# PTRACE_GET_SYSCALL_INFO tells by which interface a call is made: 64-bit programs can make 32-bit
# calls too, with other numbers. Its answer begins with a byte and, at 4, the architecture.
_GET_SYSCALL_INFO: Final = 0x420E
_SYSCALL_INFO_SIZE: Final = 88
_AUDIT_ARCH_X86_64: Final = 0xC000003E
_CODE_32BIT: Final = 0x23  # the code segment of 32-bit programs
_ARGUMENTS: Final = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_ADDR_NO_RANDOMIZE: Final = 0x0040000
_WALL: Final = 0x40000000  # makes wait4() and waitid() wait for threads too
_PEEK: Final = 4 | 2 | os.WNOHANG | 0x1000000 | _WALL  # WEXITED, WSTOPPED; WNOWAIT: PyPy has none


class Recorded(NamedTuple):
    """The trace of a command, and how the command ended.

    `status` is its exit status, or the negative number of the signal that killed it.
    """

    trace: Trace
    status: int


def record(command: Sequence[str]) -> Trace:
    """Run a command to its end and record its memory calls.

    Its addresses are not randomised. The command has this process's standard streams. If it
    executes another program, recording starts again with that program.

    Raises:
        OSError: The command cannot be run or traced.
        ImportError: python-ptrace is not installed.
        ValueError: The command is empty, the system is not x86-64 Linux, or the program makes
            32-bit system calls, which are others. The program is killed.
    """
    return record_with_status(command).trace


def record_with_status(command: Sequence[str]) -> Recorded:
    """Do what `record` does, and also return how the command ended."""
    if not command:
        raise ValueError("command must not be empty")
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ValueError(
            f"recording requires Linux x86_64, not {platform.system()} {platform.machine()}"
        )
    from ptrace.debugger import PtraceDebugger

    debugger = PtraceDebugger()
    libc = ctypes.CDLL(None)
    before = libc.personality(0xFFFFFFFF)
    libc.personality(before | _ADDR_NO_RANDOMIZE)
    try:
        pid = _start(command)
    finally:
        libc.personality(before)
    try:
        debugger.traceClone()
        debugger.traceExec()
        debugger.enableSysgood()
        return _Recording(debugger, pid, command[0]).run()
    except BaseException:
        for traced in (pid, *(process.pid for process in debugger)):
            _end(traced)
        raise


def _start(command: Sequence[str]) -> int:
    """Start a traced process that is about to run the command, and return its id.

    Raises:
        OSError: There is no such file, or it may not be executed.
    """
    from ptrace.debugger.child import ChildError, createChild

    us = os.getpid()
    try:
        pid: int = createChild(list(command), no_stdout=False)
    except BaseException as error:
        # The error is a text that contains a number: "[Errno 2] No such file or directory".
        found = re.search(r"(?:Errno |error #)([0-9]+)", str(error))
        number = int(found[1]) if found else EIO
        if os.getpid() != us:  # in the child, which must not continue as a copy of this process
            os._exit(number)
        if isinstance(error, ChildError):
            raise OSError(number, os.strerror(number), command[0]) from None
        raise
    return pid


def _end(pid: int) -> None:
    """Kill a process and wait for each of its threads.

    This includes threads that the debugger does not know yet. The process does not end until all of
    them have been waited for.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while True:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            return
        for thread in threads:
            with suppress(ChildProcessError):
                os.waitpid(int(thread), _WALL | os.WNOHANG)
        time.sleep(0.001)


class _Recording:
    def __init__(self, debugger: PtraceDebugger, pid: int, program: str) -> None:
        self._debugger = debugger
        self._pid = pid
        self._program = program
        self._status = 0
        self._ptrace = ctypes.CDLL(None).ptrace
        self._inside: set[int] = set()  # threads in a call other than a memory call
        self._turns = 0
        self._heard: dict[int, int] = {}  # for each thread, the last turn that it had
        self._steps: list[Step] = []
        self._initial: list[Row] = []
        self._rows: dict[int, Row] = {}

    def run(self) -> Recorded:
        from ptrace.debugger import ProcessExit
        from ptrace.error import PtraceError

        try:
            process = self._debugger.addProcess(self._pid, is_attached=True)
        except ProcessExit as ended:  # `_start`, in the child, could not get itself traced
            number = ended.exitcode or EPERM
            raise OSError(number, os.strerror(number), self._program) from None
        self._begin()
        process.syscall()
        while self._debugger:
            try:
                self._follow()
            except PtraceError as error:
                # Another thread ended the process, and this one with it. Its exit event follows.
                if error.errno != ESRCH:
                    raise
        trace: Trace = {
            "program": os.path.basename(self._program),
            "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
            "columns": list(COLUMNS),
            "initial": self._initial,
            "steps": self._steps,
            "final": list(self._rows.values()),
        }
        return Recorded(trace, self._status)

    def _begin(self) -> None:
        self._steps.clear()
        self._inside.clear()
        self._rows = self._read()
        self._initial = list(self._rows.values())

    def _follow(self) -> None:
        """Process one event of one thread."""
        from ptrace.debugger import (
            NewProcessEvent,
            ProcessExecution,
            ProcessExit,
            ProcessSignal,
        )

        try:
            event: Any = self._debugger.waitSyscall(self._next_thread())
            process = event.process
        except ProcessExit as ended:
            self._note_end(ended)
            return
        except ProcessSignal as stopped:
            self._deliver(stopped)
            return
        except NewProcessEvent as started:
            started.process.syscall()
            started.process.parent.syscall()
            return
        except ProcessExecution as execution:
            self._begin()
            self._inside.add(execution.process.pid)  # execve() has still to return
            execution.process.syscall()
            return
        if process.pid in self._inside:
            self._inside.discard(process.pid)
        else:
            registers = process.getregs()
            if self._is_32bit_call(process.pid, registers.cs):
                raise ValueError(
                    f"{self._running()!r} makes 32-bit system calls, which cannot be recorded"
                )
            name = _CALLS.get(registers.orig_rax)
            args = [getattr(registers, word) for word in _ARGUMENTS]
            if name is not None and (name != "prctl" or args[0] % 2**32 == _SET_VMA):
                self._call(process, name, args)
                return
            self._inside.add(process.pid)
        process.syscall()

    def _next_thread(self) -> PtraceProcess | None:
        """Return the thread with an event that has waited longest for its turn, or None.

        (If asked for any thread, Linux returns the newest. If that one is always busy, no other
        would ever run.)
        """
        if not hasattr(os, "waitid"):
            return None  # PyPy
        waiting = sorted(self._debugger, key=lambda process: self._heard.get(process.pid, 0))
        for process in waiting:
            with suppress(ChildProcessError):
                if os.waitid(os.P_PID, process.pid, _PEEK) is not None:
                    self._turns += 1
                    self._heard[process.pid] = self._turns
                    return process
        return None

    def _call(self, process: PtraceProcess, name: str, args: list[int]) -> None:
        """Let a thread make a memory call, while no other thread can enter one."""
        from ptrace.debugger import ProcessExit, ProcessSignal

        removed, added = self._change()
        if removed or added:
            self._steps.append({"call": "external", "removed": removed, "added": added})
        data = _pointed_at(process, name, args)
        process.syscall()
        while True:
            try:
                process.waitSyscall()
            except ProcessSignal as stopped:
                self._deliver(stopped)
                continue
            except ProcessExit as ended:
                self._note_end(ended)
                return
            break
        answer = ctypes.c_int64(process.getreg("rax")).value
        removed, added = self._change()
        step: Step = {"call": name, "args": args, "ret": answer, "removed": removed, "added": added}
        if data is not None:
            step["data"] = data
        self._steps.append(step)
        process.syscall()

    def _is_32bit_call(self, thread: int, code_segment: int) -> bool:
        """Return whether a stopped thread is about to make a call of the 32-bit interface."""
        info = ctypes.create_string_buffer(_SYSCALL_INFO_SIZE)
        length = ctypes.c_size_t(_SYSCALL_INFO_SIZE)
        if self._ptrace(_GET_SYSCALL_INFO, thread, length, info) < 0:  # before Linux 5.3
            return code_segment == _CODE_32BIT
        return int.from_bytes(info.raw[4:8], "little") != _AUDIT_ARCH_X86_64

    def _running(self) -> str:
        """Return the path of the program that runs now: the command may have executed another."""
        try:
            return os.readlink(f"/proc/{self._pid}/exe")
        except OSError:
            return self._program

    def _note_end(self, ended: Any) -> None:
        if ended.process.pid == self._pid:  # not another thread
            self._status = ended.exitcode if ended.signum is None else -ended.signum

    @staticmethod
    def _deliver(stopped: Any) -> None:
        """Pass a signal on, unless it belongs to the tracing."""
        own = (signal.SIGTRAP, signal.SIGSTOP)
        stopped.process.syscall(0 if stopped.signum in own else stopped.signum)

    def _read(self) -> dict[int, Row]:
        try:
            with open(f"/proc/{self._pid}/maps", "rb") as file:
                text = os.fsdecode(file.read())
        except OSError:
            return {}
        rows = map(row_of, parse_maps(text))
        return {row[0]: [*row[:6], _last_part(row[6])] for row in rows}

    def _change(self) -> tuple[list[Row], list[Row]]:
        now = self._read()
        if not now:
            return [], []  # the process is ending
        removed = [row for start, row in self._rows.items() if now.get(start) != row]
        added = [row for start, row in now.items() if self._rows.get(start) != row]
        self._rows = now
        return removed, added


def _pointed_at(process: PtraceProcess, name: str, args: list[int]) -> str | int | None:
    """Read what an argument of a call points at: the name of a VMA, or the nodes of a policy."""
    from ptrace.error import PtraceError

    try:
        if name == "prctl" and args[4]:
            text: bytes = process.readCString(args[4], _LONGEST_NAME)[0]
            return text.decode("latin-1")
        bits = args[4] - 1
        if name == "mbind" and args[3] and 0 < bits <= _MOST_NODES:
            nodes = int.from_bytes(process.readBytes(args[3], -(-bits // 64) * 8), "little")
            return nodes & ((1 << bits) - 1)
    except PtraceError:
        pass  # the pointer is bad, and the call will fail
    return None


def _last_part(path: str) -> str:
    return path if path.startswith("[") else path.rpartition("/")[2]
