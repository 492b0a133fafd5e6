"""When a vendor answers in a shape nobody expected: it is reported, a sample is kept, and writes stop.

A write's answer stops the channel's writes at once: its effect is unknown, and the next one's would be
too. A read's answer may be an accident (a proxy's page): the third within ten minutes stops them. Reads
go on, so that people see what there is; writes begin again when a person releases the channel.
"""

from nightshift.actionlog.chain import channel_stream
from nightshift.errors import OutcomeUnknown, WireError
from nightshift.ids import body_digest
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.tenant import Channel
from nightshift.ports.log import NewEntry
from nightshift.tools.door import Door

__all__ = ["SHAPES", "drifted"]

SHAPES = frozenset({"vendor.shape", "output.shape"})


def drifted(door: Door, channel: Channel, error: WireError, sample: bytes | None, *, tool: str) -> None:
    """Report one answer of unexpected shape."""
    now = door.clock.now()
    door.metrics.count(Metric.SHAPE_DRIFTED)
    kept, digest = None, None
    if sample is not None:
        digest = body_digest(sample)
        name = f"drift/{channel.tenant}/{channel.id}/{now:%Y/%m/%d}/{now:%H%M%S}-{digest[:16]}"
        kept = door.samples.keep(name, sample)
    of_a_write = isinstance(error, OutcomeUnknown)
    why = f"{tool}: {error.code} at {now.isoformat()}"
    lane = door.adapter.lane(channel)
    stopped = door.limits.drifted(lane, at_once=of_a_write, why=why, now=now)
    detail = {"tool": tool, "code": error.code, "sample": kept, "digest": digest, "write": of_a_write}
    entries = [_entry(door, channel, EntryKind.SHAPE_DRIFTED, detail)]
    if stopped:
        entries.append(_entry(door, channel, EntryKind.CHANNEL_STOPPED, {"channel": channel.id, "why": why}))
    door.log.append(channel_stream(channel), *entries)


def _entry(door: Door, channel: Channel, kind: EntryKind, detail: dict[str, str | bool | None]) -> NewEntry:
    now = door.clock.now()
    return NewEntry(
        kind=kind,
        tenant=channel.tenant,
        at=now,
        actor=f"adapter:{door.adapter.name}",
        ref=f"{now.isoformat()}:{detail.get('digest') or ''}",
        detail=dict(detail),
    )
