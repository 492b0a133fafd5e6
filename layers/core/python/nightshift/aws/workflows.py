"""Workflows on the config table."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from nightshift.aws.items import condition_failed, contended, item, key, number, query_all, read, text
from nightshift.errors import Conflict, NotFound
from nightshift.model.base import Document
from nightshift.model.workflow import Armed, Occurrence, OnEvent, Workflow, WorkflowHead
from nightshift.ports.workflows import PriceWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from nightshift.ids import TenantId
    from nightshift.model.event import EventKind

__all__ = ["WATCHED", "DynamoWorkflows", "due_items", "partition"]

D = TypeVar("D", bound=Document)

_TIMED = "timed"
WATCHED = "watched"
"""What watches stand under in the index `due`."""
_KEPT = timedelta(days=90)


def partition(tenant: "TenantId") -> str:
    """The partition of a tenant's workflows."""
    return f"workflow#{tenant}"


def _own(tenant: "TenantId", name: str) -> str:
    return f"workflow#{tenant}#{name}"


def _version(name: str, version: int) -> str:
    return f"version#{name}#{version:06}"


class DynamoWorkflows:
    """The `Workflows` port.

    A tenant's partition `workflow#<tenant>` holds heads, versions, and, of those that run by themselves,
    what they hear (`hears#<kind>#<name>`) and watch (`watch#<name>`), written in the head's transaction; the
    sparse index `due` holds heads with a time and watches. Occurrences and what is kept by subject stand in
    a partition of each workflow.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def save(self, workflow: Workflow, head: WorkflowHead, before: WorkflowHead | None) -> None:
        """Store a version and how the workflow stands from now on, in one transaction."""
        sk = _version(workflow.name, workflow.version)
        version = {"Item": item(partition(workflow.tenant), sk, workflow), "ConditionExpression": _NEW}
        self._transact([{"Put": self._of(version)}, *self._stands(head, before)])

    def change(self, head: WorkflowHead, before: WorkflowHead) -> None:
        """Store how a workflow stands."""
        self._transact(list(self._stands(head, before)))

    def _stands(self, head: WorkflowHead, before: WorkflowHead | None) -> "Iterator[dict[str, Any]]":
        pk = partition(head.tenant)
        timed = head.next if head.runs_by_itself else None
        due = {} if timed is None else {"due_of": text(_TIMED), "due": number(int(timed.timestamp()))}
        stored = item(pk, f"head#{head.name}", head, seq=number(head.seq), **due)
        if before is None:
            yield {"Put": self._of({"Item": stored, "ConditionExpression": _NEW})}
        else:
            seen = {
                "ConditionExpression": "seq = :seen",
                "ExpressionAttributeValues": {":seen": number(before.seq)},
            }
            yield {"Put": self._of({"Item": stored, **seen})}
        heard = _wanted(before) if before is not None else {}
        wanted = _wanted(head)
        for sk in heard.keys() - wanted.keys():
            yield {"Delete": self._of({"Key": key(pk, sk)})}
        for sk, beside in wanted.items():
            if heard.get(sk) != beside:
                yield {"Put": self._of({"Item": {**key(pk, sk), **beside}})}

    def head(self, tenant: "TenantId", name: str) -> WorkflowHead:
        """How a workflow stands."""
        found = self._get(WorkflowHead, partition(tenant), f"head#{name}")
        if found is None:
            message = f"there is no workflow {name}"
            raise NotFound(message)
        return found

    def heads(self, tenant: "TenantId") -> tuple[WorkflowHead, ...]:
        """All of a tenant, by name."""
        return tuple(read(WorkflowHead, each) for each in self._beginning(partition(tenant), "head#"))

    def version(self, tenant: "TenantId", name: str, version: int) -> Workflow:
        """One version."""
        found = self._get(Workflow, partition(tenant), _version(name, version))
        if found is None:
            message = f"workflow {name} has no version {version}"
            raise NotFound(message)
        return found

    def versions(self, tenant: "TenantId", name: str, limit: int) -> tuple[Workflow, ...]:
        """The newest versions, the newest first."""
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression=_BEGINNING,
            ExpressionAttributeValues=_begins(partition(tenant), f"version#{name}#"),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return tuple(read(Workflow, each) for each in page["Items"])

    def due(self, now: "datetime", limit: int) -> tuple[WorkflowHead, ...]:
        """Those of all tenants whose time has come, the longest overdue first."""
        return tuple(
            read(WorkflowHead, each) for each in due_items(self._client, self._table, _TIMED, now, limit)
        )

    def postpone(self, head: WorkflowHead, until: "datetime") -> None:
        """Look at a workflow that is due later; its times stay as they are."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key(partition(head.tenant), f"head#{head.name}"),
                UpdateExpression="SET due = :until",
                ConditionExpression="seq = :seen AND attribute_exists(due)",
                ExpressionAttributeValues={
                    ":until": number(int(until.timestamp())),
                    ":seen": number(head.seq),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it stands otherwise by now: nothing is to be put off

    def hearing(self, tenant: "TenantId", kind: "EventKind") -> tuple[str, ...]:
        """The names of those that want to hear events of a kind."""
        found = self._beginning(partition(tenant), f"hears#{kind}#")
        return tuple(each["sk"]["S"].rsplit("#", 1)[-1] for each in found)

    def kinds(self, tenant: "TenantId") -> frozenset[str]:
        """The kinds of events that any workflow of a tenant wants to hear (eventually consistent)."""
        found = self._beginning(partition(tenant), "hears#", consistent=False)
        return frozenset(each["sk"]["S"].split("#")[1] for each in found)

    def find(self, tenant: "TenantId", name: str, key: str) -> Occurrence | None:
        """An occurrence, or None."""
        return self._get(Occurrence, _own(tenant, name), f"occurrence#{key}")

    def claim(self, occurrence: Occurrence, *, subject: str = "", armed: Armed | None = None) -> Occurrence:
        """Take an occurrence; the one that was taken first stands and is returned."""
        pk = _own(occurrence.tenant, occurrence.workflow)
        expires = number(int((occurrence.at + _KEPT).timestamp()))
        taken = item(pk, f"occurrence#{occurrence.key}", occurrence, expires=expires)
        actions: list[dict[str, Any]] = [
            {"Put": self._of({"Item": taken, "ConditionExpression": _NEW})},
        ]
        if armed is not None:
            actions.append({"Put": self._of(_armed(pk, subject, armed))})
        try:
            self._transact(actions)
        except Conflict:
            stands = self.find(occurrence.tenant, occurrence.workflow, occurrence.key)
            if stands is None:
                raise
            return stands
        return occurrence

    def armed(self, tenant: "TenantId", name: str, subject: str) -> Armed:
        """How a workflow stands about a subject; never ran: armed."""
        return self._get(Armed, _own(tenant, name), f"armed#{subject}") or Armed()

    def rearm(self, tenant: "TenantId", name: str, subject: str, armed: Armed) -> None:
        """Store how a workflow stands about a subject."""
        self._transact([{"Put": self._of(_armed(_own(tenant, name), subject, armed))}])

    def occurrences(self, tenant: "TenantId", name: str, limit: int) -> tuple[Occurrence, ...]:
        """Some of the last occurrences."""
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression=_BEGINNING,
            ExpressionAttributeValues=_begins(_own(tenant, name), "occurrence#"),
            ScanIndexForward=False,
            Limit=limit,
        )
        return tuple(read(Occurrence, each) for each in page["Items"])

    # -- the table

    def _of(self, action: dict[str, Any]) -> dict[str, Any]:
        return {"TableName": self._table, **action}

    def _get(self, model: type[D], pk: str, sk: str) -> D | None:
        answer = self._client.get_item(TableName=self._table, Key=key(pk, sk), ConsistentRead=True)
        return read(model, answer["Item"]) if "Item" in answer else None

    def _beginning(self, pk: str, sk: str, *, consistent: bool = True) -> "Iterator[dict[str, Any]]":
        return query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression=_BEGINNING,
            ExpressionAttributeValues=_begins(pk, sk),
            ConsistentRead=consistent,
        )

    def _transact(self, actions: list[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]  # built by hand
        except self._client.exceptions.TransactionCanceledException as exc:
            if not (condition_failed(exc) or contended(exc)):
                raise
            message = "the workflow was changed by somebody else"
            raise Conflict(message) from exc


_NEW = "attribute_not_exists(pk)"
_BEGINNING = "pk = :pk AND begins_with(sk, :sk)"


def _begins(pk: str, sk: str) -> dict[str, Any]:
    return {":pk": text(pk), ":sk": text(sk)}


def _armed(pk: str, subject: str, armed: Armed) -> dict[str, Any]:
    stored = item(pk, f"armed#{subject}", armed, seq=number(armed.seq))
    if armed.seq == 1:
        return {"Item": stored, "ConditionExpression": _NEW}
    return {
        "Item": stored,
        "ConditionExpression": "seq = :seen",
        "ExpressionAttributeValues": {":seen": number(armed.seq - 1)},
    }


def _wanted(head: WorkflowHead) -> dict[str, dict[str, Any]]:
    """What stands beside a head, by its sort key: nothing of one that does not run by itself."""
    trigger = head.trigger
    if not head.runs_by_itself or not isinstance(trigger, OnEvent):
        return {}
    wanted: dict[str, dict[str, Any]] = {f"hears#{trigger.event}#{head.name}": {}}
    if trigger.watch is not None:
        watch = PriceWatch(tenant=head.tenant, workflow=head.name, watch=trigger.watch)
        wanted[f"watch#{head.name}"] = {
            "doc": text(watch.model_dump_json()),
            "due_of": text(WATCHED),
            "due": number(0),
        }
    return wanted


def due_items(
    client: "DynamoDBClient", table: str, what: str, now: "datetime", limit: int
) -> list[dict[str, Any]]:
    """What is due, the longest overdue first; at most so many."""
    page = client.query(
        TableName=table,
        IndexName="due",
        KeyConditionExpression="due_of = :what AND due <= :now",
        ExpressionAttributeValues={":what": text(what), ":now": number(int(now.timestamp()))},
        Limit=limit,
    )
    found: list[dict[str, Any]] = page["Items"]
    return found
