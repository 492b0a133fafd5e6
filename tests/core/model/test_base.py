"""The base of every noun: frozen, closed, silent about what does not fit, one digest per meaning."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from nightshift.errors import BadInput
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.plan import Plan
from nightshift.tools.contracts.payments import RefundPayment
from tests.support import records

names = st.text(min_size=1, max_size=5)
values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


class Thing(Noun):
    name: str
    size: int = 1


@given(st.dictionaries(names, values, max_size=5), st.randoms())
def test_the_order_of_fields_does_not_change_a_digest(
    document: dict[str, JsonValue], shuffle: random.Random
) -> None:
    items = list(document.items())
    shuffle.shuffle(items)
    assert canonical_digest(dict(items)) == canonical_digest(document)


@given(st.dictionaries(names, values, max_size=4), st.dictionaries(names, values, max_size=4))
def test_two_documents_share_a_digest_exactly_when_they_are_the_same_json(
    first: dict[str, JsonValue], second: dict[str, JsonValue]
) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (canonical_digest(first) == canonical_digest(second)) == same


def test_a_plan_keeps_its_digest_through_storage() -> None:
    plan = records.refund_plan()
    assert Plan.model_validate_json(plan.model_dump_json()).digest() == plan.digest()


def test_any_change_of_a_plan_changes_its_digest() -> None:
    plan = records.refund_plan()
    others = [
        plan.model_copy(update={"inputs": {"order": "order-2"}}),
        plan.model_copy(update={"steps": plan.steps[:-1]}),
        plan.model_copy(update={"steps": tuple(reversed(plan.steps))}),
        plan.model_copy(update={"name": "refunds"}),
        records.refund_plan(*plan.steps[:2], records.refund_step(limit=2001), *plan.steps[3:]),
    ]
    digests = {other.digest() for other in others} | {plan.digest()}
    assert len(digests) == len(others) + 1


def test_a_noun_is_frozen_and_closed() -> None:
    thing = Thing(name="a")
    with pytest.raises(ValidationError):
        thing.name = "b"  # type: ignore[misc]  # that is the point
    with pytest.raises(ValidationError):
        Thing.model_validate({"name": "a", "colour": "red"})


def test_what_does_not_fit_is_named_and_never_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        RefundPayment.model_validate({"order": {"email": "maria@example.com"}, "note": ["maria@example.com"]})
    assert "maria@example.com" not in str(caught.value)
    assert {"order", "note", "amount"} <= {error["loc"][0] for error in caught.value.errors()}


@pytest.mark.parametrize("number", [2**53, -(2**53), float("nan"), float("inf")])
def test_a_number_that_is_not_read_alike_everywhere_has_no_digest(number: float) -> None:
    with pytest.raises(BadInput):
        canonical_digest({"amount": number})
