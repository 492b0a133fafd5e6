"""Cases on DynamoDB: accept, sleep and close are one conditional write each."""

from datetime import datetime, timedelta
from typing import Any

from nightshift.aws.acceptance import Acceptance
from nightshift.aws.case_items import (
    NOT_WATCHED,
    OPEN_GRACE,
    SLEEP_GRACE,
    WATCHED,
    alias_key,
    case_from,
    case_key,
    change,
    lock_change,
    moved,
    open_key,
    signal_set,
    time,
    watch,
)
from nightshift.aws.items import item, key, number, query_all, read, text
from nightshift.errors import Conflict, NotFound, Outdated
from nightshift.ids import CaseId, ChannelId, RunId, TenantId
from nightshift.model.case import Case, CaseInput, CaseStatus, ContextPackage, Signal
from nightshift.model.event import Event, EventKind

__all__ = ["DynamoCases"]

_AT_ONCE = timedelta(0)
_MINE = "#generation = :generation AND #wake = :wake AND #inbox_seq = :seen"
_FREE = "#status = :open AND attribute_not_exists(#locked)"


class DynamoCases(Acceptance):
    """The `Cases` port on the tables `cases` and `ingress` (deliveries and bodies that were accepted)."""

    def forget_token(self, case: CaseId, token: str) -> None:
        """Remove a task token that was used; the case is looked after soon, should it not wake."""
        self._look(case, "REMOVE #token", "#token = :token", {":token": text(token)}, wait=OPEN_GRACE)

    def lose_token(self, case: CaseId, token: str) -> None:
        """Remove a task token that no state waits on any more, and have the case looked after at once."""
        self._look(case, "REMOVE #token", "#token = :token", {":token": text(token)}, wait=_AT_ONCE)

    def expect(self, case: Case) -> None:
        """Have a case that sleeps without a token looked after soon: an event came, and it must wake."""
        values = {":wake": number(case.wake), ":asleep": text(CaseStatus.SLEEPING)}
        self._look(case.id, "", "#wake = :wake AND #status = :asleep", values, wait=OPEN_GRACE)

    def _look(
        self, case: CaseId, change_: str, condition: str, values: dict[str, Any], *, wait: timedelta
    ) -> None:
        due = watch(self._clock.now() + wait)[":due"]
        self._try(case, f"SET #due = :due {change_}", condition, values | {":due": due})

    # -- reads

    def get(self, case: CaseId) -> Case:
        """One case as it stands."""
        return case_from(self._need(case_key(case), "meta"))

    def open_case(self, tenant: TenantId, subject: str) -> Case | None:
        """The case a subject has, or None."""
        answer = self._client.get_item(
            TableName=self._cases, Key=open_key(tenant, subject), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        case = self.get(CaseId(answer["Item"]["case"]["S"]))
        return None if case.status is CaseStatus.CLOSED else case

    def subject_of(self, tenant: TenantId, channel: ChannelId, name: str) -> str | None:
        """The subject key an alias stands for, or None."""
        answer = self._client.get_item(
            TableName=self._cases, Key=alias_key(tenant, channel, name), ConsistentRead=True
        )
        return answer["Item"]["subject"]["S"] if "Item" in answer else None

    def events(self, case: CaseId) -> tuple[Event, ...]:
        """All events of a case in the order of its inbox."""
        found = query_all(
            self._client,
            TableName=self._cases,
            KeyConditionExpression="pk = :case AND begins_with(sk, :inbox)",
            ExpressionAttributeValues={":case": text(case_key(case)), ":inbox": text("inbox#")},
            ConsistentRead=True,
        )
        return tuple(read(Event, stored) for stored in found)

    def of_tenant(self, tenant: TenantId, limit: int, *, before: datetime | None = None) -> tuple[Case, ...]:
        """A tenant's cases, newest first; `before` leaves out what was opened later than then."""
        until = {":until": time(before)} if before else {}
        page = self._client.query(
            TableName=self._cases,
            IndexName="tenant",
            KeyConditionExpression="tenant = :tenant" + (" AND opened <= :until" if before else ""),
            ExpressionAttributeValues={":tenant": text(tenant), **until},
            ScanIndexForward=False,
            Limit=limit,
        )
        return tuple(case_from(stored) for stored in page["Items"])

    # -- the life of a case

    def observe(self, given: CaseInput) -> Case:
        """Begin a wake; a retry of the same wake changes nothing."""
        values = {
            ":generation": number(given.generation),
            ":wake": number(given.wake),
            ":woken": text(given.woken),
            ":now": time(self._clock.now()),
        }
        begin = "SET #wake = :wake, #woken = :woken, #seen_seq = #inbox_seq, #updated_at = :now"
        end = " REMOVE #token, #deadline, #sleep_events, #restarts"
        first = "#generation = :generation AND #wake < :wake"
        working = {
            ":open": text(CaseStatus.OPEN),
            ":asleep": text(CaseStatus.SLEEPING),
            **watch(self._clock.now() + OPEN_GRACE),
            **values,
        }
        condition = f"{first} AND #status IN (:open, :asleep) AND attribute_not_exists(#locked)"
        done = self._try(given.case, f"{begin}, #status = :open, {WATCHED}{end}", condition, working)
        if done is None:
            kept = {**values, ":closed": text(CaseStatus.CLOSED)}
            done = self._try(given.case, begin + end, f"{first} AND #status <> :closed", kept)
        if done is not None:
            return done
        stands = self._current(given.case, given.generation)
        if stands.status is not CaseStatus.CLOSED and stands.wake != given.wake:
            message = f"case {given.case} is at wake {stands.wake} by now"
            raise Outdated(message)
        return stands

    def keep_context(self, package: ContextPackage) -> None:
        """Store what one wake knows."""
        stored = item(case_key(package.case), f"context#{package.wake:04}", package)
        self._client.put_item(TableName=self._cases, Item=stored)

    def context(self, case: CaseId, wake: int) -> ContextPackage:
        """What one wake knows."""
        return read(ContextPackage, self._need(case_key(case), f"context#{wake:04}"))

    def note(
        self,
        case: CaseId,
        *,
        customer: str | None = None,
        intent: str | None = None,
        run: RunId | None = None,
    ) -> None:
        """Set whose case it is, what is wanted, its last run; None leaves a field as it is."""
        given = {"customer": customer, "intent": intent, "last_run": run}
        noted = {name: value for name, value in given.items() if value is not None}
        if not noted:
            return
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in noted)
        self._must(case, expression, {f":{name}": text(value) for name, value in noted.items()})

    def add_move(self, case: CaseId, wake: int, move: str) -> None:
        """Add the playbook move a wake carried out."""
        self._must(case, "ADD #moves :moves", {":moves": moved(wake, (move,))})

    def lock(self, case: CaseId, reason: str, signals: tuple[Signal, ...] = ()) -> None:
        """Lock automation out of a case; the first reason stands, signals add up."""
        assignments, values = lock_change(reason, self._clock.now())
        expression = f"SET {assignments}"
        if signals:
            expression += " ADD #signals :signals"
            values[":signals"] = signal_set(signals)
        self._must(case, expression, values)

    def sleep(
        self,
        case: CaseId,
        generation: int,
        *,
        wake: int,
        seen_seq: int,
        events: tuple[EventKind, ...],
        deadline: datetime,
        moves: tuple[str, ...] = (),
    ) -> bool:
        """Lay a case to sleep, unless its inbox moved on or a person has it."""
        expression = (
            "SET #status = :asleep, #deadline = :deadline, #sleep_events = :events, #updated_at = :now, "
            f"{WATCHED} REMOVE #restarts"
        )
        values = self._mine(generation, wake, seen_seq) | {
            **watch(deadline + SLEEP_GRACE),
            ":asleep": text(CaseStatus.SLEEPING),
            ":deadline": time(deadline),
            ":events": {"L": [text(kind) for kind in events]},
        }
        if moves:
            expression += " ADD #moves :moves"
            values[":moves"] = moved(wake, moves)
        if self._try(case, expression, f"{_MINE} AND {_FREE}", values) is not None:
            return True
        stands = self._current(case, generation, wake)
        return stands.status is CaseStatus.SLEEPING and stands.inbox_seq == seen_seq

    def close(self, case: CaseId, generation: int, *, wake: int, seen_seq: int) -> bool:
        """Close a case and free its subject, unless its inbox moved on or a person has it."""
        stands = self._current(case, generation, wake)
        if stands.status is CaseStatus.CLOSED:
            return True
        closing = change(
            f"SET #status = :closed, #closed_at = :now, #updated_at = :now REMOVE {NOT_WATCHED}",
            f"{_MINE} AND {_FREE}",
            self._mine(generation, wake, seen_seq) | {":closed": text(CaseStatus.CLOSED)},
        )
        return self._free(stands, closing)

    def hand_over(self, case: CaseId, generation: int, reason: str) -> Case:
        """Give a case to a person; the subject stays taken."""
        expression = (
            "SET #status = :person, #updated_at = :now, "
            "#handoff_reason = if_not_exists(#handoff_reason, :reason) "
            f"REMOVE {NOT_WATCHED}"
        )
        values = {
            ":person": text(CaseStatus.WITH_PERSON),
            ":now": time(self._clock.now()),
            ":reason": text(reason),
            ":generation": number(generation),
            ":closed": text(CaseStatus.CLOSED),
        }
        condition = "#generation = :generation AND #status <> :closed"
        done = self._try(case, expression, condition, values)
        return done if done is not None else self._current(case, generation)

    def resolve(self, case: CaseId, *, by: str, note: str, seen_seq: int) -> Case:
        """A person closes a case, whatever its status, having seen `seen_seq` events."""
        stands = self.get(case)
        if stands.status is CaseStatus.CLOSED:
            return stands
        values = {
            ":closed": text(CaseStatus.CLOSED),
            ":now": time(self._clock.now()),
            ":by": text(by),
            ":note": text(note),
            ":seen": number(seen_seq),
        }
        closing = change(
            "SET #status = :closed, #closed_at = :now, #updated_at = :now, "
            f"#resolved_by = :by, #resolution = :note REMOVE {NOT_WATCHED}",
            "#inbox_seq = :seen AND #status <> :closed",
            values,
        )
        if self._free(stands, closing):
            return self.get(case)
        now = self.get(case)
        if now.status is CaseStatus.CLOSED:
            return now
        message = f"case {case} has events beyond the {seen_seq} that were seen"
        raise Conflict(message)

    def _mine(self, generation: int, wake: int, seen_seq: int) -> dict[str, Any]:
        return {
            ":generation": number(generation),
            ":wake": number(wake),
            ":seen": number(seen_seq),
            ":open": text(CaseStatus.OPEN),
            ":now": time(self._clock.now()),
        }

    def _free(self, case: Case, closing: dict[str, Any]) -> bool:
        meta = {"TableName": self._cases, "Key": key(case_key(case.id), "meta"), **closing}
        subject = {
            "TableName": self._cases,
            "Key": open_key(case.tenant, case.subject),
            "ConditionExpression": "attribute_not_exists(pk) OR #case = :case",
            "ExpressionAttributeNames": {"#case": "case"},
            "ExpressionAttributeValues": {":case": text(case.id)},
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Update": meta}, {"Delete": subject}])  # type: ignore[typeddict-item]  # assembled
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True

    def _current(self, case: CaseId, generation: int, wake: int | None = None) -> Case:
        stands = self.get(case)
        ours = stands.generation == generation and (wake is None or stands.wake == wake)
        if not ours:
            message = f"case {case} is at generation {stands.generation}, wake {stands.wake}"
            raise Outdated(message)
        return stands

    def _try(self, case: CaseId, expression: str, condition: str, values: dict[str, Any]) -> Case | None:
        """The case after an update, or None when the condition failed."""
        try:
            answer = self._client.update_item(
                TableName=self._cases,
                Key=key(case_key(case), "meta"),
                ReturnValues="ALL_NEW",
                **change(expression, condition, values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return case_from(answer["Attributes"])

    def _must(self, case: CaseId, expression: str, values: dict[str, Any]) -> None:
        if self._try(case, expression, "attribute_exists(#doc)", values) is None:
            message = f"there is no case {case}"
            raise NotFound(message)

    def _need(self, pk: str, sk: str) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._cases, Key=key(pk, sk), ConsistentRead=True)
        if "Item" not in answer:
            message = f"{pk} has no {sk}"
            raise NotFound(message)
        return answer["Item"]
