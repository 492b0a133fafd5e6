"""Runs without a case: stopped, carried on, tried again from the failed step, ended; never done twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from nightshift.aws.again import DynamoReruns
from nightshift.aws.client import client
from nightshift.errors import Conflict, NotFound, OutcomeUnknown, Outdated, Rejected, Retryable
from nightshift.ids import RunId, StepId, asked_undo_run_id
from nightshift.model.approval import ApprovalStatus
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.ports.again import Standing
from nightshift.runs.again import Again, close, resume, retry, stop
from nightshift.runs.settle import settle
from tests.core.runs.prices import OLD, Prices, changed, price_step, prices_plan, to_the_end
from tests.support import records
from tests.support.book import Fault
from tests.support.records import ANA, QUOTE, READ, REFUND, REPLY, RUN
from tests.support.scene import Scene

if TYPE_CHECKING:
    from nightshift.ids import TenantId
    from nightshift.model.plan import Plan, Proposal
    from nightshift.ports.launch import RunLine


@dataclass
class Machine:
    """The run machine, as the port `Launch` sees it; it can be down."""

    running: set[tuple[RunId, int]] = field(default_factory=set)
    stopped: list[tuple[RunId, int]] = field(default_factory=list)
    down: bool = False

    def launch(self, proposal: Proposal) -> Proposal:
        self.again(proposal, proposal.generation)
        return proposal

    def again(self, proposal: Proposal, generation: int) -> None:
        if self.down:
            message = "the machine is down"
            raise Retryable(message)
        self.running.add((proposal.run, generation))

    def stop(self, run: RunId, generation: int, why: str) -> None:
        assert why
        self.stopped.append((run, generation))
        self.running.discard((run, generation))

    def listed(self, tenant: TenantId, limit: int, cursor: str) -> tuple[tuple[RunLine, ...], str]:
        raise NotImplementedError(tenant, limit, cursor)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def prices(scene: Scene) -> Prices:
    made = Prices()
    made.install(scene)
    return made


@pytest.fixture
def hands(scene: Scene, machine: Machine) -> Again:
    return Again(
        runs=scene.door.runs,
        ledger=scene.door.ledger,
        reruns=DynamoReruns(ledger=scene.tables.ledger, runs=scene.tables.runs, client=client("dynamodb")),
        launch=machine,
        log=scene.door.log,
        clock=scene.clock,
    )


def begun(scene: Scene, plan: Plan) -> None:
    """A run that no case carries, judged."""
    proposal = scene.door.runs.propose(records.proposal(plan, case=None))
    scene.door.runs.give(records.verdict(proposal))


def kinds(scene: Scene) -> list[EntryKind]:
    return [entry.kind for entry in scene.log(RUN)]


AB = prices_plan(price_step("a"), price_step("b"))


# -- stop and resume


@pytest.mark.guarantee("runs:a-stopped-run-makes-nothing")
def test_a_stopped_run_makes_no_effect_until_it_is_carried_on(
    scene: Scene, prices: Prices, hands: Again, machine: Machine
) -> None:
    begun(scene, AB)
    machine.launch(scene.door.runs.proposal(RUN))
    changed(scene, "a")
    assert stop(hands, RUN, by=ANA, note="wait") == Standing(generation=2, stopped=True)
    assert machine.running == set()
    assert changed(scene, "b").move.next == "undo"  # a worker of the first generation that was under way
    with pytest.raises(Outdated):
        to_the_end(scene)
    assert [sku for sku, _ in prices.changes] == ["a"]
    assert resume(hands, RUN, by=ANA, note="") == Standing(generation=2)
    assert machine.running == {(RUN, 2)}
    changed(scene, "a", "b", generation=2)
    assert settle(scene.settling, RUN, 2).status == "DONE"
    assert [sku for sku, _ in prices.changes] == ["a", "b"]
    assert kinds(scene) == [EntryKind.RUN_STOPPED, EntryKind.RUN_RESUMED, EntryKind.RUN_SETTLED]


def test_stopping_twice_stops_once(scene: Scene, prices: Prices, hands: Again, machine: Machine) -> None:
    begun(scene, AB)
    first = stop(hands, RUN, by=ANA, note="")
    assert stop(hands, RUN, by=ANA, note="") == first
    assert machine.stopped == [(RUN, 1), (RUN, 1)]
    assert prices.changes == []
    resume(hands, RUN, by=ANA, note="")
    assert stop(hands, RUN, by=ANA, note="").generation == 3


def test_a_run_whose_execution_cannot_be_started_stays_stopped(
    scene: Scene, hands: Again, machine: Machine
) -> None:
    begun(scene, AB)
    stop(hands, RUN, by=ANA, note="")
    machine.down = True
    with pytest.raises(Retryable):
        resume(hands, RUN, by=ANA, note="")
    assert hands.reruns.standing(RUN).stopped
    machine.down = False
    resume(hands, RUN, by=ANA, note="")
    assert machine.running == {(RUN, 2)}


def test_a_stopped_run_that_nobody_carries_on_is_ended_as_it_stands(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, AB)
    changed(scene, "a")
    stop(hands, RUN, by=ANA, note="")
    ended = close(scene.settling, hands, RUN)
    assert (ended.status, ended.undone, ended.left) == ("STOPPED", (), ("a",))
    assert scene.heard.counts[Metric.RUNS_FAILED] == 0
    assert close(scene.settling, hands, RUN) == ended
    assert [sku for sku, _ in prices.changes] == ["a"]


def test_a_question_of_a_run_that_is_ended_waits_for_nobody_any_more(scene: Scene, hands: Again) -> None:
    proposal = scene.door.runs.propose(records.proposal(case=None))
    scene.door.runs.give(records.verdict(proposal, asks=frozenset({REFUND})))
    scene.steps(READ, QUOTE)
    question = scene.ask("token")
    stop(hands, RUN, by=ANA, note="")
    assert close(scene.settling, hands, RUN).status == "STOPPED"
    assert scene.asking.approvals.get(question.id).status is ApprovalStatus.VOIDED
    assert scene.asking.approvals.waiting(records.ACME) == ()
    assert kinds(scene)[-2:] == [EntryKind.APPROVAL_DECIDED, EntryKind.RUN_SETTLED]


def test_what_cannot_be_stopped_or_carried_on_says_why(scene: Scene, prices: Prices, hands: Again) -> None:
    begun(scene, AB)
    with pytest.raises(Conflict, match="not stopped"):
        resume(hands, RUN, by=ANA, note="")
    with pytest.raises(Conflict, match="not stopped"):
        close(scene.settling, hands, RUN)
    with pytest.raises(Conflict, match="not ended"):
        retry(hands, RUN, by=ANA, note="")
    with pytest.raises(NotFound):
        stop(hands, RunId("run_none"), by=ANA, note="")
    changed(scene, "a", "b")
    settle(scene.settling, RUN, 1)
    with pytest.raises(Conflict, match="has ended"):
        stop(hands, RUN, by=ANA, note="")
    with pytest.raises(Conflict, match="ended DONE"):
        retry(hands, RUN, by=ANA, note="")
    assert len(prices.changes) == 2


def test_a_run_of_a_case_is_left_to_its_case(scene: Scene, prices: Prices, hands: Again) -> None:
    scene.propose(AB)
    for act in (stop, resume, retry):
        with pytest.raises(Conflict, match="recover or resolve the case"):
            act(hands, RUN, by=ANA, note="")
    assert prices.changes == []


# -- trying again


@pytest.mark.guarantee("runs:done-steps-are-not-repeated")
def test_a_run_is_tried_again_from_its_failed_step_under_the_same_keys(
    scene: Scene, prices: Prices, hands: Again, machine: Machine
) -> None:
    begun(scene, prices_plan(records.read_step(), price_step("a", expected=1)))
    changed(scene, READ, "a")
    first = scene.door.ledger.of_run(RUN)
    assert to_the_end(scene).status == "CHANGED"
    prices.prices["a"] = 1
    assert retry(hands, RUN, by=ANA, note="now it is") == Standing(generation=2)
    assert machine.running == {(RUN, 2)}
    assert scene.door.runs.outcome(RUN) is None
    reads = scene.book.reads
    changed(scene, READ, "a", generation=2)
    ended = settle(scene.settling, RUN, 2)
    assert (ended.status, ended.generation) == ("DONE", 2)
    assert scene.book.reads == reads
    (effect,) = scene.door.ledger.of_run(RUN)
    assert (effect.key, effect.state, effect.generation) == (first[0].key, EffectState.DONE, 2)
    assert [entry.detail["status"] for entry in scene.log(RUN) if entry.kind is EntryKind.RUN_SETTLED] == [
        "CHANGED",
        "DONE",
    ]
    told = [entry.detail["steps"] for entry in scene.log(RUN) if entry.kind is EntryKind.RUN_RETRIED]
    assert told == [["a"]]
    settled = [e.detail["outcome"] for e in scene.log(f"{RUN}/{RUN}/a") if e.kind is EntryKind.EFFECT_SETTLED]
    assert settled == ["REJECTED", "DONE"]


def test_what_failed_is_kept_beside_when_it_is_tried_again(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, prices_plan(price_step("a", expected=1)))
    changed(scene, "a")
    to_the_end(scene)
    retry(hands, RUN, by=ANA, note="")
    db = client("dynamodb")
    kept = db.query(
        TableName=scene.tables.runs,
        KeyConditionExpression="pk = :aside",
        ExpressionAttributeValues={":aside": {"S": f"aside#{RUN}"}},
    )["Items"]
    assert [item["sk"]["S"] for item in kept] == ["a#0#g2", "outcome#g2"]
    assert scene.door.runs.results(RUN) == {}
    assert prices.changes == []


def test_a_retry_that_dies_anywhere_goes_on(
    scene: Scene, prices: Prices, hands: Again, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(scene, prices_plan(price_step("a", expected=1)))
    changed(scene, "a")
    to_the_end(scene)
    prices.prices["a"] = 1
    for act in ("advance", "set_aside", "reopen"):
        real = getattr(hands.reruns, act)

        def dies(*args: object, real: object = real, **fields: object) -> None:
            real(*args, **fields)  # type: ignore[operator]
            raise MemoryError

        monkeypatch.setattr(hands.reruns, act, dies)
        with pytest.raises(MemoryError):
            retry(hands, RUN, by=ANA, note="")
        monkeypatch.setattr(hands.reruns, act, real)
    resume(hands, RUN, by=ANA, note="")  # what was put away last was its end: it is a stopped run now
    assert machine.running == {(RUN, 2)}
    changed(scene, "a", generation=2)
    assert settle(scene.settling, RUN, 2).status == "DONE"


def test_a_step_refused_before_it_was_intended_is_tried_again_too(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, AB)
    scene.put_channel(records.channel())  # pricing.set is turned off
    changed(scene, "a")
    assert to_the_end(scene).status == "FAILED"
    prices.install(scene)
    retry(hands, RUN, by=ANA, note="turned on")
    changed(scene, "a", "b", generation=2)
    assert settle(scene.settling, RUN, 2).status == "DONE"
    assert [sku for sku, _ in prices.changes] == ["a", "b"]


def test_what_was_taken_back_is_not_tried_again_but_begun_anew(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, prices_plan(price_step("a"), price_step("b", expected=1)))
    changed(scene, "a", "b")
    assert to_the_end(scene).undone == ("a",)
    with pytest.raises(Conflict, match="taken back"):
        retry(hands, RUN, by=ANA, note="")
    assert prices.prices["a"] == OLD


def test_what_a_person_had_taken_back_is_not_tried_again_either(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, prices_plan(price_step("a", expected=1)))
    changed(scene, "a")
    to_the_end(scene)
    back = asked_undo_run_id(records.ACME, RUN, 1)
    scene.door.runs.propose(records.proposal(prices_plan(price_step("b")), run=back, case=None))
    with pytest.raises(Conflict, match="taken back"):
        retry(hands, RUN, by=ANA, note="")
    assert prices.changes == []


def test_a_step_that_moves_money_is_not_tried_again(scene: Scene, hands: Again) -> None:
    begun(scene, records.refund_plan())
    scene.steps(READ, QUOTE)
    scene.book.faults.append(Fault(Rejected("no", code="refund.refused")))
    scene.step(REFUND)
    assert to_the_end(scene).status == "FAILED"
    with pytest.raises(Conflict, match="moves money"):
        retry(hands, RUN, by=ANA, note="")
    assert scene.book.refunds == []


def test_what_comes_after_a_refund_is_tried_again_and_the_refund_is_not(scene: Scene, hands: Again) -> None:
    begun(scene, records.refund_plan())
    scene.steps(READ, QUOTE, REFUND)
    scene.book.faults.append(Fault(Rejected("no", code="conversation.not_found")))
    scene.step(REPLY)
    assert to_the_end(scene).failed_step == REPLY
    retry(hands, RUN, by=ANA, note="")
    for step in (READ, QUOTE, REFUND, REPLY):
        scene.step(step, generation=2)
    assert settle(scene.settling, RUN, 2).status == "DONE"
    assert (len(scene.book.refunds), len(scene.book.messages)) == (1, 1)


def test_a_run_with_an_unknown_outcome_is_settled_before_it_is_tried_again(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, AB)
    prices.then = lambda sku: OutcomeUnknown(f"no answer about {sku}", code="vendor.timeout")
    with pytest.raises(OutcomeUnknown):
        changed(scene, "a")
    assert to_the_end(scene, error="OutcomeUnknown").status == "UNKNOWN"
    with pytest.raises(Conflict, match="settle it first"):
        retry(hands, RUN, by=ANA, note="")
    assert hands.reruns.standing(RUN) == Standing()


def test_what_was_done_is_never_put_away_and_no_generation_is_taken_twice(
    scene: Scene, prices: Prices, hands: Again
) -> None:
    begun(scene, AB)
    changed(scene, "a")
    effect = scene.door.ledger.find(RUN, StepId("a"), 0)
    assert effect is not None
    hands.reruns.advance(RUN, to=2)
    with pytest.raises(Conflict):
        hands.reruns.set_aside(RUN, StepId("a"), generation=2)
    with pytest.raises(Conflict):
        hands.reruns.advance(RUN, to=2)
    assert scene.door.ledger.find(RUN, StepId("a"), 0) == effect
    assert len(prices.changes) == 1
