"""Shadow mode: everything runs, every effect is proposed and logged, none is made."""

from __future__ import annotations

import pytest

from nightshift.errors import Retryable
from nightshift.ids import StepId
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from nightshift.runs.lane import LaneCall, run_lane
from nightshift.runs.settle import settle
from tests.support import records
from tests.support.book import Fault
from tests.support.records import QUOTE, READ, REFUND, REPLY
from tests.support.scene import Scene


def test_a_run_in_shadow_mode_reads_and_makes_nothing(scene: Scene) -> None:
    scene.propose(shadow=True)
    results = scene.steps(READ, QUOTE, REFUND, REPLY)
    assert [(result.outcome, result.shadow) for result in results] == [
        (Outcome.DONE, False),
        (Outcome.DONE, False),
        (Outcome.NOT_DONE, True),
        (Outcome.NOT_DONE, True),
    ]
    assert (scene.book.requests, scene.book.refunds, scene.book.messages) == (0, [], [])
    assert scene.door.ledger.of_run(records.RUN) == ()
    assert scene.steps(REFUND, REPLY) == results[2:]


def test_what_shadow_mode_would_have_done_is_logged_once(scene: Scene) -> None:
    scene.propose(shadow=True)
    scene.steps(QUOTE, REFUND, REFUND)
    (entry,) = scene.log(f"{records.CASE}/{records.RUN}/{REFUND}")
    assert entry.kind is EntryKind.EFFECT_SETTLED
    assert entry.detail["shadow"] is True
    assert entry.detail["tool"] == "payments.refund"


@pytest.mark.parametrize(("live", "made"), [(REFUND, "refunds"), (REPLY, "messages")])
def test_only_the_tools_a_person_turned_on_make_effects(scene: Scene, live: StepId, made: str) -> None:
    tools = {REFUND: "payments.refund", REPLY: "messaging.reply"}
    scene.put_channel(records.channel(live=frozenset({tools[live]})))
    scene.propose()
    results = dict(zip((QUOTE, REFUND, REPLY), scene.steps(QUOTE, REFUND, REPLY), strict=True))
    (off,) = {REFUND, REPLY} - {live}
    assert (results[off].outcome, results[off].code) == (Outcome.REJECTED, "tool.turned_off")
    assert len(getattr(scene.book, made)) == 1
    assert scene.book.requests == 1


def test_a_tool_turned_off_since_the_verdict_stops_its_run_before_anybody_is_told_that_it_was_done(
    scene: Scene,
) -> None:
    scene.put_channel(records.channel(live=frozenset({"messaging.reply"})))
    scene.propose()
    lane = LaneCall(run=records.RUN, generation=1, move=1, steps=(QUOTE, REFUND, REPLY))
    assert run_lane(scene.door, lane).move.next == "undo"
    assert (scene.book.refunds, scene.book.messages) == ([], [])
    outcome = settle(scene.settling, records.RUN, 1)
    assert (outcome.status, outcome.reason, outcome.failed_step) == ("FAILED", "tool.turned_off", REFUND)


def test_a_tool_turned_off_after_a_try_that_did_nothing_is_not_taken_for_shadow_mode(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Retryable("nothing happened")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    scene.put_channel(records.channel(live=frozenset({"messaging.reply"})))
    result = scene.step(REFUND)
    assert (result.outcome, result.code, result.shadow) == (Outcome.NOT_DONE, "tool.turned_off", False)


def test_shadow_mode_refuses_what_would_have_been_refused(scene: Scene) -> None:
    scene.propose(records.refund_plan(records.quote_step(), records.refund_step(limit=10)), shadow=True)
    result = scene.steps(QUOTE, REFUND)[1]
    assert (result.outcome, result.code, result.shadow) == (Outcome.REJECTED, "bounds.exceeded", False)


def test_shadow_mode_asks_nobody(scene: Scene) -> None:
    scene.propose(asks=frozenset({REFUND}), shadow=True)
    result = scene.steps(QUOTE, REFUND)[1]
    assert (result.outcome, result.shadow) == (Outcome.NOT_DONE, True)
    assert scene.door.approvals.waiting(records.ACME) == ()
