"""kill -9 at random moments of all drills: the whole stack, or one function's environments."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from typing_extensions import override

from drills.act import Act
from drills.catalogue import ON_THE_PATH, executions, halt, restore
from drills.crowd import Crowd
from drills.deploy import roll_over
from drills.floor import DOWN, Floor
from drills.redrive import redrive
from drills.verdict import Verdict, judge

__all__ = ["SCENES", "Plan", "Scene", "chaos", "quiet"]

_SECONDS_A_KILL = 0.7
_STACK_SHARE = 0.15
_LONGEST_DOWN = 0.5


Scene = Callable[[Act, int], None]


def quiet(act: Act, cases: int) -> None:
    """Customers come, and nothing happens but the kills."""
    act.send(cases)
    act.until_sent()


SCENES: Final[tuple[Scene, ...]] = (quiet, executions, restore, halt, roll_over, redrive)


@dataclass(frozen=True)
class Plan:
    """How much chaos.

    Attributes:
        kills: how many in all.
        a_round: how many of them in one round, that is under one drill.
        cases: customers of a round.
        scenes: the drills to choose from; with `in_order` one after the other.
        together: so many rounds pass before their cases are waited for and judged.
        hurry: the longest a drill waits for its cases to open, in seconds.
        patience: seconds they then get to end.
    """

    kills: int = 1000
    a_round: int = 25
    cases: int = 30
    scenes: tuple[Scene, ...] = SCENES
    in_order: bool = False
    together: int = 3
    hurry: float = 20.0
    patience: float = 400.0


@dataclass(frozen=True)
class _Round:
    name: str
    act: Act
    kills: int
    began: float


def chaos(floor: Floor, plan: Plan, *, seed: int) -> Iterator[Verdict]:
    """Rounds of drills under random kills; the verdict of each round.

    Args:
        floor: the installation; one for all rounds.
        plan: how much.
        seed: makes the same choices again; the machine's own timing stays random.
    """
    rng = random.Random(seed)
    done, rounds = 0, list[_Round]()
    for number in count(1):
        planned = min(plan.a_round, plan.kills - done)
        if planned:
            scene = plan.scenes[number - 1] if plan.in_order else rng.choice(plan.scenes)
            name = f"round {number}, {scene.__name__}"
            floor.say(f"{name} under {planned} kills; {done} of {plan.kills} so far")
            rounds.append(_disturbed(floor, scene, rng, name=name, kills=planned, plan=plan))
            done += planned
        if rounds and (len(rounds) == plan.together or not planned):
            yield from _judged(floor, rounds, plan.patience)
            rounds.clear()
        if done >= plan.kills and not rounds:
            return


def _disturbed(
    floor: Floor, scene: Scene, rng: random.Random, *, name: str, kills: int, plan: Plan
) -> _Round:
    began = time.monotonic()
    crowd = Crowd(floor, rng)
    act = Act(floor, crowd, rng, floor.say, hurry=plan.hurry)
    killer = _Killer(floor, random.Random(rng.random()), kills)
    killer.start()
    try:
        scene(act, plan.cases)
    finally:
        killer.join()
    floor.recover()
    return _Round(name, act, kills, began)


def _judged(floor: Floor, rounds: list[_Round], patience: float) -> Iterator[Verdict]:
    floor.say(f"waiting for the cases of {len(rounds)} rounds to end")
    for each in rounds:
        each.act.until_sent()
        each.act.until_over(patience)
    for each in rounds:
        each.act.crowd.go_home()
        verdict = judge(each.name, floor, each.act.crowd)
        verdict.claims += each.act.claims
        verdict.kills = {"at random moments": each.kills}
        verdict.seconds = time.monotonic() - each.began
        yield verdict


class _Killer(threading.Thread):
    """Kills at random moments; after the whole stack was killed, an operator recovers."""

    def __init__(self, floor: Floor, rng: random.Random, kills: int) -> None:
        super().__init__(daemon=True)
        self._floor = floor
        self._rng = rng
        self._kills = kills

    @override
    def run(self) -> None:
        """Kill, until enough is killed."""
        names = [name for name in self._floor.functions if name.split("-", 2)[-1] in ON_THE_PATH]
        for _ in range(self._kills):
            time.sleep(self._rng.expovariate(1 / _SECONDS_A_KILL))
            if self._rng.random() < _STACK_SHARE:
                self._floor.kill_stack(down=self._rng.uniform(0, _LONGEST_DOWN))
                threading.Thread(target=self._recover, daemon=True).start()
            else:
                self._kill_function(self._rng.choice(names))

    def _kill_function(self, name: str) -> None:
        try:
            self._floor.kill_function(name)
        except DOWN:
            return

    def _recover(self) -> None:
        try:
            self._floor.recover()
        except TimeoutError:
            return  # killed again; the next one recovers
