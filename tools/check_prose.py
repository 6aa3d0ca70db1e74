#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Find expressions that readers of samara's prose stumble over, and suggest better ones.

These are prose: Markdown without its code blocks and `code`; comments and docstrings of Python, and
in src/ all strings, since messages and help texts are prose too; comments and strings of C;
Makefiles and shell scripts. Expressions that continue on the next line are found too.
"""

import argparse
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
# Markers: for code, which no expression spans; for the start of a function's or class's docstring.
CODE, OPENING = "\0", "\1"


class Rule(NamedTuple):
    expression: re.Pattern[str]
    advice: str


class Finding(NamedTuple):
    line: int
    text: str
    advice: str


def rule(expression: str, advice: str) -> Rule:
    """Make a rule. A blank in the expression matches any white space."""
    pattern = re.compile(rf"\b(?:{expression})\b".replace(" ", r"\s+"), re.IGNORECASE)
    return Rule(pattern, advice)


RULES: Final = (
    rule("(?:held|holds?) against", "checked against"),
    rule("(?:is|are|was|were) held on", "is tested on"),
    rule(r"(?<!global\s)interpreter lock", "GIL"),
    rule("giv(?:e|es|ing) (?:the |its )?(?:GIL|lock) away", "releases the GIL"),
    rule("do without its lock|Python without (?:its|the) lock", "free-threaded Python"),
    rule("anew", "again"),
    rule("for where", "a sentence with if or when"),
    rule("what (?:has|have) no", "anything without, or: if it has no"),
    rule("what (?:is|are) no", "anything that is not"),
    rule("that (?:has|have) no", "without"),
    rule("(?:comes?|came) to (?:each|every|all|the lines?|lines?)", "covers"),
    rule("answer(?:s|ed)? with", "returns"),
    rule("answers? (?:None|True|False|NotImplemented)", "returns"),
    rule("(?:is|are) answered", "what happens: it raises, returns ..."),
    rule("the end of a value", "the value's finalizer"),
    rule("nothing else has been tried", "other ... are untested"),
    rule("can do all", "handles every ..."),
    Rule(
        re.compile(
            rf"{OPENING}\s*(?:Has|Have|Is|Are|Was|Were|Does|Do|Did|Can|May|Must)\b[^.?!]*\?"
        ),
        "Return whether ...",
    ),
)
# At the first mention on a page, a newcomer must be told which series.
SERIES: Final = rule("the series", "the patch series that added ..., with a link")
NAMED_SERIES: Final = rule("patch series", "").expression


def blank(text: str) -> str:
    """Replace the text with code markers, but keep its white space."""
    return re.sub(r"\S", CODE, text)


def prose_of_markdown(text: str) -> str:
    text = re.sub(r"(?ms)^( *)(```+|~~~+).*?^\1\2", lambda match: blank(match[0]), text)
    text = re.sub(r"(?s)<!--|-->|(?m:^[ >]+)", lambda match: " " * len(match[0]), text)
    return re.sub(r"(`+)[^`]+\1", lambda match: blank(match[0]), text)


def prose_of_python(text: str, strings: bool) -> str:
    """Keep comments and docstrings; with `strings`, all strings."""
    rows = [blank(row) for row in text.split("\n")]

    def show(token: tokenize.TokenInfo, shown: str) -> None:
        lines = shown.split("\n")
        (first, start), (last, end) = token.start, token.end
        for number, line in enumerate(lines, first - 1):
            left = rows[number][:start] if number == first - 1 else ""
            right = rows[number][end:] if number == last - 1 else ""
            rows[number] = left + line + right

    middle = getattr(tokenize, "FSTRING_MIDDLE", None)  # of f-strings, from Python 3.12 on
    beginning = module = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            show(token, re.sub(r"^#!?:?", lambda match: " " * len(match[0]), token.string))
        elif token.type == tokenize.STRING and (beginning or strings):
            quotes = re.compile(r"^\w*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$")
            shown = quotes.sub(lambda match: " " * len(match[0]), token.string)
            show(token, OPENING + shown[1:] if beginning and not module else shown)
        elif token.type == middle and strings and "\n" not in token.string:
            show(token, token.string.ljust(token.end[1] - token.start[1]))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            beginning = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            module = False
    return "\n".join(rows)


def prose_of_c(text: str) -> str:
    def show(match: re.Match[str]) -> str:
        shown = match[0]
        if match["comment"]:
            return re.sub(r"(?m)^\s*/?\*+|^//|\*/$", lambda mark: blank(mark[0]), shown).replace(
                CODE, " "
            )
        return f" {shown[1:-1]} " if match["string"] else blank(shown)

    pattern = re.compile(
        r"(?s)(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>\"(?:\\.|[^\"\\\n])*\")"
        r"|'(?:\\.|[^'\\\n])+'|\S"
    )
    return pattern.sub(show, text)


def prose_of_script(text: str) -> str:
    return re.sub(r"(?m)^\s*#+!?", lambda match: " " * len(match[0]), text)


def prose_of(path: Path, text: str) -> str | None:
    """Return the text with code blanked, or None if this kind of file is not checked."""
    if path.suffix == ".md":
        return prose_of_markdown(text)
    if path.suffix in (".py", ".pyi"):
        return prose_of_python(text, strings="src" in path.parts)
    if path.suffix in (".c", ".h"):
        return prose_of_c(text)
    if path.name == "Makefile" or path.suffix == ".sh" or re.match(r"#!.*\b(ba)?sh\b", text):
        return prose_of_script(text)
    return None


def findings(path: Path, text: str) -> Iterator[Finding]:
    prose = prose_of(path, text)
    if prose is None:
        return

    def finding(match: re.Match[str], advice: str) -> Finding:
        shown = " ".join(match[0].replace(OPENING, "").split())
        start = match.end() - len(match[0].lstrip(f"{OPENING} \n"))
        return Finding(prose.count("\n", 0, start) + 1, shown, advice)

    for expression, advice in RULES:
        for match in expression.finditer(prose):
            yield finding(match, advice)
    first = SERIES.expression.search(prose) if path.suffix == ".md" else None
    if first and not NAMED_SERIES.search(prose, 0, first.end()):
        yield finding(first, SERIES.advice)


def project_files() -> list[Path]:
    """Return all files that git tracks or would add."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="all of the project, if none is given")
    given: list[Path] = parser.parse_args().files
    found = False
    for path in given or project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for line, shown, advice in sorted(findings(path, text)):
            found = True
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            print(f"{name}:{line}: {shown!r}: write: {advice}")
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
