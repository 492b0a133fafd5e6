"""An effect in the ledger: intent first, outcome after, lease in between."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field, JsonValue

from nightshift.ids import ChannelId, IdempotencyKey, RunId, StepId, TenantId
from nightshift.model.base import Document, Noun
from nightshift.model.plan import ToolName
from nightshift.model.tool import Outcome
from nightshift.money import Money

__all__ = ["Claim", "Effect", "EffectState", "StepResult"]


_LEFT_ALONE = timedelta(minutes=15)
"""Beyond its lease: longer than any pause between two attempts of a run that is carried on."""


class EffectState(StrEnum):
    """Where an effect stands."""

    INTENT = "INTENT"  # may be under way: the lease says until when
    RELEASED = "RELEASED"  # the last attempt did nothing for certain; free to try again
    DONE = "DONE"
    REJECTED = "REJECTED"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


class Claim(Noun):
    """What a write takes hold of, once, across runs and cases.

    `key` names it (a payment and its lines); `pool` names what it draws on (the payment) and `amount`
    may never exceed what the vendor says is left of it together with other open claims. A claim
    with `hold_seconds` may be taken again that long after its effect; without, never.
    """

    key: str
    pool: str | None = None
    amount: Money | None = None
    hold_seconds: int | None = None


class Effect(Document):
    """One effect of one step of one run."""

    key: IdempotencyKey
    tenant: TenantId
    run: RunId
    step: StepId
    occurrence: int
    tool: ToolName
    channel: ChannelId
    args_digest: str
    attempt: int = Field(ge=1)
    generation: int = Field(default=1, ge=1, description="of the run, when it was first intended")
    state: EffectState
    claim: Claim | None = None
    lease_until: datetime
    attempted_at: datetime = Field(description="when the last attempt began, or ended without an outcome")
    intended_at: datetime
    settled_at: datetime | None = None
    vendor_ref: str | None = None
    code: str = ""
    in_doubt: bool = Field(default=False, description="it may have happened before the records were restored")

    def for_a_person(self, now: datetime) -> bool:
        """Whether only a person settles it: nobody knows what happened, or nobody carries its run on."""
        if self.state is EffectState.UNKNOWN:
            return True
        is_open = self.state in {EffectState.INTENT, EffectState.RELEASED}
        return is_open and now >= self.lease_until + _LEFT_ALONE


class StepResult(Document):
    """How a step ended and what it gave back, kept by reference to (run, step)."""

    run: RunId
    step: StepId
    occurrence: int = 0
    outcome: Outcome
    code: str = ""
    message: str = ""
    output: dict[str, JsonValue] = Field(default_factory=dict)
    shadow: bool = False
    skipped: bool = Field(default=False, description="its `when` was false, or what it needs was skipped")
    settled_at: datetime

    @property
    def went_well(self) -> bool:
        """Whether the run goes on after it."""
        return self.outcome is Outcome.DONE or self.shadow or self.skipped
