"""Every command line that a document shows is one that the command line understands, options and all."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main
from rich.console import Console

from nightshift.cli.main import Outside, build
from nightshift.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("functions/**/README.md"),
    *ROOT.glob("local/*.md"),
    *ROOT.glob("demo/*.md"),
]
QUOTED = re.compile(r"```(?:sh|console)\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s(`$])nightshift ([a-z].*)", re.MULTILINE)
TOP = typer.main.get_command(
    build(Outside(clock=SystemClock(), identity_key=lambda _: "", console=Console(file=io.StringIO())))
)


def shown(text: str) -> Iterator[str]:
    """What follows `nightshift` on each command line, in a block or within a sentence."""
    for block in QUOTED.findall(text):
        yield from COMMAND.findall("\n".join(block).replace("\\\n", " "))


def words_of(line: str) -> list[str]:
    """The words of a command line, up to a comment, a pipe or the end of `$(…)`."""
    return shlex.split(re.split(r"\s#|\s\||\)$|;|&&", line)[0])


def problem(line: str) -> str:
    """What the command line would not understand; empty: nothing."""
    words, command = words_of(line), TOP
    while words and (inner := getattr(command, "commands", None)):
        if words[0] not in inner:
            return f"there is no command {words[0]}"
        command = inner[words.pop(0)]
    if getattr(command, "commands", None):
        return ""  # the name of a group, in a sentence
    options = {each: param for param in command.params for each in (*param.opts, *param.secondary_opts)}
    most = sum(max(param.nargs, 1) for param in command.params if param.param_type_name == "argument")
    at = given = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word.startswith("--"):
            if word.partition("=")[0] not in options:
                return f"there is no option {word}"
            takes_one = not getattr(options[word.partition("=")[0]], "is_flag", False) and "=" not in word
            at += takes_one
        elif word != "…":
            given += 1
    return f"{given} arguments, {most} are taken" if given > most else ""


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_tells_to_run_can_be_run(file: Path) -> None:
    told = {line: problem(line) for line in shown(file.read_text(encoding="utf-8"))}
    assert {line: wrong for line, wrong in told.items() if wrong} == {}


def test_the_documents_tell_to_run_much() -> None:
    assert sum(len(list(shown(file.read_text(encoding="utf-8")))) for file in DOCUMENTS) > 80


@pytest.mark.parametrize(
    "line",
    ["gone", "queue gone", "queue redrive events --none", "case ID another", "tenant halt", "log verify X Y"],
)
def test_a_command_that_is_none_is_found(line: str) -> None:
    assert bool(problem(line)) is (line != "tenant halt")
