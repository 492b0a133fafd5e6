"""Personal fields of the action log as a permitted person sees them."""

from datetime import datetime

from pydantic import Field

from nightshift.ids import CaseId, RunId
from nightshift.model.base import Noun
from nightshift.model.log import EntryKind

__all__ = ["PersonalLine", "PersonalPage", "RunPersonal"]


class PersonalLine(Noun):
    """One entry's personal fields; `forgotten`: their data key is gone, and they with it."""

    stream: str
    seq: int
    kind: EntryKind
    at: datetime
    forgotten: bool
    fields: dict[str, str] = Field(repr=False)


class PersonalPage(Noun):
    """A case's personal fields, oldest first."""

    case: CaseId
    lines: tuple[PersonalLine, ...]


class RunPersonal(Noun):
    """The personal fields of a run that no case carries, oldest first."""

    run: RunId
    lines: tuple[PersonalLine, ...]
