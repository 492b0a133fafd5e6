"""The errors that cross the Lambda boundary are flat and carry what a caller needs."""

import pytest

from nightshift import errors
from nightshift.errors import BadInput, NightshiftError, NotPermitted, WireError

WIRE = ("Retryable", "Throttled", "OutcomeUnknown", "Rejected", "Misconfigured")


def test_the_wire_errors_are_exactly_five_and_nothing_is_derived_from_them() -> None:
    assert {kind.__name__ for kind in WireError.__subclasses__()} == set(WIRE)
    assert all(not getattr(errors, name).__subclasses__() for name in WIRE)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_one_of_ours_and_has_its_own_name(name: str) -> None:
    assert issubclass(getattr(errors, name), NightshiftError)
    assert getattr(errors, name).__name__ == name


@pytest.mark.parametrize("name", WIRE)
def test_a_wire_error_carries_a_code_and_when_to_come_back(name: str) -> None:
    error = getattr(errors, name)("one sentence", code="vendor.timeout", retry_after=2.5)
    assert (str(error), error.code, error.retry_after) == ("one sentence", "vendor.timeout", 2.5)


def test_bad_input_names_the_field_the_problem_and_the_fix() -> None:
    error = BadInput("steps[0].limit", "it is negative", "Give a positive amount.")
    assert (error.field, error.problem, error.fix) == (
        "steps[0].limit",
        "it is negative",
        "Give a positive amount.",
    )
    assert all(part in str(error) for part in (error.field, error.problem, error.fix))


def test_not_permitted_names_the_permission_and_the_role() -> None:
    error = NotPermitted("approvals:decide", "viewer")
    assert (error.permission, error.role) == ("approvals:decide", "viewer")
