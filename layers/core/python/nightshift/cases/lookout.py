"""Finding cases that nothing drives: every minute, when an execution ends badly, and all at once."""

import re
from collections import Counter
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from nightshift.cases.recover import Became, Recovering, examine, recover
from nightshift.errors import NotFound
from nightshift.ids import CaseId, RunId, TenantId
from nightshift.model.base import Noun
from nightshift.model.case import ExecutionState
from nightshift.ports.runs import Runs

__all__ = ["StatusChange", "Tally", "look_after", "on_status", "recover_one", "recover_page"]

_BATCH = 100
_PAGE = 20  # the API gives one page ten seconds, and a case is some ten calls
_NAME = re.compile(r"(?P<id>(?:case|run)_[a-z2-7]{26})-g(?P<generation>[0-9]+)")


class Tally(Noun):
    """How many cases were looked at, and what became of them."""

    seen: int = 0
    recovered: int = 0
    running: int = 0
    handed_over: int = 0

    def plus(self, became: Became) -> "Tally":
        """One more case."""
        found = self.model_dump()
        counts = Counter(found)
        counts["seen"] += 1
        if became.value in found:
            counts[became.value] += 1
        return Tally(**counts)


class StatusChange(Noun):
    """The part of "Step Functions Execution Status Change" that says what ended, and how."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    status: Literal["FAILED", "TIMED_OUT", "ABORTED"]
    error: str | None = None


def look_after(parts: Recovering) -> Tally:
    """Examine every case that is due. One that cannot be examined now stays due, and keeps no other from it.

    Raises:
        Exception: what the first of those met, once all the others were looked after.
    """
    tally = Tally()
    failed: list[Exception] = []
    for case in parts.watch.due(parts.clock.now(), _BATCH):
        try:
            tally = tally.plus(examine(parts, case))
        except NotFound:  # the index is behind
            continue
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is raised below
            failed.append(exc)
    if failed:
        raise failed[0]
    return tally


def on_status(parts: Recovering, runs: Runs, change: StatusChange) -> Became:
    """An execution ended badly: recover its case, unless a newer generation has it.

    Of a run, the case's own execution hears the end and acts; the case is only looked after soon.
    """
    named = _NAME.fullmatch(change.name)
    if named is None:
        return Became.ELSEWHERE
    generation = int(named["generation"])
    try:
        case = _case_of(runs, named["id"])
        stands = None if case is None else parts.cases.get(case)
    except NotFound:
        return Became.ELSEWHERE
    if case is None or stands is None or stands.generation != generation:
        return Became.ELSEWHERE
    if named["id"] != case:
        parts.watch.postpone(stands, parts.clock.now())
        return Became.RUNNING
    return examine(parts, case, ExecutionState(status=change.status, error=change.error or ""))


def _case_of(runs: Runs, named: str) -> CaseId | None:
    if named.startswith("case_"):
        return CaseId(named)
    return runs.proposal(RunId(named)).case


def recover_page(
    parts: Recovering, *, tenant: TenantId | None, since: datetime, after: str
) -> tuple[Tally, str]:
    """Examine some of the cases that are alive, and where to go on (empty: that was the last).

    A case that was restarted after `since` is left alone, so that a pass ends and may be run again.
    """
    page = parts.watch.alive(_PAGE, after)
    tally = Tally()
    for case in page.cases:
        try:
            stands = parts.cases.get(case)
        except NotFound:
            continue
        others = tenant is not None and stands.tenant != tenant
        done_in_this_pass = stands.restarted_at is not None and stands.restarted_at >= since
        if not others and not done_in_this_pass:
            tally = tally.plus(examine(parts, case, postpones=False))
    return tally, page.after


def recover_one(parts: Recovering, tenant: TenantId, case: CaseId, *, by: str) -> Became:
    """Restart one case because a person wants it, also while its execution runs.

    Raises:
        NotFound: the tenant has no such case.
    """
    if parts.cases.get(case).tenant != tenant:
        message = f"there is no case {case}"
        raise NotFound(message)
    return recover(parts, case, why=f"asked for by {by}", counted=False)
