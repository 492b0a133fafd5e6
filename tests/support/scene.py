"""One run on real tables: the small vendor, the door, settling, asking and deciding around one clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nightshift.approvals.ask import Asking, Question, ask
from nightshift.approvals.decide import Deciding
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.items import item
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.aws.secrets import ManagedSecrets
from nightshift.aws.windows import DynamoWindows
from nightshift.runs.settle import Settling
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.support import records
from tests.support.book import Book, vendor
from tests.support.heard import Heard

if TYPE_CHECKING:
    from pydantic import JsonValue

    from nightshift.ids import RunId, StepId
    from nightshift.model.approval import Approval
    from nightshift.model.base import Document
    from nightshift.model.case import CaseInput
    from nightshift.model.effect import Effect, StepResult
    from nightshift.model.log import EntryKind, LogEntry
    from nightshift.model.plan import Plan, Proposal
    from nightshift.model.tenant import Channel
    from nightshift.model.verdict import Decision, Verdict
    from nightshift.tools.binding import Adapter
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

LEASE = 60.0
SECRET = "shpat_0123456789"


@dataclass
class Waiting:
    """Step Functions as the `Executions` port sees it: a waiting state's token is answered once."""

    waits: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    started: list[CaseInput] = field(default_factory=list)

    def start_case(self, given: CaseInput) -> None:
        self.started.append(given)

    def succeed(self, token: str, output: dict[str, JsonValue]) -> bool:
        if token not in self.waits:
            return False
        self.waits.remove(token)
        self.answers[token] = output
        return True


@dataclass
class Scene:
    """Everything one run touches."""

    tables: Tables
    clock: FixedClock
    book: Book
    door: Door
    settling: Settling
    asking: Asking
    deciding: Deciding
    waiting: Waiting
    cases: DynamoCases
    heard: Heard

    def propose(
        self,
        plan: Plan | None = None,
        *,
        run: RunId = records.RUN,
        asks: frozenset[StepId] = frozenset(),
        shadow: bool = False,
        decision: Decision | None = None,
    ) -> tuple[Proposal, Verdict]:
        """Store a plan and its verdict."""
        proposal = self.door.runs.propose(records.proposal(plan, run=run))
        return proposal, self.door.runs.give(
            records.verdict(proposal, asks=asks, shadow=shadow, decision=decision)
        )

    def step(self, step: StepId, *, run: RunId = records.RUN, generation: int = 1) -> StepResult:
        return run_step(self.door, StepCall(run=run, generation=generation, step=step))

    def steps(self, *steps: StepId, run: RunId = records.RUN) -> list[StepResult]:
        return [self.step(step, run=run) for step in steps]

    def effect(self, step: StepId = records.REFUND, *, run: RunId = records.RUN) -> Effect:
        found = self.door.ledger.find(run, step, 0)
        assert found is not None
        return found

    def ask(self, token: str, *, run: RunId = records.RUN, generation: int = 1) -> Approval:
        """A state of the run waits on a token and asks."""
        self.waiting.waits.add(token)
        asked = ask(self.asking, Question(run=run, generation=generation, move=1, token=token))
        assert asked is not None
        return asked

    def log(self, stream: str | None = None) -> tuple[LogEntry, ...]:
        """All entries of the case, or those of one of its streams."""
        log = self.door.log
        return log.of_case(records.CASE) if stream is None else log.read(stream)

    def kinds(self, step: StepId, *, run: RunId = records.RUN) -> list[EntryKind]:
        return [entry.kind for entry in self.log(f"{records.CASE}/{run}/{step}")]

    def with_adapter(self, adapter: Adapter) -> None:
        self.door = replace(self.door, adapter=adapter)

    def with_ledger(self, ledger: DynamoLedger) -> None:
        self.door, self.settling = replace(self.door, ledger=ledger), replace(self.settling, ledger=ledger)

    def overwrite(self, pk: str, sk: str, document: Document) -> None:
        """Somebody with the keys to the table changes a record of a run; then a fresh Lambda reads it."""
        db = client("dynamodb")
        db.put_item(TableName=self.tables.runs, Item=item(pk, sk, document))
        runs = DynamoRuns(self.tables.runs, db)
        self.door = replace(self.door, runs=runs)
        self.settling = replace(self.settling, runs=runs)
        self.asking = replace(self.asking, runs=runs)
        self.deciding = replace(self.deciding, runs=runs)

    def put_channel(self, channel: Channel) -> None:
        self.door.config.put_channel(channel.model_copy(update={"secret_ref": self.secret_ref}))

    @property
    def secret_ref(self) -> str:
        return f"channel-{self.tables.config}"


def make_scene(tables: Tables, clock: FixedClock) -> Scene:
    """A tenant with one live channel, and one open case."""
    db = client("dynamodb")
    book, waiting = Book(), Waiting()
    runs, log = DynamoRuns(tables.runs, db), DynamoActionLog(tables.log, db)
    approvals, config = DynamoApprovals(tables.approvals, db), DynamoConfig(tables.config, db)
    named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
    ledger = DynamoLedger(named, db)
    secrets = client("secretsmanager")
    managed, limits = ManagedSecrets(secrets, clock), DynamoLimits(tables.limits, db)
    heard = Heard()
    scene = Scene(
        tables=tables,
        clock=clock,
        book=book,
        door=Door(
            adapter=vendor(book),
            runs=runs,
            ledger=ledger,
            approvals=approvals,
            config=config,
            secrets=managed,
            log=log,
            clock=clock,
            lease_seconds=LEASE,
            limits=limits,
            tokens=Tokens(managed, limits, clock),
            metrics=heard,
            traces=heard,
            samples=heard,
            pause=clock.advance,
            deadline=heard,
        ),
        settling=Settling(
            runs=runs,
            ledger=ledger,
            approvals=approvals,
            windows=DynamoWindows(tables.ledger, db),
            log=log,
            clock=clock,
            metrics=heard,
        ),
        asking=Asking(runs=runs, approvals=approvals, executions=waiting, log=log, clock=clock),
        deciding=Deciding(approvals=approvals, runs=runs, executions=waiting, log=log, clock=clock),
        waiting=waiting,
        heard=heard,
        cases=DynamoCases(tables.cases, tables.ingress, db, clock),
    )
    secrets.create_secret(Name=scene.secret_ref, SecretString=f'{{"token": "{SECRET}"}}')
    config.put_tenant(records.tenant())
    scene.put_channel(records.channel())
    records.put_case(db, tables.cases, records.case())
    return scene
