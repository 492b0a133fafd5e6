"""The schedule of an authorised plan: reads in as few moves as needs allow, one ask, then each write."""

from collections.abc import Iterator

from nightshift.gate.facts import ChannelFacts
from nightshift.gate.outline import Outline
from nightshift.ids import ChannelId, StepId
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
        ask: whether people have to be asked, all at once, right before the first write.
    """
    adapters = {step.id: channels[step.channel].adapter for step in outline.steps.values()}
    reads = [s for s in outline.running if outline.reads(outline.steps[s])]
    writes = outline.running[len(reads) :]
    found: list[Move] = []
    for lanes in _waves(reads, outline, adapters):
        found.append(Move(index=len(found), next="one" if len(lanes) == 1 else "many", lanes=lanes))
    if ask:
        found.append(Move(index=len(found), next="ask"))
    for write in writes:
        lane = Lane(adapter=adapters[write], steps=(write,))
        found.append(Move(index=len(found), next="one", lanes=(lane,)))
    found.append(Move(index=len(found), next="settle"))
    return tuple(found)


def _waves(reads: list[StepId], outline: Outline, adapters: dict[StepId, str]) -> Iterator[tuple[Lane, ...]]:
    """Lanes that run side by side, wave after wave.

    A read joins a lane if all it needs ran in an earlier wave or stands before it in the same lane.
    """
    done: set[StepId] = set()
    while reads:
        lanes: dict[str, list[StepId]] = {}
        for read in reads:
            lane = lanes.setdefault(adapters[read], [])
            if len(lane) < LANE_STEPS and outline.before[read] <= done.union(lane):
                lane.append(read)
        wave = tuple(Lane(adapter=name, steps=tuple(steps)) for name, steps in lanes.items() if steps)
        taken = {step for lane in wave for step in lane.steps}
        done |= taken
        reads = [read for read in reads if read not in taken]
        yield wave
