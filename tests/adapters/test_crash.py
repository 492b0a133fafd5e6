"""A refund's worker is killed before every line from intent to outcome, and tried again.

The tool runs in a forked child that sends itself SIGKILL right before the n-th line it would execute
on the path (`tools/run.py`, the ledger, the adapter's refund). Nothing of it is left but what it wrote
to DynamoDB and what the shop booked. Then time passes and the same call is made until it says how it
ended. The shop's own books must show one refund: with a shop that honours idempotency keys, and with
one that ignores them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from fakes import FakeVendors
from functions.adapters.shopify import client as client_code
from functions.adapters.shopify import payments as refund_code
from functions.adapters.shopify.tools import ADAPTER
from nightshift.actionlog.chain import step_stream, verify
from nightshift.aws import ledger as ledger_code
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.config import DynamoConfig
from nightshift.aws.ledger import DynamoLedger, LedgerTables
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.runs import DynamoRuns
from nightshift.errors import WireError
from nightshift.ids import ChannelId, RunId, StepId, TenantId
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan, Principal, Proposal, Step
from nightshift.model.tenant import Channel, Tenant
from nightshift.model.tool import Outcome
from nightshift.model.verdict import Decision, Lane, Move, StepVerdict, Tier, Verdict
from nightshift.money import Money
from nightshift.tools import effect as effect_code
from nightshift.tools import line as line_code
from nightshift.tools import run as run_code
from nightshift.tools.door import Door, StepCall
from nightshift.tools.oauth import Tokens
from nightshift.tools.run import run_step
from tests.support.heard import Heard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tests.conftest import FixedClock
    from tests.support.tables import Tables

TENANT = TenantId("acme")
CHANNEL = ChannelId("shopify-eu")
REFUND = StepId("refund")
LEASE = 45.0
STRANGE = frozenset({"html", "shape", "empty"})
KILLED, AGAIN, ENDED, BROKEN = "killed", 75, 0, 70
ON_THE_PATH = {module.__file__ for module in (run_code, effect_code, refund_code)}
# Of the ledger, the lines around its writes: what comes before only builds the request.
IN_THE_LEDGER = {"intend", "settle", "_transact", "take_over", "permit"}
# Of the line to the vendor, what lies around the request and after the records.
ON_THE_LINE = {"ask", "_noted", "report", "_report_breaker", "_report_budget"}


class _Secrets:
    def __init__(self, token: str) -> None:
        self._token = token

    def get(self, ref: str, *, fresh: bool = False) -> dict[str, str]:
        del ref, fresh
        return {"access_token": self._token, "webhook_secret": "unused"}

    def beside(self, ref: str) -> tuple[dict[str, str], ...]:
        del ref
        return ()

    def put(self, ref: str, fields: dict[str, str]) -> None:
        raise AssertionError(ref, sorted(fields))


@dataclass
class Shop:
    """A shop, its tenant's records and one run per order; every child builds its own connections."""

    vendors: FakeVendors
    tables: Tables
    clock: FixedClock
    endpoint: str

    def __post_init__(self) -> None:
        session = boto3.session.Session()
        self._here: Any = session.client("dynamodb", endpoint_url=self.endpoint)
        self._in_children: Any = session.client("dynamodb", endpoint_url=self.endpoint)

    def warm_up(self) -> None:
        """Do here once what every child would do anew; leave it no connection that two would share."""
        run_step(self.door(child=True), self.authorised_refund("#warm"))
        self._in_children._endpoint.http_session.close()
        client_code._http().close()
        client_code._http.cache_clear()
        client_code._http()

    def door(self, *, child: bool = False) -> Door:
        client = self._in_children if child else self._here
        named = LedgerTables(
            ledger=self.tables.ledger,
            runs=self.tables.runs,
            cases=self.tables.cases,
            config=self.tables.config,
        )
        secrets = _Secrets(self.vendors.shopify().access_token)
        limits, heard = DynamoLimits(self.tables.limits, client), Heard()
        return Door(
            adapter=ADAPTER,
            runs=DynamoRuns(self.tables.runs, client),
            ledger=DynamoLedger(named, client),
            approvals=DynamoApprovals(self.tables.approvals, client),
            config=DynamoConfig(self.tables.config, client),
            secrets=secrets,
            log=DynamoActionLog(self.tables.log, client),
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

    def authorised_refund(self, name: str) -> StepCall:
        """An order, and a run whose plan refunds it whole."""
        order = self.vendors.shopify().create_order(name=name, lines=[{"title": "Mug", "price": "12.50"}])
        amount = Money(amount=1250, currency="EUR")
        paid = order.payments()[0]
        step = Step(
            id=REFUND,
            tool="payments.refund",
            channel=CHANNEL,
            args={
                "order": order.id,
                "amount": amount.model_dump(),
                "expected_refunded": Money.zero("EUR").model_dump(),
                "lines": [{"line": order.lines[0].id, "quantity": 1}],
                "transactions": [{"parent": paid.id, "gateway": paid.gateway, "amount": amount.model_dump()}],
                "restock": "no_restock",
            },
            limit=amount,
        )
        run = RunId(f"run_{name.strip('#')}")
        plan = Plan(name="refund", steps=(step,))
        door = self.door()
        door.runs.propose(
            Proposal(
                run=run,
                tenant=TENANT,
                case=None,
                wake=1,
                generation=1,
                subject=f"order:{CHANNEL}:{order.id}",
                customer=None,
                requester=Principal(id="specialist:support", role="support", kind="specialist"),
                proposed_by="playbook:test@1",
                plan=plan,
                digest=plan.digest(),
                proposed_at=self.clock.now(),
            )
        )
        lane = Move(index=0, next="one", lanes=(Lane(adapter="shopify", steps=(REFUND,)),))
        allowed = StepVerdict(step=REFUND, decision=Decision.ALLOW, tier=Tier.AUTO, rule="tier", limit=amount)
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
        return StepCall(run=run, generation=1, step=REFUND)

    def call_in_a_child(
        self, call: StepCall, *, kill_before: int = 0, count: Path | None = None
    ) -> int | str:
        """Make the call in a fork; `kill_before` n > 0 kills it before its n-th line on the path.

        `count` names a file the child writes the number of lines to, when it gets to the end.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: the child runs one
            pid = os.fork()
        if pid == 0:
            os._exit(self._in_the_child(call, kill_before, count))
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return KILLED
        return os.WEXITSTATUS(status)

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


class _Tracer:
    """Counts the lines executed on the path and kills this process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self._kill_before = kill_before
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Tracer | None:
        code = frame.f_code
        in_the_ledger = code.co_filename == ledger_code.__file__ and code.co_name in IN_THE_LEDGER
        on_the_line = code.co_filename == line_code.__file__ and code.co_name in ON_THE_LINE
        if code.co_filename not in ON_THE_PATH and not in_the_ledger and not on_the_line:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


@pytest.fixture
def shop(tables: Tables, clock: FixedClock, endpoint: str) -> Iterator[Shop]:
    clock.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    with FakeVendors(now=clock.now) as vendors:
        made = Shop(vendors=vendors, tables=tables, clock=clock, endpoint=endpoint)
        config = made.door().config
        config.put_tenant(Tenant(id=TENANT, name="Acme", policy_version=1))
        config.put_channel(
            Channel(
                id=CHANNEL,
                tenant=TENANT,
                adapter="shopify",
                account="acme.myshopify.com",
                base_url=vendors.shopify_url(),
                secret_ref="unused",
                live_tools=frozenset({"payments.refund"}),
            )
        )
        made.warm_up()
        yield made


def _lines_on_the_path(shop: Shop, count: Path) -> int:
    """How many lines an undisturbed refund executes on the path."""
    assert shop.call_in_a_child(shop.authorised_refund("#undisturbed"), count=count) == ENDED
    return int(count.read_text(encoding="utf-8"))


@pytest.mark.guarantee("effects:at-most-once")
@pytest.mark.guarantee("log:intent-before-effect")
@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
def test_a_refund_killed_between_any_two_lines_is_made_once(
    shop: Shop,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    share: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    store = shop.vendors.shopify()
    store.books.honour_keys = honours_keys
    lines = _lines_on_the_path(shop, tmp_path / "lines")
    assert lines > 60
    store.books.requests.clear()
    died_after_the_shop_booked = 0
    for line in range(1 + share, lines + 1, 4):
        call = shop.authorised_refund(f"#{line}")
        assert shop.call_in_a_child(call, kill_before=line) == KILLED
        made = [r for r in store.books.refunds if r.order_name == f"#{line}"]
        died_after_the_shop_booked += len(made)
        shop.clock.advance(LEASE + 1)
        for _ in range(6):
            ended = shop.call_in_a_child(call)
            if ended != AGAIN:
                break
            shop.clock.advance(LEASE + 1)
        assert ended == ENDED, f"killed before line {line}: {ended}"
        _assert_one_refund(shop, call, f"#{line}")
    record_property("lines", lines)
    record_property("refund_requests", store.books.requests["refundCreate"])
    assert died_after_the_shop_booked > 0


def _assert_one_refund(shop: Shop, call: StepCall, name: str) -> None:
    refunds = [r for r in shop.vendors.shopify().books.refunds if r.order_name == name]
    assert [r.amount for r in refunds] == [Money(amount=1250, currency="EUR")]
    door = shop.door()
    result = door.runs.results(call.run)[REFUND]
    assert result.outcome is Outcome.DONE
    assert result.output["refund"] == refunds[0].id
    entries = door.log.read(step_stream(call.run, call.run, REFUND))
    assert verify(entries) == []
    kinds = [entry.kind for entry in entries]
    assert kinds[0] is EntryKind.EFFECT_INTENDED
    assert kinds.count(EntryKind.EFFECT_SETTLED) == 1


@pytest.mark.parametrize("fault", ["drop_after", "500", "html", "shape", "empty", "drop_before", "internal"])
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys-honoured", "keys-ignored"])
@pytest.mark.guarantee("effects:unknown-is-reconciled")
def test_a_refund_whose_answer_is_lost_is_settled_by_asking(
    shop: Shop,
    honours_keys: bool,  # noqa: FBT001  # a parameter of the test
    fault: str,
):
    store = shop.vendors.shopify()
    store.books.honour_keys = honours_keys
    call = shop.authorised_refund("#1001")
    store.fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    shop.clock.advance(LEASE + 1)
    # An answer of another shape stops the channel's writes until a person releases them.
    assert shop.door().limits.release(TENANT, CHANNEL) is (fault in STRANGE)
    assert shop.call_in_a_child(call) == ENDED
    _assert_one_refund(shop, call, "#1001")


@pytest.mark.parametrize("fault", sorted(STRANGE))
def test_a_refund_whose_answer_is_strange_is_not_made_again_unless_a_person_releases_the_channel(
    shop: Shop, fault: str
):
    call = shop.authorised_refund("#1001")
    shop.vendors.shopify().fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    shop.clock.advance(LEASE + 1)
    assert shop.call_in_a_child(call) == ENDED
    result = shop.door().runs.results(call.run)[REFUND]
    assert (result.outcome, result.code) == (Outcome.NOT_DONE, "channel.stopped")
    assert [r.order_name for r in shop.vendors.shopify().books.refunds] == ["#warm"]


@pytest.mark.parametrize("fault", ["429", "throttled"])
def test_a_refund_the_shop_puts_off_is_made_when_it_comes_back(shop: Shop, fault: str):
    call = shop.authorised_refund("#1001")
    shop.vendors.shopify().fail(fault, "refundCreate")
    assert shop.call_in_a_child(call) == AGAIN
    assert [r.order_name for r in shop.vendors.shopify().books.refunds] == ["#warm"]
    shop.clock.advance(3)
    assert shop.call_in_a_child(call) == ENDED
    _assert_one_refund(shop, call, "#1001")
