"""What a person asks of a run without a case beside its plan: stop, go on, try again, end."""

from typing import Literal

from pydantic import Field

from nightshift.ids import RunId
from nightshift.model.base import Noun
from nightshift.model.plan import Principal

__all__ = ["Steer", "Steered", "Verb"]

Verb = Literal["stop", "resume", "retry", "close"]


class Steer(Noun):
    """One request, with who asks and why; whether they may is checked before it is sent."""

    verb: Verb
    run: RunId
    by: Principal
    note: str = Field(max_length=500)


class Steered(Noun):
    """How the run stands now. `refused` says why nothing was changed; then nothing was."""

    run: RunId
    generation: int = 1
    stopped: bool = False
    status: str = Field(default="", description="how it ended, where it was ended")
    refused: str = ""
