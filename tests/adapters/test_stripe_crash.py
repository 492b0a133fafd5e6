"""A Stripe refund's and a credit note's worker is killed before every line from intent to outcome.

As `test_crash.py` does it with Shopify: a forked child sends itself SIGKILL right before its n-th line on
the path; time passes; the same call is made until it says how it ended. Stripe's own books must show one
effect, with an account that honours idempotency keys (and gives stored failures again) and with one that
ignores them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from functions.adapters.stripe import credits as credit_code
from functions.adapters.stripe import payments as refund_code
from functions.adapters.stripe.tools import ADAPTER
from nightshift.ids import ChannelId, RunId, StepId
from nightshift.model.plan import Step
from nightshift.money import Money
from nightshift.tools import effect as effect_code
from tests.adapters.official_stripe import OFFICIAL_STRIPE
from tests.adapters.stripe_desk import credit_of, refund_of
from tests.support.killing import AGAIN, ENDED, KILLED, STRANGE, TENANT, ForkedWorker, Trail, at_work
from tests.support.matrix import instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydantic import JsonValue

    from fakes import StripeFake
    from nightshift.model.tenant import Channel
    from nightshift.tools.door import StepCall
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

CHANNEL = ChannelId("stripe-eu")
EFFECT = StepId("effect")
AMOUNT = Money(amount=1250, currency="EUR")
REFUND, CREDIT = "payments.refund", "payments.credit_note"
OPERATION = {REFUND: "refunds.create", CREDIT: "credit_notes.create"}
# What comes before an effect's attempt, and the ledger's own lines, `test_crash.py` goes through.
ON_THE_PATH = Trail(effect_code, refund_code, credit_code)


@dataclass
class Account(ForkedWorker):
    """A Stripe account, where payments are given back."""

    adapter = ADAPTER

    @property
    def stripe(self) -> StripeFake:
        return self.vendors.stripe()

    @override
    def channel(self) -> Channel:
        return self.live_channel(
            CHANNEL, account="acct_acme", base_url=self.vendors.stripe_url(), tools=OPERATION
        )

    @override
    def secret(self) -> dict[str, str]:
        return {"api_key": self.stripe.api_key, "webhook_secret": "unused"}

    @override
    def trail(self, call: StepCall) -> Trail:
        return ON_THE_PATH

    @override
    def first_calls(self) -> Iterator[StepCall]:
        OFFICIAL_STRIPE.warm()
        for tool in OPERATION:
            yield self.authorised(tool, "warm")

    def authorised(self, tool: str, name: str) -> StepCall:
        """A payment, and a run whose plan gives it back whole."""
        step = Step(id=EFFECT, tool=tool, channel=CHANNEL, args=self._args(tool), limit=AMOUNT)
        run = RunId(f"run_{tool.rsplit('.', maxsplit=1)[-1]}_{name}")
        return self.authorise(step, run=run, subject=f"payment:{CHANNEL}:{run}", plan="give-back")

    def _args(self, tool: str) -> dict[str, JsonValue]:
        charge = self.stripe.paid(origin="invoice")
        if tool == REFUND:
            return refund_of(charge)
        return credit_of(self.stripe.books.invoices[charge.invoice or ""], AMOUNT.amount)

    def made(self, call: StepCall) -> list[tuple[str, int]]:
        """What the account's books show of one run: ids and amounts of its effects."""
        key = self._key(call)
        books = self.stripe.books
        refunds = [(each.id, each.amount) for each in books.refunds.values() if each.key == key]
        return refunds + [(each.id, each.total) for each in books.notes.values() if each.key == key]

    def _key(self, call: StepCall) -> str:
        effect = self.door().ledger.find(call.run, EFFECT, 0)
        return effect.key if effect is not None else "-"


@pytest.fixture
def account(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Account]:
    with at_work(clock, lambda vendors: Account(vendors, tables, clock, endpoint)) as made:
        yield made


def _assert_one(account: Account, call: StepCall) -> None:
    made = account.made(call)
    assert [amount for _, amount in made] == [AMOUNT.amount]
    output = account.assert_settled_once(call).output
    assert made[0][0] in {output.get("refund"), output.get("credit_note")}


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
) -> None:
    account.stripe.books.honour_keys = honours_keys
    lines = account.lines_on_the_trail(account.authorised(effect, "undisturbed"), tmp_path / "lines")
    assert lines > 40
    died_after_stripe_booked = 0
    for line in instants(lines, share=share, shares=3):
        call = account.authorised(effect, str(line))
        assert account.call_in_a_child(call, kill_before=line) == KILLED
        died_after_stripe_booked += len(account.made(call))
        assert account.carried_on(call) == ENDED, f"killed before line {line}"
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
) -> None:
    account.stripe.books.honour_keys = honours_keys
    call = account.authorised(effect, "one")
    account.stripe.fail(fault, OPERATION[effect])
    assert account.call_in_a_child(call) == AGAIN
    if fault in STRANGE:  # drift stops a channel's writes until a person lets them go on
        account.door().limits.release(TENANT, CHANNEL)
    assert account.carried_on(call) == ENDED
    _assert_one(account, call)
