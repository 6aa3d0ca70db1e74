# SPDX-License-Identifier: MIT
"""Draw what the commands show on a terminal, and their plots, for mm.md:

    python tools/screens.py [--all] [FOLDER]

Each command runs on its own terminal, 80 or 160 columns wide, dark or light. With --all it runs in
each of the four ways.
"""

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import tempfile
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme
from rich.text import Text

from samara.mm import read_trace, replay

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
THEMES = {"dark": MONOKAI, "light": DEFAULT_TERMINAL_THEME}
WIDTHS = (80, 160)
# How the documents show each command.
SHOWN = {
    "maps": (80, "dark"),
    "diff": (80, "light"),
    "replay": (80, "dark"),
    "spawn": (80, "light"),
}
# Rich's own form, without the fonts that it would load from elsewhere.
FORM = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px monospace; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}"
height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g>
</svg>
"""


@contextmanager
def moments() -> Iterator[tuple[Path, Path]]:
    """Yield the maps at two moments of a recorded run."""
    steps = [mm.maps() for _, mm in replay(read_trace(DATA / "mm" / "perl.mm.json.gz"))]
    with tempfile.TemporaryDirectory() as directory:
        paths = (Path(directory, "before.maps"), Path(directory, "after.maps"))
        for path, text in zip(paths, (steps[len(steps) // 2], steps[-1]), strict=True):
            path.write_text(text)
        yield paths


def on_terminal(arguments: Sequence[str], columns: int, cwd: str) -> str:
    """Return what the command writes to a terminal with this many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        ["samara", *arguments], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
        env=environment, cwd=cwd,
    ):  # fmt: skip
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def draw(arguments: Sequence[str], columns: int, theme: TerminalTheme, path: Path) -> None:
    text = on_terminal(arguments, columns, str(path.parent))
    with open(os.devnull, "w") as sink:
        console = Console(record=True, width=columns, file=sink, force_terminal=True)
        console.print(Text.from_ansi(f"$ samara {' '.join(arguments)}\n{text}"), end="")
    title = f"samara {arguments[0]}"
    svg = console.export_svg(title=title, theme=theme, code_format=FORM, unique_id=arguments[0])
    path.write_text(svg)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "screens")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with moments() as (before, after):
        # File names without folders, as a reader would type them.
        for path in (before, after, DATA / "maps" / "python.maps", DATA / "mm" / "ls.mm.json.gz"):
            (folder / path.name).write_bytes(path.read_bytes())
        commands = {
            "maps": ["maps", "python.maps", "--plot", "maps_plot.svg"],
            "diff": ["diff", before.name, after.name],
            "replay": ["replay", "ls.mm.json.gz", "--plot", "replay_plot.svg"],
            "spawn": ["spawn", "--plot", "spawn_plot.svg"],
        }
        for name, arguments in commands.items():
            ways = [(width, theme) for width in WIDTHS for theme in THEMES]
            for width, theme in ways if options.all else [SHOWN[name]]:
                way = f"_{width}_{theme}" if options.all else ""
                draw(arguments, width, THEMES[theme], folder / f"{name}{way}.svg")
        for name in (before.name, after.name, "python.maps", "ls.mm.json.gz"):
            (folder / name).unlink()


if __name__ == "__main__":
    main()
