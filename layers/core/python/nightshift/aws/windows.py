"""Cumulative windows on the ledger table: one item per counter, every write conditional on its version."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nightshift.aws.client import client as aws_client
from nightshift.aws.items import key, number, text
from nightshift.errors import Conflict
from nightshift.gate.totals import fold, reaches
from nightshift.ids import RunId, StepId
from nightshift.model.plan import Proposal
from nightshift.money import Money
from nightshift.ports.windows import (
    EVERY_WRITE,
    Reservation,
    WindowCounter,
    WindowKey,
    WindowTotal,
    WindowUse,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoWindows"]

_TRIES = 10
_BATCH = 100  # keys of one BatchGetItem
_GRACE = timedelta(days=2)
_TENANT = "tenant"

_Item = dict[str, Any]


def _pk(counted: WindowKey) -> str:
    # No tenant's id begins with `=`, so that no customer's counter is a specialist's or a workflow's.
    if counted.specialist is not None:
        return f"window#=specialist#{counted.tenant}#{counted.specialist}#{counted.tool}"
    if counted.workflow is not None:
        return f"window#=workflow#{counted.tenant}#{counted.workflow}#{counted.tool}"
    # A customer whose id is the word for the tenant's own counter must not share it.
    taken = counted.customer is not None and counted.customer.lstrip("=") == _TENANT
    owner = f"={counted.customer}" if taken else counted.customer or _TENANT
    return f"window#{counted.tenant}#{owner}#{counted.tool}"


class DynamoWindows:
    """The `Windows` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._client = client or aws_client("dynamodb")

    def load(self, keys: Sequence[WindowKey]) -> tuple[WindowCounter, ...]:
        """The counters of these keys in their order, strongly consistent."""
        stored = self._stored(keys)
        return tuple(_counter(counted, stored.get(_pk(counted))) for counted in keys)

    def reserve(self, run: RunId, reservations: Sequence[Reservation]) -> None:
        """Put a run's uses into all these counters, or into none."""
        actions = []
        for reservation in reservations:
            counter, since = reservation.counter, reservation.keep_from
            kept = tuple(use for use in counter.uses if use.run != run and use.at >= since)
            uses = (*kept, *reservation.uses)
            totals = tuple(total for total in counter.totals if reaches(total, since))
            newest = max((use.at for use in uses), default=since)
            expires = int((newest + (newest - since) + _GRACE).timestamp())
            actions.append(self._put(counter, uses, totals, expires=expires))
        if actions and not self._written(actions):
            message = f"a window of run {run} was changed by another run"
            raise Conflict(message)

    def settle(self, proposal: Proposal, moved: Mapping[StepId, Money | None], *, at: datetime) -> None:
        """Turn a run's reservations into what happened."""
        keys = _keys_of(proposal)
        for _ in range(_TRIES):
            stored = self._stored(keys)
            actions = []
            for counted in keys:
                found = stored.get(_pk(counted))
                counter = _counter(counted, found)
                uses = tuple(_settled(counter.uses, proposal.run, moved, at))
                if found is not None and uses != counter.uses:
                    expires = int(found["expires"]["N"])
                    actions.append(self._put(counter, *fold(uses, counter.totals, at), expires=expires))
            if not actions or self._written(actions):
                return
        message = f"the windows of run {proposal.run} are written by others all the time"
        raise Conflict(message)

    def _stored(self, keys: Sequence[WindowKey]) -> dict[str, _Item]:
        wanted: list[Any] = [key(_pk(counted), "window") for counted in dict.fromkeys(keys)]
        found: dict[str, _Item] = {}
        while wanted:
            request: Any = {self._table: {"Keys": wanted[:_BATCH], "ConsistentRead": True}}
            answer: Any = self._client.batch_get_item(RequestItems=request)
            found |= {stored["pk"]["S"]: stored for stored in answer["Responses"].get(self._table, [])}
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            wanted = [*left, *wanted[_BATCH:]]
        return found

    def _put(
        self,
        counter: WindowCounter,
        uses: tuple[WindowUse, ...],
        totals: tuple[WindowTotal, ...],
        *,
        expires: int,
    ) -> _Item:
        written = {
            **key(_pk(counter.key), "window"),
            "version": number(counter.version + 1),
            "uses": {"L": [_written_use(use) for use in uses]},
            "totals": {"L": [_written_total(total) for total in totals]},
            "expires": number(expires),
        }
        put: _Item = {"TableName": self._table, "Item": written}
        if counter.version == 0:
            nobody_wrote_it = {"ConditionExpression": "attribute_not_exists(version)"}
            return {"Put": put | nobody_wrote_it}
        nobody_changed_it = {
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": number(counter.version)},
        }
        return {"Put": put | nobody_changed_it}

    def _written(self, actions: list[Any]) -> bool:
        """Whether the transaction went through; False: another writer was faster."""
        try:
            self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException as exc:
            response: Any = exc.response
            codes = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])}
            if codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}:
                return False
            raise
        return True


def _keys_of(proposal: Proposal) -> tuple[WindowKey, ...]:
    """Every counter that a run may have reserved in, whatever the policy said then."""
    used = (step.tool for step in proposal.plan.steps if not step.is_control)
    tools = (*dict.fromkeys(used), EVERY_WRITE)
    whole = [WindowKey(tenant=proposal.tenant, customer=None, tool=tool) for tool in tools]
    owners: list[dict[str, str]] = [{}]
    if proposal.customer:
        owners.append({"customer": proposal.customer})
    if proposal.requester.kind == "specialist":
        owners.append({"specialist": proposal.requester.id})
    if proposal.workflow:
        owners.append({"workflow": proposal.workflow.partition("@")[0]})
    return tuple(key.model_copy(update=owner) for key in whole for owner in owners)


def _settled(
    uses: tuple[WindowUse, ...], run: RunId, moved: Mapping[StepId, Money | None], at: datetime
) -> list[WindowUse]:
    found = []
    for use in uses:
        if use.run != run or use.state == "done":
            found.append(use)
        elif use.step in moved:
            found.append(use.model_copy(update={"state": "done", "amount": moved[use.step], "at": at}))
    return found


def _counter(counted: WindowKey, stored: _Item | None) -> WindowCounter:
    if stored is None:
        return WindowCounter(key=counted)
    uses = tuple(_read_use(entry["M"]) for entry in stored["uses"]["L"])
    totals = tuple(_read_total(entry["M"]) for entry in stored.get("totals", {"L": []})["L"])
    return WindowCounter(key=counted, version=int(stored["version"]["N"]), uses=uses, totals=totals)


def _written_total(total: WindowTotal) -> _Item:
    """Short names: a busy store's counter holds some hundred of them."""
    return {
        "M": {
            "b": number(int(total.begins.timestamp())),
            "s": number(total.seconds),
            "n": number(total.count),
            **({"m": {"M": {c: number(a) for c, a in total.moved.items()}}} if total.moved else {}),
        }
    }


def _read_total(stored: _Item) -> WindowTotal:
    return WindowTotal(
        begins=datetime.fromtimestamp(int(stored["b"]["N"]), UTC),
        seconds=int(stored["s"]["N"]),
        count=int(stored["n"]["N"]),
        moved={c: int(a["N"]) for c, a in stored.get("m", {"M": {}})["M"].items()},
    )


def _written_use(use: WindowUse) -> _Item:
    money = {} if use.amount is None else {
        "amount": number(use.amount.amount),
        "currency": text(use.amount.currency),
    }  # fmt: skip
    plain = {
        "run": text(use.run),
        "step": text(use.step),
        "at": text(use.at.isoformat()),
        "state": text(use.state),
    }
    return {"M": {**plain, **money}}


def _read_use(stored: _Item) -> WindowUse:
    amount = None
    if "amount" in stored:
        amount = Money(amount=int(stored["amount"]["N"]), currency=stored["currency"]["S"])
    return WindowUse(
        run=RunId(stored["run"]["S"]),
        step=StepId(stored["step"]["S"]),
        amount=amount,
        at=datetime.fromisoformat(stored["at"]["S"]),
        state=stored["state"]["S"],
    )
