"""What every function writes about itself: ids, counts and codes; never what it was given."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from nightshift.aws.client import METER, client
from nightshift.errors import Misconfigured, NotFound, OutcomeUnknown, Rejected, Retryable, Throttled
from nightshift.settings import Settings
from nightshift.telemetry import Crashed, entrypoint, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from nightshift.errors import WireError
    from tests.support.tables import Tables

PAYLOAD = {"customer": "maria@example.com", "token": "shpat_123"}
PRIVATE = ("maria", "shpat_123", "Lindenstrasse")


class SomeSettings(Settings):
    table: str


class Context:
    aws_request_id = "request-1"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """What the logger wrote so far, with the level that functions run at."""
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("TABLE", "some-table")
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    before = logger.log_level
    logger.setLevel(logging.INFO)
    METER.take()

    def read() -> list[dict[str, Any]]:
        logger.setLevel(before)
        return [json.loads(line) for line in written.getvalue().splitlines()]

    return read


def handler_of(
    function: Callable[[dict[str, Any], str], str],
) -> Callable[[dict[str, Any], Any], str]:
    return entrypoint(SomeSettings, lambda settings: settings.table)(function)


def test_a_handler_gets_what_was_wired_and_its_answer_goes_out(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    handler = handler_of(lambda event, wired: f"{event['token']} {wired}")
    assert handler(PAYLOAD, Context()) == "shpat_123 some-table"
    (line,) = lines()
    assert (line["message"], line["request"], line["level"]) == ("metered", "request-1", "INFO")
    assert line["cpu_ms"] >= 0
    assert not any(private in json.dumps(line) for private in PRIVATE)


def test_our_own_errors_pass_as_they_are(lines: Callable[[], list[dict[str, Any]]]) -> None:
    def miss(event: dict[str, Any], wired: str) -> str:
        raise NotFound(wired + event["customer"])

    with pytest.raises(NotFound):
        handler_of(miss)(PAYLOAD, Context())
    written = lines()
    assert written[0]["error"] == "NotFound"
    assert not any(private in json.dumps(written) for private in PRIVATE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", Retryable),
        ("InternalServerError", Retryable),
        ("ValidationException", Crashed),
    ],
)
def test_a_passing_fault_of_aws_may_be_tried_again_and_others_crash(
    lines: Callable[[], list[dict[str, Any]]], code: str, kind: type[Exception]
) -> None:
    def call(event: dict[str, Any], wired: str) -> str:
        raise ClientError({"Error": {"Code": code, "Message": event["customer"]}}, wired)

    with pytest.raises(kind) as caught:
        handler_of(call)(PAYLOAD, Context())
    assert not any(private in json.dumps(lines()) + str(caught.value) for private in PRIVATE)


@pytest.mark.parametrize("kind", [Retryable, Throttled, OutcomeUnknown, Rejected, Misconfigured])
def test_a_wire_error_passes_as_it_is_and_only_its_code_is_logged(
    lines: Callable[[], list[dict[str, Any]]], kind: type[WireError]
) -> None:
    def fail(event: dict[str, Any], wired: str) -> str:
        message = f"maria lives in {wired} Lindenstrasse {event['customer']}"
        raise kind(message, code="vendor.fault")

    with pytest.raises(kind):
        handler_of(fail)(PAYLOAD, Context())
    failed, metered = lines()
    assert (failed["message"], failed["error"], failed["code"]) == (
        "call failed",
        kind.__name__,
        "vendor.fault",
    )
    assert metered["message"] == "metered"
    assert not any(private in json.dumps([failed, metered]) for private in PRIVATE)


@pytest.mark.guarantee("privacy:no-personal-data-in-logs")
def test_a_crash_is_logged_with_its_place_and_without_its_message(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    def crash(event: dict[str, Any], wired: str) -> str:
        raise ValueError(wired + event["customer"])

    with pytest.raises(Crashed) as caught:
        handler_of(crash)(PAYLOAD, Context())
    assert "ValueError at " in str(caught.value)
    assert caught.value.__suppress_context__  # the runtime prints what it is shown
    assert not any(private in str(caught.value) for private in PRIVATE)
    crashed, metered = lines()
    assert (crashed["message"], crashed["error"], crashed["level"]) == ("call crashed", "ValueError", "ERROR")
    assert any("test_telemetry.py:" in place for place in crashed["where"])
    assert not any(private in json.dumps([crashed, metered]) for private in PRIVATE)


def test_a_missing_setting_is_an_error_of_the_invocation_that_names_it(
    lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABLE")
    handler = handler_of(lambda _event, wired: wired)
    with pytest.raises(Misconfigured) as caught:
        handler(PAYLOAD, Context())
    assert "TABLE" in str(caught.value)
    monkeypatch.setenv("TABLE", "repaired")
    assert handler(PAYLOAD, Context()) == "repaired"
    assert [line["message"] for line in lines()] == ["call failed", "metered", "metered"]


def test_things_are_wired_once_per_cold_start(lines: Callable[[], list[dict[str, Any]]]) -> None:
    wired: list[str] = []

    def wire(settings: SomeSettings) -> str:
        wired.append(settings.table)
        return settings.table

    handler = entrypoint(SomeSettings, wire)(lambda _event, given: given)
    assert wired == []
    assert [handler({}, Context()) for _ in range(3)] == ["some-table"] * 3
    assert wired == ["some-table"]
    assert len(lines()) == 3


def test_every_aws_call_is_counted_per_invocation(
    lines: Callable[[], list[dict[str, Any]]], tables: Tables
) -> None:
    def call(event: dict[str, Any], wired: str) -> str:
        for n in range(event["calls"]):
            client("dynamodb").put_item(
                TableName=tables.log, Item={"pk": {"S": wired}, "sk": {"S": f"{n} {event['customer']}"}}
            )
        return ""

    handler = handler_of(call)
    METER.take()
    for calls in (2, 3):
        handler(PAYLOAD | {"calls": calls}, Context())
    counted = [line["aws"] for line in lines()]
    assert [counts["dynamodb.PutItem"] for counts in counted] == [2, 3]
    assert all(counts["dynamodb.PutItem.bytes"] > 0 for counts in counted)
    assert [counts["dynamodb.PutItem.units"] for counts in counted] == [2, 3]
    assert "maria" not in json.dumps(counted)
