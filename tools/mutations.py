# SPDX-License-Identifier: MIT
"""Find small changes to a C source, one at a time, for mutants.py.

Reads the tokens of a file, and changes only code in the bodies of functions. Left alone: comments;
assertions and code that only debug builds compile, since they check the rest; and what no test can
see: hints to the processor (names with `prefetch`, with the condition around them), and fences,
which order what x86-64 orders anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"(?P<comment>/\*.*?\*/|//[^\n]*)"
    r"|(?P<directive>^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)"
    r"|(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>\b\d\w*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])",
    re.DOTALL | re.MULTILINE,
)

RELATIONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
ARITHMETIC = {"+": "-", "-": "+", "++": "--", "--": "++", "+=": "-=", "-=": "+="}
BITS = {"&": "|", "|": "&", "<<": ">>", ">>": "<<", "&=": "|=", "|=": "&=", "<<=": ">>="}
TRUTH = {"true": "false", "false": "true"}

ASSERTIONS = {"assert", "static_assert", "check_written"}
TYPES = {"bool", "char", "const", "enum", "int", "static", "struct", "unsigned", "void"}
JUMPS = {"break", "continue", "goto"}
UNSEEN = re.compile(r"prefetch|mt_fence", re.IGNORECASE)
HEADED = {"if", "for", "while", "switch"}


@dataclass(frozen=True)
class Mutation:
    """A stretch of a file, and its replacement. `before` and `after` are its lines without the
    blanks at their ends. Together with the file and the function, they identify the change."""

    kind: str
    file: str
    line: int
    function: str
    start: int
    end: int
    text: str
    before: str
    after: str

    @property
    def name(self) -> tuple[str, str, str, str]:
        return self.file, self.function, self.before, self.after

    def apply(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]


@dataclass
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass
class Function:
    name: str
    tokens: list[Token] = field(default_factory=list)


def tokens_of(source: str) -> Iterator[Token]:
    """Yield the tokens, except comments, directives, and everything between `#ifdef MT_DEBUG` and
    its `#endif`."""
    skipping = 0
    for match in TOKEN.finditer(source):
        text = match.group()
        if match.lastgroup == "directive":
            word = text.lstrip("# \t")
            if skipping:
                skipping += word.startswith("if")
                skipping -= word.startswith("endif")
            elif re.match(r"ifdef\s+MT_DEBUG\b", word):
                skipping = 1
        elif not skipping and match.lastgroup != "comment":
            yield Token(str(match.lastgroup), text, match.start(), match.end())


def closing(tokens: list[Token], at: int) -> int:
    """Return the index of the parenthesis that closes the one at an index."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i].text == "(") - (tokens[i].text == ")")
        if not depth:
            return i
    raise ValueError(f"no parenthesis closes the one at offset {tokens[at].start}")


def functions_of(source: str) -> Iterator[Function]:
    depth = nesting = 0
    function: Function | None = None
    tokens = list(tokens_of(source))
    name = ""
    for i, token in enumerate(tokens):
        nesting += (token.text == "(") - (token.text == ")")
        if not depth and not nesting and token.kind == "name" and i + 1 < len(tokens):
            if tokens[i + 1].text == "(" and token.text != "__attribute__":
                # Not the macro that makes a name, but what it makes it from.
                name = tokens[i + 2].text if token.text == "MT_NAMED" else token.text
        if token.text == "{":
            depth += 1
            if depth == 1 and i and tokens[i - 1].text == ")":
                function = Function(name)
        elif token.text == "}":
            depth -= 1
            if not depth and function:
                yield function
                function = None
        if function:
            function.tokens.append(token)


def without_assertions(tokens: list[Token]) -> list[Token]:
    kept = []
    i = 0
    while i < len(tokens):
        if tokens[i].text in ASSERTIONS:
            i = closing(tokens, i + 1) + 2
        else:
            kept.append(tokens[i])
            i += 1
    return kept


@dataclass
class Statement:
    """A statement up to its semicolon, with the conditions before it and what they govern."""

    whole: list[Token]
    simple: list[Token]


def statements_of(tokens: list[Token]) -> Iterator[Statement]:
    depth = 0
    whole = start = 0
    for i, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth:
            continue
        if token.text == ";":
            yield Statement(tokens[whole : i + 1], tokens[start : i + 1])
        if token.text in (";", "{", "}"):
            if token.text != ";":  # a condition with a block, or a loop
                yield Statement(tokens[whole : i + 1], [])
            whole = start = i + 1
        elif token.text in ("else", "do"):
            start = i + 1
        elif token.text == ")" and tokens[opening(tokens, i) - 1].text in HEADED:
            start = i + 1


def opening(tokens: list[Token], at: int) -> int:
    depth = 0
    for i in range(at, -1, -1):
        depth += (tokens[i].text == ")") - (tokens[i].text == "(")
        if not depth:
            return i
    raise ValueError(f"no parenthesis opens the one at offset {tokens[at].start}")


def is_operand_end(tokens: list[Token], at: int) -> bool:
    """Return whether the operator after this token has a left operand: not after a cast."""
    token = tokens[at]
    if token.text == ")":
        inside = tokens[opening(tokens, at) + 1 : at]
        return not (inside[-1].text == "*" or re.fullmatch(r"u?int\d+_t|unsigned", inside[0].text))
    if token.kind == "name":
        return token.text not in ("return", "sizeof", "case")
    return token.kind == "number" or token.text == "]"


# A change: its kind, the stretch, and the replacement.
Change = tuple[str, int, int, str]


def first_shown(tokens: list[Token]) -> int:
    """Return where the text that identifies a change to a statement begins: its last condition."""
    heads = [token.start for token in tokens if token.text in HEADED | {"else"}]
    return heads[-1] if heads else tokens[0].start


def change_tokens(tokens: list[Token], headers: set[int], source: str) -> Iterator[Change]:
    """Change operators, constants and truth values. `headers`: tokens of for loops' headers."""
    for i, token in enumerate(tokens):
        text = token.text
        span = token.start, token.end
        loop = i in headers
        if text in RELATIONS:
            yield "loop bound" if loop else "relation", *span, RELATIONS[text]
        elif text in LOGIC:
            yield "logic", *span, LOGIC[text]
        elif text in TRUTH:
            yield "truth", *span, TRUTH[text]
        elif text in ("++", "--"):
            if not loop:  # an endless loop would show nothing
                yield "arithmetic", *span, ARITHMETIC[text]
        elif text in ARITHMETIC and (text.endswith("=") or is_operand_end(tokens, i - 1)):
            if not loop or not text.endswith("="):
                yield "arithmetic", *span, ARITHMETIC[text]
        elif text in BITS and (text != "&" or is_operand_end(tokens, i - 1)):
            yield "bits", *span, BITS[text]
        elif text == "~":
            yield "bits", *span, ""
        elif token.kind == "number" and (match := re.fullmatch(r"(\d+)([uU]?)", text)):
            value = int(match.group(1))
            others = [value + 1, value - 1]
            # -1 means "none": any other negative number would mean the same.
            if tokens[i - 1].text == "-" and not is_operand_end(tokens, i - 2):
                others = [value - 1]
            for other in others:
                if other >= 0:
                    kind = "loop bound" if loop else "constant"
                    yield kind, *span, f"{other}{match.group(2)}"


def change_conditions(tokens: list[Token], source: str) -> Iterator[Change]:
    """Negate conditions, and swap the branches of `?:`."""
    for i, token in enumerate(tokens):
        if token.text in ("if", "while") and tokens[i + 1].text == "(":
            start, end = tokens[i + 1].end, tokens[closing(tokens, i + 1)].start
            yield "condition", start, end, f"!({source[start:end]})"
        elif token.text == "?":
            depth = 0
            colon = 0
            for j in range(i + 1, len(tokens)):
                text = tokens[j].text
                depth += (text in "([{") - (text in ")]}")
                if text == ":" and not depth:
                    colon = j
                if depth < 0 or (text in (";", ",") and not depth):
                    break
            yes = source[token.end : tokens[colon].start].strip()
            no = source[tokens[colon].end : tokens[j].start].strip()
            yield "branches", token.end, tokens[j].start, f" {no} : {yes}"


def change_statement(tokens: list[Token], source: str) -> Iterator[Change]:
    """Drop a call, an assignment or a jump."""
    if len(tokens) < 2:
        return
    first, second = tokens[0], tokens[1]
    declares = first.text in TYPES or (
        first.kind == "name" and (second.kind == "name" or second.text == ":")
    )
    if first.text == "return" and second.text != ";":
        return
    if first.text == "case" or (declares and first.text not in JUMPS):
        return
    if first.text == "while":  # of do ... while
        return
    kind = "jump" if first.text in JUMPS | {"return"} else "statement"
    yield kind, first.start, tokens[-1].start, ""


def lines_around(source: str, start: int, end: int) -> tuple[int, int]:
    return source.rfind("\n", 0, start) + 1, source.find("\n", end)


def mutations_of(file: str, source: str) -> list[Mutation]:
    found = []
    for function in functions_of(source):
        if UNSEEN.search(function.name):
            continue
        changes: list[tuple[Change, int]] = []
        for statement in statements_of(without_assertions(function.tokens)):
            tokens = statement.whole
            if any(UNSEEN.search(token.text) for token in tokens):
                continue
            headers: set[int] = set()
            for i, token in enumerate(tokens):
                if token.text == "for":
                    headers.update(range(i + 1, closing(tokens, i + 1)))
            for change in change_tokens(tokens, headers, source):
                changes.append((change, change[1]))
            for change in change_conditions(tokens, source):
                changes.append((change, change[1]))
            for change in change_statement(statement.simple, source):
                changes.append((change, first_shown(tokens)))
        for (kind, start, end, text), shown in changes:
            low, high = lines_around(source, shown, end)
            found.append(
                Mutation(
                    kind,
                    file,
                    source.count("\n", 0, start) + 1,
                    function.name,
                    start,
                    end,
                    text,
                    " ".join(source[low:high].split()),
                    " ".join((source[low:start] + text + source[end:high]).split()),
                )
            )
    return found
