# SPDX-License-Identifier: MIT
"""Sphinx's configuration: `make docs` builds the site in build/docs, without the network."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import c_header  # noqa: E402
import samara  # noqa: E402

project = "samara"
author = "the samara developers"
copyright = "the samara developers; MIT licence"
version = release = samara.__version__

extensions = [
    "hawkmoth",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxarg.ext",
]
exclude_patterns = ["playground"]
source_suffix = {".md": "markdown"}
nitpicky = True
# Of libc, or opaque.
nitpick_ignore = {
    *(("c:identifier", name) for name in ("maple_node", "maple_pool", "size_t")),
    *(("c:identifier", f"uint{bits}_t") for bits in (8, 32, 64)),
}
# The C domain knows one name space, but struct mt_pool_stats and mt_pool_stats() are two things.
suppress_warnings = ["duplicate_declaration.c"]
# `name` in a docstring is code. Links are made by roles.
default_role = "code"
smartquotes = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# The signatures of C functions have no annotations; those of Python would make the pages uneven.
autodoc_typehints = "none"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Prompts and output are not copied.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = "samara"
html_static_path = ["_static"]
html_css_files = ["samara.css"]
html_copy_source = False
html_show_sourcelink = False

# ---- the C reference: sections of the header, parsed by libclang --------------------------------

HEADER = ROOT / "core" / "include" / "maple_tree.h"
SECTIONS = ROOT / "build" / "c_header"
FUNCTIONS = c_header.exported(HEADER.read_text(encoding="utf-8"))

hawkmoth_root = str(SECTIONS)
# libclang comes without the compiler's own headers: stddef.h and stdbool.h.
hawkmoth_compiler = None
hawkmoth_autoconf = None
_own = subprocess.run(
    ["cc", "-print-file-name=include"], check=True, capture_output=True, text=True
).stdout.strip()
hawkmoth_clang = [f"-isystem{_own}"]


def process_c_comment(
    app: Any, lines: list[str], transform: str | None, options: dict[str, object]
) -> None:
    lines[:] = c_header.restructured("\n".join(lines), FUNCTIONS).split("\n")


# ---- pages of the repository's root -------------------------------------------------------------

ROOT_PAGES = {name.lower(): f"{name}.md" for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING")}
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]


def page_of(link: re.Match[str]) -> str:
    """A link between files of the repository as one between pages, or else to the repository."""
    target, anchor = link[1], link[2] or ""
    if target.startswith("docs/") and target.endswith(".md"):
        return f"]({target.removeprefix('docs/')}{anchor})"
    if target.removesuffix(".md").lower() in ROOT_PAGES:
        return f"]({target.lower()}{anchor})"
    return f"]({REPOSITORY}/blob/main/{target}{anchor})"


def read_root_page(app: Any, page: str, source: list[str]) -> None:
    if page in ROOT_PAGES:
        app.env.note_dependency(str(ROOT / ROOT_PAGES[page]))
        text = (ROOT / ROOT_PAGES[page]).read_text(encoding="utf-8")
        source[0] = re.sub(r"\]\(([\w./-]+)(#[\w-]+)?\)", page_of, text)


# ---- Python -------------------------------------------------------------------------------------


def process_docstring(
    app: Any, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Python itself documents a NamedTuple's fields by "Alias for field number 0"; napoleon takes
    what an attribute's first line has before a colon for its type."""
    if lines and re.match(r"Alias for field number \d+", lines[0]):
        lines.clear()
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]  # an empty comment


def process_signature(
    app: Any, what: str, name: str, thing: object, options: object, signature: str, returns: str
) -> tuple[str, str] | None:
    """A default that is a long repr, shortened."""
    return (re.sub(r"\bLimits\([^()]+\)", "Limits()", signature), returns) if signature else None


# ---- the command line ---------------------------------------------------------------------------


def name_commands(app: Any, environment: Any) -> list[str]:
    """The search finds commands by their names, not by their whole descriptions."""
    data = environment.get_domain("commands").data
    data["commands"] = [(name, name, *rest) for name, _, *rest in data["commands"]]
    return []


def setup(app: Any) -> None:
    c_header.write_sections(HEADER, SECTIONS)
    app.connect("hawkmoth-process-docstring", process_c_comment)
    app.connect("env-updated", name_commands)
    app.connect("source-read", read_root_page)
    app.connect("autodoc-process-signature", process_signature)
    app.connect("autodoc-process-docstring", process_docstring, priority=400)
