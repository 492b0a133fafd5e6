"""Shadow mode: everything runs, every effect is proposed and logged, none is made."""

from __future__ import annotations

import pytest

from nightshift.ids import StepId
from nightshift.model.log import EntryKind
from nightshift.model.tool import Outcome
from tests.support import records
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
    assert {step for step, result in results.items() if result.shadow} == {REFUND, REPLY} - {live}
    assert len(getattr(scene.book, made)) == 1
    assert scene.book.requests == 1


def test_shadow_mode_refuses_what_would_have_been_refused(scene: Scene) -> None:
    scene.propose(records.refund_plan(records.quote_step(), records.refund_step(limit=10)), shadow=True)
    result = scene.steps(QUOTE, REFUND)[1]
    assert (result.outcome, result.code, result.shadow) == (Outcome.REJECTED, "bounds.exceeded", False)


def test_shadow_mode_asks_nobody(scene: Scene) -> None:
    scene.propose(asks=frozenset({REFUND}), shadow=True)
    result = scene.steps(QUOTE, REFUND)[1]
    assert (result.outcome, result.shadow) == (Outcome.NOT_DONE, True)
    assert scene.door.approvals.waiting(records.ACME) == ()
