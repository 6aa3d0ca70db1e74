# SPDX-License-Identifier: MIT
"""Files about the project agree with each other."""

import re
import tomllib

import samara
from places import ROOT

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = CONFIG["project"]


def test_version():
    assert samara.__version__ == PROJECT["version"]
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_home():
    home = PROJECT["urls"]["Homepage"]
    assert f"\nrepository-code: {home}\n" in (ROOT / "CITATION.cff").read_text()
    owner, name = home.removeprefix("https://github.com/").split("/")
    for url in PROJECT["urls"].values():
        assert url.startswith((home, f"https://{owner}.github.io/{name}/"))


def test_python_versions():
    """The classifiers, the workflow of tests and the wheels name the same versions."""
    classifiers = [text.rpartition(" ")[2] for text in PROJECT["classifiers"]]
    versions = [text for text in classifiers if re.fullmatch(r"3\.\d+", text)]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    matrix = re.search(r"python: \[(.*)\]", workflow)
    assert matrix is not None
    assert re.findall(r"[\d.]+", matrix[1]) == versions
    wheels = [f"cp{version.replace('.', '')}-*" for version in versions]
    assert CONFIG["tool"]["cibuildwheel"]["build"] == wheels
