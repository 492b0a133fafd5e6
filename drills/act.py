"""What a drill is, and how one is carried out: break things while cases are under way, mend, wait, judge."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drills.crowd import Crowd, Wish
from drills.floor import DOWN, Floor
from drills.verdict import Verdict, judge

__all__ = ["SENDING_SECONDS_A_CASE", "Act", "Drill", "perform"]

_SWEEP_SECONDS = 60.0
_PATIENCE = 600.0
SENDING_SECONDS_A_CASE = 0.12
_LOOK_EVERY_SECONDS = 0.5


@dataclass
class Act:
    """One drill under way.

    Attributes:
        hurry: the longest wait for something to break; 0: as long as it takes. Under kills at random a
            message that was lost with the queue comes again after a minute; the next thing breaks before.
    """

    floor: Floor
    crowd: Crowd
    rng: random.Random
    say: Callable[[str], None]
    hurry: float = 0.0
    claims: list[tuple[str, bool]] = field(default_factory=list)
    _senders: list[threading.Thread] = field(default_factory=list)

    def check(self, claim: str, *, holds: bool) -> None:
        """Note what the drill shows besides its counts."""
        self.claims.append((claim, holds))

    def send(self, cases: int, *, wishes: tuple[Wish, ...] = ()) -> None:
        """Let so many customers come, in the background, as fast as this machine serves them."""
        over = cases * SENDING_SECONDS_A_CASE
        given = {"over": over, "wishes": wishes}
        sender = threading.Thread(target=self.crowd.send, args=(cases,), kwargs=given, daemon=True)
        sender.start()
        self._senders.append(sender)

    def until(self, what: str, look: Callable[[], bool], *, patience: float = 120.0) -> None:
        """Wait for it; a stack that is down is waited for too.

        Raises:
            TimeoutError: it did not come.
        """
        deadline = time.monotonic() + patience
        while not self._seen(look):
            if time.monotonic() > deadline:
                message = f"waited {patience:.0f} s for {what}"
                raise TimeoutError(message)
            time.sleep(_LOOK_EVERY_SECONDS)

    def until_opened(self, cases: int) -> None:
        """Wait until so many of the customers have a case, with the sweeps that run every minute."""
        self.until_soon(f"{cases} cases", self._sweeping(lambda: self.crowd.opened() >= cases))

    def until_soon(self, what: str, look: Callable[[], bool]) -> None:
        """Wait for it; in a hurry go on without it.

        Raises:
            TimeoutError: it did not come, and there was no hurry.
        """
        with contextlib.suppress(*([TimeoutError] if self.hurry else [])):
            self.until(what, look, patience=self.hurry or _PATIENCE)

    def until_sent(self) -> None:
        """Wait until every customer's message was accepted."""
        for sender in self._senders:
            sender.join()
        self.until("all messages to be accepted", self.crowd.all_accepted, patience=180)

    def until_over(self, patience: float) -> bool:
        """Wait until every case is over, with the sweeps that run every minute; whether they all are.

        The sweeps come sooner here by as much as everything else does.
        """
        left = 0

        def over() -> bool:
            nonlocal left
            before, left = left, sum(1 for _ in self.crowd.at_work())
            if left and left != before:
                self.say(f"{left} cases are not over yet")
            return not left

        try:
            self.until("the cases to end", self._sweeping(over), patience=patience)
        except TimeoutError as error:
            self.say(str(error))
            return False
        return True

    def _sweeping(self, look: Callable[[], bool]) -> Callable[[], bool]:
        swept = time.monotonic()

        def look_and_sweep() -> bool:
            nonlocal swept
            if time.monotonic() - swept > _SWEEP_SECONDS / self.floor.speed:
                self.floor.sweep()
                swept = time.monotonic()
            return look()

        return look_and_sweep

    @staticmethod
    def _seen(look: Callable[[], bool]) -> bool:
        try:
            return look()
        except DOWN:
            return False


@dataclass(frozen=True)
class Drill:
    """One drill.

    Attributes:
        proves: what it shows, in words for the runbook.
        cases: how many customers come unless told otherwise.
        run: sends them and breaks things; returns once things are mended.
    """

    name: str
    title: str
    proves: str
    cases: int
    run: Callable[[Act, int], None]


def perform(drill: Drill, floor: Floor, *, cases: int, seed: int, patience: float) -> Verdict:
    """Carry out one drill."""
    began = time.monotonic()
    rng = random.Random(seed)
    crowd = Crowd(floor, rng)
    act = Act(floor, crowd, rng, floor.say)
    try:
        drill.run(act, cases)
        act.until_sent()
        floor.say("all messages accepted; waiting for the cases to end")
        act.until_over(patience)
    finally:
        crowd.go_home()
    verdict = judge(drill.name, floor, crowd)
    verdict.claims += act.claims
    verdict.seconds = time.monotonic() - began
    return verdict
