"""Taking back: what a failed run did is undone once, last made first, or a person is told what stands."""

from __future__ import annotations

import pytest

from nightshift.aws.client import client
from nightshift.errors import OutcomeUnknown, Outdated
from nightshift.ids import undo_run_id
from nightshift.model.case import CaseStatus
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.verdict import Decision
from nightshift.runs.settle import settle
from nightshift.runs.unwind import unwind
from tests.core.runs.prices import OLD, Prices, changed, price_step, prices_plan, to_the_end
from tests.support import records
from tests.support.records import QUOTE, READ, REFUND
from tests.support.scene import Scene

BACK = undo_run_id(records.RUN)
STALE = price_step("stale", expected=1)


@pytest.fixture
def prices(scene: Scene) -> Prices:
    made = Prices()
    made.install(scene)
    return made


def failed(scene: Scene, *done: str, generation: int = 1) -> None:
    """A run that set these prices and failed at the next."""
    scene.propose(prices_plan(*(price_step(name) for name in done), STALE))
    state = changed(scene, *done, "stale", generation=generation)
    assert state.move.next == "undo"


@pytest.mark.guarantee("runs:what-failed-is-taken-back")
def test_what_was_done_is_taken_back_last_made_first_and_the_end_says_so(
    scene: Scene, prices: Prices
) -> None:
    scene.propose(prices_plan(price_step("a"), price_step("b"), STALE))
    changed(scene, "a")
    scene.clock.advance(1)
    changed(scene, "b", "stale")
    ended = to_the_end(scene)
    assert (ended.status, ended.failed_step, ended.undone, ended.left) == ("CHANGED", "stale", ("a", "b"), ())
    assert [sku for sku, _ in prices.changes] == ["a", "b", "b", "a"]
    assert prices.prices == {"a": OLD, "b": OLD, "stale": OLD}
    assert scene.heard.counts == {}


def test_each_step_back_is_an_effect_of_its_own_run_ledgered_and_logged(scene: Scene, prices: Prices) -> None:
    failed(scene, "a")
    to_the_end(scene)
    made, back = (scene.door.ledger.of_run(run) for run in (records.RUN, BACK))
    assert [effect.state for effect in made if effect.step == "a"] == [EffectState.DONE]
    assert [(effect.step, effect.state) for effect in back] == [("a", EffectState.DONE)]
    assert back[0].key not in {effect.key for effect in made}
    child, verdict = scene.door.runs.authorised(BACK)
    assert (child.undoes, verdict.decision, verdict.plan_digest) == (
        records.RUN,
        Decision.ALLOW,
        child.digest,
    )
    kinds = [entry.kind for entry in scene.log(records.CASE)]
    assert kinds[-3:] == [EntryKind.RUN_UNDOING, EntryKind.RUN_SETTLED, EntryKind.RUN_SETTLED]
    assert prices.prices["a"] == OLD


def test_taking_back_twice_takes_back_once(scene: Scene, prices: Prices) -> None:
    failed(scene, "a", "b")
    first = unwind(scene.settling, records.RUN, 1, "")
    assert unwind(scene.settling, records.RUN, 1, "") == first
    ended = to_the_end(scene)
    assert to_the_end(scene) == ended
    assert len(prices.changes) == 4
    assert settle(scene.settling, BACK, 1) == settle(scene.settling, records.RUN, 1) == ended


def test_a_worker_that_dies_right_after_any_record_leaves_what_the_next_one_finishes(
    scene: Scene, prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed(scene, "a")
    for record in ("propose", "give"):
        kept = getattr(scene.settling.runs, record)

        def dies(value: object, kept: object = kept) -> None:
            kept(value)  # type: ignore[operator]
            raise MemoryError

        monkeypatch.setattr(scene.settling.runs, record, dies)
        with pytest.raises(MemoryError):
            unwind(scene.settling, records.RUN, 1, "")
        monkeypatch.setattr(scene.settling.runs, record, kept)
    assert to_the_end(scene).undone == ("a",)
    assert prices.prices["a"] == OLD


def test_nothing_is_taken_back_while_an_outcome_is_unknown(scene: Scene, prices: Prices) -> None:
    scene.propose(prices_plan(price_step("a"), price_step("b")))
    changed(scene, "a")
    prices.then = lambda sku: OutcomeUnknown(f"no answer about {sku}", code="vendor.timeout")
    with pytest.raises(OutcomeUnknown):
        changed(scene, "b")
    ended = to_the_end(scene, error="OutcomeUnknown")
    assert (ended.status, ended.failed_step, ended.undone, ended.left) == ("UNKNOWN", "b", (), ("a",))
    assert len(prices.changes) == 2


def test_once_something_irreversible_was_done_nothing_is_taken_back(scene: Scene, prices: Prices) -> None:
    refund = (records.read_step(), records.quote_step(), records.refund_step())
    plan = records.refund_plan(price_step("a"), *refund, STALE)
    scene.propose(plan)
    changed(scene, "a", READ, QUOTE, REFUND, "stale")
    ended = to_the_end(scene)
    assert (ended.status, ended.undone, set(ended.left)) == ("CHANGED", (), {"a", REFUND})
    assert [sku for sku, _ in prices.changes] == ["a"]


def test_what_people_have_stopped_is_left_as_it_stands(scene: Scene, prices: Prices) -> None:
    scene.propose(prices_plan(price_step("a"), price_step("b")))
    changed(scene, "a")
    stands = scene.cases.get(records.CASE)
    scene.cases.hand_over(stands.id, stands.generation, "triage: angry")
    assert scene.cases.get(records.CASE).status is CaseStatus.WITH_PERSON
    assert changed(scene, "b").move.next == "undo"
    ended = to_the_end(scene)
    assert (ended.status, ended.reason, ended.left) == ("FAILED", "case.taken", ("a",))
    assert [sku for sku, _ in prices.changes] == ["a"]


def test_what_nobody_knows_how_to_take_back_is_said_aloud(scene: Scene, prices: Prices) -> None:
    prices.forgets = True
    failed(scene, "a")
    ended = to_the_end(scene)
    assert (ended.status, ended.failed_step, ended.left) == ("UNDO_FAILED", "stale", ("a",))
    assert scene.heard.counts == {Metric.UNDO_FAILED: 1}


def test_a_step_back_that_the_vendor_refuses_ends_it_and_the_rest_is_left(
    scene: Scene, prices: Prices
) -> None:
    scene.propose(prices_plan(price_step("a"), price_step("b"), STALE))
    changed(scene, "a")
    scene.clock.advance(1)
    changed(scene, "b", "stale")
    prices.prices["b"] = 77  # somebody else
    ended = to_the_end(scene)
    assert (ended.status, ended.undone, set(ended.left)) == ("UNDO_FAILED", (), {"a", "b"})
    assert scene.heard.counts == {Metric.UNDO_FAILED: 1}


def test_a_step_back_of_which_nobody_knows_leaves_the_run_unknown(scene: Scene, prices: Prices) -> None:
    failed(scene, "a")
    prices.then = lambda sku: OutcomeUnknown(f"no answer about {sku}", code="vendor.timeout")
    with pytest.raises(OutcomeUnknown):
        to_the_end(scene)
    state = unwind(scene.settling, BACK, 1, "OutcomeUnknown")  # as the machine does when attempts are used up
    assert (state.run, state.move.next) == (BACK, "settle")
    ended = settle(scene.settling, BACK, 1, state.error)
    assert (ended.run, ended.status, ended.failed_step) == (records.RUN, "UNKNOWN", "a")
    assert ended.reason.startswith("taking it back: pricing.set may have happened")
    assert scene.heard.counts[Metric.RECONCILE_PENDING] == 1


def test_a_run_whose_taking_back_broke_off_is_settled_with_what_stands(scene: Scene, prices: Prices) -> None:
    failed(scene, "a")
    unwind(scene.settling, records.RUN, 1, "")
    ended = settle(scene.settling, records.RUN, 1, "States.TaskFailed")
    assert (ended.status, ended.left) == ("UNDO_FAILED", ("a",))
    assert scene.door.runs.outcome(BACK) is not None
    assert prices.prices["a"] != OLD


def test_a_run_that_a_newer_generation_carries_is_not_taken_back(scene: Scene, prices: Prices) -> None:
    failed(scene, "a")
    with pytest.raises(Outdated):
        unwind(scene.settling, records.RUN, 2, "")
    assert [sku for sku, _ in prices.changes] == ["a"]


def test_a_run_that_a_later_generation_could_finish_was_taken_back_and_did_not_go_through(
    scene: Scene, prices: Prices
) -> None:
    read = records.read_step()
    scene.propose(records.refund_plan(price_step("a"), read))
    changed(scene, "a")
    unwind(scene.settling, records.RUN, 1, "Retryable")  # the read could not be made; then all died
    records.put_case(client("dynamodb"), scene.tables.cases, records.case(generation=2))
    changed(scene, "a", READ, generation=2)
    ended = to_the_end(scene, generation=2)
    assert (ended.status, ended.undone) == ("FAILED", ("a",))
    assert prices.prices["a"] == OLD


def test_a_run_that_did_nothing_settles_at_once(scene: Scene, prices: Prices) -> None:
    failed(scene)
    state = unwind(scene.settling, records.RUN, 1, "Misconfigured")
    assert (state.run, state.move.next, state.error) == (records.RUN, "settle", "Misconfigured")
    assert settle(scene.settling, records.RUN, 1).left == ()
    assert prices.changes == []


def test_a_run_that_went_through_is_not_taken_back_because_what_told_of_it_broke_off(
    scene: Scene, prices: Prices
) -> None:
    scene.propose(prices_plan(price_step("a")))
    changed(scene, "a")
    ended = to_the_end(scene, error="States.Timeout")
    assert (ended.status, ended.undone, len(prices.changes)) == ("DONE", (), 1)


@pytest.mark.parametrize(("expected", "counted"), [(1, {Metric.RUNS_FAILED: 1}), (OLD, {})])
def test_a_run_without_a_case_that_does_not_go_through_is_counted(
    scene: Scene, prices: Prices, expected: int, counted: dict[Metric, float]
) -> None:
    proposal = records.proposal(prices_plan(price_step("a", expected=expected)), case=None)
    scene.door.runs.propose(proposal)
    scene.door.runs.give(records.verdict(proposal))
    changed(scene, "a")
    to_the_end(scene)
    assert scene.heard.counts == counted
    assert len(prices.changes) == (0 if counted else 1)
