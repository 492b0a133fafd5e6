"""Plan: the one proposal of a wake. The first plan stored for it is the plan, whoever comes second."""

from dataclasses import dataclass

from pydantic import ConfigDict

from nightshift.actionlog.proposed import proposed_entry
from nightshift.clock import Clock
from nightshift.errors import NotFound
from nightshift.ids import CaseId, RunId, run_id
from nightshift.model.base import Noun
from nightshift.model.case import ContextPackage
from nightshift.model.plan import Principal, Proposal
from nightshift.planner.playbook import Library
from nightshift.planner.seam import Draft, Planner
from nightshift.ports.cases import Cases
from nightshift.ports.config import Config
from nightshift.ports.log import ActionLog
from nightshift.ports.runs import Runs

__all__ = ["PlanInput", "Planned", "Planning", "plan"]


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What planning needs."""

    cases: Cases
    config: Config
    runs: Runs
    log: ActionLog
    clock: Clock
    library: Library
    planner: Planner


class PlanInput(Noun):
    """What crosses from Observe; whatever else it says is left aside."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    case: CaseId
    generation: int
    wake: int


class Planned(Noun):
    """What crosses to the next state."""

    case: CaseId
    generation: int
    wake: int
    run: RunId


def plan(parts: Planning, given: PlanInput) -> Planned:
    """Propose what this wake does, store it, log it; a second call gives the same run and plan.

    Raises:
        NotFound: the wake was not observed.
    """
    run = run_id(given.case, given.wake)
    try:
        proposal = parts.runs.proposal(run)
    except NotFound:
        proposal = parts.runs.propose(_proposal(parts, given, run))
    parts.log.append(given.case, proposed_entry(proposal))
    return Planned(case=given.case, generation=given.generation, wake=given.wake, run=run)


def _proposal(parts: Planning, given: PlanInput, run: RunId) -> Proposal:
    package = parts.cases.context(given.case, given.wake)
    at = parts.clock.now()
    draft = parts.planner.propose(package, parts.config.tenant(package.tenant), at=at)
    return Proposal(
        run=run,
        tenant=package.tenant,
        case=package.case,
        wake=given.wake,
        generation=given.generation,
        subject=package.subject,
        customer=package.customer,
        requester=_requester(parts.library, package),
        proposed_by=draft.proposed_by,
        move=draft.move,
        plan=draft.plan,
        digest=draft.plan.digest(),
        tainted=_tainted(draft),
        proposed_at=at,
        began=package.events[0].received_at if package.events else None,
    )


def _requester(library: Library, package: ContextPackage) -> Principal:
    known = library.specialist(package.specialist)
    # A specialist nobody described has a role that no policy knows: the gate refuses what it asks for.
    role = known.role if known is not None else "unknown"
    return Principal(id=f"specialist:{package.specialist}", role=role, kind="specialist")


def _tainted(draft: Draft) -> tuple[str, ...]:
    return tuple(sorted(draft.tainted))
