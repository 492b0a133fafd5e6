"""What functions count: lines of the embedded metric format, few dimensions, nothing of a customer."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nightshift.model.metric import NAMESPACE, Metric
from nightshift.settings import Settings
from nightshift.telemetry import correlation, entrypoint, logger, metrics

if TYPE_CHECKING:
    from collections.abc import Callable

CORE = Path(__file__).parents[2] / "layers" / "core" / "python" / "nightshift"
CASE, RUN = "case_" + "a2" * 13, "run_" + "b3" * 13


class NoSettings(Settings):
    """Only the stage."""


class Context:
    aws_request_id = "request-1"


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[dict[str, Any]]]:
    """Runs a function as a handler of stage `test`; the metric lines it wrote."""
    monkeypatch.setenv("STAGE", "test")

    def run(function: Callable[[], None], event: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        handler = entrypoint(NoSettings, lambda _: None)(lambda _event, _wired: function())
        handler(event or {}, Context())
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        return [line for line in lines if "_aws" in line]

    return run


def test_what_an_invocation_counted_is_one_line_at_its_end(call: Callable[..., list[dict[str, Any]]]) -> None:
    def work() -> None:
        metrics.count(Metric.HANDOFF_SECONDS, 12.5)
        metrics.count(Metric.BREAKER_OPENED)
        metrics.count(Metric.BREAKER_OPENED, 2)

    (line,) = call(work)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == NAMESPACE
    units = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
    assert units == {"HandoffSeconds": "Seconds", "BreakerOpened": "Count"}
    assert (line["HandoffSeconds"], line["BreakerOpened"]) == ([12.5], [1.0, 2.0])


def test_the_dimensions_are_service_and_stage_for_each_other_one_costs(
    call: Callable[..., list[dict[str, Any]]],
) -> None:
    (line,) = call(lambda: metrics.count(Metric.RECOVERED))
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert [sorted(names) for names in described["Dimensions"]] == [["service", "stage"]]
    assert (line["service"], line["stage"]) == ("nightshift", "test")


def test_nothing_counted_writes_nothing(call: Callable[..., list[dict[str, Any]]]) -> None:
    assert call(lambda: metrics.count(Metric.DELIVERIES_RESENT, 0)) == []
    assert call(lambda: None) == []


def test_what_was_counted_before_a_failure_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGE", "test")

    def work(_event: dict[str, Any], _wired: None) -> None:
        metrics.count(Metric.SHAPE_DRIFTED)
        raise KeyError

    with pytest.raises(Exception, match="KeyError at "):
        entrypoint(NoSettings, lambda _: None)(work)({}, Context())
    assert "ShapeDrifted" in capsys.readouterr().out


def test_every_metric_is_counted_somewhere_and_every_count_names_one() -> None:
    used = set()
    for file in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "count"
            ):
                used |= {
                    part.attr
                    for argument in node.args
                    for part in ast.walk(argument)
                    if isinstance(part, ast.Attribute)
                    and isinstance(part.value, ast.Name)
                    and part.value.id == "Metric"
                }
    assert used == {metric.name for metric in Metric}


@pytest.mark.parametrize(
    ("event", "ids"),
    [
        ({"case": CASE, "generation": 2, "wake": 0}, {"case": CASE, "generation": 2}),
        ({"run": RUN, "generation": 1, "move": {}}, {"run": RUN, "generation": 1}),
        ({"event": {"run": RUN, "generation": 1}}, {"run": RUN, "generation": 1}),
        ({"requestContext": {"requestId": "abc="}, "body": "maria"}, {"call": "abc="}),
        ({"case": "maria@example.com", "run": 3, "generation": "x"}, {}),
        ({"Records": []}, {}),
    ],
)
def test_a_line_says_what_it_is_about_by_our_own_ids_alone(
    event: dict[str, Any], ids: dict[str, Any]
) -> None:
    assert correlation(event) == ids


def test_every_line_of_an_invocation_carries_its_ids_and_the_next_ones_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import io  # noqa: PLC0415
    import logging  # noqa: PLC0415

    written = io.StringIO()
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    before = logger.log_level
    logger.setLevel(logging.INFO)
    try:
        handler = entrypoint(NoSettings, lambda _: None)(lambda _event, _wired: logger.info("in between"))
        handler({"case": CASE, "generation": 3}, Context())
        handler({}, Context())
    finally:
        logger.setLevel(before)
    first, metered, second, _ = (json.loads(line) for line in written.getvalue().splitlines())
    for line in (first, metered):
        assert (line["case"], line["generation"], line["request"]) == (CASE, 3, "request-1")
    assert second["request"] == "request-1"
    assert "case" not in second
