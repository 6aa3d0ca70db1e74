# SPDX-License-Identifier: MIT
"""The C files of the core and of the extension have no dependency cycles, and each header declares
what its own file defines. The check itself finds violations."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "check_c_layers.py"
HEADER = ROOT / "core" / "include" / "maple_tree.h"
# Three files, each above the one before it.
FILES = {
    "low.h": "int low(void);\n",
    "low.c": """
#include "low.h"
int low(void)
{
	return 1; /* top() is above */
}
""",
    "middle.h": """
#include "low.h"
extern int middle[2];
static inline int twice(void)
{
	return 2 * low();
}
""",
    "middle.c": '#include "middle.h"\nint middle[2] = {1, 2};\n',
    "top.c": """
#include "middle.h"
static int (*const below)(void) = low;
static int hidden;
void mt_init(struct maple_tree *mt)
{
	hidden = twice() + middle[0];
}
""",
}
INCLUDED = [
    "a circle of files:",
    "low includes middle.h",
    "middle includes low.h",
]
CALLED = [
    "a circle of files:",
    "low uses mt_init",
    "top uses low",
]
READ = [
    "a circle of files:",
    "low uses middle",
    "middle includes low.h",
]
STRANGER = ["low declares stranger, which low.c does not define"]
SECRET = ["top.c defines secret, which top.h does not declare"]
WRONG = {
    "include": ("low.h", '#include "middle.h"', INCLUDED),
    "call": ("low.c", "static void up(void)\n{\n\tmt_init(low);\n}", CALLED),
    "variable": ("low.c", "static int up(void)\n{\n\treturn middle[1];\n}", READ),
    "table": ("low.c", "static void (*const table[])(void) = {mt_init};", CALLED),
    "stranger": ("low.h", "int stranger(int (*callback)(void));", STRANGER),
    "secret": ("top.c", "struct pair *secret(void)\n{\n\treturn 0;\n}", SECRET),
}


def check(*folders: Path) -> tuple[int, list[str]]:
    command = [sys.executable, SCRIPT, HEADER, *folders]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)


def test_the_core_and_the_extension():
    assert check(ROOT / "core" / "src", ROOT / "binding") == (0, [])


def test_files_in_order(tmp_path: Path):
    write_files(tmp_path)
    assert check(tmp_path) == (0, [])


@pytest.mark.parametrize("kind", WRONG)
def test_what_breaks_the_order(tmp_path: Path, kind: str):
    write_files(tmp_path)
    changed, addition, expected = WRONG[kind]
    with (tmp_path / changed).open("a") as file:
        file.write(addition + "\n")
    status, lines = check(tmp_path)
    assert status == 1
    assert [line.removeprefix(f"{tmp_path}:").strip() for line in lines] == expected
