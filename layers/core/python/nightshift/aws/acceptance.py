"""Accepting an event on DynamoDB: deduplication, inbox, case and aliases in one transaction."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nightshift.aws.case_items import (
    NOT_WATCHED,
    alias_key,
    case_item,
    case_key,
    change,
    lock_change,
    open_key,
    signal_set,
    time,
)
from nightshift.aws.deliveries import KEPT_FOR, delivery_key
from nightshift.aws.items import condition_failed, item, key, number, text
from nightshift.clock import Clock
from nightshift.errors import Conflict
from nightshift.ids import CaseId
from nightshift.model.case import Case, CaseStatus, Signal
from nightshift.model.event import Event
from nightshift.ports.cases import Accepted, Alias

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Acceptance"]

_NO_CASE = "none"


class Acceptance:
    """The part of the `Cases` port that the dispatcher calls with an event."""

    def __init__(self, cases: str, ingress: str, client: "DynamoDBClient", clock: Clock) -> None:
        self._cases = cases
        self._ingress = ingress
        self._client = client
        self._clock = clock

    def open(self, case: Case, event: Event, aliases: tuple[Alias, ...]) -> Accepted:
        """Open a case with its first event and take its subject."""
        new = "attribute_not_exists(pk)"
        taken = {**open_key(case.tenant, case.subject), "case": text(case.id)}
        return self._accept(
            event,
            case.id,
            [
                self._put(case_item(case), new),
                self._put(taken, new),
                self._put(item(case_key(case.id), f"inbox#{1:08}", event), new),
                *self._learn(aliases),
            ],
        )

    def join(
        self, case: Case, event: Event, aliases: tuple[Alias, ...], *, signals: tuple[Signal, ...]
    ) -> Accepted:
        """Append an event to the inbox of an open case; any signal locks it to a person at once."""
        seq = case.inbox_seq + 1
        expression = "SET #inbox_seq = :next, #updated_at = :now"
        values = {
            ":next": number(seq),
            ":seq": number(case.inbox_seq),
            ":now": time(self._clock.now()),
            ":closed": text(CaseStatus.CLOSED),
        }
        if signals:
            reason = "triage: " + ", ".join(sorted({signal.kind for signal in signals}))
            assignments, more = lock_change(reason, self._clock.now())
            expression += (
                f", {assignments}, #status = :person, "
                "#handoff_reason = if_not_exists(#handoff_reason, :lock_reason) "
                f"REMOVE {NOT_WATCHED} ADD #signals :signals"
            )
            values |= more
            values |= {":person": text(CaseStatus.WITH_PERSON), ":signals": signal_set(signals)}
        meta = change(expression, "#inbox_seq = :seq AND #status <> :closed", values)
        return self._accept(
            event,
            case.id,
            [
                {"Update": {"TableName": self._cases, "Key": key(case_key(case.id), "meta"), **meta}},
                self._put(item(case_key(case.id), f"inbox#{seq:08}", event), "attribute_not_exists(pk)"),
                *self._learn(aliases),
            ],
        )

    def pass_over(self, event: Event, aliases: tuple[Alias, ...]) -> Accepted:
        """Note an event that no case needs."""
        return self._accept(event, None, list(self._learn(aliases)))

    def _put(self, whole: dict[str, Any], condition: str) -> dict[str, Any]:
        return {"Put": {"TableName": self._cases, "Item": whole, "ConditionExpression": condition}}

    def _learn(self, aliases: tuple[Alias, ...]) -> Iterable[dict[str, Any]]:
        for alias in aliases:
            known = alias_key(alias.tenant, alias.channel, alias.name)
            yield {"Put": {"TableName": self._cases, "Item": {**known, "subject": text(alias.subject)}}}

    def _accept(self, event: Event, case: CaseId | None, rest: list[dict[str, Any]]) -> Accepted:
        items: list[Any] = [self._reached(event, case), self._seen(event, case), *rest]
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException as exc:
            if condition_failed(exc, 0) or condition_failed(exc, 1):
                return self._repeated(event)
            message = f"another writer was faster than {event.id}"
            raise Conflict(message) from exc
        return Accepted(case=case)

    def _reached(self, event: Event, case: str | None) -> dict[str, Any]:
        reached = change(
            "SET #case = :case, #expires = :expires REMOVE #pending, #pending_of, #parked",
            "attribute_not_exists(#case)",
            {":case": text(case or _NO_CASE), ":expires": self._expiry()},
        )
        pk = delivery_key(event.tenant, event.channel, event.delivery)
        return {"Update": {"TableName": self._ingress, "Key": key(pk, "delivery"), **reached}}

    def _seen(self, event: Event, case: CaseId | None) -> dict[str, Any]:
        seen = {
            **self._body(event),
            "delivery": text(delivery_key(event.tenant, event.channel, event.delivery)),
            "case": text(case or _NO_CASE),
            "expires": self._expiry(),
        }
        now = number(int(self._clock.now().timestamp()))
        return {
            "Put": {
                "TableName": self._ingress,
                "Item": seen,
                # TTL deletes up to days late
                "ConditionExpression": "attribute_not_exists(pk) OR expires < :now",
                "ExpressionAttributeValues": {":now": now},
            }
        }

    def _repeated(self, event: Event) -> Accepted:
        delivery = delivery_key(event.tenant, event.channel, event.delivery)
        seen = self._get(self._body(event))
        if seen is None:
            # the body's record ran out while the delivery's still stands
            seen = {**(self._get(key(delivery, "delivery")) or {}), "delivery": text(delivery)}
        if "case" not in seen:
            message = f"the record of {event.id} changed while it was read"
            raise Conflict(message)
        case = seen["case"]["S"]
        self._settle(event, case)
        return Accepted(
            case=None if case == _NO_CASE else CaseId(case),
            repeated="delivery" if seen["delivery"]["S"] == delivery else "body",
        )

    def _get(self, wanted: dict[str, Any]) -> dict[str, Any] | None:
        answer = self._client.get_item(TableName=self._ingress, Key=wanted, ConsistentRead=True)
        return answer.get("Item")

    def _settle(self, event: Event, case: str) -> None:
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(**self._reached(event, case)["Update"])

    def _body(self, event: Event) -> dict[str, Any]:
        return key(f"body#{event.tenant}#{event.body_digest}", "body")

    def _expiry(self) -> Any:  # noqa: ANN401  # DynamoDB's own attribute type
        return number(int((self._clock.now() + KEPT_FOR).timestamp()))
