"""One lane of one move: the steps one adapter's Lambda carries out in one invocation."""

from nightshift.ids import RunId, StepId
from nightshift.model.base import Noun
from nightshift.model.moves import after, unwinding
from nightshift.model.verdict import RunState
from nightshift.tools.door import Door, StepCall
from nightshift.tools.run import run_step

__all__ = ["LaneCall", "run_lane"]


class LaneCall(Noun):
    """What the run saga sends to an adapter's Lambda."""

    run: RunId
    generation: int
    move: int
    steps: tuple[StepId, ...]


def run_lane(door: Door, lane: LaneCall) -> RunState:
    """Carry out the steps of a lane in order; stops at the first that did not go well.

    Raises:
        WireError: as `run_step`; the same lane again goes on where it stopped.
    """
    for step in lane.steps:
        result = run_step(door, StepCall(run=lane.run, generation=lane.generation, step=step))
        if not result.went_well:
            return unwinding(run=lane.run, generation=lane.generation, index=lane.move)
    verdict = door.runs.verdict(lane.run)
    return after(verdict, run=lane.run, generation=lane.generation, index=lane.move)
