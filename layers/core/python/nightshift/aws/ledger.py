"""The effect ledger on DynamoDB: one transaction per change, every condition in it."""

from typing import TYPE_CHECKING, Any, Literal

from nightshift.aws.items import (
    condition_failed,
    contended,
    item,
    key,
    milliseconds,
    number,
    query_all,
    read,
    text,
)
from nightshift.aws.runs import result_item
from nightshift.errors import Conflict
from nightshift.ids import RunId, StepId, TenantId
from nightshift.model.base import Noun
from nightshift.model.case import CaseStatus
from nightshift.model.effect import Effect, EffectState, StepResult
from nightshift.ports.ledger import Fence, Fenced, Headroom, Stop

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoLedger", "LedgerTables"]

_Action = dict[str, Any]

_FOR_EVER = 10**11  # seconds
_TRIES = 5

_OPEN = frozenset({EffectState.INTENT, EffectState.RELEASED, EffectState.UNKNOWN})

_nobody_holds_it = "attribute_not_exists(pk)"
_we_hold_it = "(#run = :run AND #step = :step AND occurrence = :occurrence)"
_it_was_given_back = "#state = :released"
_nobody_went_on = "(attribute_not_exists(generation) OR generation = :generation)"
_it_may_be_taken_again = "(#state = :done AND held_until < :now)"


class LedgerTables(Noun):
    """The tables an intent touches or checks."""

    ledger: str
    runs: str
    cases: str
    config: str


def _effect_key(effect: Effect) -> dict[str, Any]:
    return key(f"run#{effect.run}", f"effect#{effect.step}#{effect.occurrence}")


def _effect_item(effect: Effect) -> dict[str, Any]:
    stored = _effect_key(effect)
    shown = {}
    if effect.state in _OPEN:  # the sparse index `unknown`: what a person may have to settle
        shown = {"unknown_of": text(effect.tenant), "since": text(effect.attempted_at.isoformat())}
    return item(
        stored["pk"]["S"],
        stored["sk"]["S"],
        effect,
        state=text(effect.state),
        attempt=number(effect.attempt),
        **shown,
    )


class DynamoLedger:
    """The `Ledger` port."""

    def __init__(self, tables: LedgerTables, client: "DynamoDBClient") -> None:
        self._tables = tables
        self._client = client

    def find(self, run: RunId, step: StepId, occurrence: int) -> Effect | None:
        """The effect of one step, strongly consistent."""
        answer = self._client.get_item(
            TableName=self._tables.ledger,
            Key=key(f"run#{run}", f"effect#{step}#{occurrence}"),
            ConsistentRead=True,
        )
        return read(Effect, answer["Item"]) if "Item" in answer else None

    def of_run(self, run: RunId) -> tuple[Effect, ...]:
        """All effects of a run, strongly consistent."""
        found = query_all(
            self._client,
            TableName=self._tables.ledger,
            KeyConditionExpression="pk = :run AND begins_with(sk, :effect)",
            ExpressionAttributeValues={":run": text(f"run#{run}"), ":effect": text("effect#")},
            ConsistentRead=True,
        )
        return tuple(read(Effect, stored) for stored in found)

    def unknown(
        self, tenant: TenantId, limit: int, after: tuple[str, str, str] | None = None
    ) -> tuple[tuple[Effect, ...], tuple[str, str, str] | None]:
        """A tenant's effects without an outcome, oldest first; and after what the next page begins."""
        query: dict[str, Any] = {}
        if after is not None:
            start = {"unknown_of": text(tenant), "since": text(after[0]), **key(after[1], after[2])}
            query["ExclusiveStartKey"] = start
        page = self._client.query(
            TableName=self._tables.ledger,
            IndexName="unknown",
            KeyConditionExpression="unknown_of = :tenant",
            ExpressionAttributeValues={":tenant": text(tenant)},
            Limit=limit,
            **query,
        )
        last: Any = page.get("LastEvaluatedKey")
        more = None if last is None else (last["since"]["S"], last["pk"]["S"], last["sk"]["S"])
        return tuple(read(Effect, stored) for stored in page["Items"]), more

    def intend(self, effect: Effect, *, fence: Fence, room: Headroom | None) -> None:
        """Write the first intent together with its claim, if everything the fence names holds."""
        put = self._put(_effect_item(effect), _nobody_holds_it, {})
        actions = [(Stop.INTENDED, put), *self._fence(effect, fence), *self._claim(effect, room)]
        self._transact(actions)

    def take_over(self, effect: Effect, *, before: Effect) -> None:
        """Write a later attempt over `before`, if nobody else did."""
        nobody_was_faster = "attempt = :attempt AND #state = :state"
        values = {":attempt": number(before.attempt), ":state": text(before.state)}
        self._transact(
            [(Stop.INTENDED, self._put(_effect_item(effect), nobody_was_faster, values, {"#state": "state"}))]
        )

    def permit(self, effect: Effect, *, fence: Fence) -> None:
        """Write when the vendor is called again, if everything the fence names still holds."""
        this_attempt_has_it = "attempt = :attempt AND #state = :intent"
        values = {":attempt": number(effect.attempt), ":intent": text(EffectState.INTENT)}
        put = self._put(_effect_item(effect), this_attempt_has_it, values, {"#state": "state"})
        self._transact([*self._fence(effect, fence), (Stop.INTENDED, put)])

    def drawn(self, tenant: TenantId, pool: str) -> int:
        """How many effects have drawn on a pool so far, strongly consistent."""
        answer = self._client.get_item(
            TableName=self._tables.ledger, Key=key(f"pool#{tenant}#{pool}", "pool"), ConsistentRead=True
        )
        return int(answer.get("Item", {}).get("drawn", {"N": "0"})["N"])

    def end(self, run: RunId, *, fence: Fence) -> None:
        """Close a run to new effects for good, unless a newer generation carries it on."""
        values = {":generation": number(fence.generation)}
        update: _Action = {
            "TableName": self._tables.ledger,
            "Key": key(f"run#{run}", "meta"),
            "UpdateExpression": "SET ended = :yes",
            "ExpressionAttributeValues": {":yes": {"BOOL": True}},
        }
        if fence.case is None:
            update["ConditionExpression"] = _nobody_went_on
            update["ExpressionAttributeValues"] |= values
        actions = [(Stop.OUTDATED, {"Update": update})]
        if fence.case is not None:
            case = key(f"case#{fence.case}", "meta")
            check = self._check(self._tables.cases, case, "generation = :generation", values)
            actions.append((Stop.OUTDATED, check))
        self._transact(actions)

    def release(self, effect: Effect) -> None:
        """Record that this attempt did nothing for certain."""
        self.settle(effect.model_copy(update={"state": EffectState.RELEASED}), None)

    def settle(self, effect: Effect, result: StepResult | None) -> None:
        """Record how an effect stands, with its claim, pool and result, in one transaction."""
        this_attempt_has_it = "attempt = :attempt AND #state IN (:intent, :unknown, :released)"
        values = {
            ":attempt": number(effect.attempt),
            ":intent": text(EffectState.INTENT),
            ":unknown": text(EffectState.UNKNOWN),
            ":released": text(EffectState.RELEASED),
        }
        names = {"#state": "state"}
        actions: list[Any] = [self._put(_effect_item(effect), this_attempt_has_it, values, names)]
        actions += self._after(effect)
        if result is not None:
            actions.append({"Put": {"TableName": self._tables.runs, "Item": result_item(result)}})
        for _ in range(_TRIES):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except self._client.exceptions.TransactionCanceledException as exc:
                if condition_failed(exc, 0):
                    message = f"effect {effect.key} was taken over by another attempt"
                    raise Conflict(message) from exc
                if not contended(exc):
                    raise
            else:
                return
        message = f"effect {effect.key} could not be settled: its claim or pool is contended"
        raise Conflict(message)

    def _after(self, effect: Effect) -> list[_Action]:
        match effect.state:
            case EffectState.UNKNOWN:
                return [self._mark_unknown(effect, "ADD")]
            case EffectState.DONE:
                return [self._mark_unknown(effect, "DELETE"), *self._settle_claim(effect, "done")]
            case EffectState.REJECTED | EffectState.NOT_DONE:
                return [self._mark_unknown(effect, "DELETE"), *self._settle_claim(effect, "released")]
            case EffectState.RELEASED:
                return [self._mark_unknown(effect, "DELETE")]
            case EffectState.INTENT:
                return []

    def _mark_unknown(self, effect: Effect, verb: Literal["ADD", "DELETE"]) -> _Action:
        return {
            "Update": {
                "TableName": self._tables.ledger,
                "Key": key(f"run#{effect.run}", "meta"),
                "UpdateExpression": f"{verb} unsettled :step",
                "ExpressionAttributeValues": {":step": {"SS": [f"{effect.step}#{effect.occurrence}"]}},
            }
        }

    def _settle_claim(self, effect: Effect, state: Literal["done", "released"]) -> list[_Action]:
        claim = effect.claim
        if claim is None:
            return []
        hold = _FOR_EVER if claim.hold_seconds is None else claim.hold_seconds
        held_until = int(effect.attempted_at.timestamp()) + hold
        actions: list[_Action] = [
            {
                "Update": {
                    "TableName": self._tables.ledger,
                    "Key": key(f"claim#{effect.tenant}#{claim.key}", "claim"),
                    "UpdateExpression": "SET #state = :state, held_until = :until",
                    "ExpressionAttributeNames": {"#state": "state"},
                    "ExpressionAttributeValues": {":state": text(state), ":until": number(held_until)},
                }
            }
        ]
        if claim.pool is not None and claim.amount is not None:
            actions.append(
                {
                    "Update": {
                        "TableName": self._tables.ledger,
                        "Key": key(f"pool#{effect.tenant}#{claim.pool}", "pool"),
                        "UpdateExpression": "ADD #open :back" + (", drawn :one" if state == "done" else ""),
                        "ExpressionAttributeNames": {"#open": "open"},
                        "ExpressionAttributeValues": {
                            ":back": number(-claim.amount.amount),
                            **({":one": number(1)} if state == "done" else {}),
                        },
                    }
                }
            )
        return actions

    def _claim(self, effect: Effect, room: Headroom | None) -> list[tuple[Stop, _Action]]:
        claim = effect.claim
        if claim is None:
            return []
        pk = f"claim#{effect.tenant}#{claim.key}"
        stored = {
            **key(pk, "claim"),
            "run": text(effect.run),
            "step": text(effect.step),
            "occurrence": number(effect.occurrence),
            "state": text("open"),
        }
        values = {
            ":run": text(effect.run),
            ":step": text(effect.step),
            ":occurrence": number(effect.occurrence),
            ":released": text("released"),
            ":done": text("done"),
            ":now": number(int(effect.attempted_at.timestamp())),
        }
        free = " OR ".join((_nobody_holds_it, _we_hold_it, _it_was_given_back, _it_may_be_taken_again))
        names = {"#run": "run", "#step": "step", "#state": "state"}
        actions = [(Stop.CLAIMED, self._put(stored, free, values, names))]
        if claim.pool is not None and claim.amount is not None:
            left = -1 if room is None else room.left - claim.amount.amount
            if room is None or left < 0:
                raise Fenced(Stop.NO_ROOM)
            it_fits = "(attribute_not_exists(#open) OR #open <= :left)"
            nothing_else_was_drawn = "drawn = :drawn" if room.drawn else "attribute_not_exists(drawn)"
            update: _Action = {
                "Update": {
                    "TableName": self._tables.ledger,
                    "Key": key(f"pool#{effect.tenant}#{claim.pool}", "pool"),
                    "UpdateExpression": "ADD #open :amount",
                    "ConditionExpression": f"{it_fits} AND {nothing_else_was_drawn}",
                    "ExpressionAttributeNames": {"#open": "open"},
                    "ExpressionAttributeValues": {
                        ":amount": number(claim.amount.amount),
                        ":left": number(left),
                        **({":drawn": number(room.drawn)} if room.drawn else {}),
                    },
                }
            }
            actions.append((Stop.NO_ROOM, update))
        return actions

    def _fence(self, effect: Effect, fence: Fence) -> list[tuple[Stop, _Action]]:
        not_halted = "attribute_exists(pk) AND (attribute_not_exists(halted) OR halted = :no)"
        no: dict[str, Any] = {":no": {"BOOL": False}}
        if fence.began is not None:
            not_halted += " AND (attribute_not_exists(in_doubt_before) OR in_doubt_before <= :began)"
            no[":began"] = number(milliseconds(fence.began))
        no_other_effect_is_open = "attribute_not_exists(unsettled) OR unsettled = :own"
        not_ended = f"({no_other_effect_is_open}) AND attribute_not_exists(ended)"
        if fence.case is None:
            not_ended += f" AND {_nobody_went_on}"
        still_ours = "generation = :generation AND #status = :open AND attribute_not_exists(locked)"
        own: dict[str, Any] = {":own": {"SS": [f"{effect.step}#{effect.occurrence}"]}}
        own |= {} if fence.case is not None else {":generation": number(fence.generation)}
        tenant, run = key(f"tenant#{effect.tenant}", "meta"), key(f"run#{effect.run}", "meta")
        tables = self._tables
        checks: list[tuple[Stop, _Action]] = [
            (Stop.HALTED, self._check(tables.config, tenant, not_halted, no)),
            (Stop.UNKNOWN, self._check(tables.ledger, run, not_ended, own)),
        ]
        if fence.case is not None:
            case = key(f"case#{fence.case}", "meta")
            values = {":generation": number(fence.generation), ":open": text(CaseStatus.OPEN)}
            check = self._check(tables.cases, case, still_ours, values, {"#status": "status"})
            checks.append((Stop.CASE, check))
        return checks

    def _put(
        self,
        stored: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> _Action:
        put: _Action = {
            "TableName": self._tables.ledger,
            "Item": stored,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            put["ExpressionAttributeValues"] = values
        if names:
            put["ExpressionAttributeNames"] = names
        return {"Put": put}

    @staticmethod
    def _check(
        table: str,
        at: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
    ) -> _Action:
        check: _Action = {
            "TableName": table,
            "Key": at,
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            check["ExpressionAttributeValues"] = values
        if names:
            check["ExpressionAttributeNames"] = names
        return {"ConditionCheck": check}

    def _transact(self, actions: list[tuple[Stop, _Action]]) -> None:
        items: list[Any] = [action for _, action in actions]
        for _ in range(_TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as exc:
                reasons: list[Any] = exc.response["CancellationReasons"]
                for (stop, action), reason in zip(actions, reasons, strict=True):
                    if reason.get("Code") == "ConditionalCheckFailed":
                        found = reason.get("Item", {})
                        holder = found.get("run", {}).get("S", "")
                        raise Fenced(_which(stop, found, action), holder) from exc
                if not contended(exc):
                    raise
            else:
                return
        message = "the ledger is contended"
        raise Conflict(message)


def _which(stop: Stop, found: _Action, action: _Action) -> Stop:
    """What did not hold, where one check stands for two: told by the item as it was."""
    ours = action.get("ConditionCheck", {}).get("ExpressionAttributeValues", {}).get(":generation")
    match stop:
        case Stop.HALTED if "in_doubt_before" in found and not found.get("halted", {}).get("BOOL"):
            return Stop.IN_DOUBT
        case Stop.UNKNOWN if "generation" in found and found["generation"] != ours:
            return Stop.OUTDATED
        case Stop.UNKNOWN if "ended" in found:
            return Stop.ENDED
        case Stop.CASE if "generation" in found and found["generation"] != ours:
            return Stop.OUTDATED
        case _:
            return stop
