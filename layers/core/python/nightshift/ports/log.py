"""The action log as the stages see it."""

from datetime import datetime
from typing import Protocol

from pydantic import Field, JsonValue

from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.log import EntryKind, LogEntry, StoredEntry

__all__ = ["ActionLog", "NewEntry"]


class NewEntry(Noun):
    """An entry to append. `ref` tells one happening from another, so that a retry adds no second line.

    `personal` are fields that an operator may need and that must be forgettable: they are stored sealed
    with the data key of the stream's root, or, by a log that seals nothing, not at all.
    """

    kind: EntryKind
    tenant: TenantId
    at: datetime
    actor: str
    ref: str
    detail: dict[str, JsonValue] = Field(default_factory=dict)
    personal: dict[str, str] = Field(default_factory=dict, repr=False)


class ActionLog(Protocol):
    """Append-only, one hash chain per stream. Streams: `<case>`, `<case>/<run>/<step>`, `<run>/…`."""

    def append(self, stream: str, *entries: NewEntry) -> None:
        """Append entries in order; an entry already there (same `ref` and kind) is left out."""

    def read(self, stream: str) -> tuple[LogEntry, ...]:
        """All entries of one stream, oldest first."""

    def streams(self, prefix: str) -> tuple[str, ...]:
        """The streams of a case: its own first, then its steps'."""

    def of_case(self, case: str) -> tuple[LogEntry, ...]:
        """All entries of a case over all its streams, by time (eventually consistent)."""

    def stored(self, root: str) -> tuple[StoredEntry, ...]:
        """Everything that stands in the streams of a root, unread, each stream in the order of its keys."""
