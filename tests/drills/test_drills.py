"""The drills in their short form; `make drill` and `make chaos` are the long one."""

import pytest

from drills.act import perform
from drills.catalogue import DRILLS, executions, halt, restore
from drills.chaos import Plan, chaos
from drills.floor import Floor
from drills.sleepers import sleepers
from drills.verdict import total

pytestmark = [
    pytest.mark.xdist_group("drills"),
    # a server that is killed leaves connections behind, which are closed when they are collected
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SEED = 20261121
KILLS = 40


def test_nothing_is_lost_stuck_or_doubled_by_forty_kills_at_random_moments(floor: Floor):
    # the halt first: who waits while it stands goes to a person, and so would the others' cases
    scenes = (halt, executions, restore)
    plan = Plan(
        kills=KILLS,
        a_round=-(-KILLS // len(scenes)),
        cases=8,
        scenes=scenes,
        in_order=True,
        together=len(scenes),
        hurry=4,
    )
    verdict = total(list(chaos(floor, plan, seed=SEED)))
    assert verdict.problems() == []
    assert verdict.accepted == plan.cases * len(scenes)
    assert sum(verdict.kills.values()) == KILLS
    assert verdict.closed + verdict.with_person == verdict.accepted
    assert verdict.closed >= verdict.accepted // 3, verdict.reasons


@pytest.mark.parametrize("name", ["redrive", "deploy"])
def test_a_drill_is_passed(floor: Floor, name: str):
    verdict = perform(DRILLS[name], floor, cases=5, seed=SEED, patience=120)
    assert verdict.problems() == []
    assert verdict.accepted == 5
    assert verdict.claims


def test_a_resume_among_many_sleepers_takes_what_it_takes_among_few(floor: Floor):
    slept = sleepers(floor, 40)
    assert len(slept.few_ms) == len(slept.many_ms) == 5
    assert max(slept.many_ms) <= 3 * max(slept.few_ms) + 1000, slept.words()
