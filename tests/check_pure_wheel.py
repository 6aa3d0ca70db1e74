# SPDX-License-Identifier: MIT
"""usage: check_pure_wheel.py WHEEL

Fail where a wheel holds a compiled file or is not for every machine, or where what the running
interpreter has installed is not plain Python.
"""

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

# How the files of compilers begin: ELF, ar, Mach-O of either order, PE, wasm.
MAGIC = (b"\x7fELF", b"!<arch>", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"MZ", b"\0asm")
SOURCES = {".py", ".pyi", ".csv", ".typed"}


def faults_of_wheel(path: Path) -> list[str]:
    faults = []
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            if wheel.read(name).startswith(MAGIC):
                faults.append(f"{name} is compiled")
            if name.startswith("samara/") and Path(name).suffix not in SOURCES:
                faults.append(f"{name} is no source file")
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
        text = wheel.read(name).decode()
    for line in ("Root-Is-Purelib: true", "Tag: py3-none-any"):
        if line not in text.splitlines():
            faults.append(f"{name} does not say {line}")
    return faults


def faults_of_installed() -> list[str]:
    import samara

    faults = []
    if find_spec("samara._core"):
        faults.append("samara._core is installed")
    if samara.implementation != "python":
        faults.append(f"samara.implementation is {samara.implementation}")
    return faults


def main(wheel: str) -> int:
    faults = faults_of_wheel(Path(wheel)) + faults_of_installed()
    for fault in faults:
        print(f"{wheel}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
