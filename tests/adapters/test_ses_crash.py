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
from typing_extensions import override

from functions.adapters.ses import tools as reply_code
from functions.adapters.ses.tools import ADAPTER
from nightshift.aws.client import client
from nightshift.aws.mail import DynamoSentMails
from nightshift.errors import OutcomeUnknown, WireError
from nightshift.ids import ChannelId, RunId, StepId, opaque
from nightshift.ingress.ses import Notice
from nightshift.model.effect import EffectState
from nightshift.model.plan import Step
from nightshift.model.tool import Outcome
from nightshift.ports.mail import SentMail
from nightshift.tools import effect as effect_code
from nightshift.tools import run as run_code
from nightshift.tools.run import run_step
from tests.support.killing import TENANT, Tracer, Trail, Worker, at_work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nightshift.model.tenant import Channel
    from nightshift.tools.door import StepCall
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL, REPLY = ChannelId("mail-eu"), StepId("reply")
ON_THE_PATH = Trail(run_code, effect_code, reply_code)


class _Killed(BaseException):
    """Nothing on the path catches it."""


def _kill() -> None:
    raise _Killed


@dataclass
class Mailing(Worker):
    """A mail channel, where conversations are answered."""

    adapter = ADAPTER

    @override
    def channel(self) -> Channel:
        return self.live_channel(
            CHANNEL,
            account="support@acme.example",
            base_url=self.vendors.ses_url(),
            tools=["messaging.reply"],
        )

    @override
    def secret(self) -> dict[str, str]:
        return {"configuration_set": "nightshift-dev"}

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
        return self.authorise(
            step, run=RunId(f"run_{name}"), subject=f"conversation:{CHANNEL}:{name}", plan="reply"
        )

    def call(self, given: StepCall, tracer: Tracer | None = None) -> Outcome | None:
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
            self.clock.advance(self.patience + 1)
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

    with at_work(clock, lambda vendors: Mailing(vendors, tables, clock)) as made:
        made.vendors.ses().listeners.append(heard)
        yield made


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("publishes", [True, False], ids=["published", "never-published"])
@pytest.mark.parametrize("share", range(4))
def test_a_reply_whose_worker_dies_between_any_two_lines_is_sent_at_most_once(
    mailing: Mailing, share: int, *, publishes: bool
) -> None:
    counting = Tracer(ON_THE_PATH, _kill)
    assert mailing.call(mailing.authorised("undisturbed"), counting) is Outcome.DONE
    assert counting.lines > 60
    mailing.vendors.ses().publishes = publishes
    sent = unsettled = 0
    for line in range(1 + share, counting.lines + 1, 4):
        given = mailing.authorised(f"line{line}")
        mailing.call(given, Tracer(ON_THE_PATH, _kill, line))
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
