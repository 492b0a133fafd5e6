"""What the door to effects works with: its records, one call, and how both are written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nightshift.actionlog.chain import step_stream
from nightshift.clock import Clock
from nightshift.errors import OutcomeUnknown, Rejected
from nightshift.ids import IdempotencyKey, RunId, StepId
from nightshift.model.base import Noun
from nightshift.model.effect import Effect, StepResult
from nightshift.model.log import EntryKind
from nightshift.model.plan import Proposal, Step
from nightshift.model.tool import Outcome
from nightshift.ports.approvals import Approvals
from nightshift.ports.config import Config
from nightshift.ports.flow import Secrets
from nightshift.ports.ledger import Fence, Headroom, Ledger
from nightshift.ports.limits import Limits
from nightshift.ports.log import ActionLog, NewEntry
from nightshift.ports.metrics import Metrics
from nightshift.ports.runs import Runs
from nightshift.ports.traces import Samples, Traces
from nightshift.tools.asked import amount_of
from nightshift.tools.binding import Adapter, Binding, Call, Done
from nightshift.tools.oauth import Tokens

if TYPE_CHECKING:
    from nightshift.tools.line import Line

__all__ = [
    "Deadline",
    "Door",
    "Ready",
    "StepCall",
    "checked",
    "entry",
    "fence",
    "headroom",
    "log",
    "log_intent",
    "log_settled",
    "log_unknown",
    "refuse",
    "result_of",
    "skip",
]

T = TypeVar("T")


class Deadline(Protocol):
    """When the invocation ends."""

    def left(self) -> float:
        """Seconds left of it."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """What the door needs: one adapter, the records, what its calls share, and when it must be done.

    `lease_seconds`: how long a lease holds. `deadline`: of this invocation; no call is begun that may
    not end before it. `pause`: waits so many seconds.
    """

    adapter: Adapter
    runs: Runs
    ledger: Ledger
    approvals: Approvals
    config: Config
    secrets: Secrets
    log: ActionLog
    clock: Clock
    lease_seconds: float
    limits: Limits
    tokens: Tokens
    metrics: Metrics
    traces: Traces
    samples: Samples
    pause: Callable[[float], None]
    deadline: Deadline


class StepCall(Noun):
    """Which step of which run, in which generation of its case."""

    run: RunId
    generation: int
    step: StepId
    occurrence: int = 0


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A step with everything resolved and checked, ready to be carried out.

    `shadow` is the verdict's word on the whole run; `live` whether a person lets the tool make effects now.
    """

    given: StepCall
    proposal: Proposal
    step: Step
    binding: Binding
    args: Any
    line: "Line"
    key: IdempotencyKey
    shadow: bool
    live: bool

    def ask(self, do: Callable[[Call[Any]], T], seconds: float) -> T:
        """Ask the vendor with this step's arguments and key; see `Line.ask`."""
        return self.line.ask(do, args=self.args, key=self.key, seconds=seconds)

    def stream(self) -> str:
        """The step's own stream of the action log."""
        return step_stream(self.proposal.case or self.given.run, self.given.run, self.step.id)


def fence(ready: Ready, effect: Effect) -> Fence:
    """What must hold when an effect of this step is intended, or called for again."""
    began = ready.proposal.began or ready.proposal.proposed_at
    return Fence(
        case=ready.proposal.case,
        generation=ready.given.generation,
        began=None if effect.in_doubt else began,
    )


def headroom(door: Door, ready: Ready) -> Headroom | None:
    """What is left of what a step draws on; None where it draws on nothing.

    How often the pool was drawn on is read *before* the vendor is asked: an effect that settles in
    between changes that count, and the intent is refused instead of resting on a stale figure.

    Raises:
        Rejected: `state.changed`: less than the step takes, so it was planned for another world; or
            whatever the vendor says against it.
    """
    contract = ready.binding.contract
    claim = contract.once_per(ready.step.channel, ready.args) if contract.once_per is not None else None
    if ready.binding.room is None or claim is None or claim.pool is None:
        return None
    drawn = door.ledger.drawn(ready.proposal.tenant, claim.pool)
    left = ready.ask(ready.binding.room, ready.binding.ask_timeout).left
    amount = amount_of(contract, ready.args)
    if amount is not None and left < amount.amount:
        message = f"{ready.step.tool} would move more than the vendor has left"
        raise Rejected(message, code="state.changed")
    return Headroom(left=left, drawn=drawn)


def result_of(
    ready: Ready,
    outcome: Outcome,
    at: datetime,
    *,
    done: Done | None = None,
    code: str = "",
    message: str = "",
) -> StepResult:
    """How the step ended, as it is kept."""
    return StepResult(
        run=ready.given.run,
        step=ready.step.id,
        occurrence=ready.given.occurrence,
        outcome=outcome,
        code=code,
        message=message,
        output={} if done is None else done.output.model_dump(mode="json"),
        shadow=ready.shadow and outcome is not Outcome.DONE,
        settled_at=at,
    )


def checked(binding: Binding, done: Done) -> Done:
    """Guardrail after execution: what came back is what the contract promises.

    Raises:
        OutcomeUnknown: it is not.
    """
    if not isinstance(done.output, binding.contract.output):
        message = f"{binding.contract.name} gave something its contract does not promise"
        raise OutcomeUnknown(message, code="output.shape")
    return done


def entry(door: Door, proposal: Proposal, kind: EntryKind, ref: str, detail: dict[str, Any]) -> NewEntry:
    """A log entry by this adapter."""
    return NewEntry(
        kind=kind,
        tenant=proposal.tenant,
        at=door.clock.now(),
        actor=f"adapter:{door.adapter.name}",
        ref=ref,
        detail=detail,
    )


def log(door: Door, ready: Ready, kind: EntryKind, *, ref: str, detail: dict[str, Any]) -> None:
    """Append one entry to the stream of the step."""
    line = entry(door, ready.proposal, kind, ref, {"step": ready.step.id, **detail})
    door.log.append(ready.stream(), line)


def log_intent(door: Door, ready: Ready, effect: Effect) -> None:
    """Say what is about to be done, before it is."""
    amount = amount_of(ready.binding.contract, ready.args)
    detail = {
        "tool": effect.tool,
        "channel": effect.channel,
        "key": effect.key,
        "args": effect.args_digest,
        "attempt": effect.attempt,
        "amount": str(amount) if amount is not None else None,
    }
    log(door, ready, EntryKind.EFFECT_INTENDED, ref=f"{_ref(effect)}#{effect.attempt}", detail=detail)


def log_settled(door: Door, proposal: Proposal, effect: Effect) -> None:
    """Say how it ended; said again, it adds no second line."""
    amount = None if effect.claim is None else effect.claim.amount
    detail = {
        "step": effect.step,
        "tool": effect.tool,
        "key": effect.key,
        "outcome": effect.state,
        "code": effect.code,
        "vendor_ref": effect.vendor_ref,
        "amount": str(amount) if amount is not None else None,
    }
    line = entry(door, proposal, EntryKind.EFFECT_SETTLED, _ref(effect), detail)
    door.log.append(step_stream(proposal.case or effect.run, effect.run, effect.step), line)


def log_unknown(door: Door, ready: Ready, effect: Effect) -> None:
    """Say that an attempt ended without anybody knowing how."""
    detail = {"tool": effect.tool, "key": effect.key, "outcome": effect.state, "code": effect.code}
    log(door, ready, EntryKind.STEP_FAILED, ref=f"{_ref(effect)}#{effect.attempt}", detail=detail)


def _ref(effect: Effect) -> str:
    """What names it in the log; tried again by a person, it is another happening under the same key."""
    return effect.key if effect.generation == 1 else f"{effect.key}-g{effect.generation}"


def refuse(door: Door, given: StepCall, proposal: Proposal, why: Rejected) -> StepResult:
    """End a step that did nothing, with the reason it was refused for; an earlier end stands."""
    result = StepResult(
        run=given.run,
        step=given.step,
        occurrence=given.occurrence,
        outcome=Outcome.REJECTED,
        code=why.code,
        message=str(why),
        settled_at=door.clock.now(),
    )
    stream = step_stream(proposal.case or given.run, given.run, given.step)
    detail = {"step": given.step, "code": why.code}
    ref = why.code if given.generation == 1 else f"{why.code}-g{given.generation}"
    door.log.append(stream, entry(door, proposal, EntryKind.STEP_FAILED, ref, detail))
    return door.runs.keep(result)


def skip(door: Door, given: StepCall, proposal: Proposal) -> StepResult:
    """End a step that is left out, which is no failure; an earlier end stands."""
    result = StepResult(
        run=given.run,
        step=given.step,
        occurrence=given.occurrence,
        outcome=Outcome.NOT_DONE,
        code="skipped",
        skipped=True,
        settled_at=door.clock.now(),
    )
    stream = step_stream(proposal.case or given.run, given.run, given.step)
    ref = f"{given.step}#{given.occurrence}"
    door.log.append(stream, entry(door, proposal, EntryKind.STEP_SKIPPED, ref, {"step": given.step}))
    return door.runs.keep(result)
