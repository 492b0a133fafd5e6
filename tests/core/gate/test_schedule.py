"""Waves: side by side where nothing is needed of one another; one question; what is irreversible last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightshift.gate.facts import ChannelFacts
from nightshift.gate.outline import Outline
from nightshift.gate.schedule import moves
from nightshift.ids import ChannelId, StepId
from nightshift.model.plan import Plan, Step
from nightshift.model.verdict import Move
from tests.core.gate.plans import LIVE, SHOP, TOOLS, step

OTHER = ChannelId("amazon-de")
CHANNELS = {**LIVE, OTHER: ChannelFacts(adapter="amazon", live_tools=frozenset(TOOLS))}


def read(name: str, *needs: str, channel: ChannelId = SHOP) -> Step:
    return step(name, "orders.get", {"order": "1"}, needs=needs, channel=channel)


def write(name: str, *needs: str, channel: ChannelId = SHOP) -> Step:
    args = {"sku": name, "price": {"amount": 1, "currency": "EUR"}}
    return step(name, "pricing.set", args, needs=needs, channel=channel)


def final(name: str, *needs: str) -> Step:
    return step(name, "messaging.reply", needs=needs)


def wait(name: str, *needs: str) -> Step:
    return step(name, "wait.for", {"seconds": 5}, needs=needs, channel="")


def question(name: str, *needs: str) -> Step:
    return step(name, "ask.person", {"question": "Really?"}, needs=needs, channel="")


def scheduled(*steps: Step, ask: bool = False) -> tuple[Move, ...]:
    return moves(Outline(plan=Plan(name="test", steps=steps), tools=TOOLS), CHANNELS, ask=ask)


def shown(*steps: Step, ask: bool = False) -> list[str]:
    """`one a` or `many a|b c` (lanes by `|`), `wait w`, `ask`, `settle`."""
    told = []
    for move in scheduled(*steps, ask=ask):
        lanes = "|".join(" ".join(lane.steps) for lane in move.lanes)
        told.append(" ".join(part for part in (move.next, lanes, move.step or "") if part))
    return told


def test_writes_that_do_not_need_one_another_are_one_wave_of_a_lane_each() -> None:
    assert shown(write("a"), write("b"), write("c", "a")) == ["many a|b", "one c", "settle"]
    assert shown(write("a"), write("b", "a"), write("c", "b")) == ["one a", "one b", "one c", "settle"]
    assert {lane.adapter for lane in scheduled(write("a"), write("b", channel=OTHER))[0].lanes} == {
        "shopify",
        "amazon",
    }


def test_reads_of_one_adapter_share_a_lane_and_come_before_every_write() -> None:
    assert shown(write("a"), read("r"), read("s", "r"), read("x", channel=OTHER)) == [
        "many r s|x",
        "one a",
        "settle",
    ]


def test_what_is_irreversible_comes_last_and_one_by_one_wherever_the_plan_lists_it() -> None:
    assert shown(final("told"), write("a"), final("too"), write("b", "a")) == [
        "one a",
        "one b",
        "one told",
        "one too",
        "settle",
    ]


def test_people_are_asked_once_before_the_first_write_or_wait() -> None:
    assert shown(write("a"), wait("w"), write("b", "w"), read("r"), ask=True) == [
        "one r",
        "ask",
        "one a",
        "wait w",
        "one b",
        "settle",
    ]
    assert shown(read("r"), ask=True) == ["one r", "ask", "settle"]


def test_what_a_plan_asks_is_part_of_that_one_question() -> None:
    assert shown(read("r"), question("q", "r"), write("a", "q"), write("b"), ask=True) == [
        "one r",
        "ask",
        "many a|b",
        "settle",
    ]


def test_a_wait_holds_what_needs_it_and_nothing_else() -> None:
    assert shown(write("a"), wait("w", "a"), write("b", "w"), write("c")) == [
        "many a|c",
        "wait w",
        "one b",
        "settle",
    ]


def test_a_read_after_a_wait_sees_the_world_as_it_is_then() -> None:
    assert shown(read("r"), wait("w", "r"), read("s", "w"), write("a", "s")) == [
        "one r",
        "wait w",
        "one s",
        "one a",
        "settle",
    ]


def test_a_wait_after_what_is_irreversible_waits_for_it() -> None:
    assert shown(final("told"), wait("w", "told"), final("again", "w")) == [
        "one told",
        "wait w",
        "one again",
        "settle",
    ]


_KINDS = (read, write, wait, question)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Step, ...]:
    """Plans in which reads need no write, and only what is irreversible needs what is."""
    made: list[Step] = []
    for number in range(draw(st.integers(min_value=1, max_value=12))):
        kind = draw(st.sampled_from((*_KINDS, final)))
        may = [s.id for s in made if kind is final or not s.tool.startswith("messaging.")]
        if kind is read:
            may = [s.id for s in made if s.tool == "orders.get"]
        needs = draw(st.lists(st.sampled_from(may), unique=True, max_size=3)) if may else []
        made.append(kind(f"s{number}", *needs))
    return tuple(draw(st.permutations(made)))


@given(steps=plans(), ask=st.booleans())
def test_every_step_runs_once_and_after_all_it_needs(*, steps: tuple[Step, ...], ask: bool) -> None:
    outline = Outline(plan=Plan(name="test", steps=steps), tools=TOOLS)
    found = moves(outline, CHANNELS, ask=ask)
    assert [move.index for move in found] == list(range(len(found)))
    assert [move.next for move in found].count("ask") == int(ask)
    done = {each.id for each in steps if each.tool == "ask.person"}
    seen: list[StepId] = []
    for move in found:
        for lane in move.lanes:
            assert all(
                outline.before[each] <= done.union(lane.steps[:n]) for n, each in enumerate(lane.steps)
            )
        wave = [each for lane in move.lanes for each in lane.steps]
        wave += [move.step] if move.step is not None else []
        assert move.step is None or outline.before[move.step] <= done
        seen += wave
        done |= set(wave)
    assert sorted(seen) == sorted(each.id for each in steps if each.tool != "ask.person")
    tools = [outline.steps[each].tool for each in seen]
    finals = [n for n, tool in enumerate(tools) if tool == "messaging.reply"]
    writes = [n for n, tool in enumerate(tools) if tool == "pricing.set"]
    assert not finals or not writes or max(writes) < min(finals)
