"""The house rules of state machines, as functions from a definition to what is wrong with it.

A1 a Comment says the purpose · A2 an overall timeout · A3 no ARN of an account · A4 PascalCase state names
A5 every failure route ends with a person or a Fail · A6 no dead end, no unreachable state
B1 every Task has a timeout · B2 a wait has a deadline, and the deadline is an answer of its own
B3 whatever can fail catches States.ALL · B4 no Retry of States.ALL or States.TaskFailed
B5 retries end, and jitter · B6 what may have run is tried again only after the lease · C1 known error names
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nightshift import errors

__all__ = ["KNOWN_ERRORS", "RULES", "Finding", "check"]

State = dict[str, Any]

WIRE_ERRORS = {
    *(name.__name__ for name in errors.WireError.__subclasses__()),
    errors.Conflict.__name__,
    errors.Outdated.__name__,
}
# A call that ended so may have run; only the lease tells whether it still does.
MAY_HAVE_RUN = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.Unknown",
    "OutcomeUnknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
}
# AWS asks that all of these be tried again: they are Lambda's own passing faults.
LAMBDA_FAULTS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
}
KNOWN_ERRORS = {
    *WIRE_ERRORS,
    *MAY_HAVE_RUN,
    "DynamoDB.ConditionalCheckFailedException",
    "DynamoDb.ConditionalCheckFailedException",  # the SDK integration's spelling
    "Lambda.TooManyRequestsException",
    "States.ALL",
    "States.HeartbeatTimeout",
}
TOO_WIDE = {"States.ALL", "States.TaskFailed"}

_ARN = re.compile(r"arn:aws[a-z-]*:(?!states:::)[a-z0-9-]*:[^\"' ]*")
_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_MOST_ATTEMPTS = 10
_CAN_FAIL = {"Task", "Map", "Parallel"}


@dataclass(frozen=True)
class Finding:
    """One fault: the rule, the state (empty for the whole file), what is wrong."""

    rule: str
    state: str
    problem: str


@dataclass(frozen=True)
class Place:
    """A state, the states beside it, and the state of the outer machine that goes on after them."""

    name: str
    state: State
    beside: dict[str, State]
    outer: Place | None = None

    def at(self, name: str) -> Place:
        return Place(name, self.beside[name], self.beside, self.outer)

    @property
    def catch_all(self) -> State | None:
        return next((c for c in self.state.get("Catch", []) if c["ErrorEquals"] == ["States.ALL"]), None)

    def goes_to(self) -> list[str]:
        """Names it may go on to, failures included."""
        branches = [choice["Next"] for choice in self.state.get("Choices", [])]
        caught = [catch["Next"] for catch in self.state.get("Catch", [])]
        onward = [self.state[field] for field in ("Next", "Default") if field in self.state]
        return [*onward, *branches, *caught]


def places(definition: State, outer: Place | None = None) -> Iterator[Place]:
    """Every state, those of maps and branches too."""
    beside: dict[str, State] = definition["States"]
    for name, state in beside.items():
        place = Place(name, state, beside, outer)
        yield place
        for inner in _inner(state):
            yield from places(inner, place)


def check(definition: State) -> list[Finding]:
    """Everything that is wrong with a definition."""
    return [finding for rule in RULES.values() for finding in rule(definition)]


def a1_comment(definition: State) -> Iterator[Finding]:
    if len(definition.get("Comment", "").split()) < 5:
        yield Finding("A1", "", "a Comment must say what the machine is for")


def a2_overall_timeout(definition: State) -> Iterator[Finding]:
    if not isinstance(definition.get("TimeoutSeconds"), int):
        yield Finding("A2", "", "the machine needs TimeoutSeconds")


def a3_no_arn_of_an_account(definition: State) -> Iterator[Finding]:
    for arn in _ARN.findall(json.dumps(definition)):
        yield Finding("A3", "", f"{arn} belongs into a substitution")


def a4_pascal_case(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        if not _PASCAL.fullmatch(place.name):
            yield Finding("A4", place.name, "state names are PascalCase")


def a5_failures_reach_a_person(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        caught = place.catch_all
        if caught is None:
            continue
        target = place.at(caught["Next"])
        told = "$states.errorOutput" in json.dumps(caught.get("Output", "")) or target.state["Type"] == "Fail"
        if not told:
            yield Finding("A5", place.name, "the failure route drops the error")
        if not _ends_well(target, frozenset({target.name})):
            yield Finding("A5", place.name, f"the failure route over {target.name} can end unseen")


def _ends_well(place: Place, seen: frozenset[str]) -> bool:
    """Whether a failure that comes here is told to a task, a person, or whoever watches for Fail."""
    state = place.state
    match state["Type"]:
        case "Fail":
            return bool(state.get("Error") and state.get("Cause"))
        case "Succeed":
            return "person" in state.get("Comment", "")
        case "Choice":
            onward = [place.at(name) for name in place.goes_to()]
        case "Task" | "Map" | "Parallel":  # it has the error now; what counts is where it fails to
            onward = [place.at(place.catch_all["Next"])] if place.catch_all else []
        case _:
            onward = list(_after(place))
    unseen = all(next_.name not in seen for next_ in onward)
    return bool(onward) and unseen and all(_ends_well(next_, seen | {next_.name}) for next_ in onward)


def _after(place: Place) -> Iterator[Place]:
    """Where a Pass or a Wait goes on: at the end of a map's item, after the map."""
    if "Next" in place.state:
        yield place.at(place.state["Next"])
    elif place.outer is not None and "Next" in place.outer.state:
        yield place.outer.at(place.outer.state["Next"])


def a6_no_dead_end(definition: State) -> Iterator[Finding]:
    for machine in _machines(definition):
        states: dict[str, State] = machine["States"]
        goes_to = {name: Place(name, state, states).goes_to() for name, state in states.items()}
        for name, onward in goes_to.items():
            for missing in sorted(set(onward) - set(states)):
                yield Finding("A6", name, f"there is no state {missing}")
        reached, waiting = set[str](), [machine["StartAt"]]
        while waiting:
            name = waiting.pop()
            waiting += [] if name in reached else goes_to.get(name, [])
            reached.add(name)
        for name in sorted(set(states) - reached):
            yield Finding("A6", name, "nothing leads here")


def _machines(definition: State) -> Iterator[State]:
    """The machine, and those inside its maps and branches."""
    yield definition
    for state in definition["States"].values():
        for inner in _inner(state):
            yield from _machines(inner)


def _inner(state: State) -> list[State]:
    return [*([state["ItemProcessor"]] if "ItemProcessor" in state else []), *state.get("Branches", [])]


def b1_task_timeout(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        if place.state["Type"] == "Task" and not place.state.get("TimeoutSeconds"):
            yield Finding("B1", place.name, "a Task needs TimeoutSeconds")


def b2_waits_have_deadlines(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        if not place.state.get("Resource", "").endswith(".waitForTaskToken"):
            continue
        first = [error for catch in place.state.get("Catch", []) for error in catch["ErrorEquals"]]
        if "States.Timeout" not in first:
            yield Finding("B2", place.name, "a wait's deadline needs a Catch of its own")
        if not place.state.get("TimeoutSeconds"):
            yield Finding("B2", place.name, "a wait needs a deadline")


def b3_catches_all(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        if place.state["Type"] in _CAN_FAIL and place.catch_all is None:
            yield Finding("B3", place.name, "it must catch States.ALL")


def b4_no_blind_retry(definition: State) -> Iterator[Finding]:
    for place, retry in _retries(definition):
        for error in sorted(TOO_WIDE & set(retry["ErrorEquals"])):
            yield Finding("B4", place.name, f"a Retry of {error} repeats what must not be repeated")


def b5_retries_end_and_jitter(definition: State) -> Iterator[Finding]:
    for place, retry in _retries(definition):
        # After an unknown outcome the lease says when: jitter would start inside it.
        waits_out_a_lease = "OutcomeUnknown" in retry["ErrorEquals"]
        wanted = "NONE" if waits_out_a_lease else "FULL"
        if retry.get("JitterStrategy") != wanted:
            yield Finding("B5", place.name, f"JitterStrategy must be {wanted}")
        if not 1 <= retry.get("MaxAttempts", 0) <= _MOST_ATTEMPTS:
            yield Finding("B5", place.name, f"MaxAttempts must be 1 to {_MOST_ATTEMPTS}")


def b6_effects_wait_out_the_lease(definition: State) -> Iterator[Finding]:
    for place, retry in _retries(definition):
        makes_effects = "${AdapterPrefix}" in json.dumps(place.state.get("Arguments", {}))
        early = MAY_HAVE_RUN & set(retry["ErrorEquals"]) and "OutcomeUnknown" not in retry["ErrorEquals"]
        if makes_effects and early:
            yield Finding("B6", place.name, "an effect that may be under way waits out its lease")


def b7_all_faults_of_lambda(definition: State) -> Iterator[Finding]:
    for place, retry in _retries(definition):
        named = LAMBDA_FAULTS & set(retry["ErrorEquals"])
        for fault in sorted(LAMBDA_FAULTS - named) if named else ():
            yield Finding("B7", place.name, f"{fault} passes like the others and ends the case")


def c1_known_errors(definition: State) -> Iterator[Finding]:
    for place in places(definition):
        for handler in [*place.state.get("Retry", []), *place.state.get("Catch", [])]:
            for error in sorted(set(handler["ErrorEquals"]) - KNOWN_ERRORS):
                yield Finding("C1", place.name, f"nobody raises {error}")


def _retries(definition: State) -> Iterator[tuple[Place, State]]:
    for place in places(definition):
        for retry in place.state.get("Retry", []):
            yield place, retry


RULES = {
    "A1": a1_comment,
    "A2": a2_overall_timeout,
    "A3": a3_no_arn_of_an_account,
    "A4": a4_pascal_case,
    "A5": a5_failures_reach_a_person,
    "A6": a6_no_dead_end,
    "B1": b1_task_timeout,
    "B2": b2_waits_have_deadlines,
    "B3": b3_catches_all,
    "B4": b4_no_blind_retry,
    "B5": b5_retries_end_and_jitter,
    "B6": b6_effects_wait_out_the_lease,
    "B7": b7_all_faults_of_lambda,
    "C1": c1_known_errors,
}
