"""Where tool calls leave their traces, and where a strange answer is kept."""

from typing import Protocol

from nightshift.model.trace import ToolTrace

__all__ = ["Samples", "Traces"]


class Traces(Protocol):
    """One structured line per tool call; it never fails."""

    def called(self, trace: ToolTrace) -> None:
        """Leave the trace of one call."""


class Samples(Protocol):
    """Bodies of answers that nobody expected: encrypted, for a month, for people who mend the adapter."""

    def keep(self, name: str, body: bytes) -> str | None:
        """Keep a body; its address, or None where that failed: the call it belongs to goes on."""
