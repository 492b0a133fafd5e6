"""What all tools share: budget, breaker, credentials, deadline, drift; none of it costs an effect."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from nightshift.aws.client import METER, client
from nightshift.aws.limits import DynamoLimits
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled, WireError
from nightshift.ids import RunId
from nightshift.model.effect import EffectState
from nightshift.model.lane import Breaker, BreakerState, Budget, LaneState
from nightshift.model.log import EntryKind
from nightshift.model.metric import Metric
from nightshift.model.tool import Outcome
from nightshift.ports.limits import Refused
from nightshift.tools.read import ReadCall, read
from tests.support import records
from tests.support.book import Fault, vendor
from tests.support.records import QUOTE, READ, REFUND, RUN, SHOP
from tests.support.scene import LEASE, SECRET, Scene

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

    from nightshift.ports.limits import Admitted

CALM = Breaker(failures=3, share=0.5, within_seconds=60, open_seconds=30)


@pytest.fixture
def refunding(scene: Scene) -> Scene:
    """A run whose next step is the refund."""
    scene.with_adapter(replace(vendor(scene.book), breaker=CALM))
    scene.propose()
    scene.step(QUOTE)
    return scene


def lane(scene: Scene) -> LaneState:
    return scene.door.limits.states(records.ACME, [SHOP])[0]


def fail(scene: Scene, error: Exception, *, after: bool = False) -> None:
    scene.book.faults.append(Fault(error, "after" if after else "before"))


def refused(scene: Scene, kind: type[WireError] = Throttled) -> WireError:
    """The refund is not let through; nothing is intended, nobody was asked."""
    asked = scene.book.requests
    with pytest.raises(kind) as caught:
        scene.step(REFUND)
    assert scene.door.ledger.find(RUN, REFUND, 0) is None
    assert scene.book.requests == asked
    assert type(caught.value) is kind
    return caught.value


def reading(scene: Scene) -> dict[str, JsonValue]:
    args: dict[str, JsonValue] = {"order": records.ORDER}
    return read(scene.door, ReadCall(tenant=records.ACME, channel=SHOP, tool="orders.get", args=args))


def budget(scene: Scene, *, per_second: float, burst: float) -> None:
    given = Budget(per_second=per_second, burst=burst)
    scene.with_adapter(replace(vendor(scene.book), budget=given, breaker=CALM))


def spend(scene: Scene) -> None:
    """Somebody else uses up what the channel may."""
    scene.clock.advance(1)
    lane_ = scene.door.adapter.lane(records.channel())
    scene.door.limits.admit(lane_, cost=1e9, writes=False, now=scene.clock.now())


# --- rate budgets ---------------------------------------------------------------------------------


def test_what_all_tools_share_costs_one_aws_call(refunding: Scene):
    METER.take()
    refunding.step(REFUND)
    counts = METER.take()
    calls = {name: n for name, n in counts.items() if name.count(".") == 1}
    assert calls["dynamodb.UpdateItem"] == 1  # the lane; everything else of an effect is not an UpdateItem
    assert "s3.PutObject" not in calls


def test_a_used_up_budget_leaves_no_intent_and_the_next_try_need_not_wait_for_a_lease(refunding: Scene):
    budget(refunding, per_second=0.1, burst=1.0)
    spend(refunding)
    found = refused(refunding)
    assert found.code == "vendor.budget"
    assert found.retry_after == pytest.approx(10.0)
    assert refunding.heard.counts[Metric.CALLS_THROTTLED] == 1
    refunding.clock.advance(10)
    assert refunding.step(REFUND).outcome is Outcome.DONE


def test_a_short_wait_is_waited_here_and_costs_no_attempt(refunding: Scene):
    budget(refunding, per_second=1.0, burst=2.0)
    spend(refunding)
    before = refunding.clock.now()
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert (refunding.clock.now() - before).total_seconds() == pytest.approx(1.0)
    assert refunding.effect().attempt == 1


def test_a_short_wait_is_not_begun_where_the_lambda_has_no_time_for_it(refunding: Scene):
    budget(refunding, per_second=1.0, burst=2.0)
    spend(refunding)
    refunding.heard.seconds = 19.0  # the call alone fits
    assert refused(refunding).code == "vendor.budget"


def test_a_vendor_that_asks_for_a_pause_gets_it_from_all(refunding: Scene):
    fail(refunding, Throttled("slow down", code="vendor.throttled", retry_after=20))
    with pytest.raises(Throttled):
        refunding.step(REFUND)
    assert refunding.effect().state is EffectState.RELEASED
    assert refunding.heard.counts[Metric.CALLS_THROTTLED] == 1
    with pytest.raises(Throttled) as caught:
        reading(refunding)
    assert caught.value.code == "vendor.budget"
    assert 15 < (caught.value.retry_after or 0) <= 20
    refunding.clock.advance(20)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert lane(refunding).breaker is BreakerState.CLOSED


def test_what_the_vendor_says_is_left_counts(refunding: Scene):
    budget(refunding, per_second=1.0, burst=100.0)
    shared, now = refunding.door.adapter.lane(records.channel()), refunding.clock.now()
    refunding.book.left = 2.0
    refunding.step(READ)
    with pytest.raises(Refused):
        refunding.door.limits.admit(shared, cost=3.0, writes=False, now=now)
    refunding.book.left = 100.0
    reading(refunding)
    refunding.door.limits.admit(shared, cost=90.0, writes=False, now=now)


def test_an_effect_in_doubt_stays_in_doubt_while_nobody_may_be_asked(refunding: Scene):
    fail(refunding, OutcomeUnknown("no answer", code="vendor.timeout"), after=True)
    with pytest.raises(OutcomeUnknown):
        refunding.step(REFUND)
    budget(refunding, per_second=0.01, burst=1.0)
    refunding.clock.advance(LEASE + 1)
    spend(refunding)
    with pytest.raises(OutcomeUnknown) as caught:
        refunding.step(REFUND)
    assert caught.value.code == "vendor.budget"
    assert refunding.effect().state is EffectState.UNKNOWN
    assert refunding.book.probes == 0
    refunding.clock.advance(100)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert len(refunding.book.refunds) == 1


# --- breakers -------------------------------------------------------------------------------------


def open_breaker(scene: Scene) -> None:
    """Reads that end in trouble, as many as it takes."""
    for _ in range(CALM.failures):
        fail(scene, Retryable("down", code="vendor.trouble"))
        with pytest.raises(Retryable):
            reading(scene)


def test_trouble_opens_the_breaker_for_reads_and_writes_and_a_trial_closes_it(refunding: Scene):
    open_breaker(refunding)
    assert lane(refunding).breaker is BreakerState.OPEN
    assert refunding.heard.counts[Metric.BREAKER_OPENED] == 1
    found = refused(refunding)
    assert (found.code, found.retry_after) == ("breaker.open", 30)
    with pytest.raises(Throttled):
        reading(refunding)
    refunding.clock.advance(30)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert lane(refunding).breaker is BreakerState.CLOSED


def test_a_trial_that_fails_leaves_it_open_and_its_effect_released(refunding: Scene):
    open_breaker(refunding)
    refunding.clock.advance(30)
    fail(refunding, Retryable("down", code="vendor.unreached"))
    with pytest.raises(Retryable):
        refunding.step(REFUND)
    assert lane(refunding).opens == 2
    assert refunding.effect().state is EffectState.RELEASED
    with pytest.raises(Throttled):
        refunding.step(REFUND)
    refunding.clock.advance(60)
    assert refunding.step(REFUND).outcome is Outcome.DONE


@pytest.mark.parametrize(
    "answer",
    [
        Rejected("no", code="vendor.refused"),
        Misconfigured("no scope", code="vendor.unauthorised"),
        Misconfigured("who are you", code="vendor.credentials"),
        Throttled("slow down", code="vendor.throttled", retry_after=0.0),
    ],
)
def test_a_refusal_is_an_answer_it_opens_no_breaker_and_closes_an_open_one(
    refunding: Scene, answer: WireError
):
    for _ in range(2 * CALM.failures):
        fail(refunding, answer)
        with pytest.raises(type(answer)):
            reading(refunding)
        refunding.clock.advance(5)
    assert lane(refunding).troubles == 0
    refunding.clock.advance(60)
    open_breaker(refunding)
    refunding.clock.advance(30)
    fail(refunding, answer)
    with pytest.raises(type(answer)):
        reading(refunding)
    assert lane(refunding).breaker is BreakerState.CLOSED


def test_a_trial_that_asks_nobody_is_given_back(refunding: Scene):
    open_breaker(refunding)
    refunding.clock.advance(30)
    broken = replace(refunding.door.adapter, connect=_unconnected)
    mended = refunding.door.adapter
    refunding.with_adapter(broken)
    with pytest.raises(Misconfigured):
        reading(refunding)
    refunding.with_adapter(mended)
    assert reading(refunding)
    assert lane(refunding).breaker is BreakerState.CLOSED


def _unconnected(channel: object, secret: object) -> object:
    del channel, secret
    raise Misconfigured("no token", code="secret.field")


# --- deadlines ------------------------------------------------------------------------------------


def test_no_call_is_begun_that_cannot_end_before_its_lambda_does(refunding: Scene):
    refunding.heard.seconds = 5.0
    assert refused(refunding, Retryable).code == "lambda.no_time"
    with pytest.raises(Retryable):
        reading(refunding)
    refunding.heard.seconds = 30.0
    assert refunding.step(REFUND).outcome is Outcome.DONE


def test_an_intent_whose_time_ran_out_before_the_call_is_released(refunding: Scene):
    class Short:
        """Time enough to be let through and for the room; none for the call."""

        asked = 0

        def left(self) -> float:
            self.asked += 1
            return 30.0 if self.asked <= 2 else 1.0

    refunding.door = replace(refunding.door, deadline=Short())
    with pytest.raises(Retryable) as caught:
        refunding.step(REFUND)
    assert caught.value.code == "lambda.no_time"
    assert refunding.effect().state is EffectState.RELEASED
    refunding.door = replace(refunding.door, deadline=refunding.heard)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert len(refunding.book.refunds) == 1


# --- credentials ----------------------------------------------------------------------------------


def rotate(scene: Scene, token: str) -> None:
    client("secretsmanager").put_secret_value(
        SecretId=scene.secret_ref, SecretString=json.dumps({"token": token})
    )


def pending(scene: Scene, token: str) -> None:
    client("secretsmanager").put_secret_value(
        SecretId=scene.secret_ref, SecretString=json.dumps({"token": token}), VersionStages=["AWSPENDING"]
    )


def test_a_secret_rotated_mid_run_is_read_fresh_and_the_write_made_once_with_the_same_key(refunding: Scene):
    refunding.book.valid = {"new"}
    rotate(refunding, "new")
    key = refunding.step(REFUND)
    assert key.outcome is Outcome.DONE
    assert [refund.key for refund in refunding.book.refunds] == [refunding.effect().key]
    assert refunding.effect().attempt == 1
    assert refunding.heard.counts[Metric.CREDENTIALS_REFUSED] == 0
    assert reading(refunding)  # the new one is kept


def test_credentials_that_stay_refused_are_for_a_person(refunding: Scene):
    refunding.book.valid = {"new"}
    with pytest.raises(Misconfigured) as caught:
        refunding.step(REFUND)
    assert caught.value.code == "vendor.credentials"
    assert refunding.heard.counts[Metric.CREDENTIALS_REFUSED] == 1
    assert refunding.effect().state is EffectState.NOT_DONE
    assert lane(refunding).troubles == 0


def test_new_credentials_that_are_refused_too_are_tried_once(refunding: Scene):
    refunding.book.valid = {"newer"}
    rotate(refunding, "new")
    before = refunding.book.reads
    with pytest.raises(Misconfigured):
        reading(refunding)
    assert refunding.book.reads == before + 2
    assert refunding.heard.counts[Metric.CREDENTIALS_REFUSED] == 1


def test_in_the_middle_of_a_rotation_the_pending_version_is_tried(refunding: Scene):
    refunding.book.valid = {"next"}
    pending(refunding, "next")
    assert refunding.step(REFUND).outcome is Outcome.DONE


def test_a_rotation_that_the_vendor_does_not_know_yet_falls_back_on_the_previous_version(refunding: Scene):
    rotate(refunding, "too-new")
    refunding.clock.advance(61)
    refunding.book.valid = {SECRET}
    assert reading(refunding)


def test_a_read_without_a_plan_renews_its_credentials_too(refunding: Scene):
    refunding.book.valid = {"new"}
    rotate(refunding, "new")
    assert reading(refunding)


# --- drift ----------------------------------------------------------------------------------------


def stream(scene: Scene) -> list[EntryKind]:
    return [entry.kind for entry in scene.door.log.read(f"channel:{records.ACME}:{SHOP}")]


def drift_on_write(scene: Scene) -> None:
    fail(scene, OutcomeUnknown("what is this", code="vendor.shape"), after=True)
    with pytest.raises(OutcomeUnknown):
        scene.step(REFUND)


def test_a_writes_strange_answer_is_reported_and_stops_further_writes_but_no_reads(refunding: Scene):
    drift_on_write(refunding)
    assert refunding.effect().state is EffectState.UNKNOWN
    assert refunding.heard.counts[Metric.SHAPE_DRIFTED] == 1
    assert stream(refunding) == [EntryKind.SHAPE_DRIFTED, EntryKind.CHANNEL_STOPPED]
    assert "payments.refund" in (lane(refunding).stopped or "")
    assert reading(refunding)
    other = RunId("run_other")
    refunding.propose(run=other)
    refunding.step(QUOTE, run=other)
    with pytest.raises(Misconfigured) as caught:
        refunding.step(REFUND, run=other)
    assert caught.value.code == "channel.stopped"
    assert refunding.door.ledger.find(other, REFUND, 0) is None


class Forgetful(DynamoLimits):
    """Lanes that may be asked and not told."""

    @override
    def troubled(self, admitted: Admitted, *, now: datetime) -> bool:
        raise RuntimeError(admitted.lane.channel)


def test_a_lane_that_cannot_be_told_hides_no_error(refunding: Scene):
    refunding.door = replace(refunding.door, limits=Forgetful(refunding.tables.limits))
    fail(refunding, OutcomeUnknown("no answer", code="vendor.timeout"), after=True)
    with pytest.raises(OutcomeUnknown):
        refunding.step(REFUND)


def test_the_effect_itself_is_still_looked_for_and_found(refunding: Scene):
    drift_on_write(refunding)
    refunding.clock.advance(LEASE + 1)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert len(refunding.book.refunds) == 1


def test_an_effect_the_vendor_has_nothing_of_is_not_made_while_writes_are_stopped(refunding: Scene):
    fail(refunding, OutcomeUnknown("what is this", code="vendor.shape"))
    with pytest.raises(OutcomeUnknown):
        refunding.step(REFUND)
    refunding.clock.advance(LEASE + 1)
    result = refunding.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.NOT_DONE, "channel.stopped")
    assert refunding.book.refunds == []


def test_a_person_lets_writes_go_on(refunding: Scene):
    drift_on_write(refunding)
    assert refunding.door.limits.release(records.ACME, SHOP)
    assert lane(refunding).stopped is None


def test_one_strange_read_is_reported_and_three_stop_the_writes(refunding: Scene):
    for number in range(3):
        assert lane(refunding).stopped is None
        fail(refunding, Retryable("what is this", code="vendor.shape"))
        with pytest.raises(Retryable):
            reading(refunding)
        assert refunding.heard.counts[Metric.SHAPE_DRIFTED] == number + 1
        refunding.clock.advance(1)
    assert lane(refunding).stopped is not None
    assert lane(refunding).troubles == 0


def test_the_strange_body_is_kept_for_people_and_named_in_the_log(refunding: Scene):
    def strange() -> Exception:
        refunding.heard.samples.clear()
        return Retryable("what is this", code="vendor.shape")

    connect = refunding.door.adapter.connect

    def hearing(channel: object, secret: object) -> object:
        made = connect(channel, secret)  # type: ignore[arg-type]  # passed on as it came
        made.heard.unexpected(b"<html>Kim Jansen</html>")
        return made

    refunding.with_adapter(replace(refunding.door.adapter, connect=hearing))
    refunding.book.faults.append(Fault(strange))
    with pytest.raises(Retryable):
        reading(refunding)
    ((name, body),) = refunding.heard.samples.items()
    assert name.startswith(f"drift/{records.ACME}/{SHOP}/2026/11/21/")
    assert body == b"<html>Kim Jansen</html>"
    (entry,) = refunding.door.log.read(f"channel:{records.ACME}:{SHOP}")
    assert entry.detail["sample"] == name
    assert "Kim" not in entry.model_dump_json()
