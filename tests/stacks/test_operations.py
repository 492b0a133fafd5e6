"""Whoever is woken finds a page; what is shown is counted by somebody; what is not asked for is not made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nightshift.cli import main as cli
from nightshift.model.metric import NAMESPACE, Metric
from stacks import metrics
from stacks.app import STAGES
from tests.stacks.assembly import Assembly

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook"
BESIDE = {"README", "drills"}
PARTS = ["## Look here", "## Do this", "## Verify"]
COMMAND = re.compile(r"\bnightshift ((?:[a-z]+ ?){1,2})")


def _alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties by name, without `nightshift-<stage>-`."""
    found = assembly.of_type("AWS::CloudWatch::Alarm")
    return {a.properties["AlarmName"].split("-", 2)[2]: a.properties for a in found}


def _pages() -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(RUNBOOK.glob("*.md"))}


def test_every_alarm_has_its_page_and_every_page_its_alarm(
    dev: Assembly, staging: Assembly, prod: Assembly
) -> None:
    alarms = {name for assembly in (dev, staging, prod) for name in _alarms(assembly)}
    assert set(_pages()) - BESIDE == alarms


def test_an_alarm_says_what_it_means_and_names_its_page(prod: Assembly) -> None:
    for name, alarm in _alarms(prod).items():
        means, _, page = alarm["AlarmDescription"].rpartition(" Runbook: ")
        assert len(means.split()) >= 6, name
        assert page == f"docs/runbook/{name}.md"


def test_an_alarm_tells_the_topic_when_it_goes_off_and_when_it_is_over(dev: Assembly) -> None:
    (topic,) = dev.of_type("AWS::SNS::Topic")
    for alarm in _alarms(dev).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic.id}]


@pytest.mark.parametrize("page", sorted(set(_pages()) - BESIDE))
def test_a_page_says_what_it_means_where_to_look_what_to_do_and_how_to_verify(page: str) -> None:
    text = _pages()[page]
    assert text.startswith(f"# {page}\n\n**Means.** ")
    assert re.findall(r"^## .+$", text, re.MULTILINE) == PARTS
    assert f"]({page}.md)" in _pages()["README"]


def test_every_command_of_a_page_is_one_of_the_command_line() -> None:
    known = _commands()
    quoted = {
        match.strip()
        for text in _pages().values()
        for block in re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", text, re.DOTALL)
        for match in COMMAND.findall("\n".join(block))
    }
    assert len(quoted) > 10
    wrong = {words for words in quoted if words not in known and words.split()[0] not in known}
    wrong |= {words for words in quoted if words.split()[0] in _groups() and words not in known}
    assert wrong == set()


def test_silence_is_an_alarm_only_where_something_always_counts(dev: Assembly) -> None:
    silent = {name for name, alarm in _alarms(dev).items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {f"{name}-silent" for name in ("sweep", "recovery", "workflows", "intake")}


def test_a_case_that_reaches_a_person_late_is_seen_at_its_slowest_hundredth(dev: Assembly) -> None:
    late = _alarms(dev)["handoff-late"]
    assert (late["MetricName"], late["ExtendedStatistic"], late["Threshold"]) == ("HandoffSeconds", "p99", 60)


def test_every_dead_letter_queue_has_an_alarm(dev: Assembly) -> None:
    alarms = {name: alarm for name, alarm in _alarms(dev).items() if name.endswith("-dead")}
    queues = {
        dev.readable("nightshift-dev-operations", dimension["Value"])
        for alarm in alarms.values()
        for dimension in alarm["Dimensions"]
    }
    dead = {q.id for q in dev.of_type("AWS::SQS::Queue") if "RedrivePolicy" not in q.properties}
    assert {re.sub(r"[0-9A-F]{8}$", "", name) for name in dead} == queues
    assert {alarm["Threshold"] for alarm in alarms.values()} == {0}


def test_the_names_of_our_metrics_are_those_that_functions_count(dev: Assembly) -> None:
    assert metrics.names() == {metric.name: metric.value for metric in Metric}
    assert metrics.namespace() == NAMESPACE
    ours = [a for a in _alarms(dev).values() if a.get("Namespace") == NAMESPACE]
    assert len(ours) >= 8
    for alarm in ours:
        dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        assert dimensions == {"service": "nightshift", "stage": "dev"}


def test_a_metric_that_nobody_counts_cannot_be_watched() -> None:
    with pytest.raises(metrics.MetricUnknown, match="NEVER_COUNTED"):
        metrics.our_metric(STAGES["dev"], "NEVER_COUNTED")


def test_the_dashboard_is_laid_out_by_the_path_and_shows_every_metric_of_ours(prod: Assembly) -> None:
    (dashboard,) = prod.of_type("AWS::CloudWatch::Dashboard")
    body = _text(dashboard.properties["DashboardBody"])
    titles = re.findall(r'"markdown":"## ([a-z ]+)"', body)
    assert titles == ["ingress", "cases", "tools", "approvals", "the log", "the machine room"]
    assert {metric.value for metric in Metric if f'"{metric.value}"' not in body} == set()


def test_nobody_is_written_to_and_no_budget_is_made_unless_somebody_asks(
    dev: Assembly, prod: Assembly, staging: Assembly
) -> None:
    for assembly in (dev, prod):
        assert not [
            r for r in assembly.resources if r.type in {"AWS::Budgets::Budget", "AWS::SNS::Subscription"}
        ]
    (subscription,) = staging.of_type("AWS::SNS::Subscription")
    assert subscription.properties["Endpoint"] == "ops@shop.example"
    (budget,) = staging.of_type("AWS::Budgets::Budget")
    assert budget.properties["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    told = budget.properties["NotificationsWithSubscribers"]
    kinds = {(n["Notification"]["NotificationType"], n["Notification"]["Threshold"]) for n in told}
    assert kinds == {("ACTUAL", 80), ("FORECASTED", 100)}


def test_x_ray_follows_calls_in_a_traced_stage_and_in_no_other(dev: Assembly, staging: Assembly) -> None:
    for assembly, traced in ((dev, False), (staging, True)):
        modes = {f.get("TracingConfig", {}).get("Mode") for f in assembly.functions().values()}
        assert modes == ({"Active"} if traced else {None})
        for machine in assembly.of_type("AWS::StepFunctions::StateMachine"):
            assert machine.properties.get("TracingConfiguration", {"Enabled": False}) == {"Enabled": traced}


def _text(value: object) -> str:
    """A joined string with every reference left out."""
    match value:
        case str():
            return value
        case {"Fn::Join": [_, parts]}:
            return "".join(part for part in parts if isinstance(part, str))
        case _:
            return json.dumps(value)


def _commands() -> set[str]:
    """`case`, `queue redrive`, …"""
    import typer.main  # noqa: PLC0415  # only these tests need the command line
    from rich.console import Console  # noqa: PLC0415

    from nightshift.clock import SystemClock  # noqa: PLC0415

    outside = cli.Outside(clock=SystemClock(), identity_key=lambda _: "", console=Console())
    top = typer.main.get_command(cli.build(outside))
    known = set()
    for name, command in top.commands.items():  # type: ignore[attr-defined]  # a group
        inner = getattr(command, "commands", None)
        known |= {f"{name} {one}" for one in inner} if inner else {name}
    return known


def _groups() -> set[str]:
    return {words.split()[0] for words in _commands() if " " in words}
