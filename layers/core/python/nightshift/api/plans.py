"""Plans that people write: looked at, rehearsed, begun. The gate, the run's first state, decides."""

from typing import Final

from nightshift.actionlog.proposed import proposed_entry
from nightshift.api.desk import Desk
from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import RunId, occurrence_run_id
from nightshift.model.dryrun import DryRun, TestResult
from nightshift.model.plan import Plan, Proposal
from nightshift.model.rundesk import Launched, RunOrder
from nightshift.model.verdict import Decision, Verdict

__all__ = ["RUN_PLANS", "begin", "begin_run", "check_plan", "dry_run_plan", "proposal_of"]

RUN_PLANS: Final = "plans:run"

_MOST_BYTES = 200_000  # with everything around it, it is one record of at most 400 KB
_LOOKED_AT = "looked-at"


def check_plan(desk: Desk, caller: Caller, plan: Plan) -> Verdict:
    """What the gate would say of a plan now; nothing is stored or reserved.

    Raises:
        NotPermitted: the caller may not run plans.
        BadInput: it is too large.
        Retryable: nobody could say; try again.
    """
    caller.must(RUN_PLANS)
    return desk.dry_runs.check(proposal_of(desk, caller, plan, key=_LOOKED_AT))


def dry_run_plan(desk: Desk, caller: Caller, plan: Plan) -> DryRun:
    """How a plan would run now: its reads are carried out, with the caller's own permissions.

    Raises:
        NotPermitted: the caller may not run plans.
        BadInput: it is too large.
        Retryable: nobody could say; try again.
    """
    caller.must(RUN_PLANS)
    return desk.dry_runs.dry_run(proposal_of(desk, caller, plan, key=_LOOKED_AT))


def begin_run(desk: Desk, caller: Caller, order: RunOrder) -> Launched:
    """Begin a run of a plan, as its caller; the same order again is the same run.

    A plan with tests is rehearsed first, and begins only when all of them hold.

    Raises:
        NotPermitted: the caller may not run plans.
        BadInput: it is too large.
        Conflict: another plan was begun with this key.
        Retryable: nothing more happened than the same order again goes on from.
    """
    caller.must(RUN_PLANS)
    return begin(desk, proposal_of(desk, caller, order.plan, key=order.key))


def begin(desk: Desk, proposal: Proposal) -> Launched:
    """Begin a run of a proposal, after its tests.

    Raises:
        Conflict: another plan was begun with the same id.
        Retryable: nothing more happened than the same again goes on from.
    """
    tests: tuple[TestResult, ...] = ()
    if proposal.plan.tests and not _begun(desk, proposal.run):
        found = desk.dry_runs.dry_run(proposal)
        if not found.passed:
            refused = tuple(f for f in found.verdict.findings if f.decision is Decision.REFUSE)
            return Launched(started=False, tests=found.tests, findings=(*refused, *found.findings))
        tests = found.tests
    stands = desk.runs.propose(proposal)
    if stands.digest != proposal.digest:
        message = f"this key began another plan, as run {stands.run}; use a new key"
        raise Conflict(message)
    desk.log.append(stands.run, proposed_entry(stands))  # before anything of the run can be logged
    desk.launch.launch(stands)
    return Launched(started=True, run=stands.run, tests=tests)


def _begun(desk: Desk, run: RunId) -> bool:
    try:
        desk.runs.proposal(run)
    except NotFound:
        return False
    return True


def proposal_of(desk: Desk, caller: Caller, plan: Plan, *, key: str, undoes: RunId | None = None) -> Proposal:
    """A plan as its caller proposes it: for no case, and with the role that they have now.

    Raises:
        BadInput: it is too large, or holds a number that no two readers read alike.
    """
    size = len(plan.model_dump_json().encode())
    if size > _MOST_BYTES:
        raise BadInput("plan", f"it has {size} bytes", f"At most {_MOST_BYTES} are run at once; split it.")
    return Proposal(
        run=occurrence_run_id(caller.tenant, caller.actor, key),
        tenant=caller.tenant,
        case=None,
        wake=0,
        generation=1,
        subject="",
        customer=None,
        requester=caller.principal,
        proposed_by=caller.actor,
        plan=plan,
        digest=plan.digest(),
        proposed_at=desk.clock.now(),
        undoes=undoes,
    )
