# SPDX-License-Identifier: MIT
"""Boot Debian's kernels in QEMU, with an initramfs of a few files, and talk to them.

The emulation (TCG) needs neither KVM nor root. With `-icount shift=0` the guest's clock advances by
one nanosecond for each instruction: times in the guest are numbers of instructions, and do not
depend on how busy the machine is. If nothing runs in the guest, its clock jumps to the next timer.

In the guest, busybox runs `/job`, a shell script. Its standard output comes over the serial line;
its exit status is the guest's.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "kernels"
_EXIT = "guest: exit "
_INIT = f"""\
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
sh /job
echo "{_EXIT}$?"
poweroff -f
"""


class GuestError(Exception):
    """The guest could not be booted, or did not do its job."""


@dataclass(frozen=True)
class Kernel:
    """A kernel of a Debian release, and the busybox that came with it."""

    suite: str
    image: Path
    busybox: Path

    @property
    def version(self) -> str:
        """Return its release, as uname(1) prints it."""
        return self.image.name.removeprefix("vmlinuz-")

    @property
    def series(self) -> str:
        """Return the first two numbers of its release, such as 6.12."""
        return ".".join(self.version.split(".")[:2])


def fetch(suite: str) -> Kernel:
    """Return the newest cloud kernel of a Debian release, downloaded if it is not here yet."""
    if platform.machine() != "x86_64":
        sys.exit(f"guest: the kernels and their programs are for x86_64, not {platform.machine()}")
    image = Path(_output(HERE / "fetch", BUILD / suite, suite))
    return Kernel(suite, image, image.with_name("busybox"))


def qemu() -> list[str]:
    """Return the command of QEMU: the one on PATH, or else Debian's, downloaded into build/."""
    name = "qemu-system-x86_64"
    if shutil.which(name):
        return [name]
    folder = ROOT / "build" / "qemu"
    program = _output(
        *(ROOT / "tools" / "debian", folder, f"usr/bin/{name}", "qemu-system-x86", "seabios")
    )
    share = folder / "debian" / "usr" / "share"
    return [program, "-L", str(share / "qemu"), "-L", str(share / "seabios")]


def qemu_version() -> str:
    """Return what QEMU says that it is."""
    return _output(*qemu(), "--version").partition("\n")[0]


def compile_c(name: str, *arguments: str | Path) -> Path:
    """Compile a program that needs no library, and return its path."""
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / name
    command: list[str | Path] = [
        os.environ.get("CC", "cc"),
        "-std=gnu11",
        "-O2",
        "-static",
        "-o",
        program,
    ]
    subprocess.run([*command, *arguments], check=True)
    return program


def initramfs(kernel: Kernel, job: str, files: Mapping[str, Path | bytes]) -> bytes:
    """Return an initramfs: busybox, an init, `/job` with this text, and these files by path.

    The files of the host are executable in the guest.
    """
    archive = _Cpio()
    for folder in ("bin", "dev", "proc", "sys", "tmp"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("bin/busybox", stat.S_IFREG | 0o755, kernel.busybox.read_bytes())
    archive.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    for name in ("mount", "poweroff"):
        archive.add(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox")
    # Without it, the output of init is lost.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("init", stat.S_IFREG | 0o755, _INIT.encode())
    archive.add("job", stat.S_IFREG | 0o755, job.encode())
    for path, content in files.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        archive.add(path, stat.S_IFREG | 0o755, data)
    return gzip.compress(archive.finished(), 1, mtime=0)


class _Cpio:
    """An archive in cpio's format newc, which is described in the kernel's documentation."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.files = 0

    def add(
        self, path: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self.files += 1
        name = path.encode() + b"\0"
        fields = (self.files, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts += [_padded(header + name), _padded(data)]

    def finished(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class Guest:
    """A kernel that runs. Use it as a context manager: it ends with the block.

    Args:
        kernel: The kernel.
        job: The script that it runs, for busybox's sh.
        files: What the script needs, by path in the guest.
        cpu: QEMU's name of the processor. The default has all features that it can emulate, as a
            recent one has: by them a kernel chooses how it copies memory.
        append: More of the kernel's command line.
        memory: The guest's memory, in MiB.
        limit: The seconds after which the guest is ended. GuestError is raised then.
    """

    def __init__(
        self,
        kernel: Kernel,
        job: str,
        files: Mapping[str, Path | bytes],
        *,
        cpu: str = "max",
        append: str = "",
        memory: int = 1024,
        limit: float = 600,
    ) -> None:
        self.kernel = kernel
        self.status: int | None = None
        self._last: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="samara-guest-")
        folder = Path(self._folder.name)
        (folder / "initramfs").write_bytes(initramfs(kernel, job, files))
        line = f"console=ttyS0 quiet loglevel=1 panic=-1 {append}".strip()
        command = [
            *qemu(),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-accel", "tcg", "-icount", "shift=0,sleep=off"),
            # The same time and the same random numbers in each run.
            *("-rtc", "base=2026-01-01,clock=vm", "-seed", "1"),
            *("-smp", "1", "-cpu", cpu, "-m", str(memory)),
            *("-kernel", str(kernel.image), "-initrd", str(folder / "initramfs")),
            *("-append", line, "-serial", "stdio", "-qmp", f"unix:{folder}/qmp,server=on,wait=off"),
        ]
        self._qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._late = threading.Timer(limit, self._qemu.kill)
        self._late.start()

    def __enter__(self) -> Guest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._late.cancel()
        self._qemu.kill()
        self._qemu.wait()
        for stream in (self._qemu.stdin, self._qemu.stdout):
            assert stream is not None
            stream.close()
        self._folder.cleanup()

    def lines(self) -> Iterator[str]:
        """Yield the lines that the job prints, up to its end.

        Raises:
            GuestError: The job failed, or the guest ended without a status.
        """
        assert self._qemu.stdout is not None
        for data in self._qemu.stdout:
            line = data.decode(errors="replace").rstrip("\r\n")
            if line.startswith(_EXIT):
                self.status = int(line.removeprefix(_EXIT))
                break
            self._last = [*self._last[-9:], line]
            yield line
        if self.status != 0:
            what = "the guest ended early" if self.status is None else f"status {self.status}"
            raise GuestError("\n".join([f"{self.kernel.version}: {what}", *self._last]))

    def say(self, text: str) -> None:
        """Type a line on the serial console."""
        assert self._qemu.stdin is not None
        stream: BinaryIO = self._qemu.stdin  # type: ignore[assignment]
        stream.write(text.encode() + b"\n")
        stream.flush()

    def command(self, name: str, **arguments: Any) -> None:
        """Run a command of QEMU's machine protocol (QMP) and wait for its end."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(f"{self._folder.name}/qmp")
            with channel.makefile("rw") as stream:
                stream.readline()  # the greeting
                for command in (("qmp_capabilities", {}), (name, arguments)):
                    record = {"execute": command[0], "arguments": command[1]}
                    stream.write(json.dumps(record) + "\n")
                    stream.flush()
                    while "event" in (answer := json.loads(stream.readline())):
                        pass
                    if "error" in answer:
                        raise GuestError(f"QEMU: {command[0]}: {answer['error']['desc']}")


def _output(*command: str | Path) -> str:
    try:
        return subprocess.check_output(command, cwd=ROOT, text=True).strip()
    except subprocess.CalledProcessError:
        sys.exit(1)  # the command said why
