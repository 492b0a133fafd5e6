"""What a stranger wrote does not drive the terminal of the person who reads it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nightshift.cli.plain import harmless
from nightshift.cli.profile import Profile
from nightshift.cli.session import Outside, Session
from nightshift.clock import SystemClock
from nightshift.model.view import Note

OBEYED = ["\x1b[2K", "\x1b]", "\x9b", "\r", "\x07", "\x08", "\x7f", "\u202e"]


def said(shown: Text | Table) -> str:
    """What a session prints to a terminal with colours."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard", width=60)
    outside = Outside(clock=SystemClock(), identity_key=str, console=console)
    session = Session(outside=outside, profile=Profile(), api="", token="")
    session.say(Note(), shown, as_json=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "evil",
    [
        "refund 900 EUR\x1b[2K\rrefund 9 EUR",
        "\x1b]0;title\x07",
        "\x9b2J",
        "to \u202eelpmaxe.live",
        "a\x08b\x7f",
    ],
)
def test_an_answer_moves_no_cursor_and_turns_no_line(evil: str) -> None:
    table = Table(box=None)
    table.add_column("what")
    table.add_row(evil)
    for shown in (Text(evil), table):
        printed = said(shown)
        assert [mark for mark in OBEYED if mark in printed] == []


def test_our_own_colours_and_lines_stay() -> None:
    assert said(Text("red\nGröße 👨‍👩‍👧", style="red")) == "\x1b[31mred\x1b[0m\n\x1b[31mGröße 👨‍👩‍👧\x1b[0m\n"


@given(st.text(max_size=50))
def test_what_is_harmless_stays_so_and_keeps_its_length(text: str) -> None:
    shown = harmless(text)
    assert harmless(shown) == shown
    assert len(shown) == len(text)
