"""A reply's worker dies before every line from intent to outcome, and is tried again: at most one mail.

The tool runs until, right before the n-th line it would execute on the path, it is thrown out by an
exception that nothing catches. Then time passes and the same call is made until it ends or stays unknown.
SES has no idempotency key: what it published is all that tells a mail that was sent from one that was not.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from fakes import FakeVendors
from functions.adapters.ses import tools as reply_code
from functions.adapters.ses.tools import ADAPTER
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.mail import DynamoSentMails
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import OutcomeUnknown, WireError
from nightshift.ids import ChannelId, RunId, StepId, TenantId, opaque
from nightshift.ingress.ses import Notice
from nightshift.model.effect import EffectState
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.ports.mail import SentMail
from nightshift.tools import effect as effect_code
from nightshift.tools import run as run_code
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.support.heard import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

TENANT, CHANNEL, REPLY = TenantId("acme"), ChannelId("mail-eu"), StepId("reply")
LEASE = 45.0
ON_THE_PATH = {module.__file__ for module in (run_code, effect_code, reply_code)}


class _Killed(BaseException):
    """Nothing on the path catches it."""


class _Tracer:
    """Counts the lines executed on the path, and kills before one of them."""

    def __init__(self, kill_before: int = 0) -> None:
        self._kill_before = kill_before
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Tracer | None:
        if frame.f_code.co_filename not in ON_THE_PATH:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                raise _Killed
        return self


class _Secrets:
    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return {"configuration_set": "nightshift-dev"}

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


@dataclass
class Mailing:
    """A mail channel, its tenant's records, and one run per reply."""

    vendors: FakeVendors
    tables: Tables
    clock: FixedClock

    def door(self) -> Door:
        db = client("dynamodb")
        tables = self.tables
        named = LedgerTables(ledger=tables.ledger, runs=tables.runs, cases=tables.cases, config=tables.config)
        secrets, limits, heard = _Secrets(), DynamoLimits(tables.limits, db), Heard()
        return Door(
            adapter=ADAPTER,
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

    def authorised(self, name: str) -> StepCall:
        """A run whose plan answers one conversation."""
        step = Step(
            id=REPLY,
            tool="messaging.reply",
            channel=CHANNEL,
            args={
                "conversation": opaque("mail", name),
                "template": "order_status@1",
                "fields": {"order": "#1001", "state": "shipped"},
                "to": "kim@example.com",
            },
        )
        run, plan, door = RunId(f"run_{name}"), Plan(name="reply", steps=(step,)), self.door()
        door.runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=f"conversation:{CHANNEL}:{name}",
                customer=None,
                requester=Principal(id="specialist:support", role="support", kind="specialist"),
                proposed_by="playbook:test@1",
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Move(index=0, next="one", lanes=(Lane(adapter="ses", steps=(REPLY,)),))
        allowed = StepVerdict(step=REPLY, decision=Decision.ALLOW, tier=Tier.AUTO, rule="tier", limit=None)
        door.runs.give(
            Verdict(
                run=run,
                tenant=TENANT,
                plan_digest=plan.digest(),
                policy_version=1,
                decision=Decision.ALLOW,
                tier=Tier.AUTO,
                steps=(allowed,),
                moves=(lane, Move(index=1, next="settle")),
                decided_at=self.clock.now(),
            )
        )
        return StepCall(run=run, generation=1, step=REPLY)

    def call(self, given: StepCall, tracer: _Tracer | None = None) -> Outcome | None:
        """How the call ended; None: it is to come again."""
        before = sys.gettrace()
        try:
            if tracer is not None:
                sys.settrace(tracer)
            return run_step(self.door(), given).outcome
        except (WireError, _Killed):
            return None
        finally:
            sys.settrace(before)

    def settled(self, given: StepCall) -> Outcome | None:
        """How the call ends when it comes again and again; None: it stays unknown, a person settles it."""
        for _ in range(5):
            self.clock.advance(LEASE + 1)
            ended = self.call(given)
            if ended is not None:
                return ended
        effect = self.door().ledger.find(given.run, REPLY, 0)
        assert effect is not None
        assert effect.state is EffectState.UNKNOWN
        return None

    def mails(self, given: StepCall) -> int:
        conversation = opaque("mail", given.run.removeprefix("run_"))
        return sum(mail.tags["conversation"] == conversation for mail in self.vendors.ses().mails)


@pytest.fixture
def mailing(tables: Tables, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailing]:
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("TABLE_INGRESS", tables.ingress)
    kept = DynamoSentMails(tables.ingress, client("dynamodb"))

    def heard(event: dict[str, object]) -> None:
        notice = Notice.model_validate(event)
        mail = notice.detail.mail
        kept.record(TENANT, notice.tag("key"), SentMail(message=mail.message_id, sent_at=mail.timestamp))

    with FakeVendors(now=clock.now) as vendors:
        vendors.ses().listeners.append(heard)
        made = Mailing(vendors=vendors, tables=tables, clock=clock)
        config = made.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(
            Channel(
                id=CHANNEL,
                tenant=TENANT,
                adapter="ses",
                account="support@acme.example",
                base_url=vendors.ses_url(),
                secret_ref="unused",
                live_tools=frozenset({"messaging.reply"}),
            )
        )
        yield made


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("publishes", [True, False], ids=["published", "never-published"])
@pytest.mark.parametrize("share", range(4))
def test_a_reply_whose_worker_dies_between_any_two_lines_is_sent_at_most_once(
    mailing: Mailing, share: int, *, publishes: bool
) -> None:
    counting = _Tracer()
    assert mailing.call(mailing.authorised("undisturbed"), counting) is Outcome.DONE
    assert counting.lines > 60
    mailing.vendors.ses().publishes = publishes
    sent = unsettled = 0
    for line in range(1 + share, counting.lines + 1, 4):
        given = mailing.authorised(f"line{line}")
        mailing.call(given, _Tracer(line))
        before = mailing.mails(given)
        ended = mailing.settled(given)
        after = mailing.mails(given)
        assert after <= 1, f"killed before line {line}"
        assert ended in {None, Outcome.DONE}
        assert ended is not Outcome.DONE or after == 1
        assert not (before and publishes) or ended is Outcome.DONE
        sent, unsettled = sent + before, unsettled + (ended is None)
    assert sent or share  # some died after SES had sent
    assert unsettled or share  # and some before, which nobody but a person can know


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "empty", "drop_before"])
def test_a_reply_whose_answer_is_lost_is_settled_by_what_ses_published(mailing: Mailing, fault: str) -> None:
    given = mailing.authorised("one")
    mailing.vendors.ses().fail(fault, "SendEmail")
    with pytest.raises(OutcomeUnknown):
        run_step(mailing.door(), given)
    was_sent = fault == "drop_after"
    assert mailing.settled(given) is (Outcome.DONE if was_sent else None)
    assert mailing.mails(given) == int(was_sent)
