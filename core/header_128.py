# SPDX-License-Identifier: MIT
"""usage: header_128.py MAPLE_TREE_H INTERNAL_HEADER... HEADER_128 NAMES_128

Write maple_tree_128.h, the interface of trees with keys of 128 bits, from that of 64 bits. Also
write names_128.h, which gives the names in the sources of the core those of the 128-bit core.

A declaration has a second form if it mentions a key, or a name that has one. All others (pools, the
attributes, the cursor's statuses) are shared by both headers. The names of the second form:

- a prefix gets the width: mt128_, mas128_, mtree128_, __mt128_, __mas128_, MT128_, MA128_,
  DEFINE_MTREE128;
- the kernel's structures get it at the end: maple_tree_128, ma_state_128, ma_level_128.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

# What the two widths define in a different way.
VALUES = {
    "typedef uint64_t mt_key;": "__extension__ typedef unsigned __int128 mt128_key"
    " __attribute__((aligned(8)));",
    "#define MT_KEY_MAX UINT64_MAX": "#define MT128_KEY_MAX (~(mt128_key)0)",
    "#define MT_NODE_BYTES 256": "#define MT128_NODE_BYTES 512",
    "#define MT_MAX_SLOTS 16": "#define MT128_MAX_SLOTS 20",
}
PREFIX = re.compile(r"(__mt|__mas|mtree|mt|mas|MT|MA)_")
SUFFIXED = ("maple_tree", "ma_state", "ma_level")
START = re.compile(r"MT_API |static inline |#define |typedef |(?:struct|enum) \w+ \{")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)(?!\))")

HEAD = """\
/* SPDX-License-Identifier: MIT */
/*
 * The maple tree with keys of 128 bits. Made from maple_tree.h by header_128.py.
 *
 * All is as in maple_tree.h, which says more, apart from the names and these:
 *   - a key is an mt128_key, an unsigned number of 128 bits. 0 ... MT128_KEY_MAX can be stored.
 *     Keys in memory have the processor's order of bytes. They need an alignment of 8 bytes only,
 *     unlike other numbers of 128 bits;
 *   - a node takes MT128_NODE_BYTES.
 *
 * Names: mt_, mas_ and mtree_ become mt128_, mas128_ and mtree128_. struct maple_tree, ma_state and
 * ma_level become struct maple_tree_128, ma_state_128 and ma_level_128. Pools, locks, attributes,
 * MTREE_INIT() and the cursor's statuses are those of maple_tree.h. Trees of both widths can have
 * one pool.
 */
#ifndef MAPLE_TREE_128_H
#define MAPLE_TREE_128_H

#include "maple_tree.h"

#ifndef __SIZEOF_INT128__
#error "keys of 128 bits need a compiler with 128-bit integers"
#endif

#ifdef __cplusplus
extern "C" {
#endif

"""
TAIL = """
#ifdef __cplusplus
}
#endif

#endif /* MAPLE_TREE_128_H */
"""
NAMES = """\
/* SPDX-License-Identifier: MIT */
/* Made by header_128.py: names of the sources, and what they stand for in the 128-bit core. */
#ifndef MT_NAMES_128_H
#define MT_NAMES_128_H

#include "maple_tree_128.h"

"""


@dataclass
class Piece:
    """A declaration, or a comment that stands alone."""

    text: str
    name: str | None = None

    def words(self) -> set[str]:
        return set(re.findall(r"\w+", COMMENT.sub(" ", self.text)))


def name_128(name: str) -> str:
    """Return the name of the second form.

    >>> [name_128(name) for name in ("mtree_load", "__mt_dup", "maple_tree", "DEFINE_MTREE")]
    ['mtree128_load', '__mt128_dup', 'maple_tree_128', 'DEFINE_MTREE128']
    """
    if name in SUFFIXED:
        return f"{name}_128"
    if name == "DEFINE_MTREE":
        return "DEFINE_MTREE128"
    if not (prefix := PREFIX.match(name)):
        raise SystemExit(f"header_128.py: no rule for the name {name}")
    return f"{prefix[1]}128{name[prefix.end(1) :]}"


def name_of(declaration: str) -> str:
    """Return what a declaration declares.

    >>> name_of("typedef int (*mt_visit_fn)(void *context);")
    'mt_visit_fn'
    """
    bare = COMMENT.sub(" ", declaration)
    if found := re.match(r"#define (\w+)|(?:struct|enum) (\w+) \{|typedef .*?\(\*(\w+)\)", bare):
        return str(found[1] or found[2] or found[3])
    if bare.startswith("typedef"):
        return str(re.findall(r"\w+", ATTRIBUTE.sub("", bare))[-1])
    found = re.search(r"(\w+)\(", ATTRIBUTE.sub("", bare.removeprefix("MT_API ")))
    assert found, declaration
    return found[1]


def ends(declaration: str, first: str) -> bool:
    """Whether the lines so far are a whole declaration."""
    line = declaration.rstrip("\n").rpartition("\n")[2]
    if first.startswith("#define"):
        return not line.endswith("\\")
    code = COMMENT.sub("", declaration).rstrip()
    if code.count("/*"):
        return False
    if first.startswith("static inline"):
        return line == "}"
    if first.startswith(("struct", "enum")):
        return line.endswith("};")
    return code.endswith(";")


def pieces_of(header: str) -> list[list[Piece]]:
    """Return the paragraphs of a header: what stands together without a blank line."""
    start = header.index('extern "C" {\n#endif\n') + len('extern "C" {\n#endif\n')
    lines = header[start : header.index("#ifdef __cplusplus\n}")].splitlines(keepends=True)
    paragraphs: list[list[Piece]] = [[]]
    while lines:
        first = text = lines.pop(0)
        if text == "\n":
            paragraphs.append([])
        elif START.match(text):
            while not ends(text, first):
                text += lines.pop(0)
            paragraphs[-1].append(Piece(text, name_of(text)))
        elif text.startswith("/*"):
            while "*/" not in text:
                text += lines.pop(0)
            paragraphs[-1].append(Piece(text))
        else:  # a conditional, or a forward declaration: only for what is shared
            paragraphs[-1].append(Piece(text, ""))
    return paragraphs


def second_forms(pieces: list[Piece]) -> set[str]:
    """Return the names that have a second form."""
    given = {name_of(line) for line in VALUES}
    names: set[str] = set()
    more = given
    while more:
        names |= more
        more = {piece.name for piece in pieces if piece.name and piece.words() & names} - names
    return names


def kept(paragraph: list[Piece], names: set[str]) -> list[Piece]:
    """Leave out what is shared, and comments on nothing else."""
    result: list[Piece] = []
    for place, piece in enumerate(paragraph):
        if piece.name is not None:
            if piece.name in names:
                result.append(piece)
            continue
        about = []
        for later in paragraph[place + 1 :]:
            if later.name is None:
                break
            about.append(later.name)
        if not about or names & set(about):
            result.append(piece)
    return result


def header_of(paragraphs: list[list[Piece]], names: set[str]) -> str:
    text = "\n".join(
        "".join(piece.text for piece in left)
        for paragraph in paragraphs
        if (left := kept(paragraph, names))
    )
    for one, other in VALUES.items():
        if text.count(one) != 1:
            raise SystemExit(f"header_128.py: {one} is not in the header")
        text = text.replace(one, other)
    text = re.sub(r"\w+", lambda word: name_128(word[0]) if word[0] in names else word[0], text)
    text = re.sub(r"\b(mtree|mas|mt)_\*", r"\g<1>128_*", text)
    # A section of shared declarations only.
    return re.sub(r"(?m)^/\* -{4} .* -+ \*/\n\n(?=/\* -{4} )", "", text)


def internal_names(header: str) -> set[str]:
    """Return the functions and variables that a header of the core declares."""
    code = re.sub(r"(?m)^[ \t]*#(?:\\\n|[^\n])*", "", COMMENT.sub(" ", header))
    code = re.sub(r"\{[^{}]*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}", "{}", code)
    names = set()
    for statement in re.split(r";|(?<=\))\s*\{\}", ATTRIBUTE.sub(" ", code)):
        line = " ".join(statement.split())
        if re.search(r"\b(static|MT_INLINE|typedef|static_assert)\b", line):
            continue
        if found := re.match(r"(?:extern )?[\w ]+?[ *](\w+)(?:\(|$)", line):
            if "(" in line or line.startswith("extern "):
                names.add(found[1])
    return names


def main(header: str, *files: str) -> None:
    *internal, header_out, names_out = files
    paragraphs = pieces_of(Path(header).read_text(encoding="utf-8"))
    pieces = [piece for paragraph in paragraphs for piece in paragraph]
    names = second_forms(pieces)
    macros = {piece.name for piece in pieces if piece.name and piece.text.startswith("#define")}
    macros &= names
    text = HEAD + header_of(paragraphs, names) + TAIL
    Path(header_out).write_text(text, encoding="utf-8")
    for path in internal:
        names |= internal_names(Path(path).read_text(encoding="utf-8"))
    lines = [f"#undef {name}\n" for name in sorted(macros)]
    lines += [f"#define {name} {name_128(name)}\n" for name in sorted(names)]
    end = "\n#endif /* MT_NAMES_128_H */\n"
    Path(names_out).write_text(NAMES + "".join(lines) + end, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
