# SPDX-License-Identifier: MIT
"""Compare the limits that are guessed with the running kernel. A process maps memory; the model,
which was read from the process right before, must choose the same address.

    python tests/kernel/next_mmap.py
"""

from __future__ import annotations

import ctypes
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

from oracle import cannot_run

import elf
from samara.mm import AddressSpace

RUNS = 5  # of each process: addresses are random
LENGTHS = (4096, 8192, 1 << 20, 2 << 20, 4096, 3 << 20, 64 << 20, 4096)
READ_WRITE, PRIVATE = 3, 0x22
# A Python process does what elf.MAPPER_32 does, with 8 bytes for each number.
MAPPER = """
import ctypes, os, struct
mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_uint64
mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_size_t]
os.write(1, struct.pack("Q", 0))
while length := os.read(0, 8):
    os.write(1, struct.pack("Q", mmap(None, *struct.unpack("Q", length), 3, 0x22, -1, 0)))
"""
_NO_RANDOMIZE, _BOTTOM_UP = 0x0040000, 0x0200000  # bits of personality(2)


def personality(bits: int) -> Callable[[], None]:
    """Return a function that sets the personality of this process."""

    def prepare() -> None:
        ctypes.CDLL(None).personality(bits)

    return prepare


def stack_limit(size: int) -> Callable[[], None]:
    """Return a function that sets the limit of the stack of this process."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (size, size))

    return prepare


PROCESSES: dict[str, Callable[[], None]] = {
    "as usual": personality(0),
    "not randomised": personality(_NO_RANDOMIZE),
    "from the bottom up": personality(_BOTTOM_UP),
    "a stack of 1 GiB": stack_limit(1 << 30),
    "a stack without limit": stack_limit(resource.RLIM_INFINITY),
}


def check(command: list[str], prepare: Callable[[], None], word: str) -> int:
    """Let a process map memory, and return how often the model chose the same address.

    `word` is the format of the numbers that the process reads and writes.

    Raises:
        AssertionError: It chose another one.
    """
    size = struct.calcsize(word)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, preexec_fn=prepare
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        if word == "Q":
            process.stdout.read(size)  # it has begun
        else:
            ask(process, word, 4096)
        space = AddressSpace.from_pid(process.pid)
        for length in LENGTHS:
            fresh = AddressSpace.from_pid(process.pid)
            actual = ask(process, word, length)
            for name, model in (("read right before", fresh), ("followed", space)):
                chosen = model.mmap(0, length, READ_WRITE, PRIVATE)
                if chosen != actual:
                    raise AssertionError(
                        f"{length} bytes: the kernel {actual:#x}, the model {name} {chosen:#x} "
                        f"with {model.limits}\n{fresh.maps()}"
                    )
        process.stdin.close()
    return len(LENGTHS)


def ask(process: subprocess.Popen[bytes], word: str, length: int) -> int:
    """Let a process map memory, and return the address."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(struct.pack(word, length))
    return int(struct.unpack(word, process.stdout.read(struct.calcsize(word)))[0])


def programs(directory: Path) -> Iterator[tuple[str, list[str], str]]:
    """Yield the programs: their names, commands, and the format of their numbers."""
    yield "64-bit", [sys.executable, "-I", "-c", MAPPER], "Q"
    if elf.runs(elf.write_program(directory / "exit", elf.elf32(elf.EXIT_32))):
        mapper = elf.write_program(directory / "mapper", elf.elf32(elf.MAPPER_32))
        yield "32-bit", [str(mapper)], "I"
    else:
        print("not run: this kernel runs no 32-bit programs")


def main() -> int:
    reason = cannot_run()
    if reason:
        print(f"not run: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as name:
        for bits, command, word in programs(Path(name)):
            for title, prepare in PROCESSES.items():
                if (bits, title) == ("32-bit", "from the bottom up"):
                    continue  # not guessed: programs lie at the same addresses
                count = sum(check(command, prepare, word) for _ in range(RUNS))
                print(f"{bits} process, {title}: {count} mappings where the kernel put them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
