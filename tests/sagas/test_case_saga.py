"""The life of a case, state by state: where it fails it ends with a person, and nothing is done twice."""

from __future__ import annotations

import json

import pytest

from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind
from tests.support.installation import Installation

pytestmark = pytest.mark.xdist_group("sagas")

CLOSED, PERSON, SLEEPING = CaseStatus.CLOSED, CaseStatus.WITH_PERSON, CaseStatus.SLEEPING
REFUND = "It never arrived, I want my money back."


@pytest.mark.guarantee("cases:every-failure-ends-with-a-person")
def test_a_vendor_that_stays_down_is_asked_seven_times_then_a_person_takes_the_case(saga: Installation):
    order = saga.order()
    saga.shop.vendor.fail("503", times=0)
    saga.shop.message(order, REFUND)
    case = saga.shop.wait_for_case(order, PERSON, CLOSED)
    assert (case.status, case.handoff_reason) == (
        PERSON,
        "what the case is about could not be read (Retryable)",
    )
    ended = saga.ended(saga.execution_of(case.id))
    assert ended.states == ["Observe", "HandOver", "WithPerson"]
    assert saga.shop.kinds(case.id)[-1] is EntryKind.CASE_HANDED_OVER
    assert saga.at_rest(order) == []
    assert saga.made(order) == set()
