"""The watch over cases on DynamoDB: the sparse index `alive`, and the generation that drives a case."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nightshift.aws.case_items import case_from, case_key, change, time, watch
from nightshift.aws.items import key, number, text
from nightshift.clock import Clock
from nightshift.errors import Conflict
from nightshift.ids import CaseId
from nightshift.model.case import Case, CaseStatus
from nightshift.ports.watch import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoWatch"]

_ALL = "all"
_STANDS = "#generation = :before AND #status IN (:open, :asleep)"


class DynamoWatch:
    """The `Watch` port on the table of cases."""

    def __init__(self, cases: str, client: "DynamoDBClient", clock: Clock) -> None:
        self._cases = cases
        self._client = client
        self._clock = clock

    def due(self, now: datetime, limit: int) -> tuple[CaseId, ...]:
        """Cases due by now, the longest overdue first."""
        found = self._client.query(
            TableName=self._cases,
            IndexName="alive",
            KeyConditionExpression="alive_of = :all AND due <= :now",
            ExpressionAttributeValues={":all": text(_ALL), ":now": number(int(now.timestamp()))},
            Limit=limit,
        )
        return tuple(_case(stored) for stored in found["Items"])

    def alive(self, limit: int, after: str = "") -> Page:
        """All of them, page by page."""
        begin: dict[str, Any] = {}
        if after:
            due, _, case = after.partition("|")
            start = {**key(case_key(case), "meta"), "alive_of": text(_ALL), "due": number(int(due))}
            begin = {"ExclusiveStartKey": start}
        page = self._client.query(
            TableName=self._cases,
            IndexName="alive",
            KeyConditionExpression="alive_of = :all",
            ExpressionAttributeValues={":all": text(_ALL)},
            Limit=limit,
            **begin,
        )
        last = page.get("LastEvaluatedKey")
        more = "" if last is None else f"{last['due']['N']}|{_case(last)}"
        return Page(cases=tuple(_case(stored) for stored in page["Items"]), after=more)

    def postpone(self, case: Case, until: datetime) -> None:
        """Look again at `until`, unless the case moved on since it was read."""
        values = self._as_read(case) | {
            ":wake": number(case.wake),
            ":now_open": text(case.status),
            ":due": watch(until)[":due"],
        }
        unmoved = f"{_STANDS} AND #wake = :wake AND #status = :now_open"
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._cases,
                Key=key(case_key(case.id), "meta"),
                **change("SET #due = :due", unmoved, values),
            )

    def advance(self, case: Case, to: int, *, counted: bool, look_again: datetime) -> Case:
        """Give a case to the generation `to`."""
        expression = "SET #generation = :to, #due = :due, #alive_of = :alive, #restarted_at = :now"
        values = self._as_read(case) | watch(look_again) | {
            ":to": number(to),
            ":now": time(self._clock.now()),
        }  # fmt: skip
        if counted:
            expression += ", #restarts = :restarts"
            values[":restarts"] = number(case.restarts + 1)
        try:
            answer = self._client.update_item(
                TableName=self._cases,
                Key=key(case_key(case.id), "meta"),
                ReturnValues="ALL_NEW",
                **change(f"{expression} REMOVE #token", _STANDS, values),
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            message = f"case {case.id} is not at generation {case.generation} any more, or at rest"
            raise Conflict(message) from exc
        return case_from(answer["Attributes"])

    @staticmethod
    def _as_read(case: Case) -> dict[str, Any]:
        return {
            ":before": number(case.generation),
            ":open": text(CaseStatus.OPEN),
            ":asleep": text(CaseStatus.SLEEPING),
        }


def _case(stored: Any) -> CaseId:  # noqa: ANN401  # a DynamoDB item
    return CaseId(stored["pk"]["S"].removeprefix(case_key("")))
