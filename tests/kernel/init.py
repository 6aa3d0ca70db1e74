# SPDX-License-Identifier: MIT
"""The first process of the virtual machine of `tools/kernel-vm`: runs the oracle, and switches off.

The oracle's options come from the kernel's command line: `oracle.calls=100` is `--calls 100`.
"""

import ctypes
import os
import sys
import traceback

MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/tmp"),
    ("tmpfs", "/dev/shm"),
)
POWER_OFF = 0x4321FEDC
MAX_MAP_COUNT = "2000"  # the calls at this limit would take long without hardware support


def main() -> int:
    sys.path[:0] = ["/samara/packages", "/samara/kernel"]
    import oracle

    with open("/proc/sys/vm/max_map_count", "w") as file:
        file.write(MAX_MAP_COUNT)
    with open("/proc/cmdline") as file:
        words = [word[7:] for word in file.read().split() if word.startswith("oracle.")]
    sys.argv[1:] = ["--program", "/samara/caller", *(f"--{word}" for word in words)]
    return oracle.main()


if __name__ == "__main__":
    libc = ctypes.CDLL(None)
    for kind, place in MOUNTS:
        os.makedirs(place, exist_ok=True)
        libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
    console = os.open("/dev/console", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(console, descriptor)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    try:
        status = main()
    except BaseException:
        traceback.print_exc()
        status = 1
    print(f"the oracle ended with {status}", flush=True)
    libc.sync()
    libc.reboot(POWER_OFF)
