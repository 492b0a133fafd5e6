"""The episode of a closed case: facts only, never what somebody wrote."""

from collections.abc import Sequence

from nightshift.model.case import Case, Episode, RunOutcome
from nightshift.money import Money

__all__ = ["episode_of", "refunded_in"]


def refunded_in(outcomes: Sequence[RunOutcome]) -> Money | None:
    """What the runs of a case moved in all; None when nothing moved, or in several currencies."""
    moved = [outcome.money_moved for outcome in outcomes if outcome.money_moved is not None]
    if not moved or len({amount.currency for amount in moved}) > 1:
        return None
    total = Money(amount=sum(amount.amount for amount in moved), currency=moved[0].currency)
    return total if total.amount > 0 else None


def episode_of(case: Case, outcomes: Sequence[RunOutcome]) -> Episode | None:
    """What is kept of a closed case; None when nobody knows whose it was.

    Args:
        case: the case as it was closed.
        outcomes: how its runs ended, oldest first.
    """
    if case.customer is None or case.closed_at is None:
        return None
    done = case.moves[-1] if case.moves else "nothing done"
    refunded = refunded_in(outcomes)
    told = [case.intent or "no intent", " > ".join(case.moves) or done]
    if refunded is not None:
        told.append(f"{refunded} refunded")
    return Episode(
        case=case.id,
        tenant=case.tenant,
        customer=case.customer,
        subject=case.subject,
        intent=case.intent,
        outcome=done,
        summary="; ".join(told),
        refunded=refunded,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
    )
