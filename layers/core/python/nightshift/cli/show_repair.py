"""What an operator mends, as people read it."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from nightshift.cli.show import pairs, table
from nightshift.cli.times import ago
from nightshift.model.lane import BreakerState
from nightshift.model.repair import DeadPage, EffectPage, QueuePage, Settled, Status
from nightshift.model.view import ParkedPage

__all__ = ["dead", "effects", "more", "parked", "queues", "settled", "status"]


def more(command: str, cursor: str) -> RenderableType:
    """How to see the next page, where there is one."""
    return Text(f"More: {command} --cursor {cursor}" if cursor else "", style="dim")


def queues(page: QueuePage) -> RenderableType:
    """The queues."""
    shown = table("queue", "waiting", "under way", "given up")
    for queue in page.queues:
        given_up = Text(str(queue.dead), style="red" if queue.dead else "")
        shown.add_row(queue.queue, str(queue.waiting), str(queue.under_way), given_up)
    return shown


def dead(page: DeadPage, now: datetime) -> RenderableType:
    """Some of what a queue gave up on."""
    if not page.letters:
        return Text(f"Nothing was given up in {page.queue}.", style="dim")
    shown = table("message", "sent", "tenant", "channel", "delivery")
    for each in page.letters:
        shown.add_row(
            each.id, ago(each.sent_at, now), Text(each.tenant), Text(each.channel), Text(each.delivery)
        )
    return shown


def parked(page: ParkedPage, now: datetime) -> RenderableType:
    """Deliveries that could not be made events."""
    if not page.parked:
        return Text("Nothing is parked.", style="dim")
    shown = table("channel", "delivery", "received", "because")
    for each in page.parked:
        shown.add_row(each.channel, Text(each.delivery), ago(each.received_at, now), Text(each.reason))
    return Group(shown, more("nightshift delivery parked", page.next))


def effects(page: EffectPage, now: datetime) -> RenderableType:
    """Effects that may have happened."""
    if not page.effects:
        return Text("Every effect is settled.", style="dim")
    shown = table("run", "step", "attempt", "what", "amount", "tried", "code", "key", "case")
    for each in page.effects:
        shown.add_row(
            each.run,
            each.step if not each.occurrence else f"{each.step} ({each.occurrence})",
            str(each.attempt),
            f"{each.tool} over {each.channel}",
            str(each.amount or ""),
            ago(each.attempted_at, now),
            each.code,
            each.key,
            each.case or "",
        )
    return Group(shown, more("nightshift effects --unknown", page.next))


def settled(found: Settled) -> RenderableType:
    """An effect a person settled, and what comes next."""
    nxt = f" Next: `nightshift resolve {found.case}`, or `nightshift recover`." if found.case else ""
    return Text(f"{found.step} of {found.run} is {found.state}.{nxt}")


def status(found: Status, now: datetime) -> RenderableType:
    """The work at a glance."""
    counted = ", ".join(f"{name} {count}" for name, count in found.cases.items() if count) or "none"
    among = "" if found.complete else f" (among the newest {found.looked_at})"
    troubled = [
        f"{lane.channel}: {lane.stopped or f'breaker {lane.breaker}'}"
        for lane in found.lanes
        if lane.stopped or lane.breaker is not BreakerState.CLOSED
    ]
    return Group(
        pairs(
            (
                ("tenant", found.tenant),
                ("halted", "yes: no effect is made" if found.halted else ""),
                ("cases", counted + among),
                ("oldest open", ago(found.oldest_open, now) if found.oldest_open else "none"),
                ("waiting for a person", str(found.waiting_approvals)),
                ("unsettled effects", str(found.unsettled)),
                ("parked deliveries", str(found.parked)),
                ("channels in trouble", "; ".join(troubled) or "none"),
            )
        ),
        Text(""),
        queues(QueuePage(queues=found.queues)),
    )
