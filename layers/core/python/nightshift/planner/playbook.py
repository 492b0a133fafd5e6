"""Playbooks and specialists: what an employee knows, as data.

Both are written in TOML (`playbooks/*.toml`, `specialists/*.toml`), playbooks with their own tests;
`build/playbooks.py` checks them and writes the bundle that ships in the layer.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints, model_validator

from nightshift import expressions
from nightshift.errors import BadInput
from nightshift.model.base import Noun
from nightshift.model.plan import After, Close, ToolName

__all__ = [
    "Library",
    "MoveTemplate",
    "PlanTemplate",
    "Playbook",
    "Specialist",
    "StepTemplate",
    "bundled",
    "computed",
]

BUNDLE = Path(__file__).with_name("playbooks.json")

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
_MoveName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def computed(value: JsonValue) -> str | None:
    """The expression of a template value `"=expr"`; None for any other value."""
    return value[1:] if isinstance(value, str) and value.startswith("=") else None


def _check_values(value: JsonValue) -> None:
    if isinstance(value, dict):
        for entry in value.values():
            _check_values(entry)
    elif isinstance(value, list):
        for entry in value:
            _check_values(entry)
    elif (source := computed(value)) is not None:
        _check(source)


def _check(source: str) -> None:
    try:
        expressions.check(source)
    except BadInput as exc:
        raise ValueError(str(exc)) from exc


class StepTemplate(Noun):
    """A step as a playbook writes it: a string `"=expr"` is computed when the plan is made.

    `when` leaves the step out of the plan if it does not hold. `${…}` is left for run time.
    """

    id: str
    tool: ToolName
    channel: str
    args: dict[str, JsonValue] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    limit: dict[str, JsonValue] | None = None
    when: str | None = None

    @model_validator(mode="after")
    def _compiles(self) -> "StepTemplate":
        _check_values([self.channel, self.args, self.limit])
        if self.when is not None:
            _check(self.when)
        return self


class PlanTemplate(Noun):
    """A plan as a playbook writes it. `tainted` names the inputs that stem from customer text."""

    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    tainted: tuple[str, ...] = ()
    steps: tuple[StepTemplate, ...] = ()

    @model_validator(mode="after")
    def _names_its_inputs(self) -> "PlanTemplate":
        _check_values(self.inputs)
        unknown = set(self.tainted) - set(self.inputs)
        if unknown:
            message = f"tainted names inputs that the plan has not: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        return self


class MoveTemplate(Noun):
    """One thing a playbook can do next: the first move whose `when` holds is taken."""

    name: _MoveName
    when: str = "true"
    plan: PlanTemplate = PlanTemplate()
    after: After = Close()

    @model_validator(mode="after")
    def _compiles(self) -> "MoveTemplate":
        _check(self.when)
        return self


class Playbook(Noun):
    """What to do about one intent, move by move.

    `trusted_sender`: nothing of it runs unless every message came from the order's own customer.
    `needs_order`: it is about an order that could be read; `needs_payment`: the same of a payment.
    """

    id: _Id
    version: int = Field(ge=1)
    intent: str
    summary: str = Field(min_length=1)
    trusted_sender: bool
    needs_order: bool
    needs_payment: bool = False
    moves: tuple[MoveTemplate, ...] = Field(min_length=1, alias="move")

    @model_validator(mode="after")
    def _moves_differ(self) -> "Playbook":
        names = [move.name for move in self.moves]
        if len(set(names)) != len(names):
            message = f"{self.id}: two moves have the same name"
            raise ValueError(message)
        return self

    def reference(self) -> str:
        """Who a plan of this playbook is proposed by."""
        return f"playbook:{self.id}@{self.version}"


class Specialist(Noun):
    """A digital employee: which domains it may touch, which playbooks it follows.

    `role` is what policy grants permissions to; `memory_days` is how far back it recalls.
    """

    id: _Id
    role: str
    persona: str
    domains: tuple[str, ...]
    memory_days: int = Field(ge=1, le=400)
    playbooks: tuple[_Id, ...]


class Library(Noun):
    """All playbooks and specialists, checked against one another."""

    playbooks: tuple[Playbook, ...]
    specialists: tuple[Specialist, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> "Library":
        known = {playbook.id: playbook for playbook in self.playbooks}
        if len(known) != len(self.playbooks):
            raise ValueError("two playbooks have the same id")
        for specialist in self.specialists:
            self._check_specialist(specialist, known)
        return self

    @staticmethod
    def _check_specialist(specialist: Specialist, known: dict[str, Playbook]) -> None:
        missing = set(specialist.playbooks) - set(known)
        if missing:
            message = f"specialist {specialist.id} follows unknown playbooks: {', '.join(sorted(missing))}"
            raise ValueError(message)
        followed = [known[name] for name in specialist.playbooks]
        if len({playbook.intent for playbook in followed}) != len(followed):
            message = f"specialist {specialist.id} follows two playbooks of one intent"
            raise ValueError(message)
        tools = {s.tool for p in followed for m in p.moves for s in m.plan.steps}
        outside = {tool for tool in tools if tool.split(".")[0] not in specialist.domains}
        if outside:
            message = f"specialist {specialist.id} may not use {', '.join(sorted(outside))}"
            raise ValueError(message)

    def specialist(self, name: str) -> Specialist | None:
        """The specialist with this id, or None."""
        return next((s for s in self.specialists if s.id == name), None)

    def of_intent(self, specialist: Specialist, intent: str) -> Playbook | None:
        """The playbook a specialist follows for an intent, or None."""
        followed = (p for p in self.playbooks if p.id in specialist.playbooks)
        return next((p for p in followed if p.intent == intent), None)


@cache
def bundled() -> Library:
    """The library that ships with the layer."""
    return Library.model_validate_json(BUNDLE.read_text(encoding="utf-8"))
