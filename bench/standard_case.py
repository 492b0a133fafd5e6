"""The standard case: a signed webhook, the order, two reads and one write, an approval, done, remembered."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import Counts, counts_since, mark_logs
from demo.shop import Shop
from demo.tenant import TENANT
from fakes.shopify_books import OrderRecord
from nightshift.aws.log import DynamoActionLog
from nightshift.model.log import EntryKind, LogEntry

__all__ = ["Result", "measure"]

_PATIENCE = 60.0


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes:
        cases: how many standard cases the counts are over.
        counts: over all of them.
        to_question_ms, to_done_ms: per case: receipt → question stored; answer → case closed.
        drained: how many unattended cases were sent at once, and in how many seconds they were closed.
    """

    cases: int
    counts: Counts
    to_question_ms: list[float]
    to_done_ms: list[float]
    drained: tuple[int, float]


def measure(shop: Shop, logs: Path, *, cases: int, burst: int, say: Callable[[str], None]) -> Result:
    """Run the standard case `cases` times one after the other, then `burst` small refunds at once."""
    bench = _Bench(shop)
    for number in range(2):
        bench.standard(f"#warm-{number}")
    bench.burst("#warm-burst", burst)
    time.sleep(1)  # a case's execution enters its last states after its record is closed
    say("warm")
    shop.stack.reset_stats()
    since = mark_logs(logs)
    timelines = []
    for number in range(cases):
        timelines.append(bench.standard(f"#std-{number}"))
        say(f"standard case {number + 1} of {cases}")
    time.sleep(1)
    counts = counts_since(shop.stack.stats(), logs, since)
    seconds = bench.burst("#burst", burst)
    say(f"{burst} cases at once drained")
    return Result(
        cases=cases,
        counts=counts,
        to_question_ms=[_between(t, EntryKind.EVENT_RECEIVED, EntryKind.APPROVAL_ASKED) for t in timelines],
        to_done_ms=[_between(t, EntryKind.APPROVAL_DECIDED, EntryKind.CASE_CLOSED) for t in timelines],
        drained=(burst, seconds),
    )


def _between(timeline: tuple[LogEntry, ...], first: EntryKind, last: EntryKind) -> float:
    def at(kind: EntryKind) -> datetime:
        return next(entry.at for entry in timeline if entry.kind is kind)

    return (at(last) - at(first)).total_seconds() * 1000


class _Bench:
    """Drives cases and looks at the tables itself, so that its looking costs no invocation."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._db: Any = shop.stack.client("dynamodb")
        stacks = shop.stack.client("cloudformation").describe_stacks()["Stacks"]
        outputs = {o["OutputKey"]: o["OutputValue"] for s in stacks for o in s.get("Outputs", [])}
        self._cases, self._approvals = outputs["TableCases"], outputs["TableApprovals"]
        self._log = DynamoActionLog(outputs["TableLog"], self._db)

    def standard(self, name: str) -> tuple[LogEntry, ...]:
        order = self._order(name, "80.00")
        self._shop.webhook("returns/request", order, lines=_LINES)
        asked = self._until(lambda: self._question(order))
        self._shop.as_("ana").decide(asked, "approve", "")
        case = self._until(lambda: self._closed(order))
        self._until(lambda: self._ended(case))
        return self._log.of_case(case)

    def burst(self, name: str, count: int) -> float:
        orders = [self._order(f"{name}-{number}", "5.00") for number in range(count)]
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda o: self._shop.webhook("returns/request", o, lines=_LINES), orders))
        for order in orders:
            self._until(partial(self._closed, order))
        return time.monotonic() - began

    def _order(self, name: str, price: str) -> OrderRecord:
        return self._shop.vendor.create_order(
            name=name,
            customer={"email": f"{name.strip('#')}@example.com", "name": "Kim", "orders_count": 3},
            lines=({"title": "Lamp", "sku": "LAMP", "price": price},),
            fulfilment="delivered",
        )

    def _question(self, order: OrderRecord) -> str | None:
        page = self._db.query(
            TableName=self._approvals,
            IndexName="waiting",
            KeyConditionExpression="waiting_of = :tenant",
            ExpressionAttributeValues={":tenant": {"S": TENANT}},
        )
        found = [i for i in page["Items"] if order.id in i["doc"]["S"]]
        return str(found[0]["pk"]["S"]).removeprefix("approval#") if found else None

    def _closed(self, order: OrderRecord) -> str | None:
        page = self._db.query(
            TableName=self._cases,
            IndexName="tenant",
            KeyConditionExpression="tenant = :tenant",
            FilterExpression="contains(doc, :order) AND #status = :closed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":tenant": {"S": TENANT},
                ":order": {"S": f'{order.id}"'},
                ":closed": {"S": "CLOSED"},
            },
        )
        return str(page["Items"][0]["pk"]["S"]).removeprefix("case#") if page["Items"] else None

    def _ended(self, case: str) -> str | None:
        """The record is closed before the log says so."""
        kinds = {entry.kind for entry in self._log.of_case(case)}
        return case if EntryKind.CASE_CLOSED in kinds else None

    @staticmethod
    def _until(look: Callable[[], str | None]) -> str:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if (found := look()) is not None:
                return found
            time.sleep(0.02)
        message = "the case did not get there within a minute"
        raise TimeoutError(message)


_LINES = [{"sku": "LAMP", "quantity": 1, "reason": "defective"}]
