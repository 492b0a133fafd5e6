"""That a plan was proposed, as the action log says it: whoever proposed it, for a case or without one."""

from pydantic import JsonValue

from nightshift.model.log import EntryKind
from nightshift.model.plan import Proposal
from nightshift.ports.log import NewEntry

__all__ = ["proposed_entry"]


def proposed_entry(proposal: Proposal) -> NewEntry:
    """The entry for the stream `proposal.case or proposal.run`; a second one of the same run is left out."""
    after = proposal.plan.after
    detail: dict[str, JsonValue] = {
        "run": proposal.run,
        "wake": proposal.wake,
        "digest": proposal.digest,
        "proposed_by": proposal.proposed_by,
        "move": proposal.move,
        "tools": [step.tool for step in proposal.plan.steps],
        "limits": [str(step.limit) for step in proposal.plan.steps if step.limit is not None],
        "after": after.kind,
        "tainted": list(proposal.tainted),
    }
    if proposal.case is None:
        detail |= {"plan": proposal.plan.name, "role": proposal.requester.role}
    if proposal.undoes is not None:
        detail["undoes"] = proposal.undoes
    return NewEntry(
        kind=EntryKind.PLAN_PROPOSED,
        tenant=proposal.tenant,
        at=proposal.proposed_at,
        actor=proposal.proposed_by,
        ref=proposal.run,
        detail=detail,
    )
