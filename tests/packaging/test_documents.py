# SPDX-License-Identifier: MIT
"""The examples in the documents run and print what the documents say."""

import doctest
import re

import pytest

from places import ROOT

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))
DOCUMENTS = ["README.md", *(name for name in PAGES if "\n>>> " in (ROOT / name).read_text())]
# Packages that an example needs, but that not every test environment has.
NEEDED = {
    "docs/howto/arrow.md": "numpy, pyarrow",
    "docs/howto/coverage.md": "numpy",
    "docs/howto/frames.md": "pandas, polars, duckdb, pyarrow, narwhals",
    "docs/howto/ip-lookup.md": "pandas",
    "docs/howto/validity.md": "pandas",
    "docs/reference/keys.md": "numpy",
}
# Recipes whose first section has the whole of it.
SHORT = [name for name in DOCUMENTS if "\n## All of it in 20 lines\n" in (ROOT / name).read_text()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_run(name, tmp_path, monkeypatch):
    for package in filter(None, NEEDED.get(name, "").split(", ")):
        pytest.importorskip(package)
    # Leave the repository, so that the installed package is imported.
    monkeypatch.chdir(tmp_path)
    parser = doctest.DocTestParser()
    # A fence ends an example like an empty line.
    text = (ROOT / name).read_text().replace("```", "")
    test = parser.get_doctest(text, {}, name, name, 0)
    assert len(test.examples) > 5
    report: list[str] = []
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL, verbose=False
    )
    runner.run(test, out=report.append)
    assert not report, "".join(report)


def test_pages_with_examples_are_found():
    named = {"guide", "how-it-works", "mm", "tutorial", "howto/bookings", "howto/coverage"}
    assert {f"docs/{page}.md" for page in named} < set(DOCUMENTS)


@pytest.mark.parametrize("name", SHORT)
def test_all_of_it_is_short(name):
    section = (ROOT / name).read_text().split("\n## ")[1]
    assert section.startswith("All of it in 20 lines\n")
    lines = re.findall(r"^(?:>>>|\.\.\.) ", section, re.MULTILINE)
    assert 10 < len(lines) < 25


def test_short_recipes_are_found():
    named = {"bookings", "frames", "ip-lookup", "ipam", "validity"}
    assert {f"docs/howto/{page}.md" for page in named} <= set(SHORT)


@pytest.mark.parametrize(
    "name",
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "examples/README.md", *PAGES],
)
def test_links_lead_somewhere(name):
    document = ROOT / name
    for target in links(document.read_text()):
        assert (document.parent / target).exists(), f"{name} links to {target}"


def links(text: str) -> list[str]:
    """Return the targets of [text](target) that are files here."""
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    return [target.split("#")[0] for target in targets if "://" not in target]
