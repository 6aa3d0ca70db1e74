# SPDX-License-Identifier: MIT
"""Forbid sockets. After forbid(), the kernel kills this process, or any process that it starts, if
it asks for a socket. If Python code asks, an error says so first."""

import ctypes
import platform
import struct
import sys

# The architecture's number in the kernel, then the numbers of socket() and socketpair().
SYSTEM_CALLS = {"x86_64": (0xC000003E, 41, 53), "aarch64": (0xC00000B7, 198, 199)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
NUMBER, ARCHITECTURE = 0, 4


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        raise AssertionError(f"{event}{arguments}")


def forbid() -> None:
    sys.addaudithook(_refuse)
    if platform.machine() not in SYSTEM_CALLS:
        return
    architecture, socket, socketpair = SYSTEM_CALLS[platform.machine()]
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 0, 4, architecture),
        (LOAD, 0, 0, NUMBER),
        (EQUAL, 1, 0, socket),
        (EQUAL, 0, 1, socketpair),
        (ANSWER, 0, 0, KILL_PROCESS),
        (ANSWER, 0, 0, ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    program = ctypes.byref(Program(len(instructions), code))
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0
    ):
        raise OSError(ctypes.get_errno(), "no filter for system calls")
