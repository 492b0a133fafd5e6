"""Workflows that people save, compare, switch on and off, and run by hand."""

from typing import Final

from nightshift.api.desk import Desk
from nightshift.api.plans import RUN_PLANS
from nightshift.identity.caller import Caller
from nightshift.model.workflow import NewWorkflow, WorkflowHead
from nightshift.model.workflowdesk import (
    HandRun,
    Ran,
    VersionLine,
    VersionLines,
    WorkflowDiff,
    WorkflowLines,
    WorkflowView,
)
from nightshift.workflows import desk as workshop
from nightshift.workflows.keep import differences, disable, enable, run_by_hand, save

__all__ = [
    "compare_versions",
    "run_workflow",
    "save_workflow",
    "see_versions",
    "see_workflow",
    "see_workflows",
    "switch_off",
    "switch_on",
]

_READ: Final = "cases:read"
_OCCURRENCES: Final = 20


def see_workflows(desk: Desk, caller: Caller) -> WorkflowLines:
    """The tenant's workflows, by name.

    Raises:
        NotPermitted: the caller may not see them.
    """
    caller.must(_READ)
    return WorkflowLines(workflows=desk.workflows.heads(caller.tenant))


def see_workflow(desk: Desk, caller: Caller, name: str, *, version: int | None) -> WorkflowView:
    """One workflow with one of its versions; None: the one in force.

    Raises:
        NotPermitted: the caller may not see it.
        NotFound: there is none, or no such version.
    """
    caller.must(_READ)
    head = desk.workflows.head(caller.tenant, name)
    return WorkflowView(
        head=head,
        workflow=desk.workflows.version(caller.tenant, name, version or head.version),
        occurrences=desk.workflows.occurrences(caller.tenant, name, _OCCURRENCES),
    )


def see_versions(desk: Desk, caller: Caller, name: str, *, limit: int) -> VersionLines:
    """The newest versions of a workflow.

    Raises:
        NotPermitted: the caller may not see them.
        NotFound: there is no such workflow.
    """
    caller.must(_READ)
    desk.workflows.head(caller.tenant, name)
    lines = tuple(
        VersionLine(
            version=each.version,
            owner=each.owner,
            trigger=each.trigger,
            note=each.note,
            digest=each.plan.digest(),
            saved_at=each.saved_at,
        )
        for each in desk.workflows.versions(caller.tenant, name, limit)
    )
    return VersionLines(name=name, versions=lines)


def compare_versions(desk: Desk, caller: Caller, name: str, *, old: int, new: int) -> WorkflowDiff:
    """What changed between two versions.

    Raises:
        NotPermitted: the caller may not see them.
        NotFound: there is no such version.
    """
    caller.must(_READ)
    one, other = (desk.workflows.version(caller.tenant, name, each) for each in (old, new))
    return WorkflowDiff(old=old, new=new, lines=differences(one, other))


def save_workflow(desk: Desk, caller: Caller, name: str, given: NewWorkflow) -> WorkflowView:
    """Save a version, owned by its caller; what stands already as it is stays that version.

    Raises:
        NotPermitted: the caller may not run plans.
        BadInput: its trigger cannot be read, or its plan is too large.
        Conflict: others change it at the same time.
    """
    caller.must(RUN_PLANS)
    workflow = save(_workshop(desk), caller.tenant, caller.principal, name=name, given=given)
    return WorkflowView(head=desk.workflows.head(caller.tenant, name), workflow=workflow)


def switch_on(desk: Desk, caller: Caller, name: str) -> WorkflowHead:
    """Have a workflow of the caller's own run by itself from now on.

    Raises:
        NotPermitted: the caller may not run plans.
        NotFound: there is none.
        BadInput: it is another person's.
    """
    caller.must(RUN_PLANS)
    return enable(_workshop(desk), caller.tenant, caller.principal, name)


def switch_off(desk: Desk, caller: Caller, name: str) -> WorkflowHead:
    """Have a workflow, whosever it is, not run by itself any more.

    Raises:
        NotPermitted: the caller may not run plans.
        NotFound: there is none.
    """
    caller.must(RUN_PLANS)
    return disable(_workshop(desk), caller.tenant, caller.principal, name)


def run_workflow(desk: Desk, caller: Caller, name: str, order: HandRun) -> Ran:
    """Run a workflow now, as its caller; the same order again is the same run.

    Raises:
        NotPermitted: the caller may not run plans.
        NotFound: there is none.
        Retryable: it could not be started; the same order again goes on.
    """
    caller.must(RUN_PLANS)
    begun = run_by_hand(
        _workshop(desk), caller.tenant, caller.principal, name, key=order.key, event=order.event
    )
    started = not begun.held
    return Ran(started=started, run=begun.run if started else None, version=begun.version, held=begun.held)


def _workshop(desk: Desk) -> workshop.Desk:
    return workshop.Desk(
        workflows=desk.workflows,
        config=desk.config,
        launch=desk.launch,
        dry_runs=desk.dry_runs,
        log=desk.log,
        clock=desk.clock,
    )
