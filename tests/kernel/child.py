# SPDX-License-Identifier: MIT
"""A real process that makes the memory calls that it is told to (`caller.c`)."""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

# System call numbers of x86-64.
CALLS = {
    "shmat": 30,
    "shmdt": 67,
    "prctl": 157,
    "remap_file_pages": 216,
    "mbind": 237,
    "pkey_mprotect": 329,
    "pkey_alloc": 330,
    "pkey_free": 331,
    "mseal": 462,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "mremap": 25,
    "madvise": 28,
    "fork": 57,
    "wait4": 61,
    "mlock": 149,
    "munlock": 150,
    "mlockall": 151,
    "munlockall": 152,
    "prlimit64": 302,
    "getrandom": 318,
    "mlock2": 325,
}
_ADDR_NO_RANDOMIZE = 0x0040000
_STACK = 8 << 20


def build(directory: Path) -> Path:
    """Compile `caller.c` into `directory`."""
    program = directory / "caller"
    source = Path(__file__).parent / "caller.c"
    flags = (
        "-static -nostdlib -ffreestanding -fno-stack-protector -O2 -std=c11 -Wall -Wextra -Werror"
    )
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, *flags.split(), "-o", program, source], check=True)
    return program


class Child:
    """A running `caller`, without address randomisation, with a stack limit of 8 MiB."""

    def __init__(self, program: Path, files: Sequence[int] = ()) -> None:
        libc = ctypes.CDLL(None, use_errno=True)

        def prepare() -> None:
            libc.personality(_ADDR_NO_RANDOMIZE)
            hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
            resource.setrlimit(resource.RLIMIT_STACK, (_STACK, hard))

        self._process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=files,
            preexec_fn=prepare,
            env={},
            bufsize=0,
        )
        self.pid = self._process.pid
        self._left: list[int] = []

    def call(self, name: str, *args: int) -> int:
        """Make a call, and return the kernel's result: a negative errno if it failed."""
        words = [CALLS[name], *args] + [0] * (6 - len(args))
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(struct.pack("7Q", *(word % 2**64 for word in words)))
        answer = self._process.stdout.read(8)
        if len(answer) != 8:
            raise RuntimeError(f"the process ended at {name}{args}")
        return int(struct.unpack("q", answer)[0])

    def enter_fork(self) -> None:
        """Fork, and continue with the child."""
        pid = self.call("fork", 1)
        if pid < 0:
            raise RuntimeError(f"no fork of {self.pid}: {os.strerror(-pid)}")
        self._left.append(self.pid)
        self.pid = pid

    def write(self, addr: int, data: bytes) -> None:
        """Write to its memory."""
        with open(f"/proc/{self.pid}/mem", "wb", buffering=0) as memory:
            memory.seek(addr)
            memory.write(data)

    def maps(self, kind: str = "maps") -> str:
        """Return the text of its /proc/PID/maps, or of smaps or status."""
        with open(f"/proc/{self.pid}/{kind}", "rb") as file:
            return os.fsdecode(file.read())

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pid in (self.pid, *reversed(self._left)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.communicate()
