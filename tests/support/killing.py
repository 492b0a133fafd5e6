"""A tool's worker is killed before one of its lines, and its call is made again: what the crash tests share.

A crash test names a worker of one vendor (its adapter, its channel, its secret), the trail (the code before
whose lines the worker dies) and what the vendor's books show. Here is everything else: the door, the run
that a policy has allowed, the tracer that counts lines and kills, the fork that dies of it, the call that
comes again, and what the records must say at the end.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import boto3
from typing_extensions import override

from fakes import FakeVendors
from nightshift.actionlog.chain import step_stream, verify
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import WireError
from nightshift.ids import TenantId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.outbound import pool
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.support.heard import Heard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path
    from types import CodeType, FrameType, ModuleType

    from mypy_boto3_dynamodb import DynamoDBClient

    from nightshift.ids import ChannelId, RunId
    from nightshift.model.effect import StepResult
    from nightshift.tools.binding import Adapter
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

__all__ = [
    "AGAIN",
    "BROKEN",
    "ENDED",
    "KILLED",
    "LEASE",
    "STRANGE",
    "TENANT",
    "ForkedWorker",
    "LastingSecret",
    "Tracer",
    "Trail",
    "Worker",
    "at_work",
]

TENANT = TenantId("acme")
LEASE = 45.0
STRANGE = frozenset({"html", "shape", "empty"})
"""The faults whose answers have another shape: they stop a channel's writes until a person releases them."""
KILLED, AGAIN, ENDED, BROKEN = "killed", 75, 0, 70
"""How a call in a child ended: by the kill, to come again, with a result, or in a way it never may."""

W = TypeVar("W", bound="Worker")


class Trail:
    """The code that counts: every line of some modules, and of others those of some functions."""

    def __init__(self, *whole: ModuleType, parts: dict[ModuleType, Collection[str]] | None = None) -> None:
        self._whole = {module.__file__ for module in whole}
        self._parts = {
            (module.__file__, function) for module, named in (parts or {}).items() for function in named
        }

    def holds(self, code: CodeType) -> bool:
        """Whether this function's lines count."""
        return code.co_filename in self._whole or (code.co_filename, code.co_name) in self._parts


class Tracer:
    """For `sys.settrace`: counts the lines executed on a trail and dies right before one of them.

    `kill_before` n > 0: before the n-th; 0: it only counts. `die` does not come back.
    """

    def __init__(self, trail: Trail, die: Callable[[], None], kill_before: int = 0) -> None:
        self._trail = trail
        self._die = die
        self._kill_before = kill_before
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> Tracer | None:
        """What the interpreter calls for each new frame, and before each line of those that count."""
        if not self._trail.holds(frame.f_code):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                self._die()
        return self


class LastingSecret:
    """A channel's secret, as `Secrets`; nobody may write it."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        """The fields, whatever the reference."""
        del ref, fresh
        return dict(self._fields)

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        """No rotation is under way."""
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        """Fails: no effect stores a secret."""
        raise AssertionError(ref, sorted(fields))


@dataclass
class Worker(ABC):
    """Whoever calls one vendor's tools for a tenant: its records, its channel, and one run per effect.

    `patience`: how many seconds pass before a call that did not end comes again.
    """

    vendors: FakeVendors
    tables: Tables
    clock: FixedClock

    patience: ClassVar[float] = LEASE

    @property
    @abstractmethod
    def adapter(self) -> Adapter:
        """The vendor's tools."""

    @abstractmethod
    def channel(self) -> Channel:
        """The vendor's channel, live for the tools under test (see `live_channel`)."""

    @abstractmethod
    def secret(self) -> dict[str, str]:
        """The fields of the channel's secret."""

    def live_channel(self, id: ChannelId, *, account: str, base_url: str, tools: Iterable[str]) -> Channel:  # noqa: A002  # the record's word
        """A channel of this adapter where these tools make real effects."""
        return Channel(
            id=id,
            tenant=TENANT,
            adapter=self.adapter.name,
            account=account,
            base_url=base_url,
            secret_ref="unused",
            live_tools=frozenset(tools),
        )

    def prepare(self) -> None:
        """Enter the tenant and the channel."""
        config = self.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(self.channel())

    def door(self) -> Door:
        """The door to effects, over this process's own connections."""
        return self._door(client("dynamodb"))

    def _door(self, db: DynamoDBClient) -> Door:
        tables = self.tables
        named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
        secrets, limits, heard = LastingSecret(self.secret()), DynamoLimits(tables.limits, db), Heard()
        return Door(
            adapter=self.adapter,
            runs=DynamoRuns(tables.runs, db),
            ledger=DynamoLedger(named, db),
            approvals=DynamoApprovals(tables.approvals, db),
            config=DynamoConfig(tables.config, db),
            secrets=secrets,
            log=DynamoActionLog(tables.log, db),
            clock=self.clock,
            lease_seconds=LEASE,
            limits=limits,
            tokens=Tokens(secrets, limits, self.clock),
            metrics=heard,
            traces=heard,
            samples=heard,
            pause=self.clock.advance,
            deadline=heard,
        )

    def authorise(
        self, step: Step, *, run: RunId, subject: str, plan: str, role: str = "support", rule: str = "tier"
    ) -> StepCall:
        """Store a run of this one step, allowed up to the step's limit.

        Args:
            step: what the run does.
            run: its id.
            subject: what it is about.
            plan: its plan's name.
            role: of the specialist who asks for it.
            rule: by which the policy allows it.
        """
        made = Plan(name=plan, steps=(step,))
        runs = self.door().runs
        runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=subject,
                customer=None,
                requester=Principal(id=f"specialist:{role}", role=role, kind="specialist"),
                proposed_by="playbook:test@1",
                plan=made,
                digest=made.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Lane(adapter=self.adapter.name, steps=(step.id,))
        allowed = StepVerdict(
            step=step.id, decision=Decision.ALLOW, tier=Tier.AUTO, rule=rule, limit=step.limit
        )
        runs.give(
            Verdict(
                run=run,
                tenant=TENANT,
                plan_digest=made.digest(),
                policy_version=1,
                decision=Decision.ALLOW,
                tier=Tier.AUTO,
                steps=(allowed,),
                moves=(Move(index=0, next="one", lanes=(lane,)), Move(index=1, next="settle")),
                decided_at=self.clock.now(),
            )
        )
        return StepCall(run=run, generation=1, step=step.id)

    def assert_settled_once(self, call: StepCall) -> StepResult:
        """The run's records say: done, intended before all else, settled once, in an unbroken chain."""
        door = self.door()
        result = door.runs.results(call.run)[call.step]
        assert result.outcome is Outcome.DONE
        entries = door.log.read(step_stream(call.run, call.run, call.step))
        assert verify(entries) == []
        kinds = [entry.kind for entry in entries]
        assert kinds[0] is EntryKind.EFFECT_INTENDED
        assert kinds.count(EntryKind.EFFECT_SETTLED) == 1
        return result


@dataclass
class ForkedWorker(Worker):
    """A worker whose calls are made in forked children, which die by SIGKILL.

    Nothing of a child is left but what it wrote to DynamoDB and what the vendor booked.
    """

    endpoint: str

    def __post_init__(self) -> None:
        """Build the one client that only children call with: no connection is in two processes."""
        session = boto3.session.Session()
        self._in_children: Any = session.client("dynamodb", endpoint_url=self.endpoint)

    @abstractmethod
    def trail(self, call: StepCall) -> Trail:
        """The code before whose lines this call is killed."""

    @abstractmethod
    def first_calls(self) -> Iterator[StepCall]:
        """Calls that load and compile, once and here, what every child would load anew."""

    @override
    def prepare(self) -> None:
        """Enter the tenant and the channel, and warm up."""
        super().prepare()
        self.warm_up()

    def warm_up(self) -> None:
        """Do here once what every child would do anew; leave it no connection that two would share."""
        for call in self.first_calls():
            run_step(self._door(self._in_children), call)
        self._in_children._endpoint.http_session.close()
        pool().close()
        pool.cache_clear()
        pool()

    def call_in_a_child(
        self, call: StepCall, *, kill_before: int = 0, count: Path | None = None
    ) -> int | str:
        """Make the call in a fork; `kill_before` n > 0 kills it before its n-th line on the trail.

        `count` names a file the child writes the number of lines to, when it gets to the end.
        """
        tracer = Tracer(self.trail(call), _kill_this_process, kill_before) if kill_before or count else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: the child runs one
            pid = os.fork()
        if pid == 0:
            os._exit(self._in_the_child(call, tracer, count))
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return KILLED
        return os.WEXITSTATUS(status)

    def _in_the_child(self, call: StepCall, tracer: Tracer | None, count: Path | None) -> int:
        try:
            door = self._door(self._in_children)
            if tracer:
                sys.settrace(tracer)
            run_step(door, call)
            sys.settrace(None)
            if tracer and count:
                count.write_text(str(tracer.lines), encoding="utf-8")
        except WireError:
            return AGAIN
        except BaseException:  # noqa: BLE001  # a fork must end here, whatever happened
            traceback.print_exc()
            return BROKEN
        return ENDED

    def lines_on_the_trail(self, undisturbed: StepCall, count: Path) -> int:
        """How many lines this call executes when nothing kills it; `count`: a file for the child."""
        assert self.call_in_a_child(undisturbed, count=count) == ENDED
        return int(count.read_text(encoding="utf-8"))

    def carried_on(self, call: StepCall) -> int | str:
        """How the call ends when it comes again and again, six times at the most, each after a while."""
        ended: int | str = AGAIN
        for _ in range(6):
            self.clock.advance(self.patience + 1)
            ended = self.call_in_a_child(call)
            if ended != AGAIN:
                break
        return ended


def _kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def at_work(clock: FixedClock, make: Callable[[FakeVendors], W]) -> Iterator[W]:
    """A prepared worker, made with stand-in vendors of its own, on a November morning."""
    clock.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    with FakeVendors(now=clock.now) as vendors:
        worker = make(vendors)
        worker.prepare()
        yield worker
