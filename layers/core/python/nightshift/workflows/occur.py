"""One occurrence of a workflow becomes a run, once, as its owner; or the workflow pauses and says why."""

from datetime import datetime

from pydantic import JsonValue

from nightshift.actionlog.proposed import proposed_entry
from nightshift.errors import Conflict, NotFound
from nightshift.ids import RunId, occurrence_run_id
from nightshift.model.base import Noun
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.plan import Plan, Principal, Proposal
from nightshift.model.tenant import Tenant
from nightshift.model.verdict import Decision
from nightshift.model.workflow import Armed, Occurrence, Workflow, WorkflowHead
from nightshift.ports.config import Config
from nightshift.ports.log import NewEntry
from nightshift.workflows.desk import RUN, Clockwork, Desk

__all__ = ["TAINTED", "Begun", "begin", "occurrence_of", "owner_of", "pause", "proposal_of"]

TAINTED = ("event",)
"""The input that an event comes in as, where its values may stem from a stranger's text."""


def owner_of(config: Config, tenant: Tenant, owner: str) -> Principal | str:
    """The owner with the role they have now, or why nothing may run as them: `owner.gone`, `owner.role`."""
    try:
        person = config.staff(tenant.id, owner)
    except NotFound:
        return "owner.gone"
    role = config.policy_of(tenant).roles.get(person.role)
    if role is None or RUN not in role.permissions:
        return "owner.role"
    return Principal(id=person.id, role=person.role, kind="person")


def occurrence_of(
    of: Workflow | WorkflowHead, key: str, event: dict[str, JsonValue], at: datetime
) -> Occurrence:
    """The occurrence with a key, in this version; `event` becomes the plan's input of that name."""
    return Occurrence(
        tenant=of.tenant,
        workflow=of.name,
        version=of.version,
        key=key,
        run=occurrence_run_id(of.tenant, f"workflow:{of.name}@{of.version}", key),
        event=event,
        at=at,
    )


def proposal_of(
    occurrence: Occurrence, workflow: Workflow, requester: Principal, *, tainted: tuple[str, ...]
) -> Proposal:
    """The plan of an occurrence, as it goes to the gate."""
    inputs = {**workflow.plan.inputs, "event": occurrence.event}
    plan = Plan.model_validate({**dict(workflow.plan), "inputs": inputs})
    return Proposal(
        run=occurrence.run,
        tenant=occurrence.tenant,
        case=None,
        wake=0,
        generation=1,
        subject="",
        customer=None,
        requester=requester,
        proposed_by=f"workflow:{workflow.label}",
        plan=plan,
        digest=plan.digest(),
        tainted=tainted,
        proposed_at=occurrence.at,
        workflow=workflow.label,
    )


class Begun(Noun):
    """What became of an occurrence: its run began, or tests of its plan do not hold (`held`: their names)."""

    run: RunId
    version: int
    held: tuple[str, ...] = ()


def begin(
    desk: Desk,
    wanted: Occurrence,
    requester: Principal,
    *,
    tainted: tuple[str, ...] = (),
    subject: str = "",
    armed: Armed | None = None,
) -> Begun:
    """Take an occurrence and launch its run; the one that was taken first stands.

    A plan with tests is rehearsed first, and begins only when all of them hold. A crash on the way is made
    good by the same call again.

    Raises:
        Conflict: about the subject, others were faster; look again.
        Retryable: the run could not be started; the same call again goes on.
    """
    stands = desk.workflows.claim(wanted, subject=subject, armed=armed)
    workflow = desk.workflows.version(stands.tenant, stands.workflow, stands.version)
    proposal = proposal_of(stands, workflow, requester, tainted=tainted)
    held = _do_not_hold(desk, proposal)
    if held:
        _log_held(desk, stands, held)
    else:
        desk.log.append(proposal.run, proposed_entry(proposal))  # before anything of the run can be logged
        desk.launch.launch(proposal)
    return Begun(run=stands.run, version=stands.version, held=held)


def _do_not_hold(desk: Desk, proposal: Proposal) -> tuple[str, ...]:
    if not proposal.plan.tests:
        return ()
    found = desk.dry_runs.dry_run(proposal)
    if found.passed or found.verdict.decision is Decision.REFUSE:
        return ()  # what the gate refuses it refuses in the run, where everybody looks
    return tuple(test.name for test in found.tests if not test.holds) or ("its reads go through",)


def _log_held(desk: Desk, taken: Occurrence, held: tuple[str, ...]) -> None:
    line = NewEntry(
        kind=EntryKind.WORKFLOW_HELD,
        tenant=taken.tenant,
        at=taken.at,
        actor=f"workflow:{taken.workflow}@{taken.version}",
        ref=taken.run,
        detail={"workflow": taken.workflow, "version": taken.version, "run": taken.run, "tests": list(held)},
    )
    desk.log.append(f"setup:{taken.tenant}", line)


def pause(desk: Clockwork, head: WorkflowHead, why: str) -> None:
    """Have a workflow not run by itself until a person enables it again, and say so."""
    now = desk.clock.now()
    paused = head.model_copy(update={"paused": why, "next": None, "changed_at": now, "seq": head.seq + 1})
    line = NewEntry(
        kind=EntryKind.WORKFLOW_PAUSED,
        tenant=head.tenant,
        at=now,
        actor=f"workflow:{head.name}@{head.version}",
        ref=f"{head.name}:{paused.seq}",
        detail={"workflow": head.name, "version": head.version, "owner": head.owner, "why": why},
    )
    try:
        desk.workflows.change(paused, head)
    except Conflict:
        return  # somebody has just changed it: it is looked at as it stands now, next time
    desk.log.append(f"setup:{head.tenant}", line)
    desk.metrics.count(Metric.WORKFLOWS_PAUSED)
