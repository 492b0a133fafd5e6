"""A workflow: a plan that somebody saved under a name, and what begins it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints, model_validator

from nightshift.ids import ChannelId, RunId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.model.event import EventKind
from nightshift.model.plan import Plan
from nightshift.money import Currency

__all__ = [
    "Armed",
    "Manual",
    "NewWorkflow",
    "Occurrence",
    "OnEvent",
    "Schedule",
    "Trigger",
    "Watch",
    "Workflow",
    "WorkflowHead",
    "WorkflowName",
]

WorkflowName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
_Condition = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Sku = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]([ -~]*[!-~])?$")]


class Manual(Noun):
    """It runs when somebody runs it. So does every other workflow, beside its own trigger."""

    kind: Literal["manual"] = "manual"


class Schedule(Noun):
    """It runs by the clock: `cron` (five fields, in `timezone`) or `rate` (`15 minutes`, `1 hour`, `1 day`).

    A rate counts from midnight UTC of 1970, so `1 hour` is on the hour. `catch_up` says what becomes of times
    that passed while nothing could run: none of them, the latest one, or all.
    """

    kind: Literal["schedule"] = "schedule"
    cron: str | None = Field(default=None, max_length=100)
    rate: str | None = Field(default=None, pattern=r"^[1-9][0-9]{0,4} (minute|hour|day)s?$")
    timezone: str = Field(default="UTC", max_length=60)
    catch_up: Literal["skip", "once", "all"] = "once"

    @model_validator(mode="after")
    def _one_of_both(self) -> "Schedule":
        if (self.cron is None) == (self.rate is None):
            message = "give either cron or rate"
            raise ValueError(message)
        return self


class Watch(Noun):
    """Prices to look at, so that there are events: a feed's channel, and whose prices."""

    channel: ChannelId = Field(min_length=1, max_length=63)
    skus: tuple[_Sku, ...] = Field(min_length=1, max_length=500)
    currency: Currency
    every_seconds: int = Field(default=300, ge=60, le=86_400)


class OnEvent(Noun):
    """It runs for events of a kind for which `when` is true: CEL over `event`.

    Cool-down and hysteresis are kept for each subject (a SKU, an order) apart: after it has run it does not
    run again for `cool_down_seconds`, nor, where there is an `until`, before that was true of an event once.
    """

    kind: Literal["event"] = "event"
    event: EventKind
    when: _Condition | None = None
    until: _Condition | None = None
    cool_down_seconds: int = Field(default=0, ge=0, le=31 * 24 * 3600)
    watch: Watch | None = Field(default=None, description="of CompetitorPriceChanged only")

    @model_validator(mode="after")
    def _watches_prices(self) -> "OnEvent":
        if self.watch is not None and self.event is not EventKind.COMPETITOR_PRICE_CHANGED:
            message = "only prices of competitors are watched"
            raise ValueError(message)
        return self


Trigger = Annotated[Manual | Schedule | OnEvent, Field(discriminator="kind")]


class Workflow(Document):
    """One version; it never changes. Its runs are `owner`'s: with the role the owner has when it runs."""

    tenant: TenantId
    name: WorkflowName
    version: int = Field(ge=1)
    owner: str = Field(min_length=1, max_length=100, description="staff id")
    trigger: Trigger = Manual()
    plan: Plan
    note: str = Field(default="", max_length=500)
    saved_at: datetime

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


class NewWorkflow(Noun):
    """What somebody saves; `enabled`: whether it runs by itself from now on (None: as before)."""

    trigger: Trigger = Manual()
    plan: Plan
    note: str = Field(default="", max_length=500)
    enabled: bool | None = None


class WorkflowHead(Document):
    """How a workflow stands: the version in force, and whether and when it runs by itself.

    Args:
        paused: why it does not run though it is enabled (`owner.gone`, `owner.role`).
        next: the next time of its schedule that has not begun.
        seq: counts changes; whoever changes it has seen the one before.
    """

    tenant: TenantId
    name: WorkflowName
    version: int = Field(ge=1)
    owner: str
    trigger: Trigger
    enabled: bool = False
    paused: str = ""
    next: datetime | None = None
    changed_at: datetime
    seq: int = Field(default=1, ge=1)

    @property
    def runs_by_itself(self) -> bool:
        """Whether its trigger is heard."""
        return self.enabled and not self.paused


class Occurrence(Document):
    """One time that a workflow ran: the version it began with stands, whatever was saved since."""

    tenant: TenantId
    workflow: WorkflowName
    version: int = Field(ge=1)
    key: str = Field(min_length=1, max_length=300, description="scheduled time, event id, or a person's key")
    run: RunId
    event: dict[str, JsonValue] = Field(default_factory=dict, description="`inputs.event` of its plan")
    at: datetime


class Armed(Document):
    """Of one workflow and one subject: when it last ran, and whether it may again (hysteresis)."""

    armed: bool = True
    fired_at: datetime | None = None
    seq: int = Field(default=0, ge=0)
