"""The state machines keep the house rules, and each rule is seen to catch a machine that does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.asl_rules import RULES, check

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "statemachines").glob("*.asl.json"))
SAGAS = ROOT / "tests" / "sagas"

Machine = dict[str, Any]

CATCH = {
    "ErrorEquals": ["States.ALL"],
    "Output": {"error": "{% $states.errorOutput.Error %}"},
    "Next": "HandOver",
}
RETRY = {"ErrorEquals": ["Retryable"], "IntervalSeconds": 2, "MaxAttempts": 3, "JitterStrategy": "FULL"}
GOOD: Machine = {
    "Comment": "Refunds one order, and hands it to a person if that fails.",
    "QueryLanguage": "JSONata",
    "StartAt": "Refund",
    "TimeoutSeconds": 3600,
    "States": {
        "Refund": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "TimeoutSeconds": 60,
            "Arguments": {"FunctionName": "${AdapterPrefix}shopify"},
            "Retry": [RETRY],
            "Catch": [CATCH],
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "TimeoutSeconds": 600,
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "HandOver"}, CATCH],
            "Next": "Done",
        },
        "HandOver": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "TimeoutSeconds": 60,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Stranded"}],
            "Next": "WithPerson",
        },
        "WithPerson": {"Type": "Succeed", "Comment": "A person has it."},
        "Done": {"Type": "Succeed"},
        "Stranded": {"Type": "Fail", "Error": "Stranded", "Cause": "The alarm pages a person."},
    },
}


def _rename(machine: Machine) -> None:
    machine["States"]["done_now"] = machine["States"].pop("Done")
    machine["States"]["Ask"]["Next"] = "done_now"


BREAKS: list[tuple[str, str, Callable[[Machine], object]]] = [
    ("A1", "no comment", lambda m: m.pop("Comment")),
    ("A2", "no overall timeout", lambda m: m.pop("TimeoutSeconds")),
    (
        "A3",
        "a function of an account",
        lambda m: m["States"]["Refund"].update(
            Resource="arn:aws:lambda:eu-west-1:123456789012:function:refund"
        ),
    ),
    ("A4", "a name in snake case", _rename),
    ("A5", "a failure that just ends", lambda m: m["States"]["Refund"]["Catch"][0].update(Next="Done")),
    ("A5", "a failure without its error", lambda m: m["States"]["Refund"]["Catch"][0].pop("Output")),
    (
        "A5",
        "a failure that goes in circles",
        lambda m: m["States"]["HandOver"]["Catch"][0].update(Next="HandOver"),
    ),
    ("A5", "a Fail that says nothing", lambda m: m["States"]["Stranded"].pop("Cause")),
    ("A6", "a way to nowhere", lambda m: m["States"]["Ask"].update(Next="Dome")),
    ("A6", "a state nobody reaches", lambda m: m["States"].update(Idle={"Type": "Succeed"})),
    ("B1", "a task without a timeout", lambda m: m["States"]["Refund"].pop("TimeoutSeconds")),
    ("B2", "a wait without a deadline", lambda m: m["States"]["Ask"].pop("TimeoutSeconds")),
    ("B2", "a deadline that nobody answers", lambda m: m["States"]["Ask"]["Catch"].pop(0)),
    ("B3", "a task that does not catch", lambda m: m["States"]["HandOver"].pop("Catch")),
    (
        "B4",
        "a retry of everything",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["States.ALL"]),
    ),
    (
        "B4",
        "a retry of every failed task",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["States.TaskFailed"]),
    ),
    ("B5", "a retry without jitter", lambda m: m["States"]["Refund"]["Retry"][0].pop("JitterStrategy")),
    ("B5", "a retry without an end", lambda m: m["States"]["Refund"]["Retry"][0].update(MaxAttempts=99)),
    (
        "B5",
        "jitter inside a lease",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["OutcomeUnknown"]),
    ),
    (
        "B6",
        "an effect repeated before its lease ends",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["Lambda.ServiceException"]),
    ),
    (
        "B7",
        "a passing fault of Lambda that is not retried",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["Lambda.ServiceException"]),
    ),
    (
        "C1",
        "an error nobody raises",
        lambda m: m["States"]["Refund"]["Retry"][0].update(ErrorEquals=["Oops"]),
    ),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_state_machine_keeps_the_house_rules(file: Path) -> None:
    assert check(json.loads(file.read_text(encoding="utf-8"))) == []


def test_there_are_machines_to_check() -> None:
    assert {file.name for file in FILES} >= {"case.asl.json", "run.asl.json"}


def test_a_machine_made_by_the_rules_passes() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(("rule", "fault", "spoil"), BREAKS, ids=[fault for _, fault, _ in BREAKS])
def test_each_rule_catches_its_fault(rule: str, fault: str, spoil: Callable[[Machine], object]) -> None:
    del fault
    machine = copy.deepcopy(GOOD)
    spoil(machine)
    assert rule in {finding.rule for finding in check(machine)}


def test_every_rule_is_shown_to_catch_something() -> None:
    assert {rule for rule, _, _ in BREAKS} == set(RULES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_state_machine_has_a_test_that_runs_it(file: Path) -> None:
    """C2: `tests/sagas/test_<name>….py` names the file it runs, or the machine of that name."""
    name = file.name.removesuffix(".asl.json")
    tests = [
        test for test in SAGAS.glob(f"test_{name}*.py") if "def test_" in test.read_text(encoding="utf-8")
    ]
    assert tests, f"nothing in tests/sagas runs {file.name}"
