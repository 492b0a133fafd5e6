"""The clock's side: what is due begins, what passed meanwhile is caught up as its schedule says."""

from datetime import timedelta

from nightshift.errors import Conflict, NightshiftError, Retryable
from nightshift.model.base import Noun
from nightshift.model.workflow import Schedule, WorkflowHead
from nightshift.workflows.desk import Clockwork
from nightshift.workflows.occur import begin, occurrence_of, owner_of, pause
from nightshift.workflows.times import following, missed

__all__ = ["Ticked", "tick"]

_AT_ONCE = 100  # workflows of one tick; the longest overdue come first, the others with the next one
_CAUGHT_UP = 20  # times of one workflow within one tick
_LOOK_AGAIN = timedelta(minutes=5)


class Ticked(Noun):
    """What one tick did.

    Args:
        begun: runs.
        paused: workflows whose owner is gone.
        held: of a halted tenant, or with tests that do not hold.
        failed: that come again.
    """

    begun: int = 0
    paused: int = 0
    held: int = 0
    failed: int = 0


def tick(desk: Clockwork) -> Ticked:
    """Begin what is due. One workflow that fails keeps no other from running, and comes again."""
    ticked = Ticked()
    for known in desk.workflows.due(desk.clock.now(), _AT_ONCE):
        try:
            done = _one(desk, desk.workflows.head(known.tenant, known.name))
        except (Conflict, Retryable):
            done = Ticked(failed=1)
        except NightshiftError:
            desk.workflows.postpone(known, desk.clock.now() + _LOOK_AGAIN)
            done = Ticked(failed=1)
        ticked = Ticked(**{name: count + getattr(done, name) for name, count in dict(ticked).items()})
    return ticked


def _one(desk: Clockwork, head: WorkflowHead) -> Ticked:
    now, schedule = desk.clock.now(), head.trigger
    if not head.runs_by_itself or head.next is None or head.next > now or not isinstance(schedule, Schedule):
        return Ticked()  # the index had not heard of it yet
    tenant = desk.config.tenant(head.tenant)
    if tenant.halted:
        desk.workflows.postpone(head, now + _LOOK_AGAIN)  # once it goes on, its catch-up says what is due
        return Ticked(held=1)
    owner = owner_of(desk.config, tenant, head.owner)
    if isinstance(owner, str):
        pause(desk, head, owner)
        return Ticked(paused=1)
    times = missed(schedule, head.next, now, most=_CAUGHT_UP)
    held = 0
    for at in times:
        spelled = at.isoformat()
        facts = {"kind": "schedule", "at": spelled}
        held += bool(begin(desk, occurrence_of(head, spelled, {**facts}, now), owner).held)
    more = schedule.catch_up == "all" and len(times) == _CAUGHT_UP
    after = following(schedule, times[-1] if more else now)
    desk.workflows.change(head.model_copy(update={"next": after, "seq": head.seq + 1}), head)
    return Ticked(begun=len(times) - held, held=held)
