"""Settling: how a run ended, from its records alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from nightshift.approvals.decide import decide_approval
from nightshift.aws.client import client
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.errors import NotFound, OutcomeUnknown, Rejected, Retryable
from nightshift.ids import RunId, StepId
from nightshift.model.approval import ApprovalStatus
from nightshift.model.case import RunOutcome
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.plan import Step
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Finding, Lane, Move
from nightshift.money import Money
from nightshift.ports.windows import Reservation, WindowKey, WindowUse
from nightshift.runs.settle import settle
from tests.support import records
from tests.support.book import Fault
from tests.support.records import ANA, QUOTE, READ, REFUND, REPLY, eur
from tests.support.scene import LEASE, Scene

if TYPE_CHECKING:
    from nightshift.model.effect import Effect

ASKS = frozenset({REFUND})
ALL_STEPS = (READ, QUOTE, REFUND, REPLY)
CUSTOMER = WindowKey(tenant=records.ACME, customer="cust-1", tool="payments.refund")
STORE = WindowKey(tenant=records.ACME, customer=None, tool="payments.refund")


def end(scene: Scene, error: str | None = None) -> RunOutcome:
    return settle(scene.settling, records.RUN, 1, error)


def reserve(scene: Scene, step: StepId = REFUND) -> None:
    """The gate reserves the worst case of one step."""
    uses = (WindowUse(run=records.RUN, step=step, amount=eur(2000), at=records.AT, state="reserved"),)
    since = records.AT - timedelta(days=30)
    counters = scene.settling.windows.load([CUSTOMER, STORE])
    scene.settling.windows.reserve(
        records.RUN, [Reservation(counter=counter, uses=uses, keep_from=since) for counter in counters]
    )


def used(scene: Scene) -> list[tuple[str, Money | None]]:
    """What both windows count, the same in both."""
    customer, store = scene.settling.windows.load([CUSTOMER, STORE])
    assert (customer.uses, customer.totals) == (store.uses, store.totals)
    done = [("done", Money(amount=a, currency=c)) for t in customer.totals for c, a in t.moved.items()]
    return [*((use.state, use.amount) for use in customer.uses), *done]


def settled_lines(scene: Scene) -> list[object]:
    return [e.detail["status"] for e in scene.log(records.CASE) if e.kind is EntryKind.RUN_SETTLED]


# -- each end


def test_a_run_whose_steps_all_went_well_is_done(scene: Scene) -> None:
    scene.propose()
    reserve(scene)
    scene.steps(*ALL_STEPS)
    scene.clock.advance(5)
    outcome = end(scene)
    assert (outcome.status, outcome.reason, outcome.failed_step) == ("DONE", "", None)
    assert outcome.money_moved == eur(1250)
    assert outcome.settled_at == scene.clock.now()
    assert used(scene) == [("done", eur(1250))]


def test_the_end_of_a_run_joins_the_chains_of_its_steps(scene: Scene) -> None:
    scene.propose()
    scene.steps(*ALL_STEPS)
    end(scene)
    (entry,) = scene.log(records.CASE)
    heads = {s: scene.log(f"{records.CASE}/{records.RUN}/{s}")[-1].hash for s in ALL_STEPS}
    assert entry.detail["heads"] == heads
    assert entry.detail["moved"] == "12.50 EUR"


def test_a_run_that_only_read_moved_nothing(scene: Scene) -> None:
    scene.propose(records.refund_plan(records.read_step()))
    scene.step(READ)
    outcome = end(scene)
    assert (outcome.status, outcome.money_moved) == ("DONE", None)


@pytest.mark.parametrize("everything", [True, False])
def test_a_run_in_shadow_mode_is_done_and_says_that_nothing_was_made(
    scene: Scene, *, everything: bool
) -> None:
    if not everything:
        scene.put_channel(records.channel(live=frozenset({"messaging.reply"})))
    scene.propose(shadow=True)  # one tool that is off puts the whole run into shadow mode
    reserve(scene)
    scene.steps(*ALL_STEPS)
    outcome = end(scene)
    assert (outcome.status, outcome.reason, outcome.money_moved) == ("DONE", "shadow", None)
    assert used(scene) == []


def test_a_run_the_gate_refused_is_refused_with_its_reasons(scene: Scene) -> None:
    proposal = scene.door.runs.propose(records.proposal())
    finding = Finding(rule="cap.day", step=REFUND, problem="over the cap", fix="wait")
    verdict = records.verdict(proposal, decision=Decision.REFUSE)
    scene.door.runs.give(verdict.model_copy(update={"findings": (finding,)}))
    reserve(scene)
    outcome = end(scene)
    assert outcome.status == "REFUSED"
    assert "cap.day" in outcome.reason
    assert used(scene) == []


def test_a_run_the_gate_never_decided_has_failed(scene: Scene) -> None:
    scene.door.runs.propose(records.proposal())
    reserve(scene)
    outcome = end(scene, "Misconfigured")
    assert (outcome.status, outcome.reason) == ("FAILED", "Misconfigured")
    assert used(scene) == []


def test_what_a_late_gate_reserved_for_a_run_that_had_ended_is_given_back(scene: Scene) -> None:
    scene.door.runs.propose(records.proposal())
    first = end(scene, "Crashed")  # no verdict, so a newer generation's gate decides, and reserves
    scene.door.runs.give(records.verdict(scene.door.runs.proposal(records.RUN)))
    reserve(scene)
    assert end(scene) == first
    assert used(scene) == []


def test_a_run_without_a_plan_cannot_be_settled(scene: Scene) -> None:
    with pytest.raises(NotFound):
        end(scene)


@pytest.mark.parametrize("code", ["state.changed", "order.being_edited"])
def test_a_refusal_that_says_the_world_changed_ends_as_changed(scene: Scene, code: str) -> None:
    scene.propose()
    reserve(scene)
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Rejected("no", code=code)))
    scene.step(REFUND)
    outcome = end(scene)
    assert (outcome.status, outcome.reason, outcome.failed_step) == ("CHANGED", code, REFUND)
    assert outcome.money_moved is None
    assert used(scene) == []


def test_swapped_arguments_end_as_changed(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    assert scene.step(REFUND).code == "approval.missing"
    assert end(scene).status == "CHANGED"


def test_any_other_refusal_ends_as_failed(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Rejected("no", code="refund.too_much")))
    scene.step(REFUND)
    outcome = end(scene)
    assert (outcome.status, outcome.reason, outcome.failed_step) == ("FAILED", "refund.too_much", REFUND)


def test_what_was_done_before_a_failure_still_counts(scene: Scene) -> None:
    scene.propose()
    reserve(scene)
    scene.steps(QUOTE, REFUND)
    scene.book.faults.append(Fault(Rejected("no", code="conversation.not_found")))
    scene.step(REPLY)
    outcome = end(scene)
    assert (outcome.status, outcome.failed_step, outcome.money_moved) == ("FAILED", REPLY, eur(1250))
    assert used(scene) == [("done", eur(1250))]


def test_a_saga_that_broke_off_has_failed_with_its_error(scene: Scene) -> None:
    scene.propose()
    scene.step(READ)
    outcome = end(scene, "Misconfigured")
    assert (outcome.status, outcome.reason) == ("FAILED", "Misconfigured")


def test_a_lane_that_failed_beside_others_has_failed_and_not_expired(scene: Scene) -> None:
    """The saga's parallel lanes hand on no error, only that the run is to settle."""
    scene.propose()
    scene.step(READ)
    outcome = end(scene)
    assert outcome.status == "FAILED"


def test_a_read_that_is_missing_before_the_question_has_failed_and_not_expired(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.step(READ)
    assert end(scene).status == "FAILED"


# -- people


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (ApprovalStatus.REJECTED, "REJECTED"),
        (ApprovalStatus.EXPIRED, "EXPIRED"),
        (ApprovalStatus.PENDING, "EXPIRED"),
        (ApprovalStatus.VOIDED, "CHANGED"),
        (ApprovalStatus.APPROVED, "FAILED"),  # and then its steps were not carried out
    ],
)
def test_a_run_that_asked_ends_as_it_was_answered(scene: Scene, status: ApprovalStatus, ended: str) -> None:
    scene.propose(asks=ASKS)
    reserve(scene)
    scene.steps(READ, QUOTE)
    asked = scene.ask("token-1")
    if status is not ApprovalStatus.PENDING:
        scene.door.approvals.decide(asked.id, status, by=ANA, at=scene.clock.now(), note="")
    assert end(scene).status == ended
    assert used(scene) == []


def test_a_question_that_never_became_a_record_has_expired(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    assert end(scene).status == "EXPIRED"


def test_a_question_that_could_not_be_put_ends_with_its_reason(scene: Scene) -> None:
    plan = records.refund_plan(records.quote_step(), records.refund_step(note="${steps.quote.nothing}"))
    scene.propose(plan, asks=ASKS)
    scene.step(QUOTE)
    outcome = end(scene)
    assert (outcome.status, outcome.reason) == ("CHANGED", "reference.missing")


def test_a_question_with_unfit_arguments_has_failed(scene: Scene) -> None:
    plan = records.refund_plan(records.quote_step(), records.refund_step(restock="maybe"))
    scene.propose(plan, asks=ASKS)
    scene.step(QUOTE)
    outcome = end(scene)
    assert (outcome.status, outcome.reason) == ("FAILED", "arguments.invalid")


def test_an_approved_run_is_done_when_its_steps_are(scene: Scene) -> None:
    scene.propose(asks=ASKS)
    scene.steps(READ, QUOTE)
    decide_approval(scene.deciding, scene.ask("token-1").id, verb="approve", by=ANA, note="")
    scene.steps(REFUND, REPLY)
    assert end(scene).status == "DONE"


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        (ApprovalStatus.APPROVED, "DONE"),
        (ApprovalStatus.REJECTED, "REJECTED"),
        (ApprovalStatus.EXPIRED, "EXPIRED"),
        (ApprovalStatus.PENDING, "EXPIRED"),
    ],
)
def test_a_plan_that_reads_and_only_asks_ends_as_it_was_answered(
    scene: Scene, status: ApprovalStatus, ended: str
) -> None:
    question = Step(id=StepId("really"), tool="ask.person", args={"question": "Really?"}, needs=(QUOTE,))
    scene.propose(records.refund_plan(records.quote_step(), question), asks=frozenset({question.id}))
    scene.step(QUOTE)
    asked = scene.ask("token-1")
    if status is not ApprovalStatus.PENDING:
        scene.door.approvals.decide(asked.id, status, by=ANA, at=scene.clock.now(), note="")
    assert end(scene).status == ended


def test_a_plan_that_only_asks_and_whose_question_was_skipped_is_done(scene: Scene) -> None:
    question = Step(id=StepId("really"), tool="ask.person", args={"question": "Really?"}, when="false")
    scene.propose(records.refund_plan(records.quote_step(), question), asks=frozenset({question.id}))
    scene.step(QUOTE)
    assert end(scene).status == "DONE"


# -- effects that are open


def refund_fails(scene: Scene, error: Exception, when: str) -> None:
    scene.propose()
    reserve(scene)
    scene.step(QUOTE)
    scene.book.faults.append(Fault(error, "after" if when == "after" else "before"))
    with pytest.raises(type(error)):
        scene.step(REFUND)


def test_an_effect_that_may_have_happened_makes_the_run_unknown_and_counts_in_full(scene: Scene) -> None:
    refund_fails(scene, OutcomeUnknown("?", code="vendor.timeout"), "after")
    outcome = end(scene)
    assert (outcome.status, outcome.failed_step, outcome.money_moved) == ("UNKNOWN", REFUND, None)
    assert "vendor.timeout" in outcome.reason
    assert used(scene) == [("done", eur(2000))]
    assert scene.effect().state is EffectState.UNKNOWN


def test_an_attempt_that_never_came_back_makes_the_run_unknown_and_keeps_its_claim(scene: Scene) -> None:
    refund_fails(scene, RuntimeError("killed"), "after")
    assert scene.effect().state is EffectState.INTENT
    assert end(scene).status == "UNKNOWN"
    assert scene.effect().state is EffectState.UNKNOWN
    assert used(scene) == [("done", eur(2000))]
    second = RunId("run_second")
    scene.book.checks_state = False
    scene.propose(run=second)
    assert scene.steps(QUOTE, REFUND, run=second)[1].code == "claim.taken"


def test_unknown_outweighs_a_refusal_of_another_step(scene: Scene) -> None:
    refund_fails(scene, RuntimeError("killed"), "after")
    scene.cases.lock(records.CASE, "legal")
    assert scene.step(REPLY).outcome is Outcome.REJECTED
    assert end(scene).status == "UNKNOWN"


def test_an_effect_that_did_nothing_for_certain_is_given_back(scene: Scene) -> None:
    refund_fails(scene, Retryable("busy"), "before")
    outcome = end(scene, "Retryable")
    assert (outcome.status, outcome.reason) == ("FAILED", "Retryable")
    assert scene.effect().state is EffectState.NOT_DONE
    assert used(scene) == []
    second = RunId("run_second")
    scene.propose(run=second)
    assert scene.steps(QUOTE, REFUND, run=second)[1].outcome is Outcome.DONE


def test_an_unknown_effect_can_still_be_found_after_the_run_has_ended(scene: Scene) -> None:
    refund_fails(scene, OutcomeUnknown("?"), "after")
    ended = end(scene)
    scene.clock.advance(LEASE)
    assert scene.step(REFUND).outcome is Outcome.DONE
    assert end(scene) == ended
    assert scene.book.requests == 1


class Overtaken(DynamoLedger):
    """While the runner looks at the effects of a run, an attempt that was under way comes to its end."""

    meanwhile: EffectState

    @override
    def of_run(self, run: RunId) -> tuple[Effect, ...]:
        seen = super().of_run(run)
        for effect in seen:
            if effect.state is EffectState.INTENT:
                money = {"amount": {"amount": 1250, "currency": "EUR"}}
                done = self.meanwhile is EffectState.DONE
                result = records.result(run, step=effect.step, output=money if done else {})
                newer = effect.model_copy(update={"attempt": effect.attempt + 1})
                self.take_over(newer, before=effect)
                if self.meanwhile is not EffectState.INTENT:
                    self.settle(newer.model_copy(update={"state": self.meanwhile}), result if done else None)
        return seen


@pytest.mark.parametrize(
    ("meanwhile", "status", "counted"),
    [
        (EffectState.DONE, "FAILED", [("done", eur(1250))]),  # the reply is missing
        (EffectState.INTENT, "UNKNOWN", [("done", eur(2000))]),
        (EffectState.UNKNOWN, "UNKNOWN", [("done", eur(2000))]),
        (EffectState.RELEASED, "FAILED", []),
    ],
)
def test_an_effect_that_moves_on_while_the_run_is_settled_is_judged_as_it_then_stands(
    scene: Scene, meanwhile: EffectState, status: str, counted: list[tuple[str, Money]]
) -> None:
    refund_fails(scene, RuntimeError("killed"), "before")
    tables = scene.tables
    ledger = Overtaken(
        LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config),
        client("dynamodb"),
    )
    ledger.meanwhile = meanwhile
    scene.with_ledger(ledger)
    outcome = end(scene, "Retryable")
    assert outcome.status == status
    assert used(scene) == counted
    assert outcome.money_moved == (eur(1250) if meanwhile is EffectState.DONE else None)


# -- again


def test_a_run_is_settled_once_and_the_same_answer_is_given_again(scene: Scene) -> None:
    scene.propose()
    reserve(scene)
    scene.steps(*ALL_STEPS)
    first = end(scene)
    scene.clock.advance(3600)
    assert end(scene) == first
    assert end(scene, "Retryable") == first
    assert settled_lines(scene) == ["DONE"]
    assert used(scene) == [("done", eur(1250))]


def test_an_end_that_died_before_it_was_logged_is_logged_by_the_next(scene: Scene) -> None:
    scene.propose()
    scene.steps(*ALL_STEPS)
    twin = RunId("run_twin")
    scene.propose(run=twin)
    stored = scene.door.runs.settle(end_of(twin))
    assert settle(scene.settling, twin, 1) == stored
    assert settle(scene.settling, twin, 1) == stored
    assert settled_lines(scene) == ["FAILED"]


def end_of(run: RunId) -> RunOutcome:
    return RunOutcome(run=run, status="FAILED", reason="x", settled_at=records.AT)


def test_money_of_two_currencies_is_not_summed(scene: Scene) -> None:
    proposal, _ = scene.propose()
    yen = records.refund_step().model_copy(update={"id": StepId("yen")})
    plan = records.refund_plan(records.refund_step(), yen)
    run = RunId("run_two")
    scene.propose(plan, run=run)
    for step, currency in ((REFUND, "EUR"), (StepId("yen"), "JPY")):
        output = {"amount": {"amount": 100, "currency": currency}}
        scene.door.runs.keep(records.result(run, step=step, output=output))
    outcome = settle(scene.settling, run, 1)
    assert (outcome.status, outcome.money_moved) == ("DONE", None)
    assert proposal.run != run


def test_a_verdict_with_parallel_reads_before_the_question_waits_for_all_of_them(scene: Scene) -> None:
    proposal = scene.door.runs.propose(records.proposal())
    verdict = records.verdict(proposal, asks=ASKS)
    lanes = (Lane(adapter="vendor", steps=(READ,)), Lane(adapter="other", steps=(QUOTE,)))
    many = Move(index=0, next="many", lanes=lanes)
    scene.door.runs.give(verdict.model_copy(update={"moves": (many, *verdict.moves[1:])}))
    scene.step(QUOTE)
    outcome = end(scene)
    assert (outcome.status, outcome.failed_step) == ("FAILED", None)
