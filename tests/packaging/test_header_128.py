# SPDX-License-Identifier: MIT
"""maple_tree_128.h, which is made from maple_tree.h, declares what it should, and compiles."""

import doctest
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

SCRIPT = ROOT / "core" / "header_128.py"
HEADER = ROOT / "core" / "include" / "maple_tree.h"
DECLARATION = re.compile(r"^MT_API ([^;]*?)(\w+)\(([^;]*)\);", re.MULTILINE)
# What depends on the width of keys: keys, trees, cursors, and what has keys in it.
WIDTH = (
    r"\bmt_key\b|struct (maple_tree|ma_\w+"
    r"|mt_(entry|value_ops|difference|diff_\w+|set_\w+|accumulation))\b"
)
BOTH = """
#include "maple_tree_128.h"

int main(void)
{
	struct maple_tree narrow = MTREE_INIT(narrow, 0);
	DEFINE_MTREE128(wide);
	MA128_STATE(mas, &wide, 0, MT128_KEY_MAX);
	uint64_t sum = 0;
	void *entry;

	mas128_for_each(&mas, entry, (mt128_key)1 << 100) sum++;
	return mtree_load(&narrow, UINT64_MAX) || mtree128_load(&wide, MT128_KEY_MAX) || sum;
}
"""


def make(header: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, header, folder / "maple_tree_128.h", folder / "names_128.h"]
    return subprocess.run(command, capture_output=True, text=True)


def test_each_function_that_depends_on_the_width_has_a_second_form(tmp_path):
    assert make(HEADER, tmp_path).returncode == 0
    given = {
        name: result + arguments
        for result, name, arguments in DECLARATION.findall(HEADER.read_text())
    }
    text = (tmp_path / "maple_tree_128.h").read_text()
    made = {name for _, name, _ in DECLARATION.findall(text)}
    wanted = {name for name, types in given.items() if re.search(WIDTH, types)}
    assert len(wanted) > 90
    assert len(given) - len(wanted) > 8  # pools, the lock's report
    assert made == {re.sub(r"^(__)?(mtree|mas|mt)_", r"\1\g<2>128_", name) for name in wanted}
    defines = re.findall(r"^#define (\w+) (\w+)$", (tmp_path / "names_128.h").read_text(), re.M)
    names = dict(defines)
    assert made <= set(names.values())
    assert len(set(names.values())) == len(names)
    # No name of the 64-bit interface is left, except those of what both share.
    code = re.sub(r"/\*(?s:.*?)\*/|#include.*", "", text)
    left = set(re.findall(r"\w+", code))
    assert not left & names.keys()


@pytest.mark.parametrize(
    ("compiler", "standard"), [("gcc", "c11"), ("clang", "c11"), ("g++", "c++17")]
)
def test_one_program_can_use_both(tmp_path, compiler, standard):
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler}")
    assert make(HEADER, tmp_path).returncode == 0
    source = tmp_path / ("both.cpp" if compiler == "g++" else "both.c")
    # Designated initialisers and MA_STATE() are C.
    source.write_text('#include "maple_tree_128.h"\nmt128_key most = MT128_KEY_MAX;\n')
    if compiler != "g++":
        source.write_text(BOTH)
    options = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    command = [compiler, *options, f"-I{HEADER.parent}", f"-I{tmp_path}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_has_no_rule_is_refused(tmp_path):
    header = tmp_path / "maple_tree.h"
    text = HEADER.read_text()
    header.write_text(text.replace("MT_API void mas_pause(", "MT_API void other_pause("))
    done = make(header, tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "header_128.py: no rule for the name other_pause\n",
    )
    header.write_text(text.replace("#define MT_NODE_BYTES 256", "#define MT_NODE_BYTES 128"))
    done = make(header, tmp_path)
    assert done.returncode == 1
    assert done.stderr == "header_128.py: #define MT_NODE_BYTES 256 is not in the header\n"


def test_its_examples():
    spec = importlib.util.spec_from_file_location("header_128", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["header_128"] = module
    spec.loader.exec_module(module)
    assert doctest.testmod(module) == (0, 2)
