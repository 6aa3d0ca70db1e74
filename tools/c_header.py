# SPDX-License-Identifier: MIT
"""Prepare maple_tree.h for hawkmoth: one copy of the header for each of its sections.

The header is written in the kernel's style: with plain comments. Some come after a member, some are
for several declarations. hawkmoth documents what has a comment of the form /** ... */ before it. In
each copy, the comments of one section have that form. The rest is there so that the copy compiles.
"""

from __future__ import annotations

import re
from pathlib import Path

SECTION = re.compile(r"^/\* -{4} ([^.]*?)(?:\.\s.*?)? -+ \*/$", re.MULTILINE)
COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
# A comment after the declaration or the member that it is about.
TRAILING = re.compile(r"^([ \t]*)([^/\s].*?[;,\w])[ \t]*/\*((?:(?!\*/).)*)\*/$", re.MULTILINE)
DECLARATION = re.compile(
    r"^(?=MT_API |static inline |#define |(?:struct|enum) \w+ \{|typedef )", re.MULTILINE
)
# Structures whose members are private.
PRIVATE = re.compile(r"^struct (?:maple_tree|mt_lock|ma_level|mt_diff_\w+) \{.*?^\};$", re.M | re.S)
EXPORTED = re.compile(r"^MT_API [^(]*?(\w+)\(", re.MULTILINE)


def slug(title: str) -> str:
    """Return a section's name in the documentation.

    >>> slug("normal interface: look-ups")
    'normal-interface-look-ups'
    """
    return "-".join(re.findall(r"[\w-]+", title))


def sections(header: str) -> dict[str, str]:
    """Return copies of the header by section; in each, that section is documented."""
    cuts = [(match[1], match.start()) for match in SECTION.finditer(header)]
    ends = [start for _, start in cuts[1:]] + [header.index("#ifdef __cplusplus\n}")]
    return {
        slug(title): header[:start] + documented(header[start:end]) + header[end:]
        for (title, start), end in zip(cuts, ends, strict=True)
    }


def documented(section: str) -> str:
    """Return a section with a comment in hawkmoth's form before each declaration."""
    private = [match.span() for match in PRIVATE.finditer(section)]
    for start, end in reversed(private):
        section = section[:start] + COMMENT.sub("", section[start:end]) + section[end:]
    section = TRAILING.sub(r"\1/*\3*/\n\1\2", SECTION.sub("", section))
    section = re.sub(r"/\*(?!\*)", "/**", section)
    # A declaration without a comment of its own is documented by its signature.
    pieces = DECLARATION.split(section)
    bare = [not piece.rstrip().endswith("*/") for piece in pieces[:-1]]
    return pieces[0] + "".join(
        ("/** */\n" if alone else "") + piece for alone, piece in zip(bare, pieces[1:], strict=True)
    )


def restructured(text: str, names: set[str]) -> str:
    """Convert a comment to reStructuredText: plain text with links to the header's functions.

    >>> restructured("-EINVAL: *bad is what mt_build() refused", {"mt_build"})
    '``-EINVAL``: \\\\*bad is what :c:func:`mt_build` refused'
    """

    def word(match: re.Match[str]) -> str:
        if match["function"]:
            known = match["function"] in names
            return f":c:func:`{match['function']}`" if known else f"``{match[0]}``"
        if match["literal"]:
            return f"``{match[0].strip('`')}``"
        return f"\\{match[0]}"

    text = re.sub(r"^\s*(?:\* )?", "", text, flags=re.MULTILINE)
    return re.sub(
        r"(?P<literal>-E[A-Z]+\b|`[^`]+`)|\b(?P<function>\w+)\(\)|[*`|\\]|_(?!\w)", word, text
    )


def exported(header: str) -> set[str]:
    return set(EXPORTED.findall(header))


def write_sections(header: Path, folder: Path) -> None:
    """Write a file for each section. Leave files that are up to date, so no page is rebuilt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sections(header.read_text(encoding="utf-8")).items():
        path = folder / f"{name}.h"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
