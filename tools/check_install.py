# SPDX-License-Identifier: MIT
"""usage: check_install.py WHEEL

Fail if pip cannot install a working samara from a wheel, or cannot remove all of it again. Uses a
temporary environment of its own, without samara's optional dependencies.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
USE = """
import importlib, os, pkgutil, sys, samara, samara.mm
for module in pkgutil.walk_packages(samara.__path__, "samara."):
    needs_more = module.name.startswith(("samara.frames", "samara.mm.trace.record"))
    if module.name != "samara.__main__" and not needs_more:
        importlib.import_module(module.name)
tree = samara.MapleTree([(1, 5, "a")])
copy = tree.fork()
copy[3] = "b"
assert (tree[3], copy[3], len(copy)) == ("a", "b", 3)
copy.check()
assert len(samara.mm.AddressSpace.from_pid(os.getpid()))
assert samara.__file__.startswith(sys.prefix)
print(samara.implementation, samara.__version__)
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(wheel: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "environment"
        venv.create(root)
        before = set(root.rglob("*"))
        python, program = str(root / "bin" / "python"), str(root / "bin" / "samara")
        pip = [*PIP, "--python", python]

        run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
        uses = "python" if wheel.endswith("-none-any.whl") else "c"
        found = run(python, "-W", "error", "-c", USE).split()
        for command in ([program], [python, "-m", "samara"]):
            assert run(*command, "--version").split() == ["samara", found[1]]
        run(*pip, "check")
        run(*pip, "uninstall", "--quiet", "--yes", "samara")
        left = sorted(set(root.rglob("*")) ^ before)
    faults = [f"{path} was left behind" for path in left]
    if found[0] != uses:
        faults.append(f"what runs is written in {found[0]}")
    for fault in faults:
        print(f"{wheel}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
