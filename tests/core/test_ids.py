"""Ids are derived: the same parts make the same id, other parts another one."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from nightshift.ids import (
    CaseId,
    ChannelId,
    EventId,
    RunId,
    StepId,
    TenantId,
    approval_id,
    as_uuid,
    body_digest,
    case_id,
    event_id,
    execution_name,
    idempotency_key,
    opaque,
    run_execution_name,
    run_id,
)

parts = st.lists(st.text(max_size=8), max_size=4)


@given(parts, parts)
def test_two_ids_are_equal_exactly_when_their_parts_are(first: list[str], second: list[str]) -> None:
    assert (opaque("x", *first) == opaque("x", *second)) == (first == second)


@given(st.text(min_size=1, max_size=6), st.integers(min_value=0, max_value=6))
def test_moving_a_border_between_two_parts_makes_another_id(text: str, border: int) -> None:
    cut = border % len(text)
    assert opaque("x", text[:cut], text[cut:]) != opaque("x", text)


@given(parts)
def test_an_id_is_its_prefix_and_26_letters_that_any_system_can_carry(given_parts: list[str]) -> None:
    assert re.fullmatch(r"case_[a-z2-7]{26}", opaque("case", *given_parts))


def test_every_kind_of_id_says_what_it_is_and_repeats() -> None:
    tenant, channel = TenantId("acme"), ChannelId("shop-eu")

    def make() -> list[str]:
        event = event_id(tenant, channel, "delivery-1")
        case = case_id(tenant, "order:shop-eu:1", event)
        run = run_id(case, 1)
        return [event, case, run, idempotency_key(run, StepId("refund"), 0), approval_id(run, "digest")]

    assert make() == make()
    assert [made.split("_")[0] for made in make()] == ["evt", "case", "run", "key", "apr"]


def test_another_wake_step_occurrence_or_digest_is_another_id() -> None:
    case = CaseId("case_1")
    run = run_id(case, 1)
    assert run_id(case, 2) != run
    assert len({idempotency_key(run, StepId(s), o) for s in ("a", "b") for o in (0, 1)}) == 4
    assert approval_id(run, "one") != approval_id(run, "two")
    assert case_id(TenantId("a"), "s", EventId("e")) != case_id(TenantId("b"), "s", EventId("e"))


def test_executions_are_named_by_what_they_drive_and_its_generation() -> None:
    assert execution_name(CaseId("case_1"), 3) == "case_1-g3"
    assert run_execution_name(RunId("run_1"), 3) == "run_1-g3"
    assert len(run_execution_name(run_id(CaseId("case_1"), 1), 10**6)) <= 80  # what Step Functions allows


@given(st.text())
def test_a_key_as_uuid_is_a_valid_version_8_and_the_same_each_time(key: str) -> None:
    made = uuid.UUID(as_uuid(key))
    assert made.version == 8
    assert made.variant == uuid.RFC_4122
    assert as_uuid(key) == as_uuid(key)


@given(st.text(), st.text())
def test_two_keys_make_two_uuids(first: str, second: str) -> None:
    assert (as_uuid(first) == as_uuid(second)) == (first == second)


def test_a_body_digest_is_sha_256() -> None:
    assert body_digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
