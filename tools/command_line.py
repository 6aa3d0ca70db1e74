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


def escape(command: argparse.ArgumentParser) -> None:
    command.description = re.sub(r"^  (?=\S)", "| ", command.description or "", flags=re.MULTILINE)
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subcommand in action.choices.values():
                escape(subcommand)
        elif action.help:
            action.help = action.help.replace("*", r"\*")
