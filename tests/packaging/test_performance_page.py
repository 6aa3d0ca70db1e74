# SPDX-License-Identifier: MIT
"""docs/performance.md shows the committed figures, and no others."""

import re

import pytest

from places import ROOT
from suite import report
from suite.bounds import judge
from suite.figures import Figures

PAGE = (ROOT / "docs" / "performance.md").read_text()
FIGURES = Figures.read(ROOT / "benchmarks" / "results" / "bench.json")


def test_the_tables_are_made_of_the_figures():
    assert report.fill_page(PAGE, FIGURES) == PAGE, "run make bench-docs"


def test_the_prose_has_no_figures():
    prose = report.BLOCK.sub("", PAGE)
    figure = re.search(r"\d[\d.,]*\s*(ns|µs|ms|%|×|bytes per|times)", prose)
    assert figure is None, figure


def test_every_operation_has_its_table():
    blocks = {match[2] for match in report.BLOCK.finditer(PAGE)}
    assert blocks == set(FIGURES.data["operations"]) | set(report.BLOCKS)


def test_the_page_shows_each_plot():
    shown = re.findall(r"!\[[^]]+\]\(plots/([^)]+)\)", PAGE)
    assert sorted(shown) == sorted(path.name for path in (ROOT / "docs" / "plots").iterdir())


def test_the_figures_are_of_a_whole_run():
    assert {100, 1_000, 10_000, 50_000, 1_000_000} <= set(FIGURES.data["sizes"])
    assert {135, 6_421, 51_221} <= set(FIGURES.data["sizes"])
    assert FIGURES.data["rounds"] >= 5
    assert FIGURES.data["growth"]
    for _, cases in judge(FIGURES):
        assert cases


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (0.1234, "0.12")]
)
def test_numbers(value, text):
    assert report.number(value) == text


def test_a_ratio_is_the_median_of_the_rounds():
    rounds = {"a": [1.0, 4.0, 9.0], "b": [1.0, 2.0, 3.0]}
    figures = Figures({"samples": {"get": {"10": rounds}}})
    assert figures.ratio("get", "a", "b", 10) == 2.0
    assert figures.ratio("get", "a", "c", 10) is None
