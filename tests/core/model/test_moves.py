"""From move to move: pure, and never past the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.model.approval import ApprovalStatus
from nightshift.model.moves import after, after_answer, settling
from nightshift.model.verdict import Verdict
from tests.support import records

PROPOSAL = records.proposal()
ASKS = records.verdict(PROPOSAL, asks=frozenset({records.REFUND}), ask_seconds=77)


def walk(verdict: Verdict) -> list[str]:
    """The moves of a run on which everything goes well."""
    state = after(verdict, run=records.RUN, generation=3, index=-1)
    seen: list[str] = [state.move.next]
    while state.move.next != "settle":
        state = after(verdict, run=records.RUN, generation=3, index=state.move.index)
        seen.append(state.move.next)
    return seen


def test_a_run_goes_through_every_move_in_order_and_settles() -> None:
    assert walk(ASKS) == ["one", "ask", "one", "settle"]
    assert walk(records.verdict(PROPOSAL)) == ["one", "one", "settle"]


def test_a_verdict_without_moves_settles_at_once() -> None:
    assert walk(ASKS.model_copy(update={"moves": ()})) == ["settle"]


@given(st.integers(min_value=0, max_value=50))
def test_after_its_last_move_a_run_always_settles(index: int) -> None:
    state = after(ASKS, run=records.RUN, generation=1, index=index + len(ASKS.moves))
    assert state.move.next == "settle"
    assert state.move.lanes == ()


def test_the_state_carries_run_generation_and_how_long_a_person_has() -> None:
    state = after(ASKS, run=records.RUN, generation=4, index=0)
    assert (state.run, state.generation, state.ask_seconds) == (records.RUN, 4, 77)


def test_a_run_that_stops_settles_where_it_stands() -> None:
    state = settling(run=records.RUN, generation=2, index=1)
    assert (state.move.next, state.move.index, state.generation) == ("settle", 1, 2)
    assert state.ask_seconds > 0  # Step Functions refuses a timeout of nothing


def test_a_yes_leads_to_the_move_after_the_question() -> None:
    approved = records.approval(status=ApprovalStatus.APPROVED)
    state = after_answer(approved, ASKS, 2)
    assert (state.move.index, state.move.next) == (2, "one")
    assert state.generation == 2


@pytest.mark.parametrize(
    "status", [ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED, ApprovalStatus.VOIDED, ApprovalStatus.PENDING]
)
def test_anything_but_a_yes_leads_to_the_end(status: ApprovalStatus) -> None:
    state = after_answer(records.approval(status=status), ASKS, 2)
    assert state.move.next == "settle"
