# SPDX-License-Identifier: MIT
"""Small Linux programs of x86, written without a compiler, which may not make 32-bit programs.

`elf32()` and `elf64()` make an ELF file of machine code. It is loaded at BASE and starts at its
first instruction.
"""

import struct
import subprocess
from pathlib import Path

BASE = 0x08048000

# Reads lengths from standard input, 4 bytes each; maps that much private memory with mmap2() and
# writes the address to standard output. Ends with its input. For 32-bit processes.
MAPPER_32 = bytes.fromhex(
    "83ec10"  # sub esp, 16
    "b803000000 31db 89e1 ba04000000 cd80"  # again: read(0, esp, 4)
    "83f804 7535"  # cmp eax, 4; jne end
    "b8c0000000 31db 8b0c24 ba03000000 be22000000 bfffffffff 31ed cd80"  # mmap2(0, n, 3, 0x22, -1)
    "890424"  # mov [esp], eax
    "b804000000 bb01000000 89e1 ba04000000 cd80"  # write(1, esp, 4)
    "ebb6"  # jmp again
    "b801000000 31db cd80"  # end: exit(0)
)
# exit(0) by the 32-bit system call, which 64-bit processes can make too
EXIT_32 = bytes.fromhex("b801000000 31db cd80")


def elf32(code: bytes) -> bytes:
    """Return a 32-bit program."""
    size = 52 + 32 + len(code)
    header = b"\x7fELF\x01\x01\x01" + b"\0" * 9
    header += struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, BASE + 84, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return header + struct.pack("<8I", 1, 0, BASE, BASE, size, size, 5, 0x1000) + code


def elf64(code: bytes) -> bytes:
    """Return a 64-bit program."""
    size = 64 + 56 + len(code)
    header = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, BASE + 120, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000) + code


def write_program(path: Path, content: bytes) -> Path:
    """Write an executable file."""
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def runs(path: Path) -> bool:
    """Return whether this kernel runs a program that ends at once, such as `elf32(EXIT_32)`."""
    try:
        return subprocess.run([path], stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
