"""What is kept of a run: the first writer stands, whoever else comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.aws.client import client
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import NotFound
from nightshift.ids import RunId
from nightshift.model.case import RunOutcome
from nightshift.model.tool import Outcome
from tests.support import records
from tests.support.wire import answering

if TYPE_CHECKING:
    from tests.support.tables import Tables


@pytest.fixture
def runs(tables: Tables) -> DynamoRuns:
    return DynamoRuns(tables.runs, client("dynamodb"))


def outcome(reason: str) -> RunOutcome:
    return RunOutcome(run=records.RUN, status="FAILED", reason=reason, settled_at=records.AT)


def test_the_plan_stored_first_is_the_plan(runs: DynamoRuns) -> None:
    first = records.proposal()
    second = records.proposal(records.refund_plan(records.read_step()))
    assert runs.propose(first) == first
    assert runs.propose(second) == first
    assert runs.proposal(records.RUN) == first


def test_the_verdict_stored_first_is_the_verdict(runs: DynamoRuns) -> None:
    proposal = records.proposal()
    first = records.verdict(proposal)
    second = records.verdict(proposal, asks=frozenset({records.REFUND}))
    assert runs.give(first) == first
    assert runs.give(second) == first
    assert runs.verdict(records.RUN) == first


def test_the_end_stored_first_is_the_end(runs: DynamoRuns) -> None:
    assert runs.outcome(records.RUN) is None
    assert runs.settle(outcome("first")) == outcome("first")
    assert runs.settle(outcome("second")) == outcome("first")
    assert runs.outcome(records.RUN) == outcome("first")


def test_the_result_stored_first_is_the_result(runs: DynamoRuns) -> None:
    done = records.result(output={"amount": {"amount": 1250, "currency": "EUR"}})
    assert runs.keep(done) == done
    assert runs.keep(records.result(outcome=Outcome.REJECTED, code="refund.nothing_left")) == done
    assert runs.results(records.RUN) == {records.REFUND: done}


def test_of_many_writers_at_once_all_hear_of_the_same_plan(runs: DynamoRuns) -> None:
    plans = [records.refund_plan().model_copy(update={"name": f"plan-{n}"}) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda plan: runs.propose(records.proposal(plan)).digest, plans))
    assert len(set(heard)) == 1


def test_plan_and_verdict_are_read_together_and_belong_to_the_run(runs: DynamoRuns) -> None:
    other = RunId("run_other")
    for run in (records.RUN, other):
        runs.propose(records.proposal(run=run))
        runs.give(records.verdict(records.proposal(run=run)))
    proposal, verdict = runs.authorised(other)
    assert (proposal.run, verdict.run) == (other, other)


def test_a_run_without_a_plan_or_a_verdict_is_not_authorised(runs: DynamoRuns) -> None:
    for read in (runs.authorised, runs.proposal, runs.verdict):
        with pytest.raises(NotFound):
            read(records.RUN)
    runs.propose(records.proposal())
    with pytest.raises(NotFound):
        runs.authorised(records.RUN)


def test_results_are_those_of_one_run(runs: DynamoRuns) -> None:
    runs.keep(records.result(step=records.QUOTE))
    runs.keep(records.result(step=records.REFUND))
    runs.keep(records.result(RunId(f"{records.RUN}x"), step=records.REPLY))
    assert set(runs.results(records.RUN)) == {records.QUOTE, records.REFUND}
    assert runs.results(RunId("run_none")) == {}


def test_a_batch_that_dynamodb_left_unread_is_not_taken_for_a_missing_plan(runs: DynamoRuns) -> None:
    """When it throttles, DynamoDB answers a batch with keys it did not read."""
    db = client("dynamodb")
    proposal = runs.propose(records.proposal())
    verdict = runs.give(records.verdict(proposal))

    unread: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
    with answering(db, "BatchGetItem", lambda _: (200, unread)):
        assert runs.authorised(records.RUN) == (proposal, verdict)
