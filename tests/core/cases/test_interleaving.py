"""Whatever dies, however executions, events, sweeps and people interleave over the real records.

The executions are played here state by state (what each state does is the real stage function); a killed
one may go on for any number of states, as a Lambda that outlives its execution does, and worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nightshift.aws.client import client
from nightshift.aws.memory import DynamoEpisodes
from nightshift.cases.dispatch import dispatch
from nightshift.cases.lookout import StatusChange, look_after, on_status, recover_one, recover_page
from nightshift.cases.recover import Became, Recovering, RollOver, roll_over
from nightshift.errors import OutcomeUnknown, Outdated, Retryable, WireError
from nightshift.ids import CaseId, RunId, StepId, execution_name, run_id
from nightshift.model.case import Case, CaseInput, CaseStatus, Woken
from nightshift.model.event import EventKind
from nightshift.model.plan import Close, Plan, Proposal, Sleep
from nightshift.recorder.commit import Commit, Recording, commit
from nightshift.runs.lane import LaneCall, run_lane
from nightshift.runs.settle import settle
from nightshift.runs.unwind import unwind
from tests.conftest import FixedClock
from tests.support import records
from tests.support import tables as table_support
from tests.support.book import Fault
from tests.support.heard import Heard
from tests.support.intake import ACME, Intake, make_intake, wait_for_token
from tests.support.lookout import make_recovering
from tests.support.scene import LEASE, Scene, make_scene

if TYPE_CHECKING:
    from tests.support.tables import Tables

OPEN, SLEEPING, PERSON, CLOSED = (
    CaseStatus.OPEN,
    CaseStatus.SLEEPING,
    CaseStatus.WITH_PERSON,
    CaseStatus.CLOSED,
)
_NUMBERS = count(1)
_SLEEP = 3600
_TRIES = 4
DEATHS = ("ABORTED", "FAILED", "TIMED_OUT", "lost")
READS, WRITES = (records.QUOTE,), (records.REFUND,)


@dataclass
class Played:
    """One execution of the case's machine, with the run it waits for."""

    case: CaseId
    generation: int
    wake: int
    woken: Woken
    at: str = "Observe"
    tries: int = 0
    error: str | None = None
    seen: int = 0
    token: str = ""
    over: bool = False
    dead: bool = False

    @property
    def run(self) -> RunId:
        return run_id(self.case, self.wake)

    @property
    def name(self) -> str:
        return execution_name(self.case, self.generation)


class Interleaved(RuleBasedStateMachine):
    """One case: a refund and a sleep at its first wake, its end at a later one."""

    tables: Tables

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock()
        tables = table_support.create(client("dynamodb"), f"{self.tables.cases[-10:]}{next(_NUMBERS)}")
        self.scene: Scene = make_scene(tables, self.clock)
        self.scene.book.checks_state = False  # only we keep the second refund away
        self.scene.book.clock = self.clock
        self.intake: Intake = make_intake(tables, self.clock)
        self.machine = self.intake.machine
        self.parts: Recovering = make_recovering(tables, self.clock, self.machine)
        self.recording = Recording(
            cases=self.intake.cases,
            runs=self.scene.door.runs,
            episodes=DynamoEpisodes(tables.memory, client("dynamodb")),
            log=self.intake.log,
            clock=self.clock,
            metrics=Heard(),
            episodes_kept=timedelta(days=7),
        )
        self.played: dict[str, Played] = {}
        self.zombies: list[Played] = []
        case = self.an_event()
        assert case is not None
        self.case: CaseId = case

    # -- what happens

    def an_event(self) -> CaseId | None:
        event = self.intake.source.message(conversation="c1")
        return dispatch(self.intake.stored(event), self.intake.desk).case

    @rule()
    def a_message_comes(self) -> None:
        if self.stands().status is not CLOSED:
            self.an_event()

    @rule(index=st.integers(0, 9), states=st.integers(1, 6))
    def an_execution_goes_on(self, index: int, states: int) -> None:
        live = [each for each in self.all() if not each.over]
        for _ in range(states if live else 0):
            self.step(live[index % len(live)])

    @rule(index=st.integers(0, 9))
    def a_state_is_done_but_its_answer_is_lost(self, index: int) -> None:
        live = [each for each in self.all() if not each.over]
        if live:
            chosen = live[index % len(live)]
            before = Played(**vars(chosen))
            self.step(chosen)
            if chosen.at != "Sleep":  # a token that is stored is waited for
                vars(chosen).update(vars(before))

    @rule(index=st.integers(0, 9), how=st.sampled_from(DEATHS), told=st.booleans())
    def an_execution_dies(self, index: int, how: str, *, told: bool) -> None:
        running = [each for each in self.all() if self.runs(each)]
        if not running:
            return
        chosen = running[index % len(running)]
        self.machine.waiting.discard(chosen.token)
        chosen.dead = True
        self.zombies.append(self.played.pop(chosen.name))
        del self.machine.started[chosen.name]
        if how == "lost":
            del self.machine.states[chosen.name]
            return
        self.machine.end(chosen.name, how)  # type: ignore[arg-type]  # one of them
        if told:
            change = StatusChange.model_validate({"name": chosen.name, "status": how})
            assert on_status(self.parts, self.scene.door.runs, change) is not Became.RUNNING

    @rule(seconds=st.sampled_from([10, 61, 301, 4000]))
    def time_passes_and_the_sweep_looks(self, seconds: int) -> None:
        self.clock.advance(seconds)
        look_after(self.parts)

    @rule(everything=st.booleans())
    def a_person_recovers(self, *, everything: bool) -> None:
        if everything:
            recover_page(self.parts, tenant=ACME, since=self.clock.now(), after="")
        else:
            recover_one(self.parts, ACME, self.case, by="person:ana")

    @precondition(lambda self: not self.scene.book.faults)
    @rule(when=st.sampled_from(["before", "after"]), unknown=st.booleans())
    def the_vendor_falters(self, when: str, *, unknown: bool) -> None:
        error = OutcomeUnknown("no answer") if unknown or when == "after" else Retryable("busy")
        self.scene.book.faults.append(Fault(error, when))  # type: ignore[arg-type]  # one of them

    # -- what must hold

    @invariant()
    def nothing_happens_twice(self) -> None:
        assert len(self.scene.book.refunds) <= 1

    def teardown(self) -> None:
        """Nothing dies any more: the case comes to rest, and what drives it is the newest generation."""
        self.scene.book.faults.clear()
        for turn in range(40):
            # one that sleeps and was lost without a word is found when its deadline has passed
            self.clock.advance(LEASE + 1 if turn < 20 else _SLEEP)
            look_after(self.parts)
            for each in self.all():
                while self.runs(each) and not self.waits(each) and self.step(each):
                    pass
            if self.at_rest():
                break
        assert self.at_rest(), self.told()
        assert len(self.scene.book.refunds) <= 1
        if self.stands().status is CLOSED:
            assert len(self.scene.book.refunds) == 1

    def told(self) -> str:
        """Everything there is to know of a case that did not come to rest."""
        lines = [f"{self.stands()}", *map(str, self.all()), *map(str, self.machine.states.items())]
        return "\n".join([*lines, *(f"{e.kind} {e.detail}" for e in self.intake.log.read(self.case)[-6:])])

    def at_rest(self) -> bool:
        stands = self.stands()
        if stands.status in {CLOSED, PERSON}:
            return True
        drives = self.played.get(execution_name(self.case, stands.generation))
        return stands.status is SLEEPING and drives is not None and self.waits(drives)

    # -- the state machines, state by state

    def all(self) -> list[Played]:
        """Every execution that still does something, the dead ones that do not know it first."""
        for name, given in self.machine.started.items():
            if name not in self.played and given.case == self.case:
                self.played[name] = Played(given.case, given.generation, given.wake, given.woken)
        return [*self.zombies, *self.played.values()]

    def runs(self, each: Played) -> bool:
        return not each.dead and not each.over and each.name in self.machine.running(self.case)

    def stands(self) -> Case:
        return self.intake.cases.get(self.case)

    def waits(self, each: Played) -> bool:
        return each.at == "Asleep" and each.token in self.machine.waiting

    def step(self, each: Played) -> bool:
        """One state; False: it would do the same again at once."""
        before = (each.at, each.wake, each.tries)
        try:
            getattr(self, f"_{each.at.lower()}")(each)
        except Outdated:
            self._end(each)
        return (each.at, each.wake, each.tries) != before

    def _end(self, each: Played) -> None:
        each.over = True
        if each.name in self.machine.running(self.case) and not each.dead:
            self.machine.end(each.name, "SUCCEEDED")

    def _again(self, each: Played, woken: Woken) -> None:
        each.wake, each.woken, each.at, each.tries, each.error = each.wake + 1, woken, "Observe", 0, None

    def _observe(self, each: Played) -> None:
        given = CaseInput(case=each.case, generation=each.generation, wake=each.wake, woken=each.woken)
        case = self.intake.cases.observe(given)
        each.seen = case.seen_seq
        if case.status is SLEEPING:
            each.at = "Sleep"
        elif case.status in {CLOSED, PERSON}:
            each.at, each.error = "Commit", "person"
        else:
            each.at = "Plan"

    def _plan(self, each: Played) -> None:
        first = not self.intake.cases.get(each.case).moves
        steps = (records.quote_step(), records.refund_step()) if first else ()
        after = Sleep(events=(EventKind.MESSAGE_RECEIVED,), seconds=_SLEEP) if first else Close()
        plan = Plan(name="refund", inputs={"order": records.ORDER}, steps=steps, after=after)
        given = records.proposal(plan, run=each.run, case=each.case)
        changes = {"wake": each.wake, "move": "refund", "generation": each.generation}
        self.scene.door.runs.propose(Proposal.model_validate({**dict(given), **changes}))
        each.at = "Gate"

    def _gate(self, each: Played) -> None:
        runs = self.scene.door.runs
        verdict = runs.give(records.verdict(runs.proposal(each.run)))
        each.at = "Settle" if runs.outcome(each.run) is not None or not verdict.steps else "Reads"

    def _reads(self, each: Played) -> None:
        self._lane(each, READS, "Writes")

    def _writes(self, each: Played) -> None:
        self._lane(each, WRITES, "Settle")

    def _lane(self, each: Played, steps: tuple[StepId, ...], following: str) -> None:
        call = LaneCall(run=each.run, generation=each.generation, move=0, steps=steps)
        try:
            state = run_lane(self.scene.door, call)
        except WireError as exc:
            each.tries += 1
            self.clock.advance(LEASE + 1)
            if each.tries >= _TRIES:
                each.at, each.error = "Unwind", type(exc).__name__
        else:
            each.at = {"settle": "Settle", "undo": "Unwind"}.get(state.move.next, following)

    def _unwind(self, each: Played) -> None:
        state = unwind(self.scene.settling, each.run, each.generation, each.error or "")
        assert state.move.next == "settle"  # a refund and a reply: nothing that can be taken back
        each.at, each.error = "Settle", state.error or None

    def _settle(self, each: Played) -> None:
        settle(self.scene.settling, each.run, each.generation, each.error)
        each.at, each.error = "Commit", None

    def _commit(self, each: Played) -> None:
        run = None if each.error == "person" else each.run
        given = Commit(case=each.case, generation=each.generation, wake=each.wake, run=run)
        if run is not None and self.scene.door.runs.outcome(run) is None:
            given = given.model_copy(update={"at": "Run", "error": "States.TaskFailed"})
        rest = commit(self.recording, given)
        match rest.rest:
            case "again":
                self._again(each, "again")
            case "sleep":
                each.at, each.seen = "Sleep", rest.seen_seq
            case "restart":
                each.at = "RollOver"
            case _:
                self._end(each)

    def _rollover(self, each: Played) -> None:
        asks = RollOver(case=each.case, generation=each.generation, wake=each.wake, why="restart")
        roll_over(self.parts, asks)
        self._end(each)

    def _sleep(self, each: Played) -> None:
        token = f"{each.name}#{each.wake}#{next(_NUMBERS)}"
        table, case = self.scene.tables.cases, each.case
        if not self.runs(each):
            self._end(each)  # a state of an execution that is over is never entered
        elif wait_for_token(
            table, case, generation=each.generation, wake=each.wake, seen=each.seen, token=token
        ):
            each.token, each.at = token, "Asleep"
            self.machine.waiting.add(token)
        else:
            self._again(each, "event")

    def _asleep(self, each: Played) -> None:
        if not self.runs(each):
            self._end(each)
        elif each.token in self.machine.resumed:
            self._again(each, "event")
        elif (deadline := self.stands().deadline) is not None and self.clock.now() >= deadline:
            self.machine.waiting.discard(each.token)
            self._again(each, "deadline")


@pytest.mark.guarantee("recovery:no-case-stays-stranded")
@pytest.mark.guarantee("effects:at-most-once")
def test_no_interleaving_doubles_an_effect_or_loses_a_case(tables: Tables) -> None:
    class Here(Interleaved):
        pass

    Here.tables = tables
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # shrinking takes minutes over the wire; 30 steps can be read
            suppress_health_check=list(HealthCheck),
        ),
    )
