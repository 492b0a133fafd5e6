"""After a restore: what the records do not know may have happened, and nothing happens twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.errors import OutcomeUnknown, Retryable
from nightshift.ids import idempotency_key, run_id
from nightshift.model.effect import EffectState
from nightshift.model.tool import Outcome
from tests.support import records
from tests.support.book import BookRefund, Fault, vendor
from tests.support.records import QUOTE, READ, REFUND, REPLY

if TYPE_CHECKING:
    from nightshift.model.effect import StepResult
    from tests.support.scene import Scene

LATER = timedelta(hours=1)


@pytest.fixture
def restored(scene: Scene) -> Scene:
    """A run whose case began before the instant the records are whole from."""
    scene.propose()
    scene.steps(READ, QUOTE)
    scene.door.config.doubt(records.ACME, scene.clock.now() + LATER)
    scene.clock.advance(2 * LATER.total_seconds())
    return scene


def lost_refund(scene: Scene, wake: int = 1) -> BookRefund:
    """The vendor made it; the record of that was lost with the restore."""
    key = idempotency_key(run_id(records.CASE, wake), REFUND, 0)
    made = BookRefund("refund-1", records.ORDER, 1250, key)
    scene.book.refunds.append(made)
    return made


def until_settled(scene: Scene) -> StepResult:
    """As the state machine does: again after the lease, five times at most."""
    for _ in range(5):
        try:
            return scene.step(REFUND)
        except OutcomeUnknown:
            scene.clock.advance(61)
    return scene.step(REFUND)


@pytest.mark.guarantee("recovery:a-restore-doubles-nothing")
def test_an_effect_that_the_vendor_has_is_taken_up_and_not_made_again(restored: Scene) -> None:
    made = lost_refund(restored)
    assert restored.step(REFUND).outcome is Outcome.DONE
    assert restored.book.refunds == [made]
    assert restored.book.requests == 0
    assert restored.effect().vendor_ref == made.id


def test_an_effect_that_the_vendor_has_not_is_made_once_its_silence_counts(restored: Scene) -> None:
    with pytest.raises(OutcomeUnknown):
        restored.step(REFUND)
    assert restored.book.requests == 0
    assert until_settled(restored).outcome is Outcome.DONE
    assert len(restored.book.refunds) == 1


@pytest.mark.guarantee("recovery:a-restore-doubles-nothing")
@pytest.mark.parametrize("wake", [2, 4])
def test_an_effect_of_a_wake_that_was_lost_is_for_a_person(restored: Scene, wake: int) -> None:
    made = lost_refund(restored, wake)
    with pytest.raises(OutcomeUnknown) as caught:
        until_settled(restored)
    assert caught.value.code == "effect.lost_wake"
    assert restored.book.refunds == [made]
    assert restored.effect().state is EffectState.UNKNOWN


@pytest.mark.parametrize("takes_key", [False, True])
def test_a_tool_that_cannot_look_is_for_a_person(restored: Scene, *, takes_key: bool) -> None:
    restored.with_adapter(vendor(restored.book, probes=False, takes_key=takes_key))
    with pytest.raises(OutcomeUnknown):
        until_settled(restored)
    assert restored.book.requests == 0
    assert restored.effect().state is EffectState.UNKNOWN


@pytest.mark.guarantee("recovery:a-restore-doubles-nothing")
def test_an_effect_that_was_released_before_the_restore_is_looked_for_first(scene: Scene) -> None:
    scene.propose()
    scene.steps(READ, QUOTE)
    scene.book.faults.append(Fault(Retryable("nothing happened")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    scene.door.config.doubt(records.ACME, scene.clock.now() + LATER)
    scene.clock.advance(2 * LATER.total_seconds())
    made, requests = lost_refund(scene), scene.book.requests
    assert until_settled(scene).outcome is Outcome.DONE
    assert (scene.book.refunds, scene.book.requests) == ([made], requests)


def test_what_began_after_the_restore_is_asked_for_by_nobody(scene: Scene) -> None:
    scene.door.config.doubt(records.ACME, scene.clock.now() - LATER)
    scene.propose()
    scene.steps(READ, QUOTE)
    assert scene.step(REFUND).outcome is Outcome.DONE
    assert scene.book.probes == 0


def test_a_case_that_began_before_is_in_doubt_however_late_its_plan(scene: Scene) -> None:
    late = scene.clock.now() + 3 * LATER
    plan = records.proposal()
    scene.door.runs.propose(plan.model_copy(update={"began": plan.proposed_at, "proposed_at": late}))
    scene.door.runs.give(records.verdict(plan))
    scene.steps(READ, QUOTE)
    scene.door.config.doubt(records.ACME, scene.clock.now() + LATER)
    scene.clock.advance(4 * LATER.total_seconds())
    lost_refund(scene)
    assert scene.step(REFUND).outcome is Outcome.DONE
    assert scene.book.requests == 0


def test_doubt_only_grows(scene: Scene) -> None:
    config, now = scene.door.config, scene.clock.now()
    config.doubt(records.ACME, now)
    config.doubt(records.ACME, now - LATER)
    assert config.tenant(records.ACME).in_doubt_before == now
    config.put_tenant(config.tenant(records.ACME).model_copy(update={"name": "Renamed"}))
    assert config.tenant(records.ACME).in_doubt_before == now


def test_a_halted_tenant_makes_nothing_whatever_is_in_doubt(restored: Scene) -> None:
    config = restored.door.config
    config.put_tenant(config.tenant(records.ACME).model_copy(update={"halted": True}))
    assert restored.step(REFUND).code == "tenant.halted"
    assert restored.book.requests == 0


def test_a_reply_that_nobody_can_look_up_is_for_a_person(restored: Scene) -> None:
    lost_refund(restored)
    restored.step(REFUND)
    with pytest.raises(OutcomeUnknown):
        restored.step(REPLY)
    assert restored.book.messages == []
