# SPDX-License-Identifier: MIT
"""usage: build_playground.py WHEEL FOLDER

Build the playground page from the sources in docs/playground, the wheel without the extension, and
Pyodide from npm. Any static web server can serve the folder.
"""

import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "docs" / "playground"
PAGE = {".css", ".html", ".js", ".py"}
PACKAGE = [".npmrc", "package.json", "package-lock.json"]
# The files of the npm package that Pyodide loads.
PYODIDE = [
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "pyodide-lock.json",
    "python_stdlib.zip",
]


def fetch_pyodide(folder: Path) -> Path:
    """Install what package-lock.json names, and check its hashes. Run no install scripts."""
    folder.mkdir()
    for name in PACKAGE:
        shutil.copy(SOURCE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "node_modules" / "pyodide"


def main() -> None:
    wheel, page = map(Path, sys.argv[1:])
    shutil.rmtree(page, ignore_errors=True)
    (page / "pyodide").mkdir(parents=True)
    for path in SOURCE.iterdir():
        if path.suffix in PAGE:
            shutil.copy(path, page)
    shutil.copy(wheel, page / "samara.whl")
    package = fetch_pyodide(page / "npm")
    for name in PYODIDE:
        shutil.copy(package / name, page / "pyodide")
    shutil.rmtree(page / "npm")


if __name__ == "__main__":
    main()
