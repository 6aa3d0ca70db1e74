# SPDX-License-Identifier: MIT
"""The command samara demo."""

import doctest
import os
import re
import sys
from io import StringIO
from pathlib import Path

import pytest

import samara.cli.demo
from samara import MapleTree
from samara.cli import main
from samara.cli.bars import Bar, plain_bars, print_bars
from samara.cli.measure import Measured

QUICK = ["--seconds", "0.001"]


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["demo", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_it_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys).splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80


def test_its_range_map_is_real(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what these lines return, in order."""
    examples = doctest.DocTestParser().get_doctest(
        shown(capsys).partition("\n\n")[0], {"MapleTree": MapleTree}, "demo", None, 0
    )
    assert len(examples.examples) == 8
    assert doctest.DocTestRunner().run(examples) == doctest.TestResults(0, 8)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc")
def test_it_forks_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"a Python process, (\d+) ranges", " ".join(shown(capsys).split()))
    assert found is not None and int(found[1]) > 20


def test_where_there_is_no_proc(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = os.path.exists
    monkeypatch.setattr(
        os.path, "exists", lambda path: not str(path).startswith("/proc") and exists(path)
    )
    assert "a made-up process, 150 ranges" in " ".join(shown(capsys).split())


def test_its_bar_chart_and_what_to_try_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With given seconds instead of measured ones."""
    seconds = {"insert": 1e-3, "dup": 0.5e-3, "cow": 0.1e-3}
    monkeypatch.setattr(
        samara.cli.demo, "measure", lambda space, *_: Measured(len(space), 0, seconds)
    )
    _, forks, following = shown(capsys).split("\n\n")
    insert, dup, cow = (re.split("  +", line) for line in forks.splitlines()[-3:])
    assert [insert[0], dup[0], cow[0]] == ["insert", "dup", "cow"]
    assert [set(line[-2]) for line in (insert, dup, cow)] == [{"█"}] * 3
    assert [len(line[-2]) for line in (insert, dup, cow)] == [3, 6, 30]
    assert [insert[-1], dup[-1], cow[-1]] == ["1,000", "2,000, 2.0 times", "10,000, 10.0 times"]
    assert "%" not in forks
    assert following.startswith("Try next:\n  samara fork --vmas ")


def test_children_that_differ(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samara.cli.demo, "verify_children", lambda space: "fork is wrong")
    assert main(["demo", *QUICK]) == 1
    assert capsys.readouterr().err == "samara demo: fork is wrong\n"


class Terminal(StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coloured by rich, plain without it, and only with characters that the terminal has."""
    bars = [Bar("one", 1, "x"), Bar("three", 3, "[b]y")]
    plain = "one    ##  x\nthree  ######  [b]y\n"
    assert "".join(label + bar + note + "\n" for label, bar, note in plain_bars(bars, 6, "#")) == (
        plain
    )
    monkeypatch.setenv("TERM", "xterm")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "rich.console", None)
        patch.setattr(sys, "stdout", Terminal())
        print_bars(bars, 6)
        assert sys.stdout.getvalue() == plain
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stdout", Terminal())
    print_bars(bars, 6)
    text = sys.stdout.getvalue()
    assert "\x1b[32m" in text and re.sub("\x1b[^m]*m", "", text) == plain


def test_nothing_of_it_remains(capsys: pytest.CaptureFixture[str]) -> None:
    """The process that the demo starts has ended."""
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("needs /proc")
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        pytest.skip("the kernel does not list children")
    before = children.read_text()
    shown(capsys)
    assert children.read_text() == before
