"""The stages between observe and commit on real tables, for tests at the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.memory import DynamoEpisodes
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.subject_keys import DynamoSubjectKeys
from nightshift.ids import CaseId, run_id
from nightshift.model.case import Case, CaseInput, RunOutcome
from nightshift.model.plan import After, Plan, Principal, Proposal
from nightshift.model.tenant import Channel
from nightshift.recorder.commit import Commit, Recording
from tests.support.heard import Heard
from tests.support.matters import ACME, CUSTOMER, SHOP, case, tenant

if TYPE_CHECKING:
    from nightshift.ids import RunId
    from nightshift.model.event import Event
    from nightshift.money import Money
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

Status = Literal[
    "DONE", "REFUSED", "REJECTED", "EXPIRED", "CHANGED", "FAILED", "STOPPED", "UNDO_FAILED", "UNKNOWN"
]


@dataclass(frozen=True)
class Life:
    """Every record a case has, and the stages' own parts over them."""

    cases: DynamoCases
    runs: DynamoRuns
    config: DynamoConfig
    episodes: DynamoEpisodes
    log: DynamoActionLog
    subjects: DynamoSubjectKeys
    clock: FixedClock
    heard: Heard

    def recording(self) -> Recording:
        return Recording(
            cases=self.cases,
            runs=self.runs,
            episodes=self.episodes,
            log=self.log,
            clock=self.clock,
            metrics=self.heard,
            episodes_kept=timedelta(days=7),
        )

    def open(self, event: Event, **changes: object) -> Case:
        opened = case(event, **changes)
        self.cases.open(opened, event, ())
        return opened

    def join(self, case_: CaseId, event: Event) -> None:
        self.cases.join(self.cases.get(case_), event, (), signals=())

    def wake(self, case_: CaseId, wake: int) -> Case:
        return self.cases.observe(CaseInput(case=case_, generation=1, wake=wake))

    def planned(self, case_: CaseId, wake: int, after: After, *, move: str = "refund") -> RunId:
        plan = Plan(name="test", after=after)
        run = run_id(case_, wake)
        self.runs.propose(
            Proposal(
                run=run,
                tenant=ACME,
                case=case_,
                wake=wake,
                generation=1,
                subject=self.cases.get(case_).subject,
                customer=CUSTOMER,
                requester=Principal(id="specialist:support", role="support", kind="specialist"),
                proposed_by="playbook:test@1",
                move=move,
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        return run

    def settled(self, run: RunId, status: Status, moved: Money | None = None, reason: str = "") -> None:
        outcome = RunOutcome(
            run=run,
            status=status,
            reason=reason,
            failed_step=None if status == "DONE" else "refund",
            money_moved=moved,
            settled_at=self.clock.now(),
        )
        self.runs.settle(outcome)

    def told(self, case_: CaseId) -> list[str]:
        """The kinds of a case's log, in order."""
        return [entry.kind.value for entry in self.log.read(case_)]


def make_life(tables: Tables, clock: FixedClock) -> Life:
    db = client("dynamodb")
    life = Life(
        cases=DynamoCases(tables.cases, tables.ingress, db, clock),
        runs=DynamoRuns(tables.runs, db),
        config=DynamoConfig(tables.config, db),
        episodes=DynamoEpisodes(tables.memory, db),
        log=DynamoActionLog(tables.log, db),
        subjects=DynamoSubjectKeys(tables.subjects, db),
        clock=clock,
        heard=Heard(),
    )
    life.config.put_tenant(tenant())
    life.config.put_channel(
        Channel(
            id=SHOP,
            tenant=ACME,
            adapter="shopify",
            account="acme.myshopify.com",
            base_url="http://127.0.0.1:9",
            secret_ref="nightshift/test/shopify/acme/shopify-eu",
        )
    )
    return life


def over(case_: CaseId, wake: int = 1, run: RunId | None = None, **more: object) -> Commit:
    return Commit.model_validate({"case": case_, "generation": 1, "wake": wake, "run": run, **more})
