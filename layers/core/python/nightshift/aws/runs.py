"""Plans, verdicts, results and ends of runs on DynamoDB."""

from typing import TYPE_CHECKING, Any, TypeVar

from nightshift.aws.items import item, key, query_all, read, text
from nightshift.errors import NotFound
from nightshift.ids import RunId, StepId
from nightshift.model.base import Document
from nightshift.model.case import RunOutcome
from nightshift.model.effect import StepResult
from nightshift.model.plan import Proposal
from nightshift.model.verdict import Verdict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DynamoRuns", "result_item"]

D = TypeVar("D", bound=Document)


def result_item(result: StepResult) -> dict[str, Any]:
    """The item of a step's result, for the transaction that settles its effect."""
    return item(f"result#{result.run}", f"{result.step}#{result.occurrence}", result)


_KEPT = 64  # runs whose plan and verdict a warm function remembers; both never change once stored


class DynamoRuns:
    """The `Runs` port on one table."""

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client
        self._authorised: dict[RunId, tuple[Proposal, Verdict]] = {}

    def propose(self, proposal: Proposal) -> Proposal:
        """Store the plan of a run; the one stored first stands and is returned."""
        return self._first(f"plan#{proposal.run}", "plan", proposal)

    def proposal(self, run: RunId) -> Proposal:
        """The plan of a run."""
        if run in self._authorised:
            return self._authorised[run][0]
        return self._get(Proposal, f"plan#{run}", "plan")

    def give(self, verdict: Verdict) -> Verdict:
        """Store the verdict of a run; the one stored first stands and is returned."""
        return self._first(f"verdict#{verdict.run}", "verdict", verdict)

    def verdict(self, run: RunId) -> Verdict:
        """The verdict on a run."""
        if run in self._authorised:
            return self._authorised[run][1]
        return self._get(Verdict, f"verdict#{run}", "verdict")

    def authorised(self, run: RunId) -> tuple[Proposal, Verdict]:
        """Plan and verdict in one read."""
        if run in self._authorised:
            return self._authorised[run]
        keys = [key(f"plan#{run}", "plan"), key(f"verdict#{run}", "verdict")]
        answer = self._client.batch_get_item(
            RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
        )
        found = {stored["sk"]["S"]: stored for stored in answer["Responses"].get(self._table, [])}
        not_there_or_not_read = len(found) < len(keys)  # a batch may leave keys out when throttled
        if not_there_or_not_read:
            return self.proposal(run), self.verdict(run)
        both = read(Proposal, found["plan"]), read(Verdict, found["verdict"])
        while len(self._authorised) >= _KEPT:
            self._authorised.pop(next(iter(self._authorised)))
        self._authorised[run] = both
        return both

    def keep(self, result: StepResult) -> StepResult:
        """Store how a step ended; the result stored first stands and is returned."""
        return self._first(f"result#{result.run}", f"{result.step}#{result.occurrence}", result)

    def results(self, run: RunId, occurrence: int = 0) -> dict[StepId, StepResult]:
        """What the steps of a run gave back so far, as one occurrence sees it."""
        found = query_all(
            self._client,
            TableName=self._table,
            KeyConditionExpression="pk = :run",
            ExpressionAttributeValues={":run": text(f"result#{run}")},
            ConsistentRead=True,
        )
        kept = [read(StepResult, stored) for stored in found]
        seen = sorted((r for r in kept if r.occurrence in {0, occurrence}), key=lambda r: r.occurrence)
        return {result.step: result for result in seen}

    def settle(self, outcome: RunOutcome) -> RunOutcome:
        """Store how a run ended; the end stored first stands and is returned."""
        return self._first(f"outcome#{outcome.run}", "outcome", outcome)

    def outcome(self, run: RunId) -> RunOutcome | None:
        """How a run ended, or None while it has not."""
        try:
            return self._get(RunOutcome, f"outcome#{run}", "outcome")
        except NotFound:
            return None

    def _first(self, pk: str, sk: str, value: D) -> D:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item(pk, sk, value),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            stored: Any = exc.response
            return read(type(value), stored["Item"])
        return value

    def _get(self, model: type[D], pk: str, sk: str) -> D:
        answer = self._client.get_item(TableName=self._table, Key=key(pk, sk), ConsistentRead=True)
        if "Item" not in answer:
            message = f"{pk} has no {sk}"
            raise NotFound(message)
        return read(model, answer["Item"])
