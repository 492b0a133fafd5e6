"""Runs without a case, stopped, carried on and tried again, on DynamoDB."""

from typing import TYPE_CHECKING, Any

from nightshift.aws.items import condition_failed, contended, key, number, text
from nightshift.errors import Conflict
from nightshift.ids import RunId, StepId
from nightshift.model.effect import EffectState
from nightshift.ports.again import Standing

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoReruns"]

_TRIES = 5


class DynamoReruns:
    """The `Reruns` port on the tables of the ledger and of the runs."""

    def __init__(self, *, ledger: str, runs: str, client: "DynamoDBClient") -> None:
        self._ledger = ledger
        self._runs = runs
        self._client = client

    def standing(self, run: RunId) -> Standing:
        """Which generation carries the run, and whether it is stopped."""
        found = self._read(self._ledger, key(f"run#{run}", "meta"))
        generation = int(found["generation"]["N"]) if "generation" in found else 1
        return Standing(generation=generation, stopped="stopped" in found)

    def advance(self, run: RunId, *, to: int) -> None:
        """Put a run into its next generation, stopped."""
        before = "generation = :before"
        if to == 2:  # noqa: PLR2004  # the first generation is not written down
            before = f"(attribute_not_exists(generation) OR {before})"
        values = {":before": number(to - 1), ":next": number(to), ":yes": {"BOOL": True}}
        self._update(run, "SET generation = :next, stopped = :yes", before, values)

    def release(self, run: RunId, *, generation: int) -> None:
        """The run is stopped no more."""
        self._update(run, "REMOVE stopped", "generation = :here", {":here": number(generation)})

    def set_aside(self, run: RunId, step: StepId, *, generation: int) -> None:
        """Put away the effect and the result of a step that did nothing."""
        effect = key(f"run#{run}", f"effect#{step}#0")
        result = key(f"result#{run}", f"{step}#0")
        did_nothing = "#state IN (:rejected, :not_done)"
        values = {":rejected": text(EffectState.REJECTED), ":not_done": text(EffectState.NOT_DONE)}
        guard = {"ConditionExpression": did_nothing, "ExpressionAttributeValues": values}
        guard |= {"ExpressionAttributeNames": {"#state": "state"}}
        actions = [
            *self._moved(self._ledger, effect, key(f"run#{run}", f"aside#{step}#0#g{generation}"), guard),
            *self._moved(self._runs, result, key(f"aside#{run}", f"{step}#0#g{generation}"), {}),
        ]
        self._transact(actions)

    def reopen(self, run: RunId, *, generation: int) -> None:
        """Put away how a run ended, and let it make effects again."""
        kept = key(f"aside#{run}", f"outcome#g{generation}")
        open_again: dict[str, Any] = {
            "Update": {
                "TableName": self._ledger,
                "Key": key(f"run#{run}", "meta"),
                "UpdateExpression": "REMOVE ended",
                "ConditionExpression": "generation = :here",
                "ExpressionAttributeValues": {":here": number(generation)},
            }
        }
        moved = self._moved(self._runs, key(f"outcome#{run}", "outcome"), kept, {})
        self._transact([*moved, open_again])

    def _moved(
        self, table: str, at: dict[str, Any], to: dict[str, Any], guard: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """One item under another key; nothing where there is none."""
        found = self._read(table, at)
        if not found:
            return []
        shown = {name: value for name, value in found.items() if name not in {"unknown_of", "since"}}
        put = {"TableName": table, "Item": {**shown, **to}}
        return [{"Put": put}, {"Delete": {"TableName": table, "Key": at, **guard}}]

    def _read(self, table: str, at: dict[str, Any]) -> dict[str, Any]:
        return dict(self._client.get_item(TableName=table, Key=at, ConsistentRead=True).get("Item", {}))

    def _update(self, run: RunId, change: str, condition: str, values: dict[str, Any]) -> None:
        update: dict[str, Any] = {
            "TableName": self._ledger,
            "Key": key(f"run#{run}", "meta"),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        self._transact([{"Update": update}])

    def _transact(self, actions: list[Any]) -> None:
        for _ in range(_TRIES if actions else 0):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except self._client.exceptions.TransactionCanceledException as exc:
                if condition_failed(exc):
                    message = "the run does not stand as it was seen any more"
                    raise Conflict(message) from exc
                if not contended(exc):
                    raise
            else:
                return
        if actions:
            message = "the run's record is contended"
            raise Conflict(message)
