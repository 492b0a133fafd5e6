"""Saving a workflow, and switching it on and off."""

import difflib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from pydantic import JsonValue

from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.expressions import check as check_condition
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Principal
from nightshift.model.workflow import (
    Manual,
    NewWorkflow,
    OnEvent,
    Schedule,
    Trigger,
    Workflow,
    WorkflowHead,
)
from nightshift.ports.log import NewEntry
from nightshift.workflows.desk import Desk
from nightshift.workflows.occur import Begun, begin, occurrence_of
from nightshift.workflows.times import check as check_times
from nightshift.workflows.times import following

__all__ = ["MAX_PLAN", "differences", "disable", "enable", "run_by_hand", "save"]

MAX_PLAN: Final = 150_000
"""Bytes of a plan that is saved: with an event in it, it is one record of 400 KB at most."""

T = TypeVar("T", Workflow, WorkflowHead)

_TRIES = 5


def save(desk: Desk, tenant: TenantId, who: Principal, *, name: str, given: NewWorkflow) -> Workflow:
    """Save a version; what is saved already as it is, by the same owner, stays that version.

    Whoever saves it owns it: its runs are theirs, with the role they have then.

    Raises:
        BadInput: a trigger that cannot be read, an unknown channel, a plan that is too large.
        Conflict: others change it all the time.
    """
    _check(desk, tenant, given)
    return _repeatedly(lambda: _saved(desk, tenant, who, name=name, given=given))


def _saved(desk: Desk, tenant: TenantId, who: Principal, *, name: str, given: NewWorkflow) -> Workflow:
    before = _head(desk, tenant, name)
    enabled = given.enabled if given.enabled is not None else before is not None and before.enabled
    now = desk.clock.now()
    workflow = Workflow(
        tenant=tenant,
        name=name,
        version=1 if before is None else before.version + 1,
        owner=who.id,
        trigger=given.trigger,
        plan=given.plan,
        note=given.note,
        saved_at=now,
    )
    if before is not None:
        stands = desk.workflows.version(tenant, name, before.version)
        if _said(stands) == _said(workflow) and enabled == before.enabled and not before.paused:
            return stands
    head = WorkflowHead(
        tenant=tenant,
        name=name,
        version=workflow.version,
        owner=who.id,
        trigger=given.trigger,
        enabled=enabled,
        next=_next(given.trigger, desk) if enabled else None,
        changed_at=now,
        seq=1 if before is None else before.seq + 1,
    )
    desk.workflows.save(workflow, head, before)
    _log(desk, EntryKind.WORKFLOW_SAVED, head, who, digest=workflow.plan.digest(), enabled=enabled)
    return workflow


def enable(desk: Desk, tenant: TenantId, who: Principal, name: str) -> WorkflowHead:
    """Have a workflow run by itself from now on; times that passed before are not caught up.

    Raises:
        NotFound: there is none.
        BadInput: it is another person's: it would run as them.
    """
    return _repeatedly(lambda: _enabled(desk, tenant, who, name))


def _enabled(desk: Desk, tenant: TenantId, who: Principal, name: str) -> WorkflowHead:
    before = desk.workflows.head(tenant, name)
    if before.owner != who.id:
        fix = f"Save it as your own first, or ask {before.owner} to enable it."
        raise BadInput("name", f"it runs as {before.owner}", fix)
    if before.runs_by_itself:
        return before
    head = _changed(before, desk, enabled=True, next=_next(before.trigger, desk))
    desk.workflows.change(head, before)
    _log(desk, EntryKind.WORKFLOW_ENABLED, head, who)
    return head


def disable(desk: Desk, tenant: TenantId, who: Principal, name: str) -> WorkflowHead:
    """Have a workflow not run by itself any more; runs that began go on.

    Raises:
        NotFound: there is none.
    """
    return _repeatedly(lambda: _disabled(desk, tenant, who, name))


def _disabled(desk: Desk, tenant: TenantId, who: Principal, name: str) -> WorkflowHead:
    before = desk.workflows.head(tenant, name)
    if not before.enabled:
        return before
    head = _changed(before, desk, enabled=False, next=None)
    desk.workflows.change(head, before)
    _log(desk, EntryKind.WORKFLOW_DISABLED, head, who)
    return head


def run_by_hand(
    desk: Desk, tenant: TenantId, who: Principal, name: str, *, key: str, event: Mapping[str, JsonValue]
) -> Begun:
    """Run a workflow now, as the person who asks; the same person's same key is the same run.

    Raises:
        NotFound: there is none.
        Retryable: the run could not be started; the same call again goes on.
    """
    head = desk.workflows.head(tenant, name)
    facts = {"kind": "manual", **event}
    wanted = occurrence_of(head, f"by:{who.id}:{key}", facts, desk.clock.now())
    return begin(desk, wanted, who)


def differences(old: Workflow, new: Workflow) -> tuple[str, ...]:
    """What changed between two versions, as the lines of a unified diff; none: nothing did."""
    texts = [json.dumps(_said(each), indent=2, sort_keys=True, ensure_ascii=False) for each in (old, new)]
    before, after = (text.splitlines() for text in texts)
    return tuple(difflib.unified_diff(before, after, old.label, new.label, lineterm="", n=2))


def _said(workflow: Workflow) -> JsonValue:
    wanted = {"trigger", "plan", "owner", "note"}
    said: JsonValue = workflow.model_dump(mode="json", include=wanted)
    return said


def _head(desk: Desk, tenant: TenantId, name: str) -> WorkflowHead | None:
    try:
        return desk.workflows.head(tenant, name)
    except NotFound:
        return None


def _changed(head: WorkflowHead, desk: Desk, **fields: object) -> WorkflowHead:
    new = {"paused": "", "changed_at": desk.clock.now(), "seq": head.seq + 1, **fields}
    return head.model_copy(update=new)


def _next(trigger: Trigger, desk: Desk) -> datetime | None:
    return following(trigger, desk.clock.now()) if isinstance(trigger, Schedule) else None


def _check(desk: Desk, tenant: TenantId, given: NewWorkflow) -> None:
    match given.trigger:
        case Schedule() as schedule:
            check_times(schedule)
        case OnEvent() as heard:
            _check_condition("trigger.when", heard.when)
            _check_condition("trigger.until", heard.until)
            _check_watch(desk, tenant, heard)
        case Manual():
            pass
    if "event" in given.plan.inputs:
        fix = "Take `event` out of its inputs: what it runs for comes in under that name."
        raise BadInput("plan.inputs.event", "the name is taken", fix)
    if len(given.plan.model_dump_json().encode()) > MAX_PLAN:
        raise BadInput("plan", "it is too large", f"Keep its JSON within {MAX_PLAN} bytes.")


def _check_condition(field: str, condition: str | None) -> None:
    if condition is None:
        return
    try:
        strange = check_condition(condition) - {"event"}
    except BadInput as exc:
        raise BadInput(field, exc.problem, exc.fix) from exc
    if strange:
        fix = "A condition speaks of `event` alone, e.g. event.drop_percent > 5.0."
        raise BadInput(field, f"it speaks of {', '.join(sorted(strange))}", fix)


def _check_watch(desk: Desk, tenant: TenantId, heard: OnEvent) -> None:
    if heard.watch is None:
        return
    try:
        desk.config.channel(tenant, heard.watch.channel)
    except NotFound:
        fix = "Name a channel of a price feed; `nightshift channel list` shows them."
        raise BadInput("trigger.watch.channel", "there is no such channel", fix) from None


def _repeatedly(attempt: Callable[[], T]) -> T:
    for _ in range(_TRIES - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()


def _log(desk: Desk, kind: EntryKind, head: WorkflowHead, who: Principal, **detail: JsonValue) -> None:
    line = NewEntry(
        kind=kind,
        tenant=head.tenant,
        at=head.changed_at,
        actor=f"{who.kind}:{who.id}",
        ref=f"{head.name}:{head.seq}",
        detail={"workflow": head.name, "version": head.version, "owner": head.owner, **detail},
    )
    desk.log.append(f"setup:{head.tenant}", line)
