#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check that mypy and pyright accept the examples of the README and of the documents.

Each page becomes a module in build/doc_types/, with each example on the line that it has on the
page. Examples that show an error are left out. The README must pass `mypy --strict` as it is. The
other pages are sessions at a prompt: there a name may get another type, and neither functions nor
empty containers have annotations, and other packages need no types, so mypy is told not to ask for
them.
"""

import doctest
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / "build" / "doc_types"
# Pages whose examples use more than the public interface.
INTERNAL: Final = {"docs/how-it-works.md"}
STRICT: Final = ["mypy", "--strict", "--python-version", "3.11"]
AT_A_PROMPT: Final = [
    *("--allow-untyped-defs", "--allow-untyped-calls", "--allow-incomplete-defs"),
    *("--allow-redefinition-new", "--local-partial-types", "--disable-error-code=var-annotated"),
    "--disable-error-code=import-untyped",
]


def examples_of(page: Path) -> str:
    """Return the examples of a page as a module."""
    text = page.read_text().replace("```", "")  # a fence ends an example like an empty line
    lines = [""] * (text.count("\n") + 1)
    for example in doctest.DocTestParser().get_examples(text, str(page)):
        if example.exc_msg is None:
            source = example.source.rstrip("\n").split("\n")
            lines[example.lineno : example.lineno + len(source)] = source
    return "\n".join(lines).rstrip("\n") + "\n"


def write_modules() -> dict[str, Path]:
    """Write the module of each page that has examples. Return them by the page's name."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.py"):
        old.unlink()
    modules = {}
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))):
        name = page.relative_to(ROOT).as_posix()
        if name not in INTERNAL and (source := examples_of(page)).strip():
            stem = name.removesuffix(".md").replace("/", "_").replace("-", "_")
            modules[name] = FOLDER / f"{stem}.py"
            modules[name].write_text(source)
    return modules


def main() -> int:
    modules = write_modules()
    readme = str(modules.pop("README.md"))
    pages = [str(module) for module in modules.values()]
    commands = [
        [*STRICT, readme],
        [*STRICT, *AT_A_PROMPT, *pages],
        ["pyright", "--level", "error", readme, *pages],
    ]
    failed = [command for command in commands if subprocess.run(command, cwd=FOLDER).returncode]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
