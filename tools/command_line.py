# SPDX-License-Identifier: MIT
"""The parser of the `samara` command, in the form that the documentation shows."""

from __future__ import annotations

import argparse
import re

from samara.cli import _parser


def parser() -> argparse.ArgumentParser:
    """Escape its texts for reStructuredText: `*.gz` is not emphasis; indented lines stay lines."""
    command = _parser()
    escape(command)
    return command


def with_lines(text: str) -> str:
    """Indented lines as a line block, which needs an empty line before and after it."""
    text = re.sub(r"^ +(?=\S)", "| ", text, flags=re.MULTILINE)
    text = re.sub(r"^(?!\|)(.+)\n(?=\|)", r"\1\n\n", text, flags=re.MULTILINE)
    return re.sub(r"^(\|.*)\n(?=[^|\n])", r"\1\n\n", text, flags=re.MULTILINE)


def escape(command: argparse.ArgumentParser) -> None:
    command.description = with_lines(command.description or "")
    command.epilog = with_lines(command.epilog or "")
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subcommand in action.choices.values():
                escape(subcommand)
        elif action.help:
            action.help = action.help.replace("*", r"\*")
