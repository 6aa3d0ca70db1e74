# SPDX-License-Identifier: MIT
"""tools/check_prose.py finds expressions in prose and nowhere else."""

import runpy
from pathlib import Path

import pytest

from places import ROOT

SCRIPT = runpy.run_path(str(ROOT / "tools" / "check_prose.py"))


def found(name, text):
    """Return (line, expression) of each finding."""
    return [(line, shown) for line, shown, _ in sorted(SCRIPT["findings"](Path(name), text))]


@pytest.mark.parametrize(
    "text",
    [
        "Results are held against an array.",
        "It is held on 3.11.",
        "Other threads take the interpreter lock.",
        "Waiting gives the lock away.",
        "A Python that can do without its lock.",
        "The page is made anew.",
        "A twin for where there is no compiler.",
        "What has no size is skipped.",
        "What is no integer is refused.",
        "A tree that has no entries.",
        "The tests come to each line.",
        "The tuples that trees answer with.",
        "A method answers None.",
        "Hostile input is answered.",
        "It is called at the end of a value.",
        "Nothing else has been tried.",
        "This way can do all.",
    ],
)
def test_each_rule(text):
    assert len(found("a.md", text)) == 1, text


@pytest.mark.parametrize(
    "text",
    [
        "Hold the lock. Against that, nothing.",
        "The warning says: the global interpreter lock has been enabled.",
        "They renew it. Many canewood chairs.",
        "What holds the answers? The array.",
        "What is not an integer raises TypeError.",
        "It comes to an end.",
        "The answers are recorded.",
    ],
)
def test_what_is_near_a_rule(text):
    assert found("a.md", text) == []


def test_across_lines():
    assert found("a.md", "It is\nheld\n  against it.") == [(2, "held against")]
    assert found("a.py", "x = 1\n# It is held\n# against it.\n") == [(2, "held against")]
    assert found("a.c", "int x;\n/*\n * It is held\n * against it.\n */\n") == [(3, "held against")]
    assert found("Makefile", "# It is held\n# against it.\n") == [(1, "held against")]


def test_code_in_markdown():
    assert found("a.md", "Say `anew`.\n\n```python\nanew = 1\n```\n\nSay it anew.\n") == [
        (7, "anew")
    ]


def test_the_series_is_named_first():
    assert found("a.md", "Sizes of the series.") == [(1, "the series")]
    assert found("a.md", "A patch series. Sizes of\nthe series.") == []
    assert found("a.md", "The series. A patch series.") == [(1, "The series")]


def test_python():
    code = 'anew = "anew"  # anew\n\ndef f():\n    """Do it anew."""\n    return """anew"""\n'
    assert found("tests/a.py", code) == [(1, "anew"), (4, "anew")]
    # Messages in src/ are read too.
    assert len(found("src/a.py", code)) == 4
    assert found("src/a.py", 'print(f"Do it anew, {name}.")\n') == [(1, "anew")]


def test_questions_as_docstrings():
    assert found("a.py", '"""Is it fast?"""\n') == []
    assert found("a.py", 'def f():\n    """Is it free?"""\n') == [(2, "Is it free?")]
    assert found("a.py", 'def f():\n    """Return it. Is it free?"""\n') == []


def test_c():
    code = 'int anew = \'"\'; /* anew */\nchar *text = "anew";\nint b; // anew\n'
    assert found("a.c", code) == [(1, "anew"), (2, "anew"), (3, "anew")]


def test_scripts():
    assert found(".ci/run", "#!/usr/bin/env bash\n# anew\n") == [(2, "anew")]
    assert found("a.txt", "anew") == []


def test_command(tmp_path, monkeypatch, capsys):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("Again.\n")
    bad.write_text("Again.\n\nAnew.\n")
    monkeypatch.setattr("sys.argv", ["check_prose.py", str(good)])
    assert SCRIPT["main"]() == 0
    monkeypatch.setattr("sys.argv", ["check_prose.py", str(good), str(bad)])
    assert SCRIPT["main"]() == 1
    assert capsys.readouterr().out == f"{bad}:3: 'Anew': write: again\n"
