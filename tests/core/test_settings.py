"""Settings fail at once, with the names of all variables a person has to set."""

import pytest

from nightshift.errors import Misconfigured
from nightshift.settings import Settings


class SomeSettings(Settings):
    table_cases: str
    lease_seconds: float
    queue_events: str = "none"


GOOD = {"STAGE": "dev", "TABLE_CASES": "cases", "LEASE_SECONDS": "60", "UNRELATED": "x"}


def test_settings_are_read_by_their_upper_case_names() -> None:
    assert SomeSettings.load(GOOD) == SomeSettings(stage="dev", table_cases="cases", lease_seconds=60.0)


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        SomeSettings.load({})
    for name in ("STAGE", "TABLE_CASES", "LEASE_SECONDS"):
        assert name in str(caught.value)
    assert "QUEUE_EVENTS" not in str(caught.value)
    assert caught.value.code == "settings"


def test_a_wrong_variable_is_named_and_its_value_is_not_shown() -> None:
    with pytest.raises(Misconfigured) as caught:
        SomeSettings.load(GOOD | {"LEASE_SECONDS": "s3cret"})
    assert "LEASE_SECONDS" in str(caught.value)
    assert "TABLE_CASES" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(caught.value.__cause__)


def test_without_a_mapping_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert SomeSettings.load().table_cases == "cases"
