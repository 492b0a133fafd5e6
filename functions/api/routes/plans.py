"""Plans that people write, and runs without a case: looked at, rehearsed, begun, followed."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.api.routes.asking import Cursor, Limit, asked_of
from nightshift.api.logproof import read_run_personal
from nightshift.api.plans import begin_run, check_plan, dry_run_plan
from nightshift.api.runs import see_run, see_runs
from nightshift.api.steer import steer_run
from nightshift.api.undo import plan_undo, undo_run
from nightshift.ids import RunId
from nightshift.model.dryrun import DryRun
from nightshift.model.personal import RunPersonal
from nightshift.model.rundesk import (
    Launched,
    PlanDocument,
    RunDetail,
    RunLines,
    RunOrder,
    Undone,
    UndoPlan,
    Why,
)
from nightshift.model.steer import Steered
from nightshift.model.verdict import Verdict
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

RunPath = Annotated[str, Path(pattern=r"^(?:run|undo)_[a-z2-7]{26}$", description="a run's id")]


@router.post("/v1/plans/check", tags=["plans"])
def check(body: PlanDocument) -> Verdict:
    """What the gate would say of a plan now. Needs `plans:run`."""
    asked = asked_of(router)
    return check_plan(asked.desk, asked.caller, body.plan)


@router.post("/v1/plans/dry-run", tags=["plans"])
def dry_run(body: PlanDocument) -> DryRun:
    """How a plan would run now: reads carried out, writes predicted, tests judged. Needs `plans:run`."""
    asked = asked_of(router)
    return dry_run_plan(asked.desk, asked.caller, body.plan)


@router.post("/v1/runs", tags=["plans"])
def begin(body: RunOrder) -> Launched:
    """Begin a run of a plan; the same key again is the same run. Needs `plans:run`."""
    asked = asked_of(router)
    return begin_run(asked.desk, asked.caller, body)


@router.get("/v1/runs", tags=["plans"])
def runs(limit: Limit = 50, cursor: Cursor = "") -> RunLines:
    """The tenant's runs without a case, newest first. Needs `cases:read`."""
    asked = asked_of(router)
    return see_runs(asked.desk, asked.caller, limit=limit, cursor=cursor)


@router.get("/v1/runs/<run>", tags=["plans"])
def run_by_id(run: RunPath) -> RunDetail:
    """One run, of a case or of none, step by step. Needs `cases:read`."""
    asked = asked_of(router)
    return see_run(asked.desk, asked.caller, RunId(run))


@router.post("/v1/runs/<run>/personal", tags=["plans"])
def personal(run: RunPath) -> RunPersonal:
    """What people said about a run without a case; that you read it is logged. Needs `log:personal`."""
    asked = asked_of(router)
    return read_run_personal(asked.desk, asked.caller, RunId(run))


@router.get("/v1/runs/<run>/undo", tags=["plans"])
def see_undo(run: RunPath) -> UndoPlan:
    """What would take back what a run did, and what stands for good. Needs `cases:read`."""
    asked = asked_of(router)
    return plan_undo(asked.desk, asked.caller, RunId(run))


@router.post("/v1/runs/<run>/undo", tags=["plans"])
def undo(run: RunPath) -> Undone:
    """Begin a run that takes back what a run did, through the same gate. Needs `plans:run`."""
    asked = asked_of(router)
    return undo_run(asked.desk, asked.caller, RunId(run))


@router.post("/v1/runs/<run>/stop", tags=["plans"])
def stop(run: RunPath, body: Why) -> Steered:
    """Stop a run between two steps; nothing of it happens until it is resumed. Needs `plans:run`."""
    asked = asked_of(router)
    return steer_run(asked.desk, asked.caller, RunId(run), verb="stop", note=body.note)


@router.post("/v1/runs/<run>/resume", tags=["plans"])
def resume(run: RunPath, body: Why) -> Steered:
    """Carry a stopped run on where it stands. Needs `plans:run`."""
    asked = asked_of(router)
    return steer_run(asked.desk, asked.caller, RunId(run), verb="resume", note=body.note)


@router.post("/v1/runs/<run>/retry", tags=["plans"])
def retry(run: RunPath, body: Why) -> Steered:
    """Try a run that failed again from its failed step; what was done is not repeated. Needs `plans:run`."""
    asked = asked_of(router)
    return steer_run(asked.desk, asked.caller, RunId(run), verb="retry", note=body.note)


@router.post("/v1/runs/<run>/close", tags=["plans"])
def close(run: RunPath, body: Why) -> Steered:
    """End a stopped run for good, as it stands. Needs `plans:run`."""
    asked = asked_of(router)
    return steer_run(asked.desk, asked.caller, RunId(run), verb="close", note=body.note)
