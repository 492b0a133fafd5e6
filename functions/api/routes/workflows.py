"""Workflows: saved plans with triggers."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from functions.api.routes.asking import asked_of
from nightshift.api.workflows import (
    compare_versions,
    run_workflow,
    save_workflow,
    see_versions,
    see_workflow,
    see_workflows,
    switch_off,
    switch_on,
)
from nightshift.model.workflow import NewWorkflow, WorkflowHead
from nightshift.model.workflowdesk import (
    HandRun,
    Ran,
    VersionLines,
    WorkflowDiff,
    WorkflowLines,
    WorkflowView,
)
from nightshift.wiring.http import new_router

__all__ = ["router"]

router = new_router()

NamePath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="a workflow's name")]
Version = Annotated[int | None, Query(ge=1, le=999_999, description="absent: the one in force")]
Old = Annotated[int, Query(ge=1, le=999_999, description="a version")]
New = Annotated[int, Query(ge=1, le=999_999, description="another version")]
Most = Annotated[int, Query(ge=1, le=100, description="at most so many")]


@router.get("/v1/workflows", tags=["workflows"])
def workflows() -> WorkflowLines:
    """The tenant's workflows, by name: what runs by itself, what is paused and why. Needs `cases:read`."""
    asked = asked_of(router)
    return see_workflows(asked.desk, asked.caller)


@router.put("/v1/workflows/<name>", tags=["workflows"])
def save(name: NamePath, body: NewWorkflow) -> WorkflowView:
    """Save a version of a workflow: it becomes yours, and runs as you. Needs `plans:run`."""
    asked = asked_of(router)
    return save_workflow(asked.desk, asked.caller, name, body)


@router.get("/v1/workflows/<name>", tags=["workflows"])
def workflow(name: NamePath, version: Version = None) -> WorkflowView:
    """One workflow with one of its versions and its last occurrences. Needs `cases:read`."""
    asked = asked_of(router)
    return see_workflow(asked.desk, asked.caller, name, version=version)


@router.get("/v1/workflows/<name>/versions", tags=["workflows"])
def versions(name: NamePath, limit: Most = 20) -> VersionLines:
    """The newest versions of a workflow. Needs `cases:read`."""
    asked = asked_of(router)
    return see_versions(asked.desk, asked.caller, name, limit=limit)


@router.get("/v1/workflows/<name>/diff", tags=["workflows"])
def diff(name: NamePath, old: Old, new: New) -> WorkflowDiff:
    """What changed between two versions. Needs `cases:read`."""
    asked = asked_of(router)
    return compare_versions(asked.desk, asked.caller, name, old=old, new=new)


@router.post("/v1/workflows/<name>/enable", tags=["workflows"])
def enable(name: NamePath) -> WorkflowHead:
    """Have your workflow run by itself from now on. Needs `plans:run`."""
    asked = asked_of(router)
    return switch_on(asked.desk, asked.caller, name)


@router.post("/v1/workflows/<name>/disable", tags=["workflows"])
def disable(name: NamePath) -> WorkflowHead:
    """Have a workflow not run by itself any more; runs that began go on. Needs `plans:run`."""
    asked = asked_of(router)
    return switch_off(asked.desk, asked.caller, name)


@router.post("/v1/workflows/<name>/run", tags=["workflows"])
def run(name: NamePath, body: HandRun) -> Ran:
    """Run a workflow now, as yourself; the same key again is the same run. Needs `plans:run`."""
    asked = asked_of(router)
    return run_workflow(asked.desk, asked.caller, name, body)
