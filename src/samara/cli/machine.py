# SPDX-License-Identifier: MIT
"""The machine and the software that a measurement was made with."""

from __future__ import annotations

import os
import platform

import samara
from samara.mm import Limits


def machine() -> dict[str, str | int | None]:
    """Return what to print beside figures: system, processor, Python, samara."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "samara": samara.__version__,
        "implementation": samara.implementation,
    }


def max_map_count() -> int:
    """Return how many VMAs this machine's kernel lets a process have: vm.max_map_count, or Linux's
    default if it cannot be read."""
    try:
        with open("/proc/sys/vm/max_map_count", encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return Limits().max_map_count


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
