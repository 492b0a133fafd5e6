"""Why a person takes a case, in words a person understands. No personal data: ids, rules, states."""

from typing import assert_never

from nightshift.model.case import RunOutcome
from nightshift.model.verdict import Verdict

__all__ = ["broken_off", "ended", "kept_changing", "no_outcome"]

_LENGTH = 500
_BY_PEOPLE = {
    "REJECTED": "a person rejected the plan",
    "EXPIRED": "nobody answered the question for approval in time",
    "STOPPED": "a person stopped the run",
}
_STAGES = {
    "Observe": "what the case is about could not be read",
    "Plan": "no plan could be made",
    "Run": "the plan's run broke off",
    "RollOver": "the case could not be carried on by a new execution",
    "Commit": "the end of the run could not be recorded",
    "Sleep": "the case could not be laid to sleep",
}


def broken_off(at: str, error: str | None) -> str:
    """A stage of the case's state machine failed."""
    what = _STAGES.get(at, "the case broke off")
    return f"{what} ({error})"[:_LENGTH] if error else what


def no_outcome() -> str:
    """The run is over and says nothing."""
    return "the run ended without a recorded outcome: check what it did before anything else"


def kept_changing(times: int) -> str:
    """The world changed under plan after plan."""
    return f"the world changed under {times} plans, one after the other"


def ended(outcome: RunOutcome, verdict: Verdict | None) -> str:
    """How a run ended that did not do what was planned."""
    step = outcome.failed_step or "a step"
    match outcome.status:
        case "REFUSED" if _needs_two_factors(verdict):
            told = "needs two factors: a person must take it"
        case "REFUSED":
            told = f"policy refuses the plan: {outcome.reason}"
        case "REJECTED" | "EXPIRED" | "STOPPED":
            told = _BY_PEOPLE[outcome.status]
        case "UNKNOWN":
            told = f"it is not known whether {step} happened ({outcome.reason}): check before anything else"
        case "UNDO_FAILED":
            left = ", ".join(outcome.left) or "what it had done"
            told = f"{step} failed ({outcome.reason}), and this could not be taken back: {left}"
        case "FAILED" | "CHANGED" | "DONE":
            told = f"{step} failed: {outcome.reason or 'no reason was given'}"
        case unreachable:
            assert_never(unreachable)
    return told[:_LENGTH]


def _needs_two_factors(verdict: Verdict | None) -> bool:
    """Whether the amount falls into a tier that no single person decides."""
    if verdict is None:
        return False
    return any(finding.rule == "two-factor" for finding in verdict.findings)
