"""An execution that is old, long or of an outdated definition is followed by a new one, and that ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from nightshift.context.outlived import Wake, outlived
from nightshift.ids import CaseId

if TYPE_CHECKING:
    from tests.conftest import FixedClock

HERE = "0123456789abcdef"


def wake(
    clock: FixedClock, number: int = 2, *, first: int | None = 1, days: float = 1, of: str = HERE
) -> Wake:
    return Wake(
        case=CaseId("case_a"),
        generation=1,
        wake=number,
        woken="event",
        began=clock.now() - timedelta(days=days),
        first=first,
        definition=of,
    )


@pytest.mark.parametrize(
    ("number", "days", "of", "over"),
    [
        (2, 1, HERE, False),
        (2, 299.9, HERE, False),
        (2, 300, HERE, True),
        (100, 1, HERE, False),
        (101, 1, HERE, True),
        (2, 1, "fedcba9876543210", True),
        (2, 1, "", True),
    ],
)
def test_age_length_and_definition_decide(
    clock: FixedClock, number: int, days: float, of: str, *, over: bool
) -> None:
    assert outlived(wake(clock, number, days=days, of=of), HERE, clock.now()) is over


def test_the_first_wake_is_the_execution_s_own_whatever_it_runs(clock: FixedClock) -> None:
    # while a deployment is under way, new executions run the old definition: they must not chase one another
    assert not outlived(wake(clock, 7, first=7, days=400, of="other"), HERE, clock.now())


def test_one_from_before_executions_said_so_goes_on(clock: FixedClock) -> None:
    assert not outlived(Wake(case=CaseId("case_a"), generation=1, wake=2, woken="event"), HERE, clock.now())


def test_an_execution_s_own_stamp_is_read(clock: FixedClock) -> None:
    says = {"began": "2026-01-01T09:00:00.123Z", "first": 1, "definition": HERE}
    given = {"case": "case_a", "generation": 1, "wake": 2, "woken": "deadline"}
    assert outlived(Wake.model_validate(given | says), HERE, clock.now())
