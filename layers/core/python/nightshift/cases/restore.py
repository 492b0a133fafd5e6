"""After a restore from a point in time: what the records lost is taken in again, and nothing happens twice.

Three things, each safe to repeat. The tenant's record says since when its records are whole: until its
cases are over, every effect of a case that is older is asked for at the vendor before it is made
(`nightshift.tools.doubt`). The bodies that ingress stored since, which no restore takes back, are
replayed through their vendor's own webhook function, with the same ids. And every case whose execution
is older than its records gets a new one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from nightshift.cases.lookout import Tally, recover_page
from nightshift.cases.recover import Recovering
from nightshift.errors import BadInput
from nightshift.ids import TenantId
from nightshift.model.base import Noun
from nightshift.model.recovery import Progress, RecoveryRequest
from nightshift.ports.restore import Bodies, Replays, StoredBody

__all__ = ["Restoring", "go_on"]

_PAGE = 20  # the API gives one page ten seconds
_SLACK = timedelta(minutes=5)  # a restored table is whole to the second, clocks are not
_LONGEST = timedelta(days=36)  # points in time are kept for 35 days


@dataclass(frozen=True, kw_only=True)
class Restoring:
    """What recovery at large works with."""

    recovering: Recovering
    bodies: Bodies
    replays: Replays


class _Place(Noun):
    """Where a pass is: when it began, what it does, and how far that is."""

    began: AwareDatetime
    doing: Literal["events", "cases"]
    day: date | None = None  # UTC, as bodies are named
    skip: int = Field(default=0, ge=0)
    after: str = Field(default="", pattern=r"^(\d{1,12}\|case_[a-z2-7]{26})?$")


def go_on(parts: Restoring, given: RecoveryRequest) -> Progress:
    """Do the next part of a pass; call again with its cursor until it is done.

    A pass that broke off goes on at its last cursor, or from the start: what was done is found done.

    Raises:
        BadInput: a cursor nobody gave out, a restore of no one tenant, or of the future or long ago.
        NotFound: no such tenant.
        Retryable: a webhook function did not answer; the same call again goes on.
    """
    place = _place(parts, given)
    day, tenant, restored_at = place.day, given.tenant, given.restored_at
    if place.doing == "events" and day is not None and tenant is not None and restored_at is not None:
        return _replayed(parts, tenant, restored_at, place=place, on=day)
    tally, after = recover_page(parts.recovering, tenant=given.tenant, since=place.began, after=place.after)
    further = place.model_copy(update={"doing": "cases", "after": after}) if after else None
    return _progress(further, tally=tally)


def _place(parts: Restoring, given: RecoveryRequest) -> _Place:
    now = parts.recovering.clock.now()
    if given.cursor:
        try:
            return _Place.model_validate_json(given.cursor)
        except ValueError:
            fix = "Give the cursor of the last answer, or none."
            raise BadInput("cursor", "nobody gave it out", fix) from None
    if given.restored_at is None:
        return _Place(began=now, doing="cases")
    if given.tenant is None:
        raise BadInput("tenant", "a restore is recovered tenant by tenant", "Name one.")
    if given.restored_at.tzinfo is None or not now - _LONGEST < given.restored_at <= now:
        fix = "Give the instant the tables were restored to, with its zone: 2026-11-21T09:00:00Z."
        raise BadInput("restored_at", "it is not within the last 35 days", fix)
    parts.recovering.config.doubt(given.tenant, now)
    return _Place(began=now, doing="events", day=(given.restored_at - _SLACK).astimezone(UTC).date())


def _replayed(
    parts: Restoring, tenant: TenantId, restored_at: datetime, *, place: _Place, on: date
) -> Progress:
    """Replay some bodies of one day, in the order in which they were stored."""
    found = _of_day(parts, tenant, on, restored_at - _SLACK)
    here = found[place.skip : place.skip + _PAGE]
    read = sum(parts.replays.replay(vendor, tenant, body.key) for vendor, body in here)
    if place.skip + _PAGE < len(found):
        further = place.model_copy(update={"skip": place.skip + _PAGE})
    elif on < place.began.astimezone(UTC).date():
        further = place.model_copy(update={"skip": 0, "day": on + timedelta(days=1)})
    else:
        further = place.model_copy(update={"doing": "cases"})
    return _progress(further, replayed=read, unreadable=len(here) - read)


def _of_day(parts: Restoring, tenant: TenantId, day: date, since: datetime) -> list[tuple[str, StoredBody]]:
    stored = [
        (channel.adapter, body)
        for channel in parts.recovering.config.channels(tenant)
        for body in parts.bodies.of_day(f"{tenant}/{channel.id}/{day:%Y/%m/%d}/")
        if body.stored_at >= since
    ]
    return sorted(stored, key=lambda found: (found[1].stored_at, found[1].key))


def _progress(
    further: _Place | None, *, tally: Tally | None = None, replayed: int = 0, unreadable: int = 0
) -> Progress:
    return Progress(
        done=further is None,
        cursor="" if further is None else further.model_dump_json(),
        replayed=replayed,
        unreadable=unreadable,
        **(tally or Tally()).model_dump(),
    )
