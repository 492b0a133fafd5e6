"""The door: what has to hold before anything is called, and what is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nightshift.actionlog.chain import verify
from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Verdict
from nightshift.ports.ledger import Fence
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import ALL
from tests.support import records
from tests.support.book import EMAIL, STREET, Fault
from tests.support.records import QUOTE, READ, REFUND, REPLY, eur
from tests.support.scene import SECRET, Scene

if TYPE_CHECKING:
    from pydantic import JsonValue


ALL_STEPS = (READ, QUOTE, REFUND, REPLY)


def nothing_happened(scene: Scene, step: StepId = REFUND, run: RunId = records.RUN) -> bool:
    no_effect = scene.door.ledger.find(run, step, 0) is None
    return no_effect and (scene.book.requests, scene.book.refunds, scene.book.messages) == (0, [], [])


# -- what goes well


def test_a_plan_is_carried_out_step_by_step(scene: Scene) -> None:
    scene.propose()
    results = scene.steps(*ALL_STEPS)
    assert [result.outcome for result in results] == [Outcome.DONE] * 4
    assert [(refund.order, refund.amount) for refund in scene.book.refunds] == [(records.ORDER, 1250)]
    assert [message[:2] for message in scene.book.messages] == [("conv-1", "refund_done@1")]
    assert results[2].output["amount"] == {"amount": 1250, "currency": "EUR"}
    assert not any(result.shadow for result in results)


def test_an_effect_carries_everything_that_proves_it(scene: Scene) -> None:
    scene.propose()
    scene.steps(QUOTE, REFUND)
    effect = scene.effect()
    assert (effect.state, effect.attempt, effect.vendor_ref) == (EffectState.DONE, 1, "refund-1")
    assert scene.book.refunds[0].key == effect.key
    assert effect.claim is not None
    assert effect.claim.amount == eur(1250)


def test_the_same_call_again_gives_the_same_result_and_no_second_effect(scene: Scene) -> None:
    scene.propose()
    first = scene.steps(*ALL_STEPS)
    scene.clock.advance(3600)
    logged = scene.log()
    assert scene.steps(*ALL_STEPS) == first
    assert scene.steps(*ALL_STEPS) == first
    assert (len(scene.book.refunds), len(scene.book.messages), scene.book.requests) == (1, 1, 2)
    assert scene.book.reads == 2
    assert scene.log() == logged


def test_every_step_is_logged_in_its_own_unbroken_chain(scene: Scene) -> None:
    scene.propose()
    scene.steps(*ALL_STEPS)
    effect = [EntryKind.EFFECT_INTENDED, EntryKind.EFFECT_SETTLED]
    assert [scene.kinds(step) for step in ALL_STEPS] == [
        [EntryKind.READ_DONE],
        [EntryKind.READ_DONE],
        effect,
        effect,
    ]
    for stream in scene.door.log.streams(records.CASE):
        assert verify(scene.log(stream)) == []
    intended, settled = scene.log(f"{records.CASE}/{records.RUN}/{REFUND}")
    assert intended.detail["amount"] == settled.detail["amount"] == "12.50 EUR"
    assert settled.detail["vendor_ref"] == "refund-1"


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_no_secret_and_no_personal_data_reaches_log_or_messages(scene: Scene) -> None:
    scene.propose(
        records.refund_plan(
            records.read_step(),
            records.quote_step(),
            records.refund_step(note=f"for {EMAIL}"),
            records.reply_step(name="${steps.order.customer.name}", street=STREET),
        )
    )
    results = scene.steps(*ALL_STEPS)
    assert scene.book.tokens == {SECRET}  # the vendor got it
    written = "".join(entry.model_dump_json() for entry in scene.log())
    written += "".join(result.message + result.code for result in results)
    for private in (SECRET, EMAIL, STREET, "Maria", "Musterfrau", "conv-1"):
        assert private not in written


def test_a_run_without_a_case_logs_under_its_own_name(scene: Scene) -> None:
    plan = records.refund_plan(records.read_step())
    proposal = scene.door.runs.propose(records.proposal(plan, case=None))
    scene.door.runs.give(records.verdict(proposal))
    scene.step(READ)
    assert [entry.kind for entry in scene.log(f"{records.RUN}/{records.RUN}/{READ}")] == [EntryKind.READ_DONE]


# -- what is not authorised does not run


def test_a_run_without_plan_or_verdict_is_misconfigured(scene: Scene) -> None:
    with pytest.raises(Misconfigured):
        scene.step(REFUND)
    scene.door.runs.propose(records.proposal())
    with pytest.raises(Misconfigured):
        scene.step(REFUND)
    assert nothing_happened(scene)


def test_a_step_that_plan_or_verdict_do_not_know_is_misconfigured(scene: Scene) -> None:
    proposal = scene.door.runs.propose(records.proposal())
    verdict = records.verdict(proposal)
    scene.door.runs.give(verdict.model_copy(update={"steps": verdict.steps[:2]}))
    for step in (StepId("other"), REFUND):
        with pytest.raises(Misconfigured) as caught:
            scene.step(step)
        assert caught.value.code == "step.unknown"
    assert nothing_happened(scene)


def _other_plan() -> Plan:
    return records.refund_plan(records.quote_step(), records.refund_step(limit=5000), records.reply_step())


@pytest.mark.guarantee("effects:none-without-an-authorised-plan")
def test_a_plan_that_was_changed_after_the_verdict_does_not_run(scene: Scene) -> None:
    proposal, _ = scene.propose()
    scene.overwrite(f"plan#{proposal.run}", "plan", proposal.model_copy(update={"plan": _other_plan()}))
    assert scene.step(REFUND).code == "plan.not_authorised"
    assert nothing_happened(scene)


def test_a_plan_that_was_changed_together_with_its_digest_does_not_run(scene: Scene) -> None:
    proposal, _ = scene.propose()
    scene.overwrite(f"plan#{proposal.run}", "plan", records.proposal(_other_plan()))
    assert scene.step(REFUND).code == "plan.not_authorised"
    assert nothing_happened(scene)


def test_a_digest_that_is_not_the_plans_does_not_run(scene: Scene) -> None:
    proposal = records.proposal().model_copy(update={"digest": "0" * 64})
    scene.door.runs.propose(proposal)
    scene.door.runs.give(records.verdict(proposal))
    assert scene.step(REFUND).code == "plan.not_authorised"


def _refused_as_a_whole(verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"decision": Decision.REFUSE})


def _refused_in_one_step(verdict: Verdict) -> Verdict:
    steps = tuple(
        step.model_copy(update={"decision": Decision.REFUSE}) if step.step == REFUND else step
        for step in verdict.steps
    )
    return verdict.model_copy(update={"steps": steps})


@pytest.mark.guarantee("effects:none-without-an-authorised-plan")
@pytest.mark.parametrize("refused", [_refused_as_a_whole, _refused_in_one_step])
def test_what_the_gate_refused_does_not_run(scene: Scene, refused: object) -> None:
    assert callable(refused)
    proposal = scene.door.runs.propose(records.proposal())
    scene.door.runs.give(refused(records.verdict(proposal)))
    result = scene.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "plan.not_authorised")
    assert nothing_happened(scene)
    assert scene.kinds(REFUND) == [EntryKind.STEP_FAILED]


def test_a_tool_this_adapter_does_not_bind_is_misconfigured(scene: Scene) -> None:
    step = Step(id=StepId("cancel"), tool="orders.cancel", channel=records.SHOP, limit=eur(1))
    scene.propose(records.refund_plan(step))
    with pytest.raises(Misconfigured) as caught:
        scene.step(step.id)
    assert caught.value.code == "tool.unbound"


def test_a_channel_of_another_adapter_is_misconfigured(scene: Scene) -> None:
    scene.put_channel(records.channel(adapter="other"))
    scene.propose()
    with pytest.raises(Misconfigured) as caught:
        scene.step(READ)
    assert caught.value.code == "tool.unbound"


def test_a_channel_that_is_not_there_is_misconfigured(scene: Scene) -> None:
    step = records.read_step().model_copy(update={"channel": ChannelId("shop-us")})
    scene.propose(records.refund_plan(step))
    with pytest.raises(Misconfigured):
        scene.step(READ)


def test_a_secret_that_is_not_there_is_misconfigured(scene: Scene) -> None:
    scene.door.config.put_channel(records.channel(secret_ref="nowhere"))
    scene.propose()
    with pytest.raises(Misconfigured) as caught:
        scene.step(READ)
    assert caught.value.code == "secret.missing"


# -- bounds and arguments


@pytest.mark.guarantee("effects:none-without-an-authorised-plan")
@pytest.mark.parametrize(
    ("amount", "limit", "runs"), [(1250, 1250, True), (1250, 1249, False), (1250, 0, False)]
)
def test_a_resolved_amount_above_the_verdicts_limit_does_not_run(
    scene: Scene,
    amount: int,
    limit: int,
    runs: bool,  # noqa: FBT001  # a table's column
) -> None:
    scene.propose(records.refund_plan(records.quote_step(), records.refund_step(limit=limit)))
    _, result = scene.steps(QUOTE, REFUND)
    assert (result.outcome is Outcome.DONE) == runs
    assert [refund.amount for refund in scene.book.refunds] == ([amount] if runs else [])
    assert runs or result.code == "bounds.exceeded"


@pytest.mark.parametrize(
    "amount",
    [
        {"amount": 0, "currency": "EUR"},
        {"amount": -100, "currency": "EUR"},
        {"amount": 100, "currency": "JPY"},
    ],
)
def test_no_money_and_other_money_do_not_run(scene: Scene, amount: JsonValue) -> None:
    step = records.refund_step()
    step = step.model_copy(update={"args": step.args | {"amount": amount}})
    scene.propose(records.refund_plan(records.quote_step(), step))
    _, result = scene.steps(QUOTE, REFUND)
    assert result.code == "bounds.exceeded"
    assert nothing_happened(scene)


def test_a_money_step_without_a_limit_does_not_run(scene: Scene) -> None:
    step = records.refund_step().model_copy(update={"limit": None})
    scene.propose(records.refund_plan(records.quote_step(), step))
    assert [result.code for result in scene.steps(QUOTE, REFUND)] == ["", "bounds.exceeded"]
    assert nothing_happened(scene)


def test_the_verdicts_limit_counts_and_not_the_plans(scene: Scene) -> None:
    proposal = scene.door.runs.propose(records.proposal())
    verdict = records.verdict(proposal)
    lower = tuple(step.model_copy(update={"limit": eur(1000)}) for step in verdict.steps)
    scene.door.runs.give(verdict.model_copy(update={"steps": lower}))
    assert scene.steps(QUOTE, REFUND)[1].code == "bounds.exceeded"
    assert nothing_happened(scene)


def test_a_step_whose_reference_has_no_value_does_not_run(scene: Scene) -> None:
    scene.propose()
    result = scene.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "reference.missing")
    assert nothing_happened(scene)


def test_arguments_that_do_not_fit_are_named_and_not_quoted(scene: Scene) -> None:
    scene.propose(
        records.refund_plan(records.quote_step(), records.refund_step(restock=EMAIL, lines="${inputs.order}"))
    )
    result = scene.steps(QUOTE, REFUND)[1]
    assert result.code == "arguments.invalid"
    assert "restock" in result.message
    assert "lines" in result.message
    assert EMAIL not in result.message + "".join(entry.model_dump_json() for entry in scene.log())
    assert nothing_happened(scene)


def test_other_arguments_under_the_same_key_are_misconfigured(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Retryable("busy")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    quote = scene.door.runs.results(records.RUN)[QUOTE]
    cheaper = quote.model_copy(update={"output": quote.output | {"amount": {"amount": 1, "currency": "EUR"}}})
    scene.overwrite(f"result#{records.RUN}", f"{QUOTE}#0", cheaper)
    with pytest.raises(Misconfigured) as caught:
        scene.step(REFUND)
    assert caught.value.code == "ledger.other_arguments"
    assert (scene.book.requests, scene.book.refunds) == (1, [])
    assert scene.effect().state is EffectState.RELEASED


# -- reads


@pytest.mark.parametrize("error", [Retryable("busy"), Throttled("slow down", retry_after=2)])
def test_a_read_that_may_be_repeated_leaves_nothing_and_is_repeated(scene: Scene, error: Exception) -> None:
    scene.propose()
    scene.book.faults.append(Fault(error))
    with pytest.raises(type(error)):
        scene.step(READ)
    assert scene.door.runs.results(records.RUN) == {}
    assert scene.log() == ()
    assert scene.step(READ).outcome is Outcome.DONE


def test_a_read_that_is_refused_ends_the_step(scene: Scene) -> None:
    scene.propose(records.refund_plan().model_copy(update={"inputs": {"order": "order-9"}}))
    result = scene.step(READ)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "order.not_found")
    assert scene.kinds(READ) == [EntryKind.STEP_FAILED]
    assert scene.step(READ) == result
    assert scene.book.reads == 1


def test_a_read_that_gives_another_shape_is_not_taken_for_an_answer(scene: Scene) -> None:
    scene.propose()
    scene.book.odd_shape = True
    with pytest.raises(OutcomeUnknown) as caught:
        scene.step(QUOTE)
    assert caught.value.code == "output.shape"
    assert scene.door.runs.results(records.RUN) == {}


def test_a_read_runs_while_the_tenant_is_halted_and_the_case_with_a_person(scene: Scene) -> None:
    scene.propose()
    scene.door.config.put_tenant(records.tenant(halted=True))
    scene.cases.lock(records.CASE, "legal")
    assert scene.step(READ).outcome is Outcome.DONE


# -- the world says no before the vendor is called


def test_a_halted_tenant_makes_no_effect(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.door.config.put_tenant(records.tenant(halted=True))
    result = scene.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "tenant.halted")
    assert nothing_happened(scene)


def test_a_locked_case_makes_no_effect(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.cases.lock(records.CASE, "legal")
    assert scene.step(REFUND).code == "case.taken"
    assert nothing_happened(scene)


def test_a_case_that_was_handed_over_or_resolved_makes_no_effect(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.cases.hand_over(records.CASE, 1, "asked for a person")
    assert scene.step(REFUND).code == "case.taken"
    scene.cases.resolve(records.CASE, by="ana", note="done by hand", seen_seq=1)
    assert scene.step(REPLY).code == "case.taken"
    assert nothing_happened(scene)


def test_another_generation_makes_no_effect(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    assert scene.step(REFUND, generation=2).code == "case.outdated"
    assert nothing_happened(scene)


@pytest.mark.guarantee("recovery:old-generations-are-powerless")
def test_a_step_that_an_older_generation_may_not_make_stays_open_for_the_newer(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.step(REFUND, generation=2)
    assert REFUND not in scene.door.runs.results(records.RUN)
    assert scene.step(REFUND).outcome is Outcome.DONE


@pytest.mark.guarantee("recovery:old-generations-are-powerless")
def test_an_older_generation_that_finds_an_effect_released_leaves_it_so(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Retryable("nothing happened")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    assert scene.step(REFUND, generation=2).code == "case.outdated"
    assert scene.effect().state is EffectState.RELEASED
    assert scene.step(REFUND).outcome is Outcome.DONE


@pytest.mark.guarantee("recovery:a-settled-run-stays-settled")
def test_a_run_that_ended_makes_no_effect_any_more(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.door.ledger.end(records.RUN, fence=Fence(case=records.CASE, generation=1))
    assert scene.step(REFUND).code == "run.ended"
    assert nothing_happened(scene)


@pytest.mark.guarantee("effects:one-claim-across-cases")
def test_the_same_refund_by_a_second_run_is_refused_while_the_first_stands(scene: Scene) -> None:
    scene.propose()
    scene.steps(QUOTE, REFUND)
    second = RunId("run_second")
    scene.book.checks_state = False
    scene.propose(run=second)
    result = scene.steps(QUOTE, REFUND, run=second)[1]
    assert (result.outcome, result.code) == (Outcome.REJECTED, "claim.taken")
    assert len(scene.book.refunds) == 1
    assert scene.door.ledger.find(second, REFUND, 0) is None


def test_other_lines_of_the_same_payment_fit_only_while_something_is_left(scene: Scene) -> None:
    scene.book.orders[records.ORDER].captured = 2000
    for n, run in enumerate((RunId("run_a"), RunId("run_b"))):
        lines: list[JsonValue] = [{"line": f"line-{n}", "quantity": 1}]
        quote = records.quote_step().model_copy(update={"args": {"order": records.ORDER, "lines": lines}})
        scene.propose(records.refund_plan(quote, records.refund_step()), run=run)
    assert scene.steps(QUOTE, REFUND, run=RunId("run_a"))[1].outcome is Outcome.DONE
    result = scene.steps(QUOTE, REFUND, run=RunId("run_b"))[1]
    assert result.code == "state.changed"
    assert scene.book.requests == 1


def test_the_vendors_no_before_the_intent_leaves_no_effect(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    del scene.book.orders[records.ORDER]
    result = scene.step(REFUND)
    assert (result.outcome, result.code) == (Outcome.REJECTED, "order.not_found")
    assert nothing_happened(scene)


# -- records that died half way


def test_an_attempt_that_died_before_it_could_log_its_end_is_logged_by_the_next(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Retryable("busy")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    done = scene.effect().model_copy(update={"state": EffectState.DONE, "settled_at": scene.clock.now()})
    scene.door.ledger.settle(done, records.result())
    assert scene.kinds(REFUND) == [EntryKind.EFFECT_INTENDED]
    for _ in range(2):
        assert scene.step(REFUND).outcome is Outcome.DONE
    assert scene.kinds(REFUND) == [EntryKind.EFFECT_INTENDED, EntryKind.EFFECT_SETTLED]
    assert scene.book.refunds == []


def test_a_settled_effect_without_its_result_is_misconfigured(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Retryable("busy")))
    with pytest.raises(Retryable):
        scene.step(REFUND)
    ended = scene.effect().model_copy(update={"state": EffectState.NOT_DONE})
    scene.door.ledger.settle(ended, None)
    with pytest.raises(Misconfigured) as caught:
        scene.step(REFUND)
    assert caught.value.code == "ledger.result_missing"
    assert scene.book.refunds == []


def test_a_refused_step_stays_refused(scene: Scene) -> None:
    scene.propose()
    refused = scene.step(REFUND)
    scene.step(QUOTE)
    assert scene.step(REFUND) == refused
    assert nothing_happened(scene)


@pytest.mark.parametrize("contract", [c for c in ALL.values() if c.money], ids=lambda c: c.name)
def test_every_money_tool_claims_the_money_it_moves(contract: ToolContract[Any, Any]) -> None:
    """`log_settled` and the pool rely on it."""
    args = contract.input.model_validate(contract.example)
    assert contract.once_per is not None
    claim = contract.once_per(records.SHOP, args)
    assert claim.amount == args.amount
    assert claim.pool


def test_the_vendors_no_is_logged_with_its_code(scene: Scene) -> None:
    scene.propose()
    scene.step(QUOTE)
    scene.book.faults.append(Fault(Rejected("no", code="refund.too_much")))
    result = scene.step(REFUND)
    entries = scene.log(f"{records.CASE}/{records.RUN}/{REFUND}")
    assert (result.outcome, result.code) == (Outcome.REJECTED, "refund.too_much")
    assert entries[-1].detail["code"] == "refund.too_much"
