"""The schedule of an authorised plan: waves of reads, one ask, waves of writes, what is irreversible last.

A wave holds what does not need one another, at any remove; its lanes run side by side. Reads of one adapter
share lanes, because an invocation costs more than they do; each write is a lane by itself, because a
write may take as long as its Lambda lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from nightshift.gate.controls import ASK
from nightshift.gate.facts import ChannelFacts
from nightshift.gate.outline import Outline
from nightshift.ids import ChannelId, StepId
from nightshift.model.plan import Step
from nightshift.model.verdict import Lane, Move

__all__ = ["LANE_STEPS", "moves", "settle_only"]

LANE_STEPS = 4  # reads of one invocation: with 10 s each they end within a Lambda's 60 s


def settle_only() -> tuple[Move, ...]:
    """The schedule of a plan of which nothing runs."""
    return (Move(index=0, next="settle"),)


def moves(outline: Outline, channels: dict[ChannelId, ChannelFacts], *, ask: bool) -> tuple[Move, ...]:
    """What the run saga does, in order, up to settling.

    Args:
        outline: of a plan in which nothing is to be refused.
        channels: which adapter serves a step.
        ask: whether people have to be asked, all at once, right before the first write or wait.
    """
    schedule = _Schedule(outline=outline, channels=channels, open=list(outline.order), asks=ask)
    while schedule.open or schedule.asks:
        schedule.on()
    schedule.add(Move(index=len(schedule.found), next="settle"))
    return tuple(schedule.found)


@dataclass
class _Schedule:
    """The moves found so far, and the steps that no move carries out yet."""

    outline: Outline
    channels: dict[ChannelId, ChannelFacts]
    open: list[StepId]
    asks: bool
    done: set[StepId] = field(default_factory=set)
    found: list[Move] = field(default_factory=list)

    def on(self) -> None:
        """Find the next move: reads before the question, the question before anything that changes."""
        if lanes := self._reads():
            self._lanes(lanes)
        elif self.asks:
            self.add(Move(index=len(self.found), next="ask"))
            self.asks = False
        elif answered := [step for step in self._ready() if step.tool == ASK]:
            self._taken(step.id for step in answered)  # part of the question, which was asked by now
        elif writes := [step for step in self._ready() if not step.is_control and not self._is_final(step)]:
            self._lanes(tuple(self._lane(step.id) for step in writes))
        else:
            self._one_by_one(self._ready())

    def add(self, move: Move) -> None:
        """One more move; its steps count as carried out after it."""
        self.found.append(move)
        self._taken(step for lane in move.lanes for step in lane.steps)
        self._taken([move.step] if move.step is not None else [])

    def _one_by_one(self, ready: list[Step]) -> None:
        """A wait, or what cannot be undone once nothing else is left that does not need it."""
        wait = next((step for step in ready if step.is_control), None)
        if wait is not None:
            self.add(Move(index=len(self.found), next="wait", step=wait.id))
        else:
            self._lanes((self._lane(ready[0].id),))

    def _lanes(self, lanes: tuple[Lane, ...]) -> None:
        self.add(Move(index=len(self.found), next="one" if len(lanes) == 1 else "many", lanes=lanes))

    def _lane(self, *steps: StepId) -> Lane:
        return Lane(adapter=self._adapter(steps[0]), steps=steps)

    def _adapter(self, step: StepId) -> str:
        return self.channels[self.outline.steps[step].channel].adapter

    def _is_final(self, step: Step) -> bool:
        spec = self.outline.spec(step)
        return spec is not None and spec.irreversible

    def _ready(self) -> list[Step]:
        return [self.outline.steps[step] for step in self.open if self.outline.before[step] <= self.done]

    def _taken(self, steps: Iterable[StepId]) -> None:
        self.done.update(steps)
        self.open = [step for step in self.open if step not in self.done]

    def _reads(self) -> tuple[Lane, ...]:
        """Lanes of reads; one joins a lane if all it needs is done or stands before it in the same lane."""
        lanes: dict[str, list[StepId]] = {}
        for step in self.open:
            if not self.outline.reads(self.outline.steps[step]):
                continue
            lane = lanes.setdefault(self._adapter(step), [])
            if len(lane) < LANE_STEPS and self.outline.before[step] <= self.done.union(lane):
                lane.append(step)
        return tuple(self._lane(*steps) for steps in lanes.values() if steps)
