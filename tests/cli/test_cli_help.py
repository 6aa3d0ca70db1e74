# SPDX-License-Identifier: MIT
"""The command's help, usage and messages, and the layout of its documents."""

import json

import pytest

import samara
from places import DATA
from samara.cli import main
from samara.cli.spawn import PROGRAM

PYTHON = str(DATA / "maps" / "python.maps")
LS = str(DATA / "mm" / "ls.mm.json.gz")
COMMANDS = ["demo", "maps", "diff", "fork", "spawn", "record", "replay", "join"]


def help_text(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    return capsys.readouterr().out


def test_without_arguments_it_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Once it printed an error. For scripts, the exit status is that of invalid arguments."""
    with pytest.raises(SystemExit) as caught:
        main([])
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err == help_text(capsys)
    for command in COMMANDS:
        (line,) = [line for line in err.splitlines() if line.startswith(f"    {command} ")]
        assert len(line.split()) > 4, "what the command is for"


def test_the_help_explains_what_a_vma_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_text(capsys).split())
    assert "VMAs (virtual memory areas). A VMA is one line of /proc/PID/maps" in text


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_fits_a_terminal_and_tells_the_exit_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = help_text(capsys, *command)
    assert "exit status" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_prints_the_usage_of_the_subcommand(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Once it printed the usage of the top level."""
    join = ["x", "y", "--on", "z"]
    operands = {"join": join, "maps": ["x"], "diff": ["x"], "replay": ["x"], "record": ["-o", "x"]}
    with pytest.raises(SystemExit) as caught:
        main([command, "--wrong", *operands.get(command, [])])
    assert caught.value.code == (125 if command == "record" else 2)
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"usage: samara {command} ")
    assert err.endswith(f"samara {command}: error: unrecognized arguments: --wrong\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["diff", "A", "--every", "1", "--times", "0"],
            "number of looks must be 1 or more, not 0",
        ),
        (["diff", "A", "--every", "0"], "the number of seconds must be above 0, not '0'"),
        (["replay", "A", "--rows", "0"], "the number of rows must be 1 or more, not 0"),
        (["replay", "A", "--rows", "2", "--all"], "--all: not allowed with argument --rows"),
        (["fork", "--pid", "x"], "the process id must be an integer, not 'x'"),
        (["spawn", "--vmas", "0"], "the number of VMAs must be 1 or more, not 0"),
        (["maps", "A", "--plot", "x.gif"], "FILE must end in .svg or .png, not 'x.gif'"),
    ],
)
def test_messages_are_plain(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["maps", PYTHON],
        ["diff", PYTHON, PYTHON],
        ["diff", PYTHON, "--every", "0.01", "--times", "2"],
        ["fork", "--vmas", "21", "--seconds", "0.001"],
        pytest.param(
            ["spawn", "--vmas", "128", "--seconds", "0.01"],
            marks=pytest.mark.skipif(
                not PROGRAM.exists(), reason="the C program comes with the extension"
            ),
        ),
        ["replay", LS],
    ],
    ids=" ".join,
)
def test_all_documents_have_one_layout(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Each document is one line, which says what printed it."""
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == (2 if "--every" in arguments else 1)
    for line in lines:
        document = json.loads(line)
        header = {"command": arguments[0], "version": samara.__version__}
        assert list(document.items())[:2] == list(header.items())
        for name, value in fields(document):
            assert name == name.lower() and name.isidentifier()
            # Fields named after what they count are numbers; lists have other names.
            assert name not in ("vmas", "steps") or isinstance(value, int)


def fields(document: object) -> list[tuple[str, object]]:
    """Return all fields of a document and of the documents in it."""
    if isinstance(document, list):
        return [field for part in document for field in fields(part)]
    if not isinstance(document, dict):
        return []
    inner = [field for value in document.values() for field in fields(value)]
    return [*document.items(), *inner]
