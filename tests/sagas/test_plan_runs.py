"""Plans of many steps by the real machine: waves, waits, taking back, stopping and going on."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from demo.tenant import CONTACT, SHOP, TENANT
from nightshift.aws.again import DynamoReruns
from nightshift.aws.launch import StepFunctionsLaunch
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.log import DynamoActionLog
from nightshift.clock import SystemClock
from nightshift.errors import Conflict
from nightshift.ids import StepId, occurrence_run_id, undo_run_id
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.policy import Allowance
from nightshift.model.tool import Outcome
from nightshift.money import Money
from nightshift.runs.again import Again, resume, retry, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from fakes.shopify_shelf import VariantRecord
    from nightshift.ids import RunId
    from nightshift.model.case import RunOutcome
    from tests.support.installation import Execution, Installation

pytestmark = pytest.mark.xdist_group("sagas")

ANA = Principal(id="ana", role="manager", kind="person")
OLD, NEW = 1250, 1190
DAY = 24 * 3600
_NUMBERS = count(1)


@contextmanager
def allowed(saga: Installation) -> Iterator[None]:
    """A policy that lets prices and stock be set without asking, in any number."""
    rules = saga.policy_in_force()
    mine = [
        Allowance(name=f"test-{tool.replace('.', '-')}", tool=tool)
        for tool in ("pricing.set", "inventory.set")
    ]
    with saga.policy(allowances=(*rules.allowances, *mine), windows=(), blast_radius=(), rules=()):
        yield


def product(saga: Installation) -> str:
    """A product of the shop, by its SKU."""
    sku = f"PLATE-{next(_NUMBERS)}"
    saga.shop.vendor.create_product(sku=sku, price="12.50")
    return sku


def on_the_shelf(saga: Installation, sku: str) -> VariantRecord:
    books = saga.shop.vendor.books
    with books.lock:
        return next(each for each in books.shelf.variants.values() if each.spec.sku == sku)


def price_of(saga: Installation, sku: str) -> str:
    return on_the_shelf(saga, sku).price.decimal()


def reprice(name: str, sku: str, *, expected: int = OLD, needs: tuple[str, ...] = ()) -> Step:
    args: dict[str, JsonValue] = {
        "sku": sku,
        "price": {"amount": NEW, "currency": "EUR"},
        "expected_price": {"amount": expected, "currency": "EUR"},
    }
    return Step(id=StepId(name), tool="pricing.set", channel=SHOP, args=args, needs=_ids(*needs))


def wait(seconds: int, *needs: str) -> Step:
    return Step(id=StepId("wait"), tool="wait.for", args={"seconds": seconds}, needs=_ids(*needs))


def tell(conversation: str, *needs: str) -> Step:
    args: dict[str, JsonValue] = {
        "conversation": conversation,
        "template": "ask_for_photo@1",
        "fields": {"order": "#1"},
    }
    return Step(id=StepId("tell"), tool="messaging.reply", channel=CONTACT, args=args, needs=_ids(*needs))


def _ids(*names: str) -> tuple[StepId, ...]:
    return tuple(StepId(name) for name in names)


def proposed(*steps: Step) -> Proposal:
    plan = Plan(name="saga-test", steps=steps)
    run = occurrence_run_id(TENANT, "person:ana", f"{plan.digest()}-{next(_NUMBERS)}")
    return Proposal(
        run=run,
        tenant=TENANT,
        case=None,
        wake=0,
        generation=1,
        subject="",
        customer=None,
        requester=ANA,
        proposed_by="person:ana",
        plan=plan,
        digest=plan.digest(),
        proposed_at=SystemClock().now(),
    )


def again(saga: Installation) -> Again:
    """What the API reaches a run through."""
    aws = saga.shop.stack.client
    tables = {name.lower().removeprefix("table_"): value for name, value in saga.settings.items()}
    named = LedgerTables(
        ledger=tables["ledger"], runs=tables["runs"], cases=tables["cases"], config=tables["config"]
    )
    db: Any = aws("dynamodb")
    return Again(
        runs=saga.runs,
        ledger=DynamoLedger(named, db),
        reruns=DynamoReruns(ledger=tables["ledger"], runs=tables["runs"], client=db),
        launch=StepFunctionsLaunch(tables["runs"], saga.machine("run"), db=db, states=aws("stepfunctions")),
        log=DynamoActionLog(tables["log"], db),
        clock=SystemClock(),
    )


def carried_out(saga: Installation, *steps: Step) -> tuple[RunId, Execution]:
    """A plan launched, judged by the gate and carried to its end."""
    proposal = proposed(*steps)
    with allowed(saga):
        again(saga).launch.launch(proposal)
        execution = saga.ended(saga.execution_of_run(proposal.run))
    assert execution.status == "SUCCEEDED"
    return proposal.run, execution


def outcome_of(saga: Installation, run: RunId) -> RunOutcome:
    found = saga.runs.outcome(run)
    assert found is not None
    return found


# -- waves


def test_writes_that_do_not_need_one_another_run_side_by_side_for_three_transitions_a_step_at_most(
    saga: Installation,
) -> None:
    skus = [product(saga) for _ in range(12)]
    run, execution = carried_out(saga, *(reprice(f"s{n}", sku) for n, sku in enumerate(skus)))
    assert outcome_of(saga, run).status == "DONE"
    assert [price_of(saga, sku) for sku in skus] == ["11.90"] * len(skus)
    assert [state for state in execution.states if state != "Lane"] == [
        "Gate",
        "Next",
        "Steps",
        "Next",
        "Settle",
    ]
    assert len(execution.states) <= 3 * len(skus) + 10


def test_a_later_wave_begins_when_the_one_before_is_done_and_what_is_irreversible_comes_last(
    saga: Installation,
) -> None:
    conversation = f"conversation-plan-{next(_NUMBERS)}"
    saga.shop.store.message(conversation, "Hello")
    first, second, third = (product(saga) for _ in range(3))
    run, execution = carried_out(
        saga,
        tell(conversation),
        reprice("c", third, needs=("a", "b")),
        reprice("a", first),
        reprice("b", second),
    )
    ended = outcome_of(saga, run)
    assert (ended.status, ended.undone, ended.left) == ("DONE", (), ())
    moves = [state for state in execution.states if state in {"Steps", "Step"}]
    assert moves == ["Steps", "Step", "Step"]
    at = {step: result.settled_at for step, result in saga.runs.results(run).items()}
    assert max(at[StepId("a")], at[StepId("b")]) < at[StepId("c")] < at[StepId("tell")]


def test_what_a_wave_gives_back_does_not_grow_with_the_wave_that_follows(saga: Installation) -> None:
    firsts = [reprice(f"a{n}", product(saga)) for n in range(5)]
    seconds = [reprice(f"b{n}", product(saga), needs=tuple(step.id for step in firsts)) for n in range(5)]
    run, execution = carried_out(saga, *firsts, *seconds)
    assert outcome_of(saga, run).status == "DONE"
    assert len(execution.states) <= 3 * 10 + 10
    history = saga.shop.stack.client("stepfunctions").get_execution_history(
        executionArn=saga.execution_of_run(run), maxResults=1000
    )
    left = [
        event["stateExitedEventDetails"] for event in history["events"] if "stateExitedEventDetails" in event
    ]
    lanes = [len(state["output"]) for state in left if state["name"] == "Lane"]
    assert len(lanes) == 10
    assert sum(size > 100 for size in lanes) <= 2  # one of each wave says what comes next


# -- taking back


@pytest.mark.guarantee("runs:what-failed-is-taken-back")
def test_what_a_failed_run_did_is_taken_back_and_no_later_wave_begins(saga: Installation) -> None:
    first, second, sold, later = (product(saga) for _ in range(4))
    run, execution = carried_out(
        saga,
        reprice("a", first),
        reprice("b", second),
        reprice("stale", sold, expected=999),
        reprice("later", later, needs=("stale",)),
    )
    ended = outcome_of(saga, run)
    assert (ended.status, ended.failed_step, ended.reason) == ("CHANGED", "stale", "state.changed")
    assert (set(ended.undone), ended.left) == ({"a", "b"}, ())
    assert [price_of(saga, sku) for sku in (first, second, sold, later)] == ["12.50"] * 4
    assert StepId("later") not in saga.runs.results(run)
    assert execution.states[-7:] == ["Unwind", "Next", "Step", "Next", "Step", "Next", "Settle"]
    back = saga.runs.results(undo_run_id(run))
    assert {step: result.outcome for step, result in back.items()} == dict.fromkeys(
        _ids("a", "b"), Outcome.DONE
    )
    kinds = [entry.kind for entry in again(saga).log.read(run)]
    assert EntryKind.RUN_UNDOING in kinds
    assert kinds.count(EntryKind.RUN_SETTLED) == 2  # its own, and that of what took it back


@pytest.mark.guarantee("runs:what-failed-is-taken-back")
def test_what_cannot_be_taken_back_is_said_aloud(saga: Installation) -> None:
    first, second = product(saga), product(saga)
    before = saga.invocations("runner")
    proposal = proposed(
        reprice("a", first), wait(3 * DAY, "a"), reprice("stale", second, expected=999, needs=("wait",))
    )
    with allowed(saga):
        again(saga).launch.launch(proposal)
        saga.shop.wait_for(lambda: price_of(saga, first) == "11.90" or None, "the price", seen=lambda: "")
        # somebody else changes it while the run waits: what it set stands no more
        on_the_shelf(saga, first).price = Money(amount=1000, currency="EUR")
        saga.ended(saga.execution_of_run(proposal.run))
    ended = outcome_of(saga, proposal.run)
    assert (ended.status, ended.failed_step, ended.undone, ended.left) == ("UNDO_FAILED", "stale", (), ("a",))
    assert price_of(saga, first) == "10.00"
    assert saga.invocations("runner") > before


# -- waits


def test_a_wait_holds_the_run_and_its_moment_is_kept(saga: Installation) -> None:
    first, second = product(saga), product(saga)
    run, execution = carried_out(
        saga, reprice("a", first), wait(DAY, "a"), reprice("b", second, needs=("wait",))
    )
    assert outcome_of(saga, run).status == "DONE"
    shown = " ".join(execution.states)
    assert "Step Next Hold Wait Next Step Next Settle" in shown
    results = saga.runs.results(run)
    begun = results[StepId("a")].settled_at
    until = datetime.fromisoformat(str(results[StepId("wait")].output["until"]))
    assert until == begun + timedelta(days=1)


# -- questions


def test_what_a_plan_asks_a_person_holds_what_needs_the_answer_and_nothing_else(saga: Installation) -> None:
    first, second = product(saga), product(saga)
    question = Step(id=StepId("really"), tool="ask.person", args={"question": "Cheaper, really?"})
    proposal = proposed(reprice("a", first, needs=("really",)), question, reprice("b", second))
    with allowed(saga):
        again(saga).launch.launch(proposal)
        asked = saga.shop.wait_for(
            lambda: next((a for a in saga.approvals.waiting(TENANT) if a.run == proposal.run), None),
            "the question",
            seen=lambda: "",
        )
        assert {step.step for step in asked.steps} == {"really", "a"}
        assert (price_of(saga, first), price_of(saga, second)) == ("12.50", "12.50")
        saga.shop.as_("ben").decide(asked.id, "approve", "")
        execution = saga.ended(saga.execution_of_run(proposal.run))
    assert outcome_of(saga, proposal.run).status == "DONE"
    assert execution.states[:3] == ["Gate", "Next", "Ask"]
    assert (price_of(saga, first), price_of(saga, second)) == ("11.90", "11.90")


# -- stopping and going on


def test_a_run_that_is_stopped_makes_nothing_more_until_a_person_lets_it_go_on(saga: Installation) -> None:
    first, second = product(saga), product(saga)
    proposal = proposed(reprice("a", first), wait(2 * DAY, "a"), reprice("b", second, needs=("wait",)))
    hands = again(saga)
    with allowed(saga):
        hands.launch.launch(proposal)
        saga.shop.wait_for(
            lambda: saga.runs.results(proposal.run).get(StepId("wait")), "the wait", seen=lambda: ""
        )
        stands = stop(hands, proposal.run, by=ANA, note="not today")
        assert (stands.generation, stands.stopped) == (2, True)
        assert saga.ended(saga.execution_of_run(proposal.run)).status == "ABORTED"
        assert stop(hands, proposal.run, by=ANA, note="not today") == stands
        assert (price_of(saga, first), price_of(saga, second)) == ("11.90", "12.50")
        resume(hands, proposal.run, by=ANA, note="now")
        execution = saga.ended(saga.execution_of_run(proposal.run, 2))
    assert execution.status == "SUCCEEDED"
    assert outcome_of(saga, proposal.run).status == "DONE"
    assert (price_of(saga, first), price_of(saga, second)) == ("11.90", "11.90")
    entries = hands.log.read(proposal.run)
    told = [entry.kind for entry in entries if entry.kind in {EntryKind.RUN_STOPPED, EntryKind.RUN_RESUMED}]
    assert told == [EntryKind.RUN_STOPPED, EntryKind.RUN_RESUMED]
    with pytest.raises(Conflict):
        stop(hands, proposal.run, by=ANA, note="too late")


def test_a_failed_step_is_tried_again_when_a_person_says_so_and_what_was_done_is_not_repeated(
    saga: Installation,
) -> None:
    first, conversation = product(saga), f"conversation-plan-{next(_NUMBERS)}"
    other = f"conversation-plan-{next(_NUMBERS)}"
    saga.shop.store.message(other, "Hello")
    say = tell(conversation)
    also = tell(other).model_copy(update={"id": StepId("also")})
    run, _ = carried_out(saga, reprice("a", first), also, say.model_copy(update={"needs": _ids("also")}))
    ended = outcome_of(saga, run)
    assert (ended.status, ended.failed_step) == ("FAILED", "tell")
    assert (ended.undone, set(ended.left)) == (
        (),
        {"a", "also"},
    )  # past what is irreversible, nothing is undone
    saga.shop.store.message(conversation, "Hello")
    hands = again(saga)
    with allowed(saga):
        assert retry(hands, run, by=ANA, note="it is there now").generation == 2
        assert saga.ended(saga.execution_of_run(run, 2)).status == "SUCCEEDED"
    assert outcome_of(saga, run).status == "DONE"
    sent = [
        sent.conversation for sent in saga.shop.store.messages if sent.conversation in {conversation, other}
    ]
    assert sorted(sent) == sorted([conversation, other])
    kinds = [entry.kind for entry in hands.log.read(run)]
    assert kinds.count(EntryKind.RUN_SETTLED) == 2
    assert EntryKind.RUN_RETRIED in kinds
