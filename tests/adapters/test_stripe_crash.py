"""A Stripe refund's and a credit note's worker is killed before every line from intent to outcome.

As `test_crash.py` does it with Shopify: a forked child sends itself SIGKILL right before its n-th line on
the path; time passes; the same call is made until it says how it ended. Stripe's own books must show one
effect, with an account that honours idempotency keys (and gives stored failures again) and with one that
ignores them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from fakes import FakeVendors
from functions.adapters.stripe import client as client_code
from functions.adapters.stripe import credits as credit_code
from functions.adapters.stripe import payments as refund_code
from functions.adapters.stripe.tools import ADAPTER
from nightshift.actionlog.chain import step_stream, verify
from nightshift.errors import WireError
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.money import Money
from nightshift.tools import effect as effect_code
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.adapters.official_stripe import OFFICIAL_STRIPE
from tests.adapters.stripe_desk import credit_of, refund_of
from tests.adapters.test_crash import AGAIN, BROKEN, ENDED, KILLED, LEASE, TENANT, Shop
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from pydantic import JsonValue

    from fakes import StripeFake
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL = ChannelId("stripe-eu")
EFFECT = StepId("effect")
AMOUNT = Money(amount=1250, currency="EUR")
REFUND, CREDIT = "payments.refund", "payments.credit_note"
OPERATION = {REFUND: "refunds.create", CREDIT: "credit_notes.create"}
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through.
ON_THE_PATH = {module.__file__ for module in (effect_code, refund_code, credit_code)}


class _Secrets:
    def __init__(self, key: str) -> None:
        self._key = key

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return {"api_key": self._key, "webhook_secret": "unused"}

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


@dataclass
class Account(Shop):
    """The same with a Stripe account in the shop's place."""

    @property
    def stripe(self) -> StripeFake:
        return self.vendors.stripe()

    @override
    def warm_up(self) -> None:
        OFFICIAL_STRIPE.warm()
        for tool in OPERATION:
            run_step(self.door(child=True), self.authorised(tool, "warm"))
        self._in_children._endpoint.http_session.close()
        client_code._http().close()
        client_code._http.cache_clear()
        client_code._http()

    @override
    def door(self, *, child: bool = False) -> Door:
        base = super().door(child=child)
        secrets = _Secrets(self.stripe.api_key)
        tokens = Tokens(secrets, base.limits, self.clock)
        return replace(base, adapter=ADAPTER, secrets=secrets, tokens=tokens)

    def authorised(self, tool: str, name: str) -> StepCall:
        """A payment, and a run whose plan gives it back whole."""
        args = self._args(tool)
        step = Step(id=EFFECT, tool=tool, channel=CHANNEL, args=args, limit=AMOUNT)
        run = RunId(f"run_{tool.rsplit('.', maxsplit=1)[-1]}_{name}")
        plan = Plan(name="give-back", steps=(step,))
        door = self.door()
        door.runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=f"payment:{CHANNEL}:{run}",
                customer=None,
                requester=Principal(id="specialist:support", role="support", kind="specialist"),
                proposed_by="playbook:test@1",
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Move(index=0, next="one", lanes=(Lane(adapter="stripe", steps=(EFFECT,)),))
        allowed = StepVerdict(step=EFFECT, decision=Decision.ALLOW, tier=Tier.AUTO, rule="tier", limit=AMOUNT)
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
        return StepCall(run=run, generation=1, step=EFFECT)

    def _args(self, tool: str) -> dict[str, JsonValue]:
        charge = self.stripe.paid(origin="invoice")
        if tool == REFUND:
            return refund_of(charge)
        return credit_of(self.stripe.books.invoices[charge.invoice or ""], AMOUNT.amount)

    @override
    def _in_the_child(self, call: StepCall, kill_before: int, count: Path | None) -> int:
        tracer = _Tracer(kill_before)
        try:
            door = self.door(child=True)
            if kill_before or count:
                sys.settrace(tracer)
            run_step(door, call)
            sys.settrace(None)
            if count:
                count.write_text(str(tracer.lines), encoding="utf-8")
        except WireError:
            return AGAIN
        except BaseException:  # noqa: BLE001  # a fork must end here, whatever happened
            traceback.print_exc()
            return BROKEN
        return ENDED

    def made(self, call: StepCall) -> list[tuple[str, int]]:
        """What the account's books show of one run: ids and amounts of its effects."""
        key = self._key(call)
        books = self.stripe.books
        refunds = [(each.id, each.amount) for each in books.refunds.values() if each.key == key]
        return refunds + [(each.id, each.total) for each in books.notes.values() if each.key == key]

    def _key(self, call: StepCall) -> str:
        effect = self.door().ledger.find(call.run, EFFECT, 0)
        return effect.key if effect is not None else "-"


class _Tracer:
    """Counts the lines executed on the path and kills this process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self._kill_before = kill_before
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Tracer | None:
        if frame.f_code.co_filename not in ON_THE_PATH:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


@pytest.fixture
def account(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Account]:
    clock.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    with FakeVendors(now=clock.now) as vendors:
        made = Account(vendors=vendors, tables=tables, clock=clock, endpoint=endpoint)
        config = made.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(
            Channel(
                id=CHANNEL,
                tenant=TENANT,
                adapter="stripe",
                account="acct_acme",
                base_url=vendors.stripe_url(),
                secret_ref="unused",
                live_tools=frozenset(OPERATION),
            )
        )
        made.warm_up()
        yield made


def _assert_one(account: Account, call: StepCall) -> None:
    made = account.made(call)
    assert [amount for _, amount in made] == [AMOUNT.amount]
    door = account.door()
    result = door.runs.results(call.run)[EFFECT]
    assert result.outcome is Outcome.DONE
    assert made[0][0] in {result.output.get("refund"), result.output.get("credit_note")}
    entries = door.log.read(step_stream(call.run, call.run, EFFECT))
    assert verify(entries) == []
    kinds = [entry.kind for entry in entries]
    assert kinds[0] is EntryKind.EFFECT_INTENDED
    assert kinds.count(EntryKind.EFFECT_SETTLED) == 1


def _carried_on(account: Account, call: StepCall) -> int | str:
    ended: int | str = AGAIN
    for _ in range(6):
        account.clock.advance(LEASE + 1)
        ended = account.call_in_a_child(call)
        if ended != AGAIN:
            break
    return ended


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.parametrize("share", range(3))
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
@pytest.mark.parametrize("effect", [REFUND, CREDIT])
def test_an_effect_killed_between_any_two_lines_is_made_once(
    account: Account,
    effect: str,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    share: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    account.stripe.books.honour_keys = honours_keys
    count = tmp_path / "lines"
    assert account.call_in_a_child(account.authorised(effect, "undisturbed"), count=count) == ENDED
    lines = int(count.read_text(encoding="utf-8"))
    assert lines > 40
    died_after_stripe_booked = 0
    for line in instants(lines, share=share, shares=3):
        call = account.authorised(effect, str(line))
        assert account.call_in_a_child(call, kill_before=line) == KILLED
        died_after_stripe_booked += len(account.made(call))
        assert _carried_on(account, call) == ENDED, f"killed before line {line}"
        _assert_one(account, call)
    record_property("lines", lines)
    assert died_after_stripe_booked > 0


@pytest.mark.parametrize(
    "fault", ["drop_after", "500", "error_after", "html", "shape", "empty", "drop_before", "409"]
)
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
@pytest.mark.parametrize("effect", [REFUND, CREDIT])
def test_an_effect_whose_answer_is_lost_is_settled_by_asking(
    account: Account,
    effect: str,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    fault: str,
):
    account.stripe.books.honour_keys = honours_keys
    call = account.authorised(effect, "one")
    account.stripe.fail(fault, OPERATION[effect])
    assert account.call_in_a_child(call) == AGAIN
    if fault in {"html", "shape", "empty"}:  # drift stops a channel's writes until a person lets them go on
        account.door().limits.release(TENANT, CHANNEL)
    assert _carried_on(account, call) == ENDED
    _assert_one(account, call)
