"""What a caller may see. A record of another tenant is as absent as one that never was."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import AwareDatetime

from nightshift.api.cursors import cursor_of, place_of
from nightshift.api.desk import Desk
from nightshift.errors import NotFound
from nightshift.identity.caller import Caller
from nightshift.ids import ApprovalId, CaseId, RunId, TenantId, run_id
from nightshift.model.approval import Approval
from nightshift.model.base import Noun
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
from nightshift.ports.deliveries import Delivery

__all__ = [
    "newest_cases",
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

_LOOKED_THROUGH = 500  # for one page, when only one status is wanted
_PAGE = 200
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


class _CaseAfter(Noun):
    """Behind which case a page begins: those opened at the same instant and shown already are named."""

    opened: AwareDatetime
    shown: frozenset[CaseId]


def newest_cases(desk: Desk, tenant: TenantId, after: _CaseAfter | None = None) -> Iterator[Case]:
    """A tenant's cases one by one, newest first, as far back as somebody looks."""
    before = after.opened if after else None
    shown = after.shown if after else frozenset()
    while True:
        page = desk.cases.of_tenant(tenant, _PAGE + len(shown), before=before)
        fresh = [case for case in page if case.id not in shown]
        if not fresh:
            return
        yield from fresh
        last = fresh[-1].opened_at
        again = {case.id for case in page if case.opened_at == last}
        shown = frozenset(again | (shown if last == before else set()))
        before = last


def see_cases(
    desk: Desk, caller: Caller, *, status: CaseStatus | None, limit: int, cursor: str = ""
) -> CasePage:
    """The tenant's cases, newest first, a page at a time.

    Of one status, at most 500 cases are looked through for one page: it may be short, or even empty, and
    still have a `next`.

    Raises:
        NotPermitted: the caller may not read cases.
        BadInput: the cursor is none.
    """
    caller.must(READ_CASES)
    after = place_of(_CaseAfter, cursor)
    wanted: list[Case] = []
    seen: list[Case] = []
    for case in newest_cases(desk, caller.tenant, after):
        if len(wanted) == limit or len(seen) == _LOOKED_THROUGH:
            return CasePage(cases=_lines(wanted), next=_behind(seen, after))
        seen.append(case)
        if status in {None, case.status}:
            wanted.append(case)
    return CasePage(cases=_lines(wanted))


def _lines(cases: list[Case]) -> tuple[CaseLine, ...]:
    return tuple(CaseLine.of(case) for case in cases)


def _behind(seen: list[Case], after: _CaseAfter | None) -> str:
    last = seen[-1].opened_at
    shown = {case.id for case in seen if case.opened_at == last}
    if after is not None and after.opened == last:
        shown |= after.shown
    return cursor_of(_CaseAfter(opened=last, shown=frozenset(shown)))


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


class _Behind(Noun):
    """Behind which entry of a list a page begins, by what the list is ordered by."""

    at: AwareDatetime
    name: str


def waiting_approvals(desk: Desk, caller: Caller, *, limit: int, cursor: str = "") -> ApprovalPage:
    """What waits for a person, oldest first, a page at a time.

    Raises:
        NotPermitted: the caller may not read approvals.
        BadInput: the cursor is none.
    """
    caller.must(READ_APPROVALS)
    after = place_of(_Behind, cursor)
    found = sorted(desk.approvals.waiting(caller.tenant), key=_when_asked)
    rest = [each for each in found if after is None or _when_asked(each) > (after.at, after.name)]
    page = rest[:limit]
    more = len(rest) > limit
    return ApprovalPage(
        approvals=tuple(page),
        next=cursor_of(_Behind(at=page[-1].asked_at, name=page[-1].id)) if more else "",
    )


def _when_asked(approval: Approval) -> tuple[datetime, str]:
    return approval.asked_at, approval.id


def see_catalog(desk: Desk, caller: Caller) -> ToolPage:
    """Every tool.

    Raises:
        NotPermitted: the caller may not read the catalog.
    """
    caller.must(READ_CATALOG)
    return ToolPage(tools=desk.tools)


def see_parked(desk: Desk, caller: Caller, *, limit: int, cursor: str = "") -> ParkedPage:
    """Deliveries that could not be made events, oldest first, without their content.

    Raises:
        NotPermitted: the caller may not read cases.
        BadInput: the cursor is none.
    """
    caller.must(READ_CASES)
    after = place_of(_Behind, cursor)
    found = sorted(desk.deliveries.parked(caller.tenant), key=_when_received)
    rest = [each for each in found if after is None or _when_received(each) > (after.at, after.name)]
    page = rest[:limit]
    lines = tuple(
        ParkedLine(
            channel=each.channel,
            delivery=each.delivery,
            received_at=each.received_at,
            reason=each.parked or "",
        )
        for each in page
    )
    if len(rest) <= limit:
        return ParkedPage(parked=lines)
    at, name = _when_received(page[-1])
    return ParkedPage(parked=lines, next=cursor_of(_Behind(at=at, name=name)))


def _when_received(delivery: Delivery) -> tuple[datetime, str]:
    return delivery.received_at, f"{delivery.channel}/{delivery.delivery}"
