"""What a caller may see. A record of another tenant is as absent as one that never was."""

from collections.abc import Iterator
from datetime import UTC, datetime

from nightshift.api.desk import Desk
from nightshift.errors import NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import ApprovalId, CaseId, RunId, run_id
from nightshift.model.approval import Approval
from nightshift.model.case import Case, CaseStatus, ContextPackage
from nightshift.model.log import LogEntry
from nightshift.model.view import (
    ApprovalPage,
    CaseLine,
    CasePage,
    CaseView,
    EventLine,
    LogPage,
    ParkedLine,
    ParkedPage,
    RunView,
    ToolPage,
)

__all__ = [
    "one_approval",
    "one_case",
    "see_cases",
    "see_catalog",
    "see_log",
    "see_parked",
    "view_case",
    "waiting_approvals",
]

READ_CASES = "cases:read"
READ_LOG = "log:read"
READ_APPROVALS = "approvals:read"
READ_CATALOG = "catalog:read"

_LOOKED_THROUGH = 500  # when only one status is wanted, how far back it is looked for
_RUNS_SHOWN = 10


def one_case(desk: Desk, caller: Caller, case: CaseId) -> Case:
    """A case of the caller's tenant.

    Raises:
        NotFound: the tenant has no such case.
    """
    try:
        found = desk.cases.get(case)
    except NotFound:
        found = None
    if found is None or found.tenant != caller.tenant:
        message = f"there is no case {case}"
        raise NotFound(message)
    return found


def one_approval(desk: Desk, caller: Caller, approval: ApprovalId) -> Approval:
    """An approval of the caller's tenant.

    Raises:
        NotFound: the tenant has no such approval.
        NotPermitted: the caller may not read approvals.
    """
    caller.must(READ_APPROVALS)
    found = desk.approvals.find(approval)
    if found is None or found.tenant != caller.tenant:
        message = f"there is no approval {approval}"
        raise NotFound(message)
    return found


def see_cases(desk: Desk, caller: Caller, *, status: CaseStatus | None, limit: int) -> CasePage:
    """The tenant's newest cases; of one status, those among its newest 500.

    Raises:
        NotPermitted: the caller may not read cases.
    """
    caller.must(READ_CASES)
    newest = desk.cases.of_tenant(caller.tenant, limit if status is None else _LOOKED_THROUGH)
    wanted = [case for case in newest if status in {None, case.status}]
    return CasePage(cases=tuple(CaseLine.of(case) for case in wanted[:limit]))


def view_case(desk: Desk, caller: Caller, case: CaseId) -> CaseView:
    """One case with everything a person needs to take it over.

    Raises:
        NotFound: the tenant has no such case.
        NotPermitted: the caller may not read cases.
    """
    caller.must(READ_CASES)
    found = one_case(desk, caller, case)
    first = max(1, found.wake - _RUNS_SHOWN + 1)
    runs = [_run(desk, run_id(found.id, wake)) for wake in range(first, found.wake + 1)]
    return CaseView(
        case=CaseLine.of(found),
        signals=tuple(f"{signal.kind}: {signal.rule}" for signal in found.signals),
        moves=found.moves,
        events=tuple(EventLine.of(event) for event in desk.cases.events(found.id)),
        runs=tuple(run for run in runs if run is not None),
        approvals=desk.approvals.of_case(found.id),
        context=_context(desk, found),
    )


def _run(desk: Desk, run: RunId) -> RunView | None:
    try:
        proposal = desk.runs.proposal(run)
    except NotFound:  # this wake went to a person, or is not planned yet
        return None
    try:
        verdict = desk.runs.verdict(run)
    except NotFound:
        verdict = None
    return RunView(run=run, proposal=proposal, verdict=verdict, outcome=desk.runs.outcome(run))


def _context(desk: Desk, case: Case) -> ContextPackage | None:
    try:
        return desk.cases.context(case.id, case.wake)
    except NotFound:  # opened, and not observed yet
        return None


def see_log(desk: Desk, caller: Caller, case: CaseId) -> LogPage:
    """All entries of a case by time, each chain in its order and read consistently: it can be verified.

    Raises:
        NotFound: the tenant has no such case.
        NotPermitted: the caller may not read the log.
    """
    caller.must(READ_LOG)
    found = one_case(desk, caller, case)
    streams = {found.id: None} | dict.fromkeys(desk.log.streams(found.id))
    timed = [pair for stream in streams for pair in _never_back(desk.log.read(stream))]
    timed.sort(key=lambda pair: (pair[0], pair[1].stream, pair[1].seq))
    return LogPage(case=found.id, entries=tuple(entry for _, entry in timed))


def _never_back(chain: tuple[LogEntry, ...]) -> Iterator[tuple[datetime, LogEntry]]:
    """Each entry with an instant that never goes back, so that a chain keeps its order among others."""
    latest = datetime.min.replace(tzinfo=UTC)
    for entry in chain:
        latest = max(latest, entry.at)
        yield latest, entry


def waiting_approvals(desk: Desk, caller: Caller, *, limit: int) -> ApprovalPage:
    """What waits for a person, oldest first.

    Raises:
        NotPermitted: the caller may not read approvals.
    """
    caller.must(READ_APPROVALS)
    return ApprovalPage(approvals=desk.approvals.waiting(caller.tenant)[:limit])


def see_catalog(desk: Desk, caller: Caller) -> ToolPage:
    """Every tool.

    Raises:
        NotPermitted: the caller may not read the catalog.
    """
    caller.must(READ_CATALOG)
    return ToolPage(tools=desk.tools)


def see_parked(desk: Desk, caller: Caller, *, limit: int) -> ParkedPage:
    """Deliveries that could not be made events, oldest first, without their content.

    Raises:
        NotPermitted: the caller may not read cases.
    """
    caller.must(READ_CASES)
    lines = [
        ParkedLine(
            channel=found.channel,
            delivery=found.delivery,
            received_at=found.received_at,
            reason=found.parked or "",
        )
        for found in desk.deliveries.parked(caller.tenant)[:limit]
    ]
    return ParkedPage(parked=tuple(lines))
