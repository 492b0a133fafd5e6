"""Contracts and bindings say everything that decides an effect, or cannot be made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue

from nightshift.errors import Misconfigured, Rejected
from nightshift.ids import ChannelId
from nightshift.model.tool import EffectClass
from nightshift.model.verdict import Decision
from nightshift.tools.asked import amount_of, arguments, asked_steps, contract_of
from nightshift.tools.binding import Binding, Call, Done, Room
from nightshift.tools.contract import ToolContract
from nightshift.tools.contracts import ALL, messaging, orders, payments
from tests.support import records
from tests.support.book import EMAIL, Book, vendor
from tests.support.records import REFUND

EVERY = pytest.mark.parametrize("contract", ALL.values(), ids=lambda contract: contract.name)


def call_nothing(call: Call[None]) -> Done:
    raise Rejected(call.key)


def some_room(call: Call[None]) -> Room:
    return Room(left=len(call.key))


@EVERY
def test_the_example_of_a_contract_validates(contract: ToolContract[Any, Any]) -> None:
    args = contract.input.model_validate(contract.example)
    assert contract.input.model_validate(args.model_dump(mode="json")) == args


@EVERY
def test_a_write_says_what_it_claims_and_money_says_how_much(contract: ToolContract[Any, Any]) -> None:
    args = contract.input.model_validate(contract.example)
    assert (contract.once_per is None) == (contract.effect is EffectClass.READ)
    assert (amount_of(contract, args) is not None) == contract.money
    if contract.money:
        assert contract.irreversible
        assert "amount" in contract.sensitive


@EVERY
def test_a_claim_is_the_same_for_the_same_arguments_and_belongs_to_one_channel(
    contract: ToolContract[Any, Any],
) -> None:
    if contract.once_per is None:
        return
    args = contract.input.model_validate(contract.example)
    again = contract.input.model_validate(contract.example)
    assert contract.once_per(records.SHOP, args) == contract.once_per(records.SHOP, again)
    assert contract.once_per(records.SHOP, args).key != contract.once_per(ChannelId("other"), args).key


@EVERY
def test_the_spec_of_a_contract_is_the_contract(contract: ToolContract[Any, Any]) -> None:
    spec = contract.spec(("vendor",))
    assert (spec.name, spec.version, spec.effect, spec.adapters) == (
        contract.name,
        contract.version(),
        contract.effect,
        ("vendor",),
    )
    assert set(spec.sensitive) <= set(contract.input.model_fields)
    assert spec.input_schema == contract.input.model_json_schema()


def test_a_contract_gets_another_version_when_its_shape_or_effect_changes() -> None:
    refund: ToolContract[Any, Any] = payments.REFUND
    versions = {
        payments.REFUND.version(),
        replace(payments.REFUND, effect=EffectClass.WRITE).version(),
        replace(refund, input=orders.CancelOrder).version(),
        replace(refund, output=orders.OrderCancelled).version(),
    }
    assert len(versions) == 4
    assert replace(payments.REFUND, summary="Other words.").version() == payments.REFUND.version()


@pytest.mark.parametrize("effect", [e for e in EffectClass if e is not EffectClass.READ])
def test_a_write_that_claims_nothing_cannot_be_made(effect: EffectClass) -> None:
    with pytest.raises(TypeError, match="once_per"):
        replace(payments.REFUND, effect=effect, once_per=None)


def test_the_order_of_lines_and_payments_does_not_change_a_refunds_claim() -> None:
    lines = tuple(payments.RefundLine(line=f"line-{n}", quantity=n) for n in (1, 2))
    parts = tuple(
        payments.RefundTransaction(parent=f"txn-{n}", gateway="card", amount=records.eur(10)) for n in (1, 2)
    )
    args = payments.RefundPayment(
        order="order-1",
        amount=records.eur(20),
        expected_refunded=records.eur(0),
        lines=lines,
        transactions=parts,
        restock=payments.Restock.NO_RESTOCK,
    )
    turned = args.model_copy(update={"lines": lines[::-1], "transactions": parts[::-1], "note": "other"})
    more = args.model_copy(update={"lines": lines[:1]})
    assert payments.REFUND.once_per is not None
    claims = [payments.REFUND.once_per(records.SHOP, given).key for given in (args, turned, more)]
    assert claims[0] == claims[1] != claims[2]


def test_the_same_words_to_one_conversation_are_held_for_a_while_and_no_longer() -> None:
    args = messaging.ReplyMessage.model_validate(messaging.REPLY.example)
    assert messaging.REPLY.once_per is not None
    claim = messaging.REPLY.once_per(records.SHOP, args)
    other = messaging.REPLY.once_per(records.SHOP, args.model_copy(update={"fields": {"order": "#2"}}))
    assert claim.hold_seconds
    assert claim.pool is None
    assert claim.key != other.key
    assert "shipped" not in claim.key  # a claim's key is no place for what the customer is told


def test_a_money_tool_without_room_cannot_be_bound() -> None:
    with pytest.raises(TypeError, match="room"):
        Binding(contract=payments.REFUND, call=call_nothing)
    assert Binding(contract=payments.REFUND, call=call_nothing, room=some_room).room is some_room


def test_a_write_is_undone_or_irreversible_and_never_both() -> None:
    with pytest.raises(TypeError, match="undo"):
        replace(orders.SET_ADDRESS, undo=None)
    with pytest.raises(TypeError, match="undo"):
        replace(orders.SET_ADDRESS, irreversible=True)
    with pytest.raises(TypeError, match="undo"):
        replace(orders.GET, undo=orders.SET_ADDRESS.undo)
    assert orders.SET_ADDRESS.undo is not None
    assert orders.GET.undo is None


def test_an_adapter_finds_its_bindings_by_name() -> None:
    adapter = vendor(Book())
    found = adapter.binding("payments.refund")
    assert found is not None
    assert found.contract is payments.REFUND
    assert adapter.binding("orders.cancel") is None


def test_a_tool_nobody_knows_is_misconfigured() -> None:
    assert contract_of("payments.refund") is payments.REFUND
    with pytest.raises(Misconfigured) as caught:
        contract_of("payments.steal")
    assert caught.value.code == "tool.unknown"


def test_arguments_that_do_not_fit_are_named_and_never_quoted() -> None:
    with pytest.raises(Rejected) as caught:
        arguments(orders.GET, {"order": ["a"], "mail": EMAIL})
    assert caught.value.code == "arguments.invalid"
    assert "order" in str(caught.value)
    assert EMAIL not in str(caught.value) + str(caught.value.__cause__)


def test_only_money_tools_move_an_amount() -> None:
    refund = payments.REFUND.input.model_validate(payments.REFUND.example)
    assert amount_of(payments.REFUND, refund) == records.eur(1250)
    assert amount_of(replace(payments.REFUND, money=False), refund) is None
    assert amount_of(payments.REFUND, object()) is None


def test_only_asking_steps_are_asked_and_with_their_defaults_filled_in() -> None:
    nothing: JsonValue = {"amount": 0, "currency": "EUR"}
    parent: JsonValue = {"parent": "t", "gateway": "g", "amount": {"amount": 5, "currency": "EUR"}}
    step = records.refund_step(5, lines=[], expected_refunded=nothing, transactions=[parent])
    proposal = records.proposal(records.refund_plan(records.read_step(), step))
    verdict = records.verdict(proposal, asks=frozenset({REFUND}))
    (asked,) = asked_steps(proposal, verdict, {})
    assert (asked.step, asked.args["notify"], asked.args["note"]) == (REFUND, True, "")
    assert asked.tool_version == payments.REFUND.version()
    allowed = verdict.model_copy(
        update={"steps": tuple(s.model_copy(update={"decision": Decision.ALLOW}) for s in verdict.steps)}
    )
    assert asked_steps(proposal, allowed, {}) == ()
