# SPDX-License-Identifier: MIT
"""maple_tree.h as hawkmoth reads it: one copy of the header for each of its sections.

The header is written in the kernel's style: plain comments, some of them after a member, or one for
several declarations. hawkmoth documents whatever has a comment of the form /** ... */ before it. In
each copy the comments of one section have that form; the rest is there so that it compiles.
"""

from __future__ import annotations

import re
from pathlib import Path

SECTION = re.compile(r"^/\* -{4} ([^.]*?)(?:\.\s.*?)? -+ \*/$", re.MULTILINE)
COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
# A comment behind the declaration or the member that it is about.
TRAILING = re.compile(r"^([ \t]*)([^/\s].*?[;,\w])[ \t]*/\*((?:(?!\*/).)*)\*/$", re.MULTILINE)
DECLARATION = re.compile(r"^(?=MT_API |#define |(?:struct|enum) \w+ \{|typedef )", re.MULTILINE)
# Structures whose members are private.
PRIVATE = re.compile(r"^struct (?:maple_tree|mt_lock|ma_level) \{.*?^\};$", re.M | re.S)
EXPORTED = re.compile(r"^MT_API [^(]*?(\w+)\(", re.MULTILINE)


def slug(title: str) -> str:
    """A section's name in the documentation.

    >>> slug("normal interface: look-ups")
    'normal-interface-look-ups'
    """
    return "-".join(re.findall(r"[\w-]+", title))


def sections(header: str) -> dict[str, str]:
    """Copies of the header by section, in each of which that section has its documentation."""
    cuts = [(match[1], match.start()) for match in SECTION.finditer(header)]
    ends = [start for _, start in cuts[1:]] + [header.index("#ifdef __cplusplus\n}")]
    return {
        slug(title): header[:start] + documented(header[start:end]) + header[end:]
        for (title, start), end in zip(cuts, ends, strict=True)
    }


def documented(section: str) -> str:
    """A section with a comment of hawkmoth's form in front of each declaration."""
    private = [match.span() for match in PRIVATE.finditer(section)]
    for start, end in reversed(private):
        section = section[:start] + COMMENT.sub("", section[start:end]) + section[end:]
    section = TRAILING.sub(r"\1/*\3*/\n\1\2", SECTION.sub("", section))
    section = re.sub(r"/\*(?!\*)", "/**", section)
    # What has no comment of its own is documented by its signature.
    pieces = DECLARATION.split(section)
    bare = [not piece.rstrip().endswith("*/") for piece in pieces[:-1]]
    return pieces[0] + "".join(
        ("/** */\n" if alone else "") + piece for alone, piece in zip(bare, pieces[1:], strict=True)
    )


def restructured(text: str, names: set[str]) -> str:
    """A comment as reStructuredText: plain text, in which functions of the header are links.

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
    """A file for each section; what is up to date stays, so that pages need not be built again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sections(header.read_text(encoding="utf-8")).items():
        path = folder / f"{name}.h"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
