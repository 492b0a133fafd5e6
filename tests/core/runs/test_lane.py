"""A lane: the steps of one invocation, in order, as far as they go well."""

from __future__ import annotations

import pytest

from nightshift.errors import Rejected, Retryable
from nightshift.model.tool import Outcome
from nightshift.runs.lane import LaneCall, run_lane
from tests.support import records
from tests.support.book import Fault
from tests.support.records import QUOTE, READ, REFUND, REPLY
from tests.support.scene import Scene

READS = LaneCall(run=records.RUN, generation=1, move=0, steps=(READ, QUOTE))
WRITES = LaneCall(run=records.RUN, generation=1, move=1, steps=(REFUND, REPLY))


def test_a_lane_that_goes_well_leads_to_the_next_move(scene: Scene) -> None:
    scene.propose()
    reads = run_lane(scene.door, READS)
    assert (reads.move.index, reads.move.next) == (1, "one")
    assert reads.move.lanes[0].steps == (REFUND, REPLY)
    writes = run_lane(scene.door, WRITES)
    assert (writes.move.index, writes.move.next) == (2, "settle")
    assert (len(scene.book.refunds), len(scene.book.messages)) == (1, 1)


def test_a_lane_stops_at_the_first_step_that_was_refused(scene: Scene) -> None:
    scene.propose()
    run_lane(scene.door, READS)
    scene.book.faults.append(Fault(Rejected("no", code="refund.too_much")))
    assert run_lane(scene.door, WRITES).move.next == "undo"
    assert scene.book.messages == []
    assert set(scene.door.runs.results(records.RUN)) == {READ, QUOTE, REFUND}


def test_a_lane_that_raised_goes_on_where_it_stopped(scene: Scene) -> None:
    scene.propose()
    run_lane(scene.door, READS)
    scene.book.faults.append(Fault(Retryable("busy")))
    with pytest.raises(Retryable):
        run_lane(scene.door, WRITES)
    assert run_lane(scene.door, WRITES).move.next == "settle"
    assert run_lane(scene.door, WRITES).move.next == "settle"
    assert (len(scene.book.refunds), len(scene.book.messages)) == (1, 1)


def test_a_lane_in_shadow_mode_goes_through_all_its_steps(scene: Scene) -> None:
    scene.propose(shadow=True)
    run_lane(scene.door, READS)
    assert run_lane(scene.door, WRITES).move.next == "settle"
    results = scene.door.runs.results(records.RUN)
    assert [results[step].outcome for step in (REFUND, REPLY)] == [Outcome.NOT_DONE] * 2
    assert scene.book.requests == 0


def test_a_lane_of_another_generation_makes_nothing(scene: Scene) -> None:
    scene.propose()
    run_lane(scene.door, READS)
    state = run_lane(scene.door, WRITES.model_copy(update={"generation": 2}))
    assert (state.move.next, state.generation) == ("undo", 2)
    assert scene.book.requests == 0
