"""What strangers wrote, on a terminal: shown, and never obeyed.

A customer's address or a vendor's message may hold what moves the cursor, clears a line or turns the
direction of reading: whoever approves what is shown would see something else than what is done.
"""

import unicodedata

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

__all__ = ["Plain", "harmless"]

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARK = "\N{REPLACEMENT CHARACTER}"


def harmless(text: str) -> str:
    """The text with a mark in place of each character that a terminal obeys; line breaks stay."""
    return "".join(
        _MARK if (c != "\n" and unicodedata.category(c) == "Cc") or c in _TURNING else c for c in text
    )


class Plain:
    """Anything that can be shown, with harmless text."""

    def __init__(self, shown: RenderableType) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is shown, segment by segment; its styles are rich's own and stay."""
        for segment in console.render(self._shown, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
