"""Load: events at a steady rate are accepted, and every accepted one is in one inbox, once.

`python -m bench load --rate 200 --seconds 60`. Accepting is timed; working off is not, but it is waited
for, and then the records, the stored bodies and the stand-in vendor's outbox are counted against what
was accepted.
"""

import asyncio
import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count as count_up
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bench.measure import BY_THE_CLOCK
from bench.sender import Order, Sent, send
from demo.shop import Shop
from demo.tenant import CONTACT, STAGE, TENANT
from fakes.shopify_hooks import Delivery
from nightshift.ids import event_id

__all__ = [
    "Books",
    "Load",
    "Speed",
    "calm_down",
    "event_of",
    "letters",
    "measure_load",
    "name_of",
    "post",
    "read_books",
    "run",
    "verdict",
    "work_off",
]

SUBJECTS: Final = 50
_CONNECTIONS: Final = 64
_WARM_EVENTS: Final = 60
_WARM_RATE: Final = 10.0
_WARM_PATIENCE: Final = 300.0
_WARM_AT_ONCE: Final = 20  # requests, so that there are as many environments as the rate will take
_CALM_SHARE: Final = 0.05  # of one processor
_CALM_SECONDS: Final = 2.0
_LOOK_EVERY_SECONDS: Final = 1.0
_TELL_EVERY_SECONDS: Final = 30.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_OK: Final = 200
_NUMBERS: Final = count_up()

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one rate was acknowledged.

    Attributes:
        accepted, refused: answers of 200, and others.
        p50_ms, p99_ms, max_ms: from when a request was due until its answer was whole.
        sender_late_ms: how far the sender itself was behind at worst: what this machine was short of.
        cpu_ms: processor time per event: of the sender, the local AWS, and each function.
    """

    rate: float
    accepted: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    sender_late_ms: float
    cpu_ms: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Books:
    """What the installation says it took in.

    Attributes:
        inboxes: event id → how many times it stands in an inbox.
        waiting: deliveries that are stored and in no inbox yet.
        bodies: names of the deliveries whose raw body is stored.
        keys: idempotency key → how many messages the customers were sent under it.
    """

    inboxes: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    bodies: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)

    def since(self, before: "Books") -> "Books":
        """Without what was there before."""
        return Books(
            inboxes=self.inboxes - before.inboxes,
            waiting=self.waiting,
            bodies=self.bodies - before.bodies,
            keys=self.keys - before.keys,
        )


@dataclass(frozen=True, kw_only=True)
class Load:
    """One load and what became of it; `problems` is empty when nothing was lost or doubled."""

    speed: Speed
    drained_seconds: float
    problems: tuple[str, ...]


def letters(shop: Shop, count: int, subjects: int = SUBJECTS) -> list[Delivery]:
    """So many messages of customers, over so many conversations in turn; no two say the same, ever.

    What says the same in the same conversation is taken for a delivery that was repeated.
    """
    return [
        shop.store.message(
            f"load-{nth % subjects:03}",
            f"Where is my parcel? This is question {number}.",
            sender=f"load-{nth % subjects}@example.com",
        )
        for nth, number in enumerate(islice(_NUMBERS, count))
    ]


def name_of(delivery: Delivery) -> str:
    """The vendor's id of a delivery."""
    return delivery.headers["X-Nightshift-Delivery"]


def event_of(delivery: Delivery) -> str:
    """The id of the event that it carries."""
    return event_id(TENANT, CONTACT, name_of(delivery))


def _request(shop: Shop, delivery: Delivery) -> bytes:
    base = urlsplit(shop.api)
    lines = [
        f"POST {base.path}/webhooks/contact/{TENANT}/{CONTACT} HTTP/1.1",
        f"Host: {base.netloc}",
        f"Content-Length: {len(delivery.body)}",
        *(f"{name}: {value}" for name, value in delivery.headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + delivery.body


def post(shop: Shop, deliveries: Sequence[Delivery], *, rate: float) -> Sent:
    """Post them at this rate, each once."""
    base = urlsplit(shop.api)
    order = Order(
        host=base.hostname or "",
        port=base.port or 80,
        rate=rate,
        connections=_CONNECTIONS,
        requests=tuple(_request(shop, delivery) for delivery in deliveries),
    )
    return asyncio.run(send(order))


def measure_load(shop: Shop, *, rate: float, seconds: float, say: Say) -> tuple[Speed, list[Delivery]]:
    """Post at a rate once everything is warm; what was accepted, with what made it warm.

    A function has no environment until it is called, here as on AWS: the first seconds are those of a
    store that opens, not of one that is open.
    """
    before = letters(shop, _WARM_EVENTS)
    counted = letters(shop, round(rate * seconds))
    warm = post(shop, before, rate=_WARM_RATE)
    work_off(shop, patience=_WARM_PATIENCE, say=say)
    together = letters(shop, _WARM_AT_ONCE)
    burst = post(shop, together, rate=rate * _WARM_AT_ONCE)
    work_off(shop, patience=_WARM_PATIENCE, say=say)
    for name, says in BY_THE_CLOCK.items():  # what comes by each minute has its environment in an open store
        shop.stack.client("lambda").invoke(FunctionName=f"nightshift-{STAGE}-{name}", Payload=says)
    calm_down(shop, patience=_WARM_PATIENCE)
    busy = _busy_seconds(shop.stack.pid)
    sent = post(shop, counted, rate=rate)
    spent = {name: total - busy.get(name, 0.0) for name, total in _busy_seconds(shop.stack.pid).items()}
    speed = _speed(rate, sent, spent)
    say(f"{rate:g}/s: {speed.accepted} accepted, {speed.refused} not; p99 {speed.p99_ms:.0f} ms")
    pairs = zip(
        [*before, *together, *counted], [*warm.statuses, *burst.statuses, *sent.statuses], strict=True
    )
    return speed, [delivery for delivery, status in pairs if status == _OK]


def _speed(rate: float, sent: Sent, spent: dict[str, float]) -> Speed:
    took = sorted(sent.milliseconds)
    count = len(took)
    per_event = {"sender": sent.cpu_seconds} | dict(sorted(spent.items(), key=lambda each: -each[1]))
    accepted = sent.statuses.count(_OK)
    return Speed(
        rate=rate,
        accepted=accepted,
        refused=count - accepted,
        seconds=round(sent.seconds, 2),
        p50_ms=round(took[count // 2], 1),
        p99_ms=round(took[min(count - 1, math.ceil(count * 0.99) - 1)], 1),
        max_ms=round(took[-1], 1),
        sender_late_ms=round(sent.latest_ms, 1),
        cpu_ms={name: round(total * 1000 / count, 2) for name, total in per_event.items() if total > 0},
    )


def _busy_seconds(server: int | None) -> dict[str, float]:
    """Processor time so far of the local AWS and of each function's environments; nothing without /proc."""
    found: dict[str, float] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            is_server, is_function = place.name == str(server), fields[1] == str(server)
            if is_server or is_function:
                name = "local AWS" if is_server else _function_of(place)
                found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / _TICKS
        except OSError:  # it ended meanwhile
            continue
    return found


def _function_of(place: Path) -> str:
    for line in (place / "environ").read_bytes().split(b"\0"):
        name, _, value = line.partition(b"=")
        if name == b"AWS_LAMBDA_FUNCTION_NAME":
            return value.decode().split("-", 2)[-1]
    return "other"


def work_off(shop: Shop, *, patience: float, say: Say) -> float:
    """Wait until every stored delivery is in an inbox; how many seconds it took.

    Raises:
        TimeoutError: it did not get there.
    """
    began = told = time.monotonic()
    while any(page["Count"] for page in _pending(shop, PaginationConfig={"PageSize": 1})):
        now = time.monotonic()
        if now - began > patience:
            message = f"{_waiting(shop)} deliveries are in no inbox after {patience:.0f} s"
            raise TimeoutError(message)
        if now - told > _TELL_EVERY_SECONDS:
            told = now
            say(f"{_waiting(shop)} deliveries on their way to an inbox")
        time.sleep(_LOOK_EVERY_SECONDS)
    return time.monotonic() - began


def calm_down(shop: Shop, *, patience: float) -> None:
    """Wait until the local AWS and its functions are done with what came of it: cases go on after intake.

    Raises:
        TimeoutError: they were busy all the time.
    """
    began = time.monotonic()
    before = sum(_busy_seconds(shop.stack.pid).values())
    while time.monotonic() - began < patience:
        time.sleep(_CALM_SECONDS)
        now = sum(_busy_seconds(shop.stack.pid).values())
        if now - before < _CALM_SHARE * _CALM_SECONDS:
            return
        before = now
    message = f"the local AWS was busy for {patience:.0f} s after the load that made it warm"
    raise TimeoutError(message)


def _setting(shop: Shop, name: str) -> str:
    """One setting of the function that takes events in, or of the one that hands them on."""
    functions = shop.stack.client("lambda")
    for function in ("webhook-contact", "dispatcher"):
        given = functions.get_function_configuration(FunctionName=f"nightshift-{STAGE}-{function}")
        found = given["Environment"]["Variables"].get(name)
        if found:
            return str(found)
    raise LookupError(name)


def _pages(shop: Shop, table: str, **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # boto3's own
    kind = "query" if "KeyConditionExpression" in asked else "scan"
    paginator = shop.stack.client("dynamodb").get_paginator(kind)
    yield from paginator.paginate(TableName=_setting(shop, table), **asked)


def _pending(shop: Shop, **limits: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # boto3's own
    return _pages(
        shop,
        "TABLE_INGRESS",
        IndexName="pending",
        KeyConditionExpression="pending_of = :waiting",
        ExpressionAttributeValues={":waiting": {"S": "all"}},
        Select="COUNT",
        **limits,
    )


def _waiting(shop: Shop) -> int:
    return sum(page["Count"] for page in _pending(shop))


def read_books(shop: Shop) -> Books:
    """Every inbox, every stored body, every message sent."""
    books = Books(waiting=_waiting(shop))
    inboxes = {
        "FilterExpression": "begins_with(sk, :inbox)",
        "ExpressionAttributeValues": {":inbox": {"S": "inbox#"}},
    }
    for page in _pages(shop, "TABLE_CASES", **inboxes):
        books.inboxes.update(json.loads(item["doc"]["S"])["id"] for item in page["Items"])
    s3 = shop.stack.client("s3")
    place = {"Bucket": _setting(shop, "BUCKET_BODIES"), "Prefix": f"{TENANT}/{CONTACT}/"}
    for page in s3.get_paginator("list_objects_v2").paginate(**place):
        books.bodies.update(
            each["Key"].rsplit("/", 1)[-1].rpartition("-")[0] for each in page.get("Contents", ())
        )
    books.keys.update(message.key for message in shop.store.messages)
    return books


def verdict(books: Books, accepted: Iterable[Delivery]) -> tuple[str, ...]:
    """What was lost or doubled, in words; empty: nothing."""
    events = {event_of(delivery): name_of(delivery) for delivery in accepted}
    counts = {
        "accepted, and in no inbox": [name for event, name in events.items() if not books.inboxes[event]],
        "in an inbox more than once": [event for event, times in books.inboxes.items() if times > 1],
        "in an inbox, and never accepted": [event for event in books.inboxes if event not in events],
        "accepted, and their body is not stored": [
            name for name in events.values() if not books.bodies[name]
        ],
        "customers' messages sent twice": [key for key, times in books.keys.items() if times > 1],
    }
    found = [f"{len(bad)} {what}: {', '.join(sorted(bad)[:3])}" for what, bad in counts.items() if bad]
    return tuple(found + [f"{books.waiting} still on their way"] * bool(books.waiting))


def run(shop: Shop, *, rate: float, seconds: float, say: Say) -> Load:
    """Post, wait until it is worked off, and judge."""
    speed, accepted = measure_load(shop, rate=rate, seconds=seconds, say=say)
    drained = work_off(shop, patience=60 + len(accepted), say=say)
    return Load(speed=speed, drained_seconds=round(drained, 1), problems=verdict(read_books(shop), accepted))


def as_json(load: Load) -> dict[str, Any]:
    """The same for a report."""
    return asdict(load)
