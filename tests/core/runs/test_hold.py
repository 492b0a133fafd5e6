"""Waits: the moment is fixed once and kept; who comes later waits the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from nightshift.errors import Misconfigured
from nightshift.ids import RunId, StepId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Step
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Move, RunState
from nightshift.runs.hold import hold
from nightshift.runs.settle import settle
from tests.support import records
from tests.support.records import READ
from tests.support.scene import Scene

WAIT = StepId("wait")
MINUTE = 60


def wait_step(tool: str, args: dict[str, JsonValue], **fields: object) -> Step:
    return Step.model_validate({"id": WAIT, "tool": tool, "args": args, **fields})


def proposed(scene: Scene, wait: Step, *before: Step) -> None:
    """A run that reads, waits and settles."""
    plan = Plan(name="patience", inputs={"order": records.ORDER, "at": "soon"}, steps=(*before, wait))
    proposal = scene.door.runs.propose(records.proposal(plan))
    verdict = records.verdict(proposal)
    moves = (Move(index=0, next="wait", step=WAIT), Move(index=1, next="settle"))
    scene.door.runs.give(verdict.model_copy(update={"moves": moves}))


def held(scene: Scene, *, generation: int = 1, run: RunId = records.RUN) -> RunState:
    return hold(scene.settling, run, generation, 0)


def until(scene: Scene) -> datetime:
    return datetime.fromisoformat(str(scene.door.runs.results(records.RUN)[WAIT].output["until"]))


def test_a_run_is_held_for_so_long_and_goes_on_with_its_next_move(scene: Scene) -> None:
    proposed(scene, wait_step("wait.for", {"seconds": MINUTE}))
    state = held(scene)
    assert (state.wait_seconds, state.move.next, state.move.index) == (MINUTE, "settle", 1)
    assert until(scene) == scene.clock.now() + timedelta(seconds=MINUTE)
    assert settle(scene.settling, records.RUN, 1).status == "DONE"
    assert [entry.kind for entry in scene.log(f"{records.CASE}/{records.RUN}/{WAIT}")] == [
        EntryKind.STEP_WAITS
    ]


@pytest.mark.guarantee("runs:a-wait-is-kept")
def test_a_later_generation_waits_the_rest_only(scene: Scene) -> None:
    proposed(scene, wait_step("wait.for", {"seconds": MINUTE}))
    held(scene)
    first = until(scene)
    scene.clock.advance(40)
    assert held(scene, generation=2).wait_seconds == 20
    scene.clock.advance(40)
    assert held(scene, generation=3).wait_seconds == 0
    assert until(scene) == first
    assert len(scene.log(f"{records.CASE}/{records.RUN}/{WAIT}")) == 1


def test_a_wait_counts_from_when_what_it_needs_was_done(scene: Scene) -> None:
    proposed(scene, wait_step("wait.for", {"seconds": MINUTE}, needs=(READ,)), records.read_step())
    scene.step(READ)
    scene.clock.advance(45)
    assert held(scene).wait_seconds == 15


@pytest.mark.parametrize(("at", "seconds"), [(timedelta(hours=3), 3 * 3600), (-timedelta(hours=3), 0)])
def test_a_run_is_held_until_a_moment_and_not_at_all_when_it_is_past(
    scene: Scene, at: timedelta, seconds: int
) -> None:
    moment = (scene.clock.now() + at).astimezone(UTC).isoformat()
    proposed(scene, wait_step("wait.until", {"at": moment}))
    assert held(scene).wait_seconds == seconds


@pytest.mark.parametrize(
    "wait",
    [
        wait_step("wait.until", {"at": "${inputs.at}"}),
        wait_step("wait.until", {"at": "${inputs.nothing}"}),
        wait_step("wait.until", {"at": "2099-01-01T00:00:00+00:00"}),
        wait_step("wait.for", {"seconds": "${inputs.at}"}),
    ],
    ids=["no moment", "no value", "too late", "no number"],
)
def test_a_wait_for_what_is_no_moment_fails_its_step(scene: Scene, wait: Step) -> None:
    proposed(scene, wait)
    assert held(scene).move.next == "undo"
    result = scene.door.runs.results(records.RUN)[WAIT]
    assert result.outcome is Outcome.REJECTED
    assert result.code in {"arguments.invalid", "reference.missing"}
    assert held(scene).move.next == "undo"
    assert settle(scene.settling, records.RUN, 1).failed_step == WAIT


def test_a_wait_whose_condition_does_not_hold_is_skipped(scene: Scene) -> None:
    proposed(scene, wait_step("wait.for", {"seconds": MINUTE}, when="1 > 2"))
    assert held(scene).wait_seconds == 0
    result = scene.door.runs.results(records.RUN)[WAIT]
    assert (result.skipped, result.went_well) == (True, True)
    assert held(scene).wait_seconds == 0
    assert settle(scene.settling, records.RUN, 1).status == "DONE"


def test_a_move_that_waits_for_nothing_is_misconfigured(scene: Scene) -> None:
    scene.propose()
    with pytest.raises(Misconfigured) as caught:
        held(scene)
    assert caught.value.code == "step.unknown"
