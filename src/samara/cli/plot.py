# SPDX-License-Identifier: MIT
"""Plots in files, drawn by matplotlib if that is installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from samara.cli.errors import WorkError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KINDS = (".svg", ".png")
# The same figures must make the same file.
_SETTINGS = {
    "svg.hashsalt": "samara",
    "svg.fonttype": "none",
    "font.size": 8,
    "text.parse_math": False,  # a path may contain two "$"
}


def add_plot_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --plot, whose value is for `draw`."""
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=_plot_file,
        help=f"draw {what} into FILE, *.svg or *.png (requires matplotlib)",
    )


def _plot_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in _KINDS:
        raise argparse.ArgumentTypeError(f"FILE must end in {' or '.join(_KINDS)}, not {text!r}")
    return path


def check_can_plot(path: Path | None) -> None:
    """Raise WorkError if there is something to plot and no matplotlib. To call before the work."""
    if path is not None:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise WorkError("--plot requires matplotlib: pip install matplotlib") from None


def drawable(text: str) -> str:
    """Return a text, which may be a path, with "?" for each byte that is no character.

    >>> drawable("/tmp/\\udcff")
    '/tmp/?'
    """
    return text.encode(errors="replace").decode()


def draw(path: Path, width: float, height: float, fill: Callable[[Figure], None]) -> None:
    """Draw what `fill` puts into an empty figure of this size, in inches, and say so on stderr.

    Raises:
        WorkError: The file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        fill(figure)
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        try:
            figure.savefig(path, dpi=150, metadata=metadata)
        except OSError as error:
            raise WorkError(f"{path}: {error.strerror}") from None
    print(f"wrote {path}", file=sys.stderr)
