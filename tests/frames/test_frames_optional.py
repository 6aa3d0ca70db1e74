# SPDX-License-Identifier: MIT
"""What RangeTable needs is optional, and imported when it is used."""

import pytest

import samara
from interpreter import run_python

WITHOUT = """
import sys
sys.modules["{missing}"] = None
import samara
try:
    samara.RangeTable
except ImportError as error:
    print(error)
"""


NEEDS = ("pyarrow", "narwhals", "numpy")


def skip_without_needs():
    for name in NEEDS:
        pytest.importorskip(name)


@pytest.mark.parametrize("missing", NEEDS)
def test_the_message_says_what_to_install(missing):
    skip_without_needs()
    message = run_python(WITHOUT.format(missing=missing))
    assert message == f'samara.RangeTable needs {missing}: pip install "samara[frames]"\n'


def test_samara_alone_imports_nothing_for_it():
    code = "import sys, samara; print({m.partition('.')[0] for m in sys.modules} & {names})"
    names = ("pyarrow", "narwhals", "numpy", "pandas", "polars", "duckdb", "dask", "pyspark")
    assert run_python(code.replace("{names}", repr(set(names)))) == "set()\n"


def test_tables_import_no_library_that_is_not_in_use():
    skip_without_needs()
    code = "import sys, samara; samara.RangeTable; "
    code += "print({m.partition('.')[0] for m in sys.modules} & {names})"
    names = {"polars", "duckdb", "dask", "pyspark", "distributed"}
    assert run_python(code.replace("{names}", repr(names))) == "set()\n"


def test_a_table_registers_expressions_if_polars_is_in_use():
    pytest.importorskip("polars")
    code = "import samara, polars as pl; print(hasattr(pl.Expr, 'samara'), end=' '); "
    code += "samara.RangeTable.from_frame({'a': [1], 'b': [2]}, first='a', last='b'); "
    code += "print(hasattr(pl.Expr, 'samara'))"
    assert run_python(code) == "False True\n"


def test_names():
    skip_without_needs()
    assert "RangeTable" in dir(samara)
    assert samara.RangeTable is __import__("samara.frames").frames.RangeTable
    with pytest.raises(AttributeError, match="has no attribute 'RangeTables'"):
        samara.RangeTables  # noqa: B018
